//! Errors of files of vectors.

use std::sync::Arc;

use super::super::InputError;
use super::limits::MAX_NUMBERS;
use crate::input::origin::Origin;

/// The error of a file of vectors. It names the file, and the line if there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum VectorsError {
    /// The file cannot be opened or read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// It is of a format that is not read.
    #[error("{file}: is {what}")]
    Format {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
        what: &'static str,
        hint: &'static str,
    },
    /// The file holds no vector.
    #[error("{file}: holds no vectors")]
    Empty {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
    },
    /// More numbers than fit.
    #[error("{file}: holds more than {MAX_NUMBERS} numbers")]
    TooLarge {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
    },
    /// A NumPy file that cannot be used.
    #[error("{file}: {reason}")]
    Npy {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
        reason: String,
        hint: Option<&'static str>,
    },
    /// A Parquet file that cannot be used.
    #[error("{file}: {reason}")]
    Parquet {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
        reason: String,
        hint: Option<&'static str>,
    },
    /// The header of a CSV names no vectors.
    #[error("{file}: {reason}")]
    Header {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
        reason: String,
    },
    /// The receiver of the rows stopped the reading, and knows why.
    #[error("{file}: the reading was stopped")]
    Stopped {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
    },
    /// A row is unusable.
    #[error("{origin}: {reason}")]
    Row { origin: Origin, reason: String, hint: Option<&'static str> },
}

impl VectorsError {
    pub(super) fn row(origin: Origin, reason: impl Into<String>, hint: Option<&'static str>) -> Self {
        Self::Row { origin, reason: reason.into(), hint }
    }

    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Input(error) => error.hint(),
            Self::Format { hint, .. } => Some((*hint).to_owned()),
            Self::Empty { .. } | Self::Stopped { .. } => None,
            Self::TooLarge { .. } => Some("compare a part of it".to_owned()),
            Self::Header { .. } => Some(
                "vectors are read from .npy, Parquet, and JSON and CSV as infa embed writes them, with columns e0, e1, …".into(),
            ),
            Self::Npy { hint, .. } | Self::Parquet { hint, .. } | Self::Row { hint, .. } => hint.map(str::to_owned),
        }
    }
}
