//! Errors of a search.

use std::path::PathBuf;
use std::sync::Arc;

/// The reason that a search cannot be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SearchError {
    /// `row` counts from 1.
    #[error("{file}: the vector of row {row} has {found} dimensions, and those of {model} have {expected}")]
    Dimensions { file: Arc<str>, row: u64, found: usize, expected: usize, model: String },
    #[error("{file}: the vector of row {row} has a number that is NaN or infinite")]
    NotFinite { file: Arc<str>, row: u64 },
    #[error("{file}: the vector of row {row} is all zeros, which has no cosine with another")]
    Zero { file: Arc<str>, row: u64 },
    #[error("--rerank: row {row} of {file} has no \"text\" to be read with the query")]
    NoText { file: Arc<str>, row: u64 },
    #[error("{} holds vectors, and {} does not", vectors.display(), other.display())]
    Mixed { vectors: PathBuf, other: PathBuf },
    #[error("{flag}: {} holds vectors, and the flag is for texts", vectors.display())]
    FlagOfTexts { flag: &'static str, vectors: PathBuf },
    #[error("the query: {reason}")]
    Query { reason: String },
    #[error("{file}: no query can be embedded: {reason}")]
    Queries { file: String, reason: String },
}

impl SearchError {
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::Dimensions { .. } => {
                "name the model that made the vectors with --model-id, and their length with --dimensions if it was cut"
            }
            Self::NotFinite { .. } | Self::Zero { .. } => "embed its text again, or leave the row out",
            Self::NoText { .. } => "leave --rerank out, or save the texts, too: infa embed --keep text",
            Self::Mixed { .. } => "search them one after the other",
            Self::FlagOfTexts { .. } => "leave it out: vectors have \"id\" and \"text\"",
            Self::Query { .. } | Self::Queries { .. } => "--truncate right cuts what is too long",
        }
        .to_owned()
    }
}
