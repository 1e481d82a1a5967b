//! The ranked documents that Infinity, Cohere, Jina and infa answer with; labels, as Infinity and TEI have them.

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::Scored;
use super::numbers::{in_order, parse, score};
use super::openai::{model_name, tokens};
use crate::engine::remote::error::RemoteError;

/// `{"results":[{"index","relevance_score"}],"model"?,"usage"?,"meta"?}`
pub(super) fn results(body: &[u8], count: usize) -> Result<Scored, RemoteError> {
    #[derive(Deserialize)]
    struct Ranking<'b> {
        #[serde(borrow)]
        results: Vec<Ranked<'b>>,
        #[serde(default)]
        model: Json,
        #[serde(default)]
        usage: Json,
        #[serde(default)]
        meta: Json,
    }
    #[derive(Deserialize)]
    struct Ranked<'b> {
        index: usize,
        #[serde(borrow)]
        relevance_score: &'b RawValue,
    }
    let Ranking { results, model, usage, meta } = parse(body)?;
    let items = results.into_iter().map(|result| Ok((Some(result.index), score(result.relevance_score)?)));
    let scores = in_order(items.collect::<Result<_, RemoteError>>()?, count)?;
    Ok(Scored { scores, tokens: tokens(&usage, &meta), model: model_name(&model) })
}

/// `{"label","score"}`
#[derive(Debug, Deserialize)]
pub(super) struct Label<'b> {
    label: String,
    #[serde(borrow)]
    score: &'b RawValue,
}

/// The labels of `count` inputs, at least one each.
pub(super) fn labels(lists: Vec<Vec<Label<'_>>>, count: usize) -> Result<Vec<Vec<(String, f64)>>, RemoteError> {
    if lists.len() != count {
        return Err(RemoteError::shape(format!("the labels of {} inputs for {count}", lists.len())));
    }
    let read = |list: Vec<Label<'_>>| {
        if list.is_empty() {
            return Err(RemoteError::shape("an input has no labels"));
        }
        list.into_iter().map(|Label { label, score: number }| Ok((label, score(number)?))).collect()
    };
    lists.into_iter().map(read).collect()
}
