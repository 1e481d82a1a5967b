//! Ranked documents, as they are written.

use serde_json::Value;

/// How rankings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RankingFormat {
    /// A table for people
    Table,
    /// One JSON object a line
    Jsonl,
    /// One JSON array of the same objects
    Json,
    /// Comma-separated values
    Csv,
}

/// A document in its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The place of the document in the input, from 0.
    pub index: u64,
    /// Its id, if it had one.
    pub id: Option<Value>,
    /// Its score, or what went wrong with it.
    pub outcome: Result<f64, String>,
    /// Its text, if it is to be shown.
    pub document: Option<String>,
}

/// The documents of one query of many.
#[derive(Debug, Clone, Copy)]
pub struct Ranking<'a> {
    /// The place of the query in the input, from 0.
    pub index: u64,
    /// Its id, if it had one.
    pub id: Option<&'a Value>,
    /// The query, where it could be read.
    pub query: &'a str,
    /// Best first, then those that failed; or what went wrong with all of them.
    pub outcome: Result<&'a [Hit], &'a str>,
}
