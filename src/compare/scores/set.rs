//! Scores as they came.

use std::sync::Arc;

use super::QueryName;

/// The scores one engine gave.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreSet {
    /// The engine's name.
    pub name: Arc<str>,
    /// The queries, in an order that all sets share.
    pub queries: Vec<ScoredQuery>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ScoredQuery {
    /// Its place among the queries, from 0.
    pub index: u64,
    /// Its id, where it has one.
    pub id: Option<String>,
    /// A score a document, in the order in which documents were given, higher for more relevant ones; `None` for a
    /// request that failed.
    pub scores: Option<Vec<f32>>,
}

impl ScoredQuery {
    /// The query's name in reports.
    pub(super) fn name(&self) -> QueryName {
        QueryName { index: self.index, id: self.id.clone() }
    }
}
