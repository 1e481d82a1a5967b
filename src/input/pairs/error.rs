//! Errors of files of scored pairs.

use std::sync::Arc;

use super::super::error::Names;
use super::super::{InputError, RecordError};
use super::columns::{FIRST, SCORE, SECOND};

/// The error of a file of pairs. It names the file, and the line if there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum PairsError {
    /// The file cannot be opened or read, or has no usable header.
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
    /// The file is empty.
    #[error("{file}: holds no pairs")]
    Empty {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
    },
    /// A field or column that is needed is not there.
    #[error("{file}: {wanted}; {present}")]
    Column {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
        /// The missing field.
        wanted: String,
        /// Its name and the flag that names it, where the user did.
        named: Option<(String, &'static str)>,
        /// The fields or columns there are.
        present: Names,
    },
    /// The file holds several splits, and the choice is unclear.
    #[error("{file}: {reason}; {present}")]
    Split {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
        reason: String,
        /// The splits there are.
        present: Names,
    },
    /// A split is named, but the file has no field `split`.
    #[error("{file}: there is no split {wanted:?}: it has no field or column called split")]
    NoSplits {
        /// The file as the user named it, or `stdin`.
        file: Arc<str>,
        /// The split that the user named.
        wanted: String,
    },
    /// No row holds a pair.
    #[error("none of the {rows} rows can be used. {first}")]
    Unusable {
        /// Number of rows.
        rows: usize,
        /// The first error; it names the file.
        first: RecordError,
    },
}

impl PairsError {
    pub(crate) fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Input(error) => return error.hint(),
            Self::Format { hint, .. } => (*hint).to_owned(),
            Self::Empty { .. } | Self::Unusable { .. } => {
                "each row holds two texts and a score, such as {\"sentence1\": \"…\", \"sentence2\": \"…\", \"score\": 4.2}"
                    .to_owned()
            }
            Self::Column { named: Some((name, flag)), present, .. } if present.guess(name, flag).is_some() => {
                return present.guess(name, flag);
            }
            Self::Column { .. } => format!(
                "name them with --field, --pair-field and --score-field; without these the texts are looked for as {} with \
                 {}, and the score as {}",
                FIRST.join(", "),
                SECOND.join(", "),
                SCORE.join(", ")
            ),
            Self::NoSplits { .. } => "without --split all of it is read".to_owned(),
            Self::Split { .. } => "name one with --split".to_owned(),
        })
    }
}
