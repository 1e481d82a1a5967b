//! Rows of embeddings, and the writer that takes them.

use crate::kept::KeptValue;
use crate::output::error::OutputError;
use crate::record_id::RecordId;

/// The result of one input.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    /// Index of the input, from 0.
    pub index: u64,
    /// Its id, if it had one.
    pub id: Option<&'a RecordId>,
    /// Its kept columns, in the order of the output's; none if the input cannot be read.
    pub kept: &'a [KeptValue],
    /// Its embedding, or the error's message.
    pub outcome: Result<Vector<'a>, &'a str>,
}

/// An embedding, the number of tokens and whether the text was truncated.
#[derive(Debug, Clone, Copy)]
pub struct Vector<'a> {
    pub embedding: Numbers<'a>,
    /// Number of tokens the model read, if known.
    pub tokens: Option<usize>,
    /// True if the text was truncated, if known.
    pub truncated: Option<bool>,
}

/// The numbers of an embedding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Numbers<'a> {
    /// One vector.
    Dense(&'a [f32]),
    /// The numbers that are not 0, and their indices.
    Sparse {
        /// Indices, ascending.
        indices: &'a [u32],
        /// Values at the indices.
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

/// The shape of all embeddings of an output.
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

    /// Writes all buffered rows, so that the reader of a pipe sees them.
    ///
    /// npy to a pipe is the exception: its header counts the rows, so the whole file is written at the end.
    fn flush(&mut self) -> Result<(), OutputError>;

    /// Writes what remains; a file takes its name only now.
    fn finish(self: Box<Self>) -> Result<(), OutputError>;
}

/// A vector of another length than promised would make a ragged table: refused before it is written.
pub(crate) fn check_dimensions(row: &Row<'_>, shape: Shape) -> Result<(), OutputError> {
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
