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
    /// The range of its vector in [`VectorSet::numbers`]; `None` if the file has an error instead.
    pub place: Option<Range<usize>>,
}

pub(super) fn origin(file: &Arc<str>, line: u64) -> Origin {
    Origin { file: Arc::clone(file), line }
}

/// Gathers rows.
pub(crate) struct Builder(pub(crate) VectorSet);

impl Builder {
    pub(super) fn new(name: Arc<str>) -> Self {
        Self(VectorSet { name, rows: Vec::new(), numbers: Vec::new() })
    }

    /// One more row. Its numbers are `None` if it has failed.
    pub(super) fn push(
        &mut self,
        index: Option<u64>,
        id: Option<String>,
        numbers: Option<impl Iterator<Item = f32>>,
    ) -> Result<(), VectorsError> {
        let VectorSet { name, rows, numbers: all } = &mut self.0;
        let start = all.len();
        let place = numbers.map(|numbers| {
            all.extend(numbers);
            start..all.len()
        });
        rows.push(VectorRow { index, id, place });
        let full = all.len() > MAX_NUMBERS || rows.len() > MAX_ROWS;
        if full { Err(VectorsError::TooLarge { file: Arc::clone(name) }) } else { Ok(()) }
    }
}
