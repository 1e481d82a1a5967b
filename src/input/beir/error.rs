//! Errors of folders of queries, documents and judgements.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::error::Names;
use super::super::{InputError, RecordError};
use crate::input::origin::Origin;

const LAYOUT: &str = "a folder in the layout of BEIR holds corpus.jsonl, queries.jsonl and qrels/test.tsv";

/// The error of a folder. It names the file, and the line if there is one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum BeirError {
    /// A file cannot be opened or read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A file stands where the folder should.
    #[error("{}: is not a folder", path.display())]
    NotAFolder { path: PathBuf },
    /// One of the files is not there.
    #[error("{}: there is no {file}", dir.display())]
    Part {
        /// The folder as given.
        dir: PathBuf,
        file: &'static str,
        /// True if the part exists in compressed form.
        packed: bool,
    },
    /// Several files of judgements, none of them `test.tsv`.
    #[error("{}: there is no test.tsv, but several others; {present}", folder.display())]
    SeveralQrels {
        /// The folder of judgements.
        folder: PathBuf,
        present: Names,
    },
    /// A line is unusable.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A line of a file is unusable, or contradicts another.
    #[error("{origin}: {reason}")]
    Row { origin: Origin, reason: String, hint: Option<&'static str> },
    /// A file without a record.
    #[error("{file}: is empty")]
    Empty { file: Arc<str> },
    /// Not one query is judged.
    #[error("{qrels}: judges none of the queries of {queries}")]
    Unjudged {
        /// The file of queries.
        queries: Arc<str>,
        /// The file of judgements.
        qrels: Arc<str>,
    },
}

impl BeirError {
    pub(crate) fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Input(error) => return error.hint(),
            Self::Part { packed: true, .. } => "decompress it first".to_owned(),
            Self::Part { .. } | Self::NotAFolder { .. } => LAYOUT.to_owned(),
            Self::SeveralQrels { .. } => "name the file of judgements with --qrels".to_owned(),
            Self::Record(_) => {
                "every line must be one JSON object, such as {\"_id\": \"d1\", \"title\": \"…\", \"text\": \"…\"}"
                    .to_owned()
            }
            Self::Row { hint, .. } => return hint.map(str::to_owned),
            Self::Empty { .. } => return None,
            Self::Unjudged { .. } => "ids of queries must be the same in both files".to_owned(),
        })
    }
}
