//! Weight matrices, and the number format in which products with them are computed.

use super::super::int8::{Input, Int8Weights};
use super::value::Value;
use std::ops::Range;

/// The number format of products.
pub(in super::super) enum Products<'w> {
    /// In f32.
    Float32,
    /// In f32; which matrices each input is multiplied with is noted.
    Watched(Vec<(Value, Input)>),
    Int8 {
        weights: &'w Int8Weights,
        /// The inputs so far: in the order in which they were watched.
        inputs: Vec<Value>,
        /// Matrices that `weights` do not have.
        missing: Vec<String>,
    },
}

/// A weight matrix of products, `[rows, inputs]`: all of a tensor `[total, inputs]` of the file or some of its rows.
pub(in super::super) struct Matrix {
    /// Name of the tensor in the file.
    pub tensor: String,
    pub total: usize,
    pub rows: Range<usize>,
    pub inputs: usize,
}

impl Matrix {
    /// Its name in the graph.
    pub(super) fn name(&self) -> String {
        let Range { start, end } = self.rows;
        if (start, end) == (0, self.total) { self.tensor.clone() } else { format!("{}[{start}..{end}]", self.tensor) }
    }
}
