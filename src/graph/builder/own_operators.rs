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

impl Packed {
    /// The number of an operator, which is made once a `key`.
    pub(super) fn number(
        &mut self,
        key: (String, Rows),
        make: impl FnOnce() -> Option<Arc<dyn Operator>>,
    ) -> Option<usize> {
        if let Some(&number) = self.numbers.get(&key) {
            return Some(number);
        }
        self.operators.push(make()?);
        self.numbers.insert(key, self.operators.len() - 1);
        Some(self.operators.len() - 1)
    }
}
