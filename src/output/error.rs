//! Errors of outputs.

use std::io;
use std::path::PathBuf;

use clap::ValueEnum;

use super::Format;
use super::embeddings::dtype::Dtype;

/// The name of a temporary file in messages begins with this.
pub(super) const TEMPORARY: &str = "temporary file in ";

/// The error of opening, writing or renaming an output.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The target is a directory.
    #[error("{}: is a directory", path.display())]
    Directory { path: PathBuf },
    /// The directory of the target is not there.
    #[error("{}: there is no directory {}", path.display(), directory.display())]
    MissingDirectory {
        path: PathBuf,
        /// The directory it would be in.
        directory: PathBuf,
    },
    /// The target cannot be created or overwritten.
    #[error("{}: cannot be written: {}", path.display(), reason(source))]
    Open { path: PathBuf, source: io::Error },
    /// A write failed midway.
    #[error("{name}: {}", reason(source))]
    Write {
        /// The target as given, `stdout`, or the temporary file of an npy to a pipe.
        name: String,
        source: io::Error,
    },
    /// Another process writes this output.
    #[error("{}: another infa writes it", path.display())]
    Busy { path: PathBuf },
    /// The partial file of an earlier job is there, and no flag says what becomes of it.
    #[error("{}: an earlier job left {rows} rows in {}", path.display(), part.display())]
    Left { path: PathBuf, part: PathBuf, rows: u64 },
    /// The partial file belongs to a job that writes other rows.
    #[error("{}: it was begun with another {}", part.display(), differences.join(", another "))]
    OtherJob { part: PathBuf, differences: Vec<String> },
    /// The manifest of a partial file is broken.
    #[error("{}: it does not describe the partial file beside it: {reason}", path.display())]
    Manifest { path: PathBuf, reason: String },
    /// An embedding has the wrong length.
    #[error("the embedding of input {index} has {found} dimensions instead of {expected}")]
    Dimensions {
        /// The input, from 0.
        index: u64,
        /// The length promised.
        expected: usize,
        /// The length it has.
        found: usize,
    },
    /// The ending of a file's name stands for no format that is written.
    #[error("{}: infa writes no .{ending} files here", path.display())]
    Ending {
        path: PathBuf,
        ending: String,
        /// The endings there are.
        known: Vec<&'static str>,
    },
    /// Binary data would go to a terminal.
    #[error("--format {} is binary and would garble the terminal", name(*format))]
    Terminal { format: Format },
    /// The format cannot hold embeddings of this kind.
    #[error("--format {} cannot hold {what}", name(*format))]
    Shape {
        format: Format,
        /// The kind of embeddings, or a column.
        what: String,
    },
    /// Numbers of this type are not written so.
    #[error("--embedding-dtype {dtype} is {reason}")]
    Dtype { dtype: Dtype, reason: &'static str },
    /// A number lies beyond -1 and 1.
    #[error("the embedding of input {index} has numbers beyond -1 and 1, the range of --embedding-dtype {dtype}")]
    Range { index: u64, dtype: Dtype },
    /// The ranges are those of other vectors.
    #[error("--ranges has {found} dimensions, the vectors have {expected}")]
    Ranges { found: usize, expected: usize },
    /// A kept column has the name of another.
    #[error("--keep {column}: {}", if *.own { "rows have a column of this name already" } else { "is named twice" })]
    Twice { column: String, own: bool },
    /// Only text is compressed as a whole.
    #[error("--format {} is not compressed as a whole", name(*format))]
    Compressed { format: Format },
    /// Rows cannot be put into the format.
    #[error("the rows cannot be encoded: {reason}")]
    Encoding { reason: String },
    /// The format holds numbers as they are, not as text.
    #[error("--precision limits the digits of text, but --format {} holds the numbers themselves", name(*format))]
    Precision { format: Format },
    /// A row came out of turn, where its place in the file is its index.
    #[error("input {found} came where input {expected} was due")]
    Order {
        /// The index due.
        expected: u64,
        /// The index that came.
        found: u64,
    },
}

impl OutputError {
    /// True if the reader of a pipe has closed it, as `head` does; this is not reported as an error.
    pub fn is_broken_pipe(&self) -> bool {
        self.io().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    }

    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Directory { .. } => "name a file in it".into(),
            Self::MissingDirectory { directory, .. } => {
                format!("create it with mkdir -p {}", directory.display())
            }
            Self::Ending { known, .. } => {
                let known: Vec<String> = known.iter().map(|ending| format!(".{ending}")).collect();
                format!("name the file {}, or the format with --format", known.join(", "))
            }
            Self::Terminal { .. } => {
                "write to a file, for example with -o vectors.npy (-o - writes to the terminal)".into()
            }
            Self::Shape { .. } => "use --format jsonl, json, parquet or arrow".into(),
            Self::Busy { .. } => "wait for it, or write to another file".into(),
            Self::Left { .. } => "--resume continues it, --restart discards it".into(),
            Self::OtherJob { .. } => "repeat its command with --resume, or begin anew with --restart".into(),
            Self::Manifest { .. } => "--restart discards both".into(),
            Self::Range { .. } => {
                "name ranges for the model's numbers with --ranges FILE, a .npy of two rows: the least and the largest number of each dimension".into()
            }
            Self::Ranges { .. } => "--ranges takes two rows of the same model".into(),
            Self::Twice { own: true, .. } => "leave it out of --keep".into(),
            Self::Twice { own: false, .. } => "name it once".into(),
            Self::Compressed { format: Format::Parquet } => "Parquet compresses itself: leave .gz or .zst out".into(),
            Self::Compressed { .. } => "leave .gz or .zst out".into(),
            Self::Precision { .. } => {
                "leave --precision (or INFA_PRECISION) out, or use --format jsonl, json or csv".into()
            }
            Self::Dimensions { .. } | Self::Order { .. } | Self::Dtype { .. } | Self::Encoding { .. } => return None,
            Self::Write { name, .. } if name.starts_with(TEMPORARY) => {
                "set TMPDIR to a directory with room that you may write to, or name a file with -o".into()
            }
            Self::Open { source, .. } | Self::Write { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "free some space, or write to another disk".into()
                }
                io::ErrorKind::FileTooLarge => {
                    "raise the limit (ulimit -f), or write to a file system that holds larger files".into()
                }
                io::ErrorKind::PermissionDenied => "choose a place you may write to, or change its permissions".into(),
                _ => return None,
            },
        })
    }

    fn io(&self) -> Option<&io::Error> {
        match self {
            Self::Open { source, .. } | Self::Write { source, .. } => Some(source),
            _ => None,
        }
    }
}

fn name(format: Format) -> String {
    format.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull => "the disk is full".into(),
        io::ErrorKind::QuotaExceeded => "the disk quota is used up".into(),
        // Some errors come without the system's words.
        io::ErrorKind::NotFound if error.raw_os_error().is_none() => "there is no such directory".into(),
        _ => error.to_string(),
    }
}
