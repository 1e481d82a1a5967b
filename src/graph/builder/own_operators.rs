//! Operators of our own in a graph under construction: see [`crate::kernels`].

use std::collections::HashMap;
use std::sync::Arc;

use super::super::{GraphError, LENGTHS, OPERATOR, OPERATOR_DOMAIN, Rows};
use super::graph_builder::Builder;
use super::value::{Attribute, Value};
use crate::kernels::{Format, Matrix, Operator, Set, linear};

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

impl Builder<'_> {
    /// True if texts are packed.
    pub(in super::super) fn is_packed(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.packs)
    }

    /// The operator of that number over flat `x`.
    pub(super) fn operator(&mut self, number: usize, x: &Value, table: Option<&Value>) -> Value {
        let lengths = Value(LENGTHS.into());
        let lengths = self.is_packed().then_some(&lengths);
        let inputs: Vec<&Value> = [x].into_iter().chain(lengths).chain(table).collect();
        self.node(OPERATOR_DOMAIN, OPERATOR, &inputs, &[Attribute::Int("number", number as i64)])
    }

    /// The product of flat `x` with the matrix called `name`, as an operator; in float32 outside of the layers.
    pub(super) fn linear_operator(
        &mut self,
        x: &Value,
        name: String,
        matrix: &Matrix<'_>,
    ) -> Result<Value, GraphError> {
        let missing = || GraphError::NoOperator { layer: name.clone() };
        let in_layers = self.in_layers;
        let own = self.own.as_mut().ok_or_else(missing)?;
        let format = if in_layers { own.format } else { Format::Float32 };
        let set = own.set;
        // A matrix may have another treatment with another input.
        let key = (vec![name.clone(), x.0.clone()], Rows::All);
        let number = own.number(key, || linear(set, format, matrix)).ok_or_else(missing)?;
        Ok(self.operator(number, x, None))
    }
}
