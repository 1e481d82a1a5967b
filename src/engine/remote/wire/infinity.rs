//! michaelfeil/infinity: OpenAI's embeddings, with base64 for certain, and a `/rerank` of its own.
//!
//! Facts from the sources of Infinity 0.0.77.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::numbers::parse;
use super::openai::{choose, models};
use super::results::{Label, labels, model_name, tokens};
use super::{Abilities, Labelled, Parameters, Protocol, RemoteTask, set};
use crate::engine::remote::error::RemoteError;
use crate::engine::remote::http::{Reply, Request};
use crate::engine::{Input, Role};
use crate::model::SettingError;

#[derive(Default)]
pub(crate) struct Infinity {
    models: ModelQuery,
}

/// The choice among several models, if the user names none.
#[derive(Default)]
pub(super) struct ModelQuery {
    queried: bool,
    model: Option<String>,
}

impl ModelQuery {
    pub(crate) fn next_query(&self, parameters: &Parameters) -> Option<Request> {
        (parameters.model.is_none() && !self.queried).then(|| Request::get(&["models"]))
    }

    pub(crate) fn read_reply(
        &mut self,
        parameters: &mut Parameters,
        task: RemoteTask,
        reply: Result<&Reply, &RemoteError>,
    ) -> Result<(), SettingError> {
        self.queried = true;
        let Some(models) = reply.ok().and_then(|reply| models(&reply.body)) else { return Ok(()) };
        parameters.model = choose(&models, task, true)?;
        self.model.clone_from(&parameters.model);
        Ok(())
    }

    pub(crate) fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }
}

impl Protocol for Infinity {
    fn abilities(&self) -> Abilities {
        // `/classify` takes `raw_scores`, too, and applies softmax all the same.
        Abilities { classifies: true, raw_scores: true, ..Abilities::PLAIN }
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
        let mut body = json!({"input": texts, "encoding_format": "base64"});
        set(&mut body, "model", parameters.model.as_deref());
        set(&mut body, "dimensions", parameters.dimensions);
        Request::post(&["embeddings"], &body, texts.len())
    }

    fn rerank(&self, parameters: &Parameters, query: &str, documents: &[&str]) -> Request {
        let mut body = json!({"query": query, "documents": documents, "return_documents": false});
        set(&mut body, "model", parameters.model.as_deref());
        set(&mut body, "raw_scores", parameters.raw_scores.then_some(true));
        Request::post(&["rerank"], &body, documents.len())
    }

    fn classify(&self, parameters: &Parameters, inputs: &[Input]) -> Option<Request> {
        let text = |input: &Input| match input {
            Input::Text(text) => Some(text.to_owned()),
            Input::Pair(..) | Input::Ids(_) => None,
        };
        let texts: Vec<String> = inputs.iter().map(text).collect::<Option<_>>()?;
        let mut body = json!({"input": texts});
        set(&mut body, "model", parameters.model.as_deref());
        Some(Request::post(&["classify"], &body, inputs.len()))
    }

    fn classified(&self, reply: &Reply, count: usize) -> Result<Labelled, RemoteError> {
        #[derive(Deserialize)]
        struct List<'b> {
            #[serde(borrow)]
            data: Vec<Vec<Label<'b>>>,
            #[serde(default)]
            model: Json,
            #[serde(default)]
            usage: Json,
        }
        let List { data, model, usage } = parse(&reply.body)?;
        let tokens = tokens(&usage, &Json::Null);
        Ok(Labelled { values: labels(data, count)?, tokens, model: model_name(&model) })
    }
}
