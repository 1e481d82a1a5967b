//! Scores as they came.

use std::fmt;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::text::quoted;

/// Characters of an id that are shown.
const SHOWN: usize = 40;

/// The scores one engine gave.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScoreSet {
    pub name: Arc<str>,
    /// The queries, in an order that all sets share.
    pub queries: Vec<ScoredQuery>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ScoredQuery {
    /// Its place among the queries, from 0.
    pub index: u64,
    /// Its id, where it has one.
    pub id: Option<String>,
    /// A score a document, in the order in which documents were given, higher for more relevant ones; `None` for a
    /// request that failed.
    pub scores: Option<Vec<f32>>,
}

/// A query, as it can be found again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct QueryName {
    /// Its place, from 0.
    pub index: u64,
    /// Its id, where it has one.
    pub id: Option<String>,
}

impl fmt::Display for QueryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "query {}", quoted(id, SHOWN)),
            None => write!(f, "query {}", self.index),
        }
    }
}

impl ScoredQuery {
    pub(super) fn name(&self) -> QueryName {
        QueryName { index: self.index, id: self.id.clone() }
    }
}
