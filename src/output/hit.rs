//! Ranked documents, as they are written.

use crate::record_id::RecordId;

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

/// A ranked document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hit {
    /// Index of the document in the input, from 0.
    pub index: u64,
    /// Its id, if it had one.
    pub id: Option<RecordId>,
    /// Its score, or the error's message.
    pub outcome: Result<f64, String>,
    /// The document's text, if it is printed.
    pub document: Option<String>,
}

/// The documents of one query of many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranking<'a> {
    /// Index of the query in the input, from 0.
    pub index: u64,
    /// Its id, if it had one.
    pub id: Option<&'a RecordId>,
    /// The query, if it could be read.
    pub query: &'a str,
    /// Best first, then those that failed; or the error of the whole query.
    pub outcome: Result<&'a [Hit], &'a str>,
}
