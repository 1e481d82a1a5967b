//! Readers: a file or stdin in, records in order out.
//!
//! Everything streams: one record is held at a time, never a file, and a record comes out as soon
//! as its last byte came in. Trouble inside one record is that record's own ([`RecordError`]), and
//! the rows after it still come; trouble with a whole file ends the reading ([`InputError`]).

mod beir;
mod content;
mod error;
mod jsonl;
mod lines;
mod object;
mod pairs;
mod queries;
mod records;
mod rows;
mod source;
mod table;
mod values;
pub mod vectors;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use beir::{BeirError, RetrievalSet, read_beir};
pub use error::{InputError, RecordError};
pub use pairs::{PairOptions, PairsError, ScoredPair, ScoredPairs, SkippedRows, read_pairs};
pub use queries::{Document, Query};
pub use records::Records;

/// The longest record that is read; a longer one becomes a [`RecordError`] and is skipped over. A tokenizer needs some
/// 60 bytes for each byte of a word without end, so this bounds memory too.
pub const MAX_RECORD_BYTES: usize = 16 << 20;

/// How records lie in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One text a line
    Lines,
    /// One JSON object (or one JSON string) a line; blank lines are skipped
    Jsonl,
    /// A JSON array of such objects or strings, or values that span lines; JSON lines are read, too
    Json,
    /// Comma-separated values with a header row
    Csv,
    /// Tab-separated values with a header row
    Tsv,
    /// Texts that end with a NUL byte, as `find -print0` writes; newlines belong to the text
    Nul,
}

/// What to look for in the files.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The format of all files; without it the ending of each file's name says, or else its first bytes.
    pub format: Option<Format>,
    /// The field or column with the text; `text` without it.
    pub field: Option<String>,
    /// The field or column with the id; without it `id`, where there is one.
    pub id_field: Option<String>,
    /// The field or column with the second text of a pair; without it records are single texts.
    pub pair_field: Option<String>,
}

impl Options {
    /// The first flag that names a field.
    fn field_flag(&self) -> Option<&'static str> {
        let flags = [(&self.field, "--field"), (&self.id_field, "--id-field"), (&self.pair_field, "--pair-field")];
        flags.into_iter().find(|(field, _)| field.is_some()).map(|(_, flag)| flag)
    }
}

/// Where a record begins, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The file as the user named it, or `stdin`.
    pub file: Arc<str>,
    /// The record's first line, from 1.
    pub line: u64,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What a record holds, or why it holds nothing.
#[derive(Debug)]
pub struct Record<T = Text> {
    /// The id the input gave, as the JSON value it is (in CSV and TSV always a string).
    pub id: Option<serde_json::Value>,
    /// What it holds, or what is wrong with it.
    pub content: Result<T, RecordError>,
    /// Where the record begins.
    pub origin: Origin,
}

/// A text, or a pair of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The text.
    pub text: String,
    /// The second of a pair, where [`Options::pair_field`] asks for one.
    pub pair: Option<String>,
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self { text, pair: None }
    }
}

/// Prepares to read `paths` one after the other; `-` is stdin, and so is no path at all.
///
/// Every path is checked before anything is read, so a missing second file is an error here and not
/// after the first one's hour of work. Regular CSV and TSV files have their header checked too.
pub fn open(paths: &[PathBuf], options: &Options) -> Result<Records, InputError> {
    Records::open(paths, options, MAX_RECORD_BYTES)
}

/// Texts that are here already, in the order of `texts`; `origin` is what messages call their place.
pub fn texts(texts: Vec<String>, origin: &str) -> Records {
    Records::of(texts, origin)
}

/// The same for JSON lines that hold a query with its documents each, whatever the files' names say.
pub fn open_queries(paths: &[PathBuf], options: &Options) -> Result<Records<Query>, InputError> {
    Records::open_queries(paths, options, MAX_RECORD_BYTES)
}

/// The format that the ending of `path` stands for, that of compression left out; `None` where it stands for none.
pub fn format_of(path: &std::path::Path) -> Option<Format> {
    match source::ending_of(path) {
        source::Ending::Format(format) => Some(format),
        source::Ending::Unknown | source::Ending::Binary(_) => None,
    }
}

#[cfg(test)]
impl Record {
    /// `line:id:text` or `line:id!error`, for tests.
    fn shown(&self) -> String {
        let id = self.id.as_ref().map(ToString::to_string).unwrap_or_default();
        match &self.content {
            Ok(Text { text, pair: None }) => format!("{}:{id}:{text}", self.origin.line),
            Ok(Text { text, pair: Some(pair) }) => format!("{}:{id}:{text}+{pair}", self.origin.line),
            Err(error) => format!("{}:{id}!{error}", self.origin.line),
        }
    }
}
