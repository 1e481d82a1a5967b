//! Queries with documents, and the scores of the documents.

use crate::engine::{SubmitError, TextError, Times};

/// Queries, and the documents to be scored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs {
    /// The queries, each once.
    pub queries: Vec<String>,
    /// Each document, after the index of its query.
    pub documents: Vec<(usize, String)>,
}

impl Pairs {
    /// One query with all documents.
    pub fn of_one(query: String, documents: Vec<String>) -> Self {
        Self { queries: vec![query], documents: documents.into_iter().map(|document| (0, document)).collect() }
    }
}

/// The relevance of a document to a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The score, larger is better.
    pub score: f64,
    /// The number by which documents are ordered: it still differs where scores have come so near to 1 that they are
    /// equal.
    pub order: f64,
    /// Tokens the model saw for this document, specials included; `None` if the engine does not report it.
    pub tokens: Option<usize>,
    /// True if tokens were cut; `None` if the engine does not report it.
    pub truncated: Option<bool>,
}

/// The reason why a document has no score.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScoreError {
    /// The document, or its pair with the query.
    #[error(transparent)]
    Document(#[from] TextError),
    #[error("the query: {0}")]
    Query(TextError),
    #[error("not computed, as another one failed")]
    NotComputed,
}

impl From<ScoreError> for TextError {
    fn from(error: ScoreError) -> Self {
        match error {
            ScoreError::Document(error) => error,
            ScoreError::Query(error) => error.about("the query"),
            ScoreError::NotComputed => TextError::internal(error.to_string()),
        }
    }
}

#[derive(Debug, Default)]
pub struct Reranked {
    /// The score of each document, in the order of the request. After a failure in a request of all or nothing, those
    /// that were not computed are [`ScoreError::NotComputed`].
    pub scores: Vec<Result<Score, ScoreError>>,
    /// Tokens of the queries, where each was encoded by itself.
    pub query_tokens: usize,
    /// The phases of its time.
    pub times: Times,
    /// Tokens of the whole request, where the engine counts them for it alone.
    pub tokens: Option<u64>,
}

pub(super) fn no_query() -> SubmitError {
    SubmitError::Failed("a document has no query".into())
}
