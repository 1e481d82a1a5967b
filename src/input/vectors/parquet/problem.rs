//! Errors of Parquet files.

use crate::input::vectors::VectorsError;
use parquet::errors::ParquetError;

/// The error of a Parquet file.
#[derive(Debug)]
pub(super) enum Problem {
    /// The content is invalid.
    Damaged(String),
    /// It is sound, and yet of no use.
    Other(String),
    /// The same, with a remedy.
    Hinted(String, &'static str),
    /// It holds too much.
    All(VectorsError),
}

pub(super) fn damaged(reason: impl Into<String>) -> Problem {
    Problem::Damaged(reason.into())
}

impl From<ParquetError> for Problem {
    fn from(error: ParquetError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl From<VectorsError> for Problem {
    fn from(error: VectorsError) -> Self {
        Self::All(error)
    }
}
