//! Linear layers without their biases, which what follows takes in: norms, activations, attention.

use super::target::Apart;
use crate::graph::builder::graph_builder::Builder;
use crate::graph::builder::layers::Activation;
use crate::graph::builder::packed::PackedLinear;
use crate::graph::builder::value::{Attribute, Value};
use crate::graph::{Element, GraphError};
use crate::model::weights::TensorData;

impl Builder<'_> {
    /// `x · Wᵀ`, `weight` `[outputs, inputs]`.
    pub(in super::super) fn fused_product(&mut self, x: &Value, weight: &Value) -> Value {
        self.microsoft("FusedMatMul", &[x, weight], &[Attribute::Int("transB", 1)])
    }

    /// `x · y · factor`
    pub(in crate::graph) fn scaled_product(&mut self, x: &Value, y: &Value, factor: f32) -> Value {
        self.microsoft("FusedMatMul", &[x, y], &[Attribute::Float("alpha", factor)])
    }

    pub(super) fn apart(&mut self, x: &Value, linear: &PackedLinear, inputs: usize) -> Result<Apart, GraphError> {
        let PackedLinear { name, total, rows, bias } = linear;
        let weight = self.weight_rows(&format!("{name}.weight"), &[*total, inputs], rows.clone())?;
        let product = self.fused_product(x, &weight);
        let bias = match bias {
            true => Some(self.weight_rows(&format!("{name}.bias"), &[*total], rows.clone())?),
            false => None,
        };
        Ok(Apart { product, bias })
    }

    /// The sum of a product and its bias.
    pub(super) fn together(&mut self, Apart { product, bias }: Apart) -> Value {
        match bias {
            Some(bias) => self.op("Add", &[&product, &bias], &[]),
            None => product,
        }
    }

    /// The activation of a product and its bias.
    pub(super) fn activated(&mut self, apart: Apart, activation: Activation) -> Value {
        match (activation, &apart.bias) {
            (Activation::Gelu, Some(bias)) => self.microsoft("BiasGelu", &[&apart.product, bias], &[]),
            (Activation::GeluTanh, Some(bias)) => self.microsoft("FastGelu", &[&apart.product, bias], &[]),
            _ => {
                let x = self.together(apart);
                self.activation(&x, activation)
            }
        }
    }

    /// The rows of `linears`, of `inputs` numbers each, one matrix behind the other, or, where they have `heads`, the matrices of
    /// the first head, those of the second …
    pub(super) fn stacked(
        &mut self,
        linears: [&PackedLinear; 3],
        inputs: usize,
        heads: Option<usize>,
    ) -> Result<Value, GraphError> {
        let name = format!("{} with keys and values", linears[0].name);
        let rows: usize = linears.iter().map(|linear| linear.rows.len()).sum();
        let mut parts = Vec::with_capacity(3);
        for linear in linears {
            let full = self.used(&format!("{}.weight", linear.name));
            parts.push(self.numbers_of(&full, &[linear.total, inputs], linear)?);
        }
        let numbers = match self.knows_weight(&name) {
            true => Vec::new(),
            false => interleaved(&parts, heads.unwrap_or(1)),
        };
        Ok(self.initializer(name, &[rows, inputs], Element::F32, TensorData::Owned(numbers.into())))
    }

    /// The biases of `linears` one behind the other; zeros for those without, `None` if none has one.
    pub(super) fn stacked_biases(&mut self, linears: [&PackedLinear; 3]) -> Result<Option<Value>, GraphError> {
        if linears.iter().all(|linear| !linear.bias) {
            return Ok(None);
        }
        let mut numbers = Vec::new();
        for linear in linears {
            if linear.bias {
                let full = self.used(&format!("{}.bias", linear.name));
                let part = self.numbers_of(&full, &[linear.total], linear)?;
                numbers.extend_from_slice(part.as_slice());
            } else {
                numbers.resize(numbers.len() + linear.rows.len(), 0.0);
            }
        }
        let name = format!("{} biases with keys and values", linears[0].name);
        let shape = [numbers.len()];
        Ok(Some(self.initializer(name, &shape, Element::F32, TensorData::Owned(numbers.into()))))
    }

    /// The numbers of a linear layer in f32, from the tensor `full` of the file.
    fn numbers_of(&self, full: &str, shape: &[usize], linear: &PackedLinear) -> Result<TensorData, GraphError> {
        let whole = self.weights.float_tensor(full, shape)?;
        let row: usize = shape[1..].iter().product();
        Ok(whole.slice(linear.rows.start * row..linear.rows.end * row))
    }
}

/// One of `heads` parts of each of `parts` after the other.
fn interleaved(parts: &[TensorData], heads: usize) -> Vec<f32> {
    let parts: Vec<&[f32]> = parts.iter().map(TensorData::as_slice).collect();
    let mut numbers = Vec::with_capacity(parts.iter().map(|part| part.len()).sum());
    for head in 0..heads {
        for part in &parts {
            let size = part.len() / heads;
            numbers.extend_from_slice(&part[head * size..(head + 1) * size]);
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_queries_keys_and_values_lie_together() {
        let part = |first: u8| TensorData::Owned((first..first + 4).map(f32::from).collect());
        let parts = [part(0), part(10), part(20)];
        assert_eq!(interleaved(&parts, 2), [0, 1, 10, 11, 20, 21, 2, 3, 12, 13, 22, 23].map(|n: u8| f32::from(n)));
        assert_eq!(interleaved(&parts, 1), [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23].map(|n: u8| f32::from(n)));
    }
}
