//! Operators of our own in a graph under construction.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::Rows;
use crate::kernels::{Format, Operator, Set};

/// The operators of a graph over packed texts.
pub(super) struct Packed {
    pub set: Set,
    /// The format of products.
    pub format: Format,
    pub operators: Vec<Arc<dyn Operator>>,
    /// The numbers of operators by the name of a weight and the rows, for layers that share their weights.
    pub numbers: HashMap<(String, Rows), usize>,
}
