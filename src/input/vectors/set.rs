//! A set of saved vectors, and its builder.

use super::error::VectorsError;
use super::limits::{MAX_NUMBERS, MAX_ROWS};
use crate::input::origin::Origin;
use std::ops::Range;
use std::sync::Arc;

/// The vectors of one file, in its order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct VectorSet {
    /// The file as the user named it, or `stdin`.
    pub name: Arc<str>,
    /// A row an input.
    pub rows: Vec<VectorRow>,
    /// The numbers of all vectors.
    pub numbers: Vec<f32>,
}

/// One row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VectorRow {
    /// Index of its input, from 0, if the file has it.
    pub index: Option<u64>,
    /// The id of its input, if it has one; numbers as their digits, as CSV does not distinguish them from strings.
    pub id: Option<String>,
    /// The text of its input, if the file has it and it is wanted.
    pub text: Option<String>,
    /// The range of its vector in [`VectorSet::numbers`]; `None` if the file has an error instead.
    pub place: Option<Range<usize>>,
}

pub(super) fn origin(file: &Arc<str>, line: u64) -> Origin {
    Origin { file: Arc::clone(file), line }
}

/// Takes the next rows of a file.
pub(crate) type Receiver<'r> = dyn FnMut(VectorSet) -> Result<(), VectorsError> + 'r;

/// Bytes of numbers and texts that are handed to a receiver together, about.
const BLOCK: usize = 16 << 20;
/// Bytes that a row takes besides.
const ROW: usize = size_of::<VectorRow>();

/// Gathers rows: all of a file, or a block after the other for a receiver.
pub(crate) struct Builder<'r> {
    pub(super) set: VectorSet,
    receiver: Option<&'r mut Receiver<'r>>,
    /// Rows that the receiver has.
    handed: usize,
    /// Bytes of the texts in `set`.
    text_bytes: usize,
}

impl<'r> Builder<'r> {
    pub(super) fn new(name: Arc<str>) -> Self {
        let set = VectorSet { name, rows: Vec::new(), numbers: Vec::new() };
        Self { set, receiver: None, handed: 0, text_bytes: 0 }
    }

    /// For blocks of rows with their texts.
    pub(super) fn streaming(name: Arc<str>, receiver: &'r mut Receiver<'r>) -> Self {
        Self { receiver: Some(receiver), ..Self::new(name) }
    }

    /// True if a receiver takes the rows; texts are wanted only then.
    pub(super) fn streams(&self) -> bool {
        self.receiver.is_some()
    }

    /// The number of rows so far.
    pub(super) fn count(&self) -> usize {
        self.handed + self.set.rows.len()
    }

    /// One more row. Its numbers are `None` if it has failed.
    pub(super) fn push(
        &mut self,
        index: Option<u64>,
        id: Option<String>,
        text: Option<String>,
        numbers: Option<impl Iterator<Item = f32>>,
    ) -> Result<(), VectorsError> {
        let VectorSet { name, rows, numbers: all } = &mut self.set;
        let start = all.len();
        let place = numbers.map(|numbers| {
            all.extend(numbers);
            start..all.len()
        });
        self.text_bytes += text.as_ref().map_or(0, String::len);
        rows.push(VectorRow { index, id, text, place });
        let full = all.len() > MAX_NUMBERS || rows.len() > MAX_ROWS;
        if full { Err(VectorsError::TooLarge { file: Arc::clone(name) }) } else { Ok(()) }
    }

    /// Sets the text of a row that is in the set.
    pub(super) fn set_text(&mut self, row: usize, text: Option<String>) -> Option<()> {
        self.text_bytes += text.as_ref().map_or(0, String::len);
        self.set.rows.get_mut(row).map(|row| row.text = text)
    }

    /// Hands the rows over once they are many.
    pub(super) fn settle(&mut self) -> Result<(), VectorsError> {
        let Self { set, receiver: Some(receiver), .. } = self else { return Ok(()) };
        let bytes = size_of_val(&*set.numbers) + self.text_bytes + set.rows.len() * ROW;
        if bytes < BLOCK {
            return Ok(());
        }
        let empty = VectorSet { name: Arc::clone(&set.name), rows: Vec::new(), numbers: Vec::new() };
        let full = std::mem::replace(set, empty);
        self.handed += full.rows.len();
        self.text_bytes = 0;
        receiver(full)
    }
}
