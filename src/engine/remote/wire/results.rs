//! The ranked documents that Infinity, Cohere, Jina and infa answer with.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Scored;
use super::numbers::{in_order, parse, score};
use super::openai::Usage;
use crate::engine::remote::error::RemoteError;

/// `{"results":[{"index","relevance_score"}],"model"?,"usage"?,"meta"?}`
pub(super) fn results(body: &[u8], count: usize) -> Result<Scored, RemoteError> {
    #[derive(Deserialize)]
    struct Ranking<'b> {
        #[serde(borrow)]
        results: Vec<Ranked<'b>>,
        model: Option<String>,
        usage: Option<Usage>,
        meta: Option<Meta>,
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
    let tokens = usage.and_then(|usage| usage.tokens()).or_else(|| meta?.tokens());
    Ok(Scored { scores, tokens, model: model.filter(|name| !name.is_empty()) })
}

/// Cohere's account.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Meta {
    tokens: Option<Counted>,
    billed_units: Option<Counted>,
}

#[derive(Debug, Deserialize)]
struct Counted {
    /// Cohere's own server writes counts as floats.
    input_tokens: Option<f64>,
}

impl Meta {
    /// Tokens of the inputs: those that were read, or those that are paid for.
    pub fn tokens(&self) -> Option<u64> {
        let counted = [&self.tokens, &self.billed_units].into_iter().flatten().find_map(|count| count.input_tokens)?;
        (counted >= 0.0).then_some(counted as u64)
    }
}
