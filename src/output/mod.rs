//! Writers: rows in order in, a file or stdout out.
//!
//! A file appears complete or not at all: it is written beside its target and takes the target's
//! place in [`RowWriter::finish`]. A writer that is dropped unfinished leaves the old file as it was.

mod bytes;
mod csv;
mod digits;
mod document;
mod ending;
mod error;
mod json;
mod labels;
mod npy;
mod objects;
mod part;
mod preview;
mod ranking;
mod sink;
mod table;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub use bytes::BytesWriter;
use digits::Digits;
pub use digits::Precision;
pub use document::Document;
pub use error::OutputError;
pub use labels::{Label, Labelled, LabelsFormat, LabelsWriter};
pub use part::remove_parts;
pub use ranking::{Hit, Ranking, RankingFormat, RankingWriter};
use sink::Sink;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object a line
    Jsonl,
    /// One JSON array of the same objects
    Json,
    /// Comma-separated values: index, id, tokens, truncated, error, then one column a dimension
    Csv,
    /// A NumPy array of float32, one row an input; rows that failed are NaN
    Npy,
}

/// Where rows go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Standard output.
    Stdout,
    /// A file, replaced when everything is written; a device or a named pipe is written to directly.
    File(PathBuf),
}

impl Destination {
    /// The destination that a user names: `-`, like no name at all, is standard output.
    pub fn named(path: Option<&Path>) -> Self {
        match path {
            None => Self::Stdout,
            Some(path) if path.as_os_str() == "-" => Self::Stdout,
            Some(path) => Self::File(path.to_owned()),
        }
    }

    /// Whether people see at once what is written.
    pub fn is_terminal(&self) -> bool {
        *self == Self::Stdout && std::io::stdout().is_terminal()
    }

    /// The file that is replaced when everything is written, if it is one.
    pub fn replaced(&self) -> Option<&Path> {
        match self {
            Self::File(path) if std::fs::metadata(path).map_or(true, |metadata| metadata.is_file()) => Some(path),
            _ => None,
        }
    }
}

/// What became of one input.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// The place of the input, from 0.
    pub index: u64,
    /// Its id, if it had one.
    pub id: Option<&'a Value>,
    /// Its embedding, or what went wrong with it.
    pub outcome: Result<Vector<'a>, &'a str>,
}

/// An embedding and how it came about.
#[derive(Debug, Clone, Copy)]
pub struct Vector<'a> {
    /// The numbers.
    pub embedding: Numbers<'a>,
    /// How many tokens the model read, where that is known.
    pub tokens: Option<usize>,
    /// Whether the text went on beyond them, where that is known.
    pub truncated: Option<bool>,
}

/// The numbers of an embedding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Numbers<'a> {
    /// One vector.
    Dense(&'a [f32]),
    /// Those that are not 0, and their places.
    Sparse {
        /// The places, rising.
        indices: &'a [u32],
        /// The numbers there.
        values: &'a [f32],
    },
    /// Vectors of tokens.
    Tokens {
        /// The vectors, one after the other.
        vectors: &'a [f32],
        /// Length of each.
        dimensions: usize,
    },
}

/// What all embeddings of an output are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Vectors of this length.
    Dense(usize),
    /// Sparse vectors.
    Sparse,
    /// Any number of vectors of this length each.
    Tokens(usize),
}

/// Takes rows in order. Dropped without [`finish`](Self::finish), it leaves no file behind.
pub trait RowWriter {
    /// Writes one row; it may stay in memory until [`flush`](Self::flush) or the buffer is full.
    fn write(&mut self, row: &Row<'_>) -> Result<(), OutputError>;

    /// Hands everything so far to the system, so that a reader of a pipe sees it.
    ///
    /// npy to a pipe is the exception: its head counts the rows, so nothing goes out before the end.
    fn flush(&mut self) -> Result<(), OutputError>;

    /// Writes what remains; a file takes its name only now.
    fn finish(self: Box<Self>) -> Result<(), OutputError>;
}

/// Refuses a format that cannot hold embeddings of this shape, or has no digits to limit.
pub fn check(format: Format, shape: Shape, precision: Option<Precision>) -> Result<(), OutputError> {
    let what = match (format, shape) {
        (Format::Npy, Shape::Dense(_)) if precision.is_some() => return Err(OutputError::Precision { format }),
        (Format::Jsonl | Format::Json, _) | (_, Shape::Dense(_)) => return Ok(()),
        (_, Shape::Sparse) => "sparse vectors",
        (_, Shape::Tokens(_)) => "vectors of tokens",
    };
    Err(OutputError::Shape { format, what })
}

/// Opens `destination` for rows of this shape, their numbers in as few digits as read back the same or as `precision`
/// allows.
///
/// # Errors
/// As [`check`], and what goes wrong with the destination.
pub fn open(
    format: Format,
    destination: &Destination,
    shape: Shape,
    precision: Option<Precision>,
) -> Result<Box<dyn RowWriter + Send>, OutputError> {
    check(format, shape, precision)?;
    let (sink, digits) = (Sink::open(destination)?, Digits(precision));
    Ok(match (format, shape) {
        (Format::Csv, Shape::Dense(dimensions)) => Box::new(csv::Csv::new(sink, dimensions, digits)),
        (Format::Npy, Shape::Dense(dimensions)) => Box::new(npy::Npy::new(sink, dimensions)?),
        (Format::Json, shape) => Box::new(json::Rows::new(sink, true, shape, digits)),
        // Of the others only dense vectors are left, after the check above.
        (_, shape) => Box::new(json::Rows::new(sink, false, shape, digits)),
    })
}

/// Opens standard output for the beginning of each embedding, as people look at it.
///
/// # Errors
/// Standard output cannot be used.
pub fn preview() -> Result<Box<dyn RowWriter + Send>, OutputError> {
    Ok(Box::new(preview::Preview::open()?))
}

/// A vector of another length than promised would make a ragged table: refused before it is written.
fn check_dimensions(row: &Row<'_>, shape: Shape) -> Result<(), OutputError> {
    let Ok(Vector { embedding, .. }) = row.outcome else { return Ok(()) };
    let (found, expected) = match (embedding, shape) {
        (Numbers::Dense(vector), Shape::Dense(expected)) => (vector.len(), expected),
        (Numbers::Tokens { dimensions, .. }, Shape::Tokens(expected)) => (dimensions, expected),
        (Numbers::Sparse { indices, values }, Shape::Sparse) => (values.len(), indices.len()),
        // Of another shape altogether: as if it had no numbers.
        (_, Shape::Dense(expected) | Shape::Tokens(expected)) => (0, expected),
        (_, Shape::Sparse) => (0, 1),
    };
    if found == expected { Ok(()) } else { Err(OutputError::Dimensions { index: row.index, expected, found }) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    pub(super) fn vector(embedding: &[f32]) -> Result<Vector<'_>, &str> {
        Ok(Vector { embedding: Numbers::Dense(embedding), tokens: Some(7), truncated: Some(false) })
    }

    /// What `rows` become in a file.
    pub(super) fn written(format: Format, dimensions: usize, rows: &[Row<'_>]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut writer = open(format, &Destination::File(path.clone()), Shape::Dense(dimensions), None).unwrap();
        for row in rows {
            writer.write(row).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        fs::read(path).unwrap()
    }

    #[test]
    fn a_vector_of_the_wrong_length_is_refused() {
        for format in [Format::Jsonl, Format::Json, Format::Csv, Format::Npy] {
            let folder = tempfile::tempdir().unwrap();
            let mut writer =
                open(format, &Destination::File(folder.path().join("out")), Shape::Dense(3), None).unwrap();
            let row = Row { index: 4, id: None, outcome: vector(&[1.0]) };
            let error = writer.write(&row).unwrap_err();
            assert_eq!(error.to_string(), "the embedding of input 4 has 1 dimensions instead of 3");
        }
    }

    #[test]
    fn only_json_holds_what_is_not_one_vector() {
        for shape in [Shape::Sparse, Shape::Tokens(2)] {
            for format in [Format::Csv, Format::Npy] {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("out");
                let Err(error) = open(format, &Destination::File(path), shape, None) else { panic!("{format:?}") };
                assert!(error.to_string().contains("cannot hold"), "{error}");
                assert!(error.hint().unwrap().contains("jsonl"));
                assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
            }
        }
    }

    #[test]
    fn an_unfinished_file_leaves_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "old").unwrap();
        for format in [Format::Jsonl, Format::Json, Format::Csv, Format::Npy] {
            let mut writer = open(format, &Destination::File(path.clone()), Shape::Dense(1), None).unwrap();
            writer.write(&Row { index: 0, id: None, outcome: vector(&[1.0]) }).unwrap();
            writer.flush().unwrap();
            drop(writer);
            assert_eq!(fs::read(&path).unwrap(), b"old");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_full_disk_is_called_that() {
        for format in [Format::Jsonl, Format::Json, Format::Csv, Format::Npy] {
            let mut writer = open(format, &Destination::File("/dev/full".into()), Shape::Dense(1), None).unwrap();
            writer.write(&Row { index: 0, id: None, outcome: vector(&[1.0]) }).unwrap();
            let error = writer.finish().unwrap_err();
            assert!(error.to_string().contains("/dev/full: the disk is full"), "{error}");
            assert!(error.hint().is_some());
            assert!(!error.is_broken_pipe());
        }
    }
}
