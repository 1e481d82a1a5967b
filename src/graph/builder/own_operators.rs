//! Operators of our own in a graph under construction: see [`crate::kernels`].

use std::collections::HashMap;
use std::sync::Arc;

use super::super::Rows;
use crate::kernels::{Format, Operator, Set};

/// The operators of a graph.
pub(super) struct OwnOperators {
    pub set: Set,
    /// The format of the layers' products.
    pub format: Format,
    /// True if texts are packed, and layers are operators.
    pub packs: bool,
    pub operators: Vec<Arc<dyn Operator>>,
    /// The numbers of operators by the names of their weights and the rows, for layers that share theirs.
    pub numbers: HashMap<(Vec<String>, Rows), usize>,
}

impl OwnOperators {
    pub(super) fn new(set: Set, format: Format, packs: bool) -> Self {
        Self { set, format, packs, operators: Vec::new(), numbers: HashMap::new() }
    }

    /// The number of an operator, which is made once a `key`.
    pub(super) fn number(
        &mut self,
        key: (Vec<String>, Rows),
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
