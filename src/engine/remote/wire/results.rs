//! The results of a request, and the shapes of replies that several protocols share: vectors as in OpenAI, Infinity,
//! Jina and infa; ranked documents as in Infinity, Cohere, Jina and infa; labels as in Infinity and TEI.

use serde::Deserialize;
use serde_json::Value as Json;
use serde_json::value::RawValue;

use super::numbers::{check, in_order, parse, score, vector};
use crate::engine::remote::error::RemoteError;

/// One result for each input of a request, in their order. Numbers are NaN if the server wrote that (or `null`); the
/// caller checks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Results<T> {
    pub values: Vec<T>,
    /// Tokens of the whole request, if the server counted them.
    pub tokens: Option<u64>,
    /// The model that the server says it used.
    pub model: Option<String>,
}

/// Vectors, all of one length.
pub(crate) type Embedded = Results<Vec<f32>>;
/// Scores of documents, larger is better.
pub(crate) type Scored = Results<f64>;
/// The labels of each input with their scores, in the server's order: best first.
pub(crate) type Labelled = Results<Vec<(String, f64)>>;

/// The model that a reply names. Other values are ignored: the name is additional information.
pub(super) fn model_name(model: &Json) -> Option<String> {
    model.as_str().filter(|name| !name.is_empty()).map(str::to_owned)
}

/// Tokens of the inputs, by OpenAI's `usage` or by Cohere's `meta`: read or billed ones. Other values are ignored.
pub(super) fn tokens(usage: &Json, meta: &Json) -> Option<u64> {
    let counts = [
        &usage["prompt_tokens"],
        &usage["total_tokens"],
        &meta["tokens"]["input_tokens"],
        &meta["billed_units"]["input_tokens"],
    ];
    // Cohere writes counts as floats.
    counts.into_iter().find_map(Json::as_f64).filter(|count| *count >= 0.0).map(|count| count as u64)
}

/// `{"data":[{"index","embedding"}],"model","usage"}`
pub(super) fn embeddings(body: &[u8], count: usize) -> Result<Embedded, RemoteError> {
    #[derive(Deserialize)]
    struct List<'b> {
        #[serde(borrow)]
        data: Vec<Item<'b>>,
        #[serde(default)]
        model: Json,
        #[serde(default)]
        usage: Json,
    }
    #[derive(Deserialize)]
    struct Item<'b> {
        index: Option<usize>,
        #[serde(borrow)]
        embedding: &'b RawValue,
    }
    let List { data, model, usage } = parse(body)?;
    let items = data.into_iter().map(|item| Ok((item.index, vector(item.embedding)?)));
    let vectors = in_order(items.collect::<Result<_, RemoteError>>()?, count)?;
    let tokens = tokens(&usage, &Json::Null);
    Ok(Embedded { values: check(vectors, count)?, tokens, model: model_name(&model) })
}

/// `{"results":[{"index","relevance_score"}],"model"?,"usage"?,"meta"?}`
pub(super) fn rankings(body: &[u8], count: usize) -> Result<Scored, RemoteError> {
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
    Ok(Scored { values: scores, tokens: tokens(&usage, &meta), model: model_name(&model) })
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
