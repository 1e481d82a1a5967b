//! A request to rerank, whatever its dialect, and the order of its documents.

use crate::engine::Call;
use crate::server::ApiError;
use crate::server::routes::fields::check_limit;
use crate::server::routes::reply::RESULT;
use crate::server::service::{Answer, Failure, Relevance, Service};

/// What is asked.
pub(super) struct Question {
    pub query: String,
    pub model: Option<String>,
    pub raw: bool,
    pub call: Call,
    pub top_n: usize,
    pub with_documents: bool,
    /// The number of chunks of a document, if there may be several.
    pub max_chunks: Option<usize>,
    /// Limits of tokens, by field.
    pub limits: Vec<(&'static str, Option<i64>)>,
}

/// A document of the reply.
pub(super) struct Ranked {
    pub index: usize,
    pub score: f64,
    /// Its text, if it was asked for.
    pub document: Option<String>,
}

impl Ranked {
    /// Bytes of JSON that documents take in a reply, about.
    pub fn size(ranks: &[Self]) -> usize {
        ranks.iter().map(|ranked| RESULT + ranked.document.as_ref().map_or(0, String::len)).sum()
    }
}

impl Question {
    /// Whether the model can follow it.
    pub fn check(&self, service: &Service) -> Result<(), ApiError> {
        self.limits.iter().try_for_each(|(field, limit)| check_limit(field, *limit, service))
    }

    /// Asks the model, and orders the documents, best first.
    pub async fn ask(
        self,
        service: &Service,
        documents: Vec<String>,
    ) -> Result<(Answer<Relevance>, Vec<Ranked>), Failure> {
        let count = documents.len();
        let mut shown = if self.with_documents { documents.clone() } else { Vec::new() };
        let answer = service.rerank(self.query, documents, self.raw, self.call).await?;
        if answer.results.len() != count {
            return Err(Failure::Internal("the engine gave another number of scores".into()));
        }
        let show = |(index, score)| Ranked { index, score, document: shown.get_mut(index).map(std::mem::take) };
        let ranks = best(&answer.results, self.top_n).into_iter().map(show).collect();
        Ok((answer, ranks))
    }
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
        // Scores that have come so near to 1 that they are equal.
        let relevances = [(1.0, 40.0), (1.0, 50.0), (0.5, 0.0), (1.0, 50.0)];
        let relevances = relevances.map(|(score, order)| Relevance { score, order });
        assert_eq!(best(&relevances, 9), [(1, 1.0), (3, 1.0), (0, 1.0), (2, 0.5)]);
        assert_eq!(best(&relevances, 2), [(1, 1.0), (3, 1.0)]);
    }
}
