//! A rerank request in any dialect, and the order of its documents.

use crate::engine::RequestOptions;
use crate::engine::rerank::Pairs;
use crate::server::ApiError;
use crate::server::http::{RESULT_BYTES, off_thread};
use crate::server::models::{Failure, LoadedModel, ModelOutput, Relevance};
use crate::server::routes::fields::check_limits;
use crate::server::routes::inputs::Truncation;

/// A rerank request without its documents.
#[derive(PartialEq)]
pub(crate) struct RerankCall {
    pub query: String,
    /// The model's name.
    pub model: Option<String>,
    /// True for logits as scores.
    pub raw: bool,
    /// The end at which a text that is too long is cut; `None`: the server's setting.
    pub truncate: Option<Truncation>,
    /// Maximum documents in the response.
    pub top_n: usize,
    /// True if the response includes the documents.
    pub with_documents: bool,
    /// The client's number of chunks per document, if more than one.
    pub max_chunks: Option<usize>,
    /// Token limits, by field.
    pub limits: Vec<(&'static str, Option<i64>)>,
}

/// A document of the response.
pub(crate) struct Ranked {
    /// Its index in the request.
    pub index: usize,
    /// Relevance to the query.
    pub score: f64,
    /// Its text, if requested.
    pub document: Option<String>,
}

impl Ranked {
    /// The estimated bytes of documents in a response.
    pub(crate) fn size(ranks: &[Self]) -> usize {
        ranks.iter().map(|ranked| RESULT_BYTES + ranked.document.as_ref().map_or(0, String::len)).sum()
    }
}

impl RerankCall {
    /// 400 for token limits below the model's.
    pub(crate) fn check(&self, loaded: &LoadedModel) -> Result<(), ApiError> {
        check_limits(&self.limits, loaded)
    }

    /// True if the two can be computed together: all but their own documents is the same.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let Self { query: _, top_n: _, with_documents: _, model, raw, truncate, max_chunks, limits } = self;
        (model, raw, truncate, max_chunks, limits)
            == (&other.model, &other.raw, &other.truncate, &other.max_chunks, &other.limits)
    }

    /// Computes the scores, and orders the documents, best first.
    pub(crate) async fn run(
        self,
        loaded: &LoadedModel,
        documents: Vec<String>,
    ) -> Result<(ModelOutput<Relevance>, Vec<Ranked>), Failure> {
        let (computed, ranks) = Self::run_all(vec![(self, documents)], loaded).await?;
        Ok((computed, ranks.into_iter().next().unwrap_or_default()))
    }

    /// Computes several compatible calls at once, each with its documents, and orders the documents of each, best
    /// first.
    pub(crate) async fn run_all(
        calls: Vec<(Self, Vec<String>)>,
        loaded: &LoadedModel,
    ) -> Result<(ModelOutput<Relevance>, Vec<Vec<Ranked>>), Failure> {
        let Some((first, _)) = calls.first() else { return Err(Failure::Internal("no calls".into())) };
        let truncate = first.truncate.map(|truncate| truncate.end(loaded));
        let (raw, options) = (first.raw, RequestOptions { truncate, ..RequestOptions::default() });
        let mut pairs = Pairs::default();
        let mut wanted = Vec::with_capacity(calls.len());
        for (index, (call, documents)) in calls.into_iter().enumerate() {
            let count = documents.len();
            let (documents, shown) = match call.with_documents {
                true => twice(documents).await?,
                false => (documents, Vec::new()),
            };
            pairs.queries.push(call.query);
            pairs.documents.extend(documents.into_iter().map(|document| (index, document)));
            wanted.push((count, call.top_n, shown));
        }
        let computed = loaded.score(pairs, raw, options).await?;
        if computed.results.len() != wanted.iter().map(|(count, ..)| count).sum::<usize>() {
            return Err(Failure::Internal("the engine returned a wrong number of scores".into()));
        }
        let mut rest = &computed.results[..];
        let ranked = |(count, top_n, mut shown): (usize, usize, Vec<String>)| {
            let (own, others) = rest.split_at(count);
            rest = others;
            let show = |(index, score)| Ranked { index, score, document: shown.get_mut(index).map(std::mem::take) };
            best(own, top_n).into_iter().map(show).collect()
        };
        let ranks = wanted.into_iter().map(ranked).collect();
        Ok((computed, ranks))
    }
}

/// The documents twice, for the model and for the response: copied on a blocking thread if they are large.
async fn twice(documents: Vec<String>) -> Result<(Vec<String>, Vec<String>), Failure> {
    let size = documents.iter().map(String::len).sum();
    let copied = off_thread(size, move || Ok((documents.clone(), documents))).await;
    copied.map_err(|e| Failure::Internal(e.message))
}

/// Index and score of the best, best first; ties by index.
fn best(relevances: &[Relevance], top_n: usize) -> Vec<(usize, f64)> {
    let mut order: Vec<(usize, &Relevance)> = relevances.iter().enumerate().collect();
    order.sort_by(|(_, a), (_, b)| b.order.total_cmp(&a.order));
    order.truncate(top_n);
    order.into_iter().map(|(index, relevance)| (index, relevance.score)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_ordered_by_what_still_differs_and_then_by_index() {
        // Scores that have rounded to 1 and are equal.
        let relevances = [(1.0, 40.0), (1.0, 50.0), (0.5, 0.0), (1.0, 50.0)];
        let relevances = relevances.map(|(score, order)| Relevance { score, order });
        assert_eq!(best(&relevances, 9), [(1, 1.0), (3, 1.0), (0, 1.0), (2, 0.5)]);
        assert_eq!(best(&relevances, 2), [(1, 1.0), (3, 1.0)]);
    }
}
