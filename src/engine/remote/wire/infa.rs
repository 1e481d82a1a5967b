//! infa's own server: Infinity's shapes, with words for all that infa's command line has (docs/serve.md).

use serde_json::json;

use super::infinity::ModelQuery;
use super::tei::{predict, predicted};
use super::{Abilities, Labelled, Parameters, Protocol, RemoteTask, set};
use crate::engine::remote::error::RemoteError;
use crate::engine::remote::http::{Reply, Request};
use crate::engine::{Input, Role};
use crate::model::SettingError;
use crate::model::tokenizer::Truncate;

#[derive(Default)]
pub(crate) struct Infa {
    models: ModelQuery,
}

fn word(truncate: Truncate) -> &'static str {
    match truncate {
        Truncate::Right => "right",
        Truncate::Left => "left",
        Truncate::None => "none",
    }
}

impl Protocol for Infa {
    fn abilities(&self) -> Abilities {
        Abilities {
            classifies: true,
            classifies_pairs: true,
            prompt: true,
            prompt_name: true,
            truncate: true,
            truncate_pairs: true,
            unscaled: true,
            raw_scores: true,
            raw_labels: true,
            ..Abilities::PLAIN
        }
    }

    fn next_query(&self, parameters: &Parameters) -> Option<Request> {
        self.models.next_query(parameters)
    }

    fn read_reply(
        &mut self,
        parameters: &mut Parameters,
        task: RemoteTask,
        reply: Result<&Reply, &RemoteError>,
    ) -> Result<(), SettingError> {
        self.models.read_reply(parameters, task, reply)
    }

    fn model(&self) -> Option<&str> {
        self.models.model()
    }

    fn embed(&self, parameters: &Parameters, _: Role, texts: &[&str]) -> Request {
        // The server's default type may be another one.
        let mut body = json!({"input": texts, "encoding_format": "base64", "embedding_dtype": "float32"});
        set(&mut body, "model", parameters.model.as_deref());
        set(&mut body, "dimensions", parameters.dimensions);
        set(&mut body, "normalize", parameters.normalize);
        set(&mut body, "prompt", parameters.prompt.as_deref());
        set(&mut body, "prompt_name", parameters.prompt_name.as_deref());
        set(&mut body, "truncate", parameters.truncate.map(word));
        Request::post(&["embeddings"], &body, texts.len())
    }

    fn rerank(&self, parameters: &Parameters, query: &str, documents: &[&str]) -> Request {
        let mut body = json!({"query": query, "documents": documents});
        set(&mut body, "model", parameters.model.as_deref());
        set(&mut body, "raw_scores", parameters.raw_scores.then_some(true));
        set(&mut body, "truncate", parameters.truncate.map(word));
        Request::post(&["rerank"], &body, documents.len())
    }

    // Infinity's `/classify` has no pairs; TEI's has.
    fn classify(&self, parameters: &Parameters, inputs: &[Input]) -> Option<Request> {
        Some(predict(parameters, inputs))
    }

    fn classified(&self, reply: &Reply, count: usize) -> Result<Labelled, RemoteError> {
        predicted(reply, count)
    }
}
