//! Writers: rows in order in, a file or stdout out.
//!
//! A file appears complete or not at all: it is written beside its target and takes the target's
//! place in [`RowWriter::finish`]. A writer that is dropped unfinished leaves the old file as it was.

mod csv;
mod error;
mod json;
mod npy;
mod sink;

use std::path::PathBuf;

use serde_json::Value;

pub use error::OutputError;
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
    pub embedding: &'a [f32],
    /// How many tokens the model read.
    pub tokens: usize,
    /// Whether the text went on beyond them.
    pub truncated: bool,
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

/// Opens `destination` for rows of `dimensions` numbers each.
pub fn open(
    format: Format,
    destination: &Destination,
    dimensions: usize,
) -> Result<Box<dyn RowWriter + Send>, OutputError> {
    let sink = Sink::open(destination)?;
    Ok(match format {
        Format::Jsonl => Box::new(json::Lines::new(sink, dimensions)),
        Format::Json => Box::new(json::Array::new(sink, dimensions)),
        Format::Csv => Box::new(csv::Csv::new(sink, dimensions)),
        Format::Npy => Box::new(npy::Npy::new(sink, dimensions)?),
    })
}

/// A vector of another length than promised would make a ragged table: refused before it is written.
fn check_dimensions(row: &Row<'_>, expected: usize) -> Result<(), OutputError> {
    match row.outcome {
        Ok(Vector { embedding, .. }) if embedding.len() != expected => {
            Err(OutputError::Dimensions { index: row.index, expected, found: embedding.len() })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;

    pub(super) fn vector(embedding: &[f32]) -> Result<Vector<'_>, &str> {
        Ok(Vector { embedding, tokens: 7, truncated: false })
    }

    /// What `rows` become in a file.
    pub(super) fn written(format: Format, dimensions: usize, rows: &[Row<'_>]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let mut writer = open(format, &Destination::File(path.clone()), dimensions).unwrap();
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
            let mut writer = open(format, &Destination::File(folder.path().join("out")), 3).unwrap();
            let row = Row { index: 4, id: None, outcome: vector(&[1.0]) };
            let error = writer.write(&row).unwrap_err();
            assert_eq!(error.to_string(), "the embedding of input 4 has 1 dimensions instead of 3");
        }
    }

    #[test]
    fn an_unfinished_file_leaves_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "old").unwrap();
        for format in [Format::Jsonl, Format::Json, Format::Csv, Format::Npy] {
            let mut writer = open(format, &Destination::File(path.clone()), 1).unwrap();
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
            let mut writer = open(format, &Destination::File("/dev/full".into()), 1).unwrap();
            writer.write(&Row { index: 0, id: None, outcome: vector(&[1.0]) }).unwrap();
            let error = writer.finish().unwrap_err();
            assert!(error.to_string().contains("/dev/full: the disk is full"), "{error}");
            assert!(error.hint().is_some());
            assert!(!error.is_broken_pipe());
        }
    }
}
