//! The ranked documents that Infinity, Cohere, Jina and infa answer with.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::Scored;
use super::numbers::{in_order, parse, score};
use super::openai::Aside;
use crate::engine::remote::error::RemoteError;

/// `{"results":[{"index","relevance_score"}],"model"?,"usage"?,"meta"?}`
pub(super) fn results(body: &[u8], count: usize) -> Result<Scored, RemoteError> {
    #[derive(Deserialize)]
    struct Ranking<'b> {
        #[serde(borrow)]
        results: Vec<Ranked<'b>>,
    }
    #[derive(Deserialize)]
    struct Ranked<'b> {
        index: usize,
        #[serde(borrow)]
        relevance_score: &'b RawValue,
    }
    let Ranking { results } = parse(body)?;
    let aside: Aside = parse(body)?;
    let items = results.into_iter().map(|result| Ok((Some(result.index), score(result.relevance_score)?)));
    let scores = in_order(items.collect::<Result<_, RemoteError>>()?, count)?;
    Ok(Scored { scores, tokens: aside.tokens(), model: aside.model() })
}
