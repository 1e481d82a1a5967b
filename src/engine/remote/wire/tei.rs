//! huggingface/text-embeddings-inference: `/info`, `/embed`, `/rerank`, `/predict`.
//!
//! Facts from the sources of TEI 1.9.3.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::numbers::{check, in_order, parse, score, vector};
use super::results::{Label, labels};
use super::{Abilities, Embedded, Labelled, Parameters, Protocol, RemoteTask, Scored, set};
use crate::engine::remote::error::RemoteError;
use crate::engine::remote::http::{Reply, Request};
use crate::engine::{Input, Role};
use crate::model::tokenizer::Truncate;
use crate::model::{Setting, SettingError};

/// A TEI server. It has one model.
#[derive(Default)]
pub(crate) struct Tei {
    queried: bool,
    model: Option<String>,
}

fn truncation(body: &mut Json, truncate: Option<Truncate>) {
    let (cut, direction) = match truncate {
        // The server's own default.
        None => return,
        Some(Truncate::None) => (false, None),
        Some(Truncate::Right) => (true, Some("Right")),
        Some(Truncate::Left) => (true, Some("Left")),
    };
    set(body, "truncate", Some(cut));
    set(body, "truncation_direction", direction);
}

/// Tokens of the request, as a header has it.
fn tokens(reply: &Reply) -> Option<u64> {
    reply.header("x-compute-tokens")?.parse().ok()
}

/// A request to `/predict`, for the labels of `inputs`.
pub(super) fn predict(parameters: &Parameters, inputs: &[Input]) -> Request {
    // A list of lists: a list of two strings would be one pair.
    let texts = |input: &Input| match input {
        Input::Text(text) => json!([text]),
        Input::Pair(first, second) => json!([first, second]),
        Input::Ids(ids) => json!(ids),
    };
    let inputs: Vec<Json> = inputs.iter().map(texts).collect();
    let count = inputs.len();
    let mut body = json!({"inputs": inputs, "raw_scores": parameters.raw_scores});
    truncation(&mut body, parameters.truncate);
    set(&mut body, "model", parameters.model.as_deref());
    Request::post(&["predict"], &body, count)
}

pub(super) fn predicted(reply: &Reply, count: usize) -> Result<Labelled, RemoteError> {
    let lists: Vec<Vec<Label<'_>>> = parse(&reply.body)?;
    Ok(Labelled { values: labels(lists, count)?, tokens: tokens(reply), model: None })
}

impl Protocol for Tei {
    fn abilities(&self) -> Abilities {
        Abilities {
            classifies: true,
            classifies_pairs: true,
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
        // infa, which speaks TEI's protocol with several models, describes the named one.
        let query = parameters.model.clone().map(|model| ("model", model));
        (!self.queried).then(|| Request { query, ..Request::get(&["info"]) })
    }

    fn read_reply(
        &mut self,
        parameters: &mut Parameters,
        _: RemoteTask,
        reply: Result<&Reply, &RemoteError>,
    ) -> Result<(), SettingError> {
        #[derive(Deserialize)]
        struct Info {
            model_id: String,
            served_model_name: Option<String>,
        }
        self.queried = true;
        let Some(info) = reply.ok().and_then(|reply| serde_json::from_slice::<Info>(&reply.body).ok()) else {
            return Ok(());
        };
        let served = info.served_model_name.as_ref().filter(|name| !name.is_empty());
        if let Some(named) = &parameters.model
            && *named != info.model_id
            && served.is_none_or(|served| served != named)
        {
            let reason = format!("the server has another model: {}", served.unwrap_or(&info.model_id));
            return Err(SettingError::new(Setting::ModelId, reason));
        }
        self.model = Some(served.unwrap_or(&info.model_id).clone());
        Ok(())
    }

    fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    fn embed(&self, parameters: &Parameters, _: Role, texts: &[&str]) -> Request {
        let mut body = json!({"inputs": texts});
        truncation(&mut body, parameters.truncate);
        set(&mut body, "normalize", parameters.normalize);
        set(&mut body, "prompt_name", parameters.prompt_name.as_deref());
        set(&mut body, "dimensions", parameters.dimensions);
        set(&mut body, "model", parameters.model.as_deref());
        Request::post(&["embed"], &body, texts.len())
    }

    fn embedded(&self, reply: &Reply, count: usize) -> Result<Embedded, RemoteError> {
        let rows: Vec<&RawValue> = parse(&reply.body)?;
        let vectors = rows.into_iter().map(vector).collect::<Result<_, _>>()?;
        Ok(Embedded { values: check(vectors, count)?, tokens: tokens(reply), model: None })
    }

    fn rerank(&self, parameters: &Parameters, query: &str, documents: &[&str]) -> Request {
        let mut body = json!({"query": query, "texts": documents, "raw_scores": parameters.raw_scores});
        truncation(&mut body, parameters.truncate);
        set(&mut body, "model", parameters.model.as_deref());
        Request::post(&["rerank"], &body, documents.len())
    }

    fn reranked(&self, reply: &Reply, count: usize) -> Result<Scored, RemoteError> {
        #[derive(Deserialize)]
        struct Rank<'b> {
            index: usize,
            #[serde(borrow)]
            score: &'b RawValue,
        }
        let ranks: Vec<Rank<'_>> = parse(&reply.body)?;
        let items = ranks.into_iter().map(|rank| Ok((Some(rank.index), score(rank.score)?)));
        let scores = in_order(items.collect::<Result<_, RemoteError>>()?, count)?;
        Ok(Scored { values: scores, tokens: tokens(reply), model: None })
    }

    fn classify(&self, parameters: &Parameters, inputs: &[Input]) -> Option<Request> {
        Some(predict(parameters, inputs))
    }

    fn classified(&self, reply: &Reply, count: usize) -> Result<Labelled, RemoteError> {
        predicted(reply, count)
    }
}
