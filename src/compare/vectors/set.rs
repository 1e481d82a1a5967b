//! Rows of a set of vectors, and their inputs.

use std::collections::HashMap;
use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::input::vectors::VectorSet;
use crate::report::text::quoted;
use crate::stats::fidelity::defect;

/// Characters of an id that are shown.
const SHOWN: usize = 40;

/// One of the two sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Side {
    /// The one others are compared with.
    Reference,
    /// The one that is compared.
    Candidate,
}

/// An input, as it can be found again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct InputName {
    /// Its place, from 0.
    pub index: u64,
    /// Its id, where it has one.
    pub id: Option<String>,
}

impl fmt::Display for InputName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => f.write_str(&quoted(id, SHOWN)),
            None => write!(f, "input {}", self.index),
        }
    }
}

impl VectorSet {
    /// The vector of the row at this place, if it has one.
    pub(super) fn vector(&self, row: usize) -> Option<&[f32]> {
        self.numbers.get(self.rows.get(row)?.place.clone()?)
    }

    /// The vector of the row at this place; empty if it has none.
    pub(in crate::compare) fn numbers(&self, row: usize) -> &[f32] {
        self.vector(row).unwrap_or_default()
    }

    /// The vector of the row at this place, if it has one of this length that is one to work with: finite, and not zero
    /// everywhere.
    pub(in crate::compare) fn sound(&self, row: usize, dimensions: usize) -> Option<&[f32]> {
        self.vector(row).filter(|vector| vector.len() == dimensions && defect(vector).is_none())
    }

    pub(super) fn input(&self, row: usize) -> InputName {
        let (index, id) = self.rows.get(row).map(|row| (row.index, row.id.clone())).unwrap_or_default();
        InputName { index: index.unwrap_or(row as u64), id }
    }

    /// The length that most vectors have; of several such the smallest. `None` without vectors.
    pub(in crate::compare) fn dimensions(&self) -> Option<usize> {
        let mut counts = HashMap::new();
        for place in self.rows.iter().filter_map(|row| row.place.as_ref()) {
            *counts.entry(place.len()).or_insert(0usize) += 1;
        }
        counts.into_iter().max_by_key(|&(length, count)| (count, std::cmp::Reverse(length))).map(|(length, _)| length)
    }
}
