//! Layers over packed texts, each one operator of our own: see [`crate::kernels`].

use super::super::{GraphError, LENGTHS, OPERATOR, OPERATOR_DOMAIN, Rows};
use super::graph_builder::Builder;
use super::layers::Activation;
use super::matrix::Products;
use super::value::{Attribute, Value};
use crate::kernels::encoder::{Description, NormWeights, layer};
use crate::kernels::{self, Matrix, Numbers, Picked};
use crate::model::weights::TensorData;

/// A post-norm layer, its weights by their full names.
pub(in super::super) struct PackedLayer<'a> {
    pub hidden: usize,
    pub heads: usize,
    pub intermediate: usize,
    pub activation: Activation,
    pub eps: f32,
    pub query: &'a str,
    pub key: &'a str,
    pub value: &'a str,
    pub attended: &'a str,
    pub attended_norm: &'a str,
    pub inner: &'a str,
    pub outer: &'a str,
    pub outer_norm: &'a str,
    /// Added to attention scores: `[1, heads, positions, positions]`.
    pub bias: Option<&'a Value>,
    /// The rows to compute.
    pub rows: Rows,
}

impl PackedLayer<'_> {
    /// True if there is an operator for such a layer.
    pub(crate) fn exists(hidden: usize, heads: usize, intermediate: usize, activation: Activation) -> bool {
        own(activation).is_some()
            && intermediate > 0
            && kernels::encoder::fits(hidden, heads, heads, hidden / heads.max(1))
    }
}

fn own(activation: Activation) -> Option<kernels::Activation> {
    match activation {
        Activation::Gelu => Some(kernels::Activation::Gelu),
        Activation::GeluTanh => Some(kernels::Activation::GeluTanh),
        Activation::Relu => Some(kernels::Activation::Relu),
        Activation::Silu => Some(kernels::Activation::Silu),
        Activation::Tanh | Activation::Sigmoid => None,
    }
}

/// A linear layer's numbers, kept while they are packed.
struct Linear {
    inputs: usize,
    outputs: usize,
    numbers: TensorData,
    /// The steps of integers.
    scales: Option<TensorData>,
    bias: TensorData,
    smoothing: Option<TensorData>,
}

impl Linear {
    fn matrix(&self) -> Matrix<'_> {
        let numbers = match &self.scales {
            Some(scales) => Numbers::I8(self.numbers.bytes(), scales.as_slice()),
            None => Numbers::F32(self.numbers.as_slice()),
        };
        let smoothing = self.smoothing.as_ref().map_or(&[][..], TensorData::as_slice);
        Matrix { inputs: self.inputs, outputs: self.outputs, numbers, bias: self.bias.as_slice(), smoothing }
    }
}

impl Builder<'_> {
    /// True if texts are packed.
    pub(in super::super) fn is_packed(&self) -> bool {
        self.packed.is_some()
    }

    /// Attention and feed-forward, each added to its input and normalised after, over flat `x`.
    pub(in super::super) fn packed_layer(&mut self, x: &Value, spec: &PackedLayer<'_>) -> Result<Value, GraphError> {
        let PackedLayer { hidden, heads, intermediate, eps, rows, .. } = *spec;
        // As in a graph of built-in operators: rows that are picked are an input of their own.
        let of_queries = self.number();
        let of_keys = if rows == Rows::All { of_queries } else { self.number() };
        let query = self.linear_parts(spec.query, hidden, hidden, of_queries)?;
        let key = self.linear_parts(spec.key, hidden, hidden, of_keys)?;
        let value = self.linear_parts(spec.value, hidden, hidden, of_keys)?;
        let number = self.number();
        let output = self.linear_parts(spec.attended, hidden, hidden, number)?;
        let first = self.norm_parts(spec.attended_norm, hidden)?;
        let number = self.number();
        let up = self.linear_parts(spec.inner, hidden, intermediate, number)?;
        let number = self.number();
        let down = self.linear_parts(spec.outer, intermediate, hidden, number)?;
        let second = self.norm_parts(spec.outer_norm, hidden)?;
        let description = Description {
            hidden,
            heads,
            kv_heads: heads,
            head_dim: hidden / heads.max(1),
            query: query.matrix(),
            key: key.matrix(),
            value: value.matrix(),
            output: output.matrix(),
            up: up.matrix(),
            activation: own(spec.activation).unwrap_or(kernels::Activation::Gelu),
            gated: false,
            down: down.matrix(),
            norms: [
                NormWeights { weight: first[0].as_slice(), bias: Some(first[1].as_slice()), epsilon: eps },
                NormWeights { weight: second[0].as_slice(), bias: Some(second[1].as_slice()), epsilon: eps },
            ],
            norms_first: false,
            picked: match rows {
                Rows::All => Picked::All,
                Rows::First => Picked::First,
                Rows::Last => Picked::Last,
            },
            causal: false,
            reach: None,
            table: spec.bias.is_some(),
        };
        let missing = || GraphError::NoOperator { layer: spec.outer.to_owned() };
        let packed = self.packed.as_mut().ok_or_else(missing)?;
        let key = (spec.outer.to_owned(), rows);
        let number = match packed.numbers.get(&key) {
            Some(&number) => number,
            None => {
                packed.operators.push(layer(packed.set, packed.format, &description).ok_or_else(missing)?);
                packed.operators.len() - 1
            }
        };
        packed.numbers.insert(key, number);
        let lengths = Value(LENGTHS.into());
        let inputs: Vec<&Value> = [x, &lengths].into_iter().chain(spec.bias).collect();
        self.attention_width += hidden;
        Ok(self.node(OPERATOR_DOMAIN, OPERATOR, &inputs, &[Attribute::Int("number", number as i64)]))
    }

    /// The number of the next input of products.
    fn number(&mut self) -> usize {
        let name = self.fresh("packed input");
        match &mut self.products {
            Products::Int8 { inputs, .. } => {
                inputs.push(Value(name));
                inputs.len() - 1
            }
            Products::Float32 | Products::Watched(_) => 0,
        }
    }

    /// The linear layer `name`, whose input has that number.
    fn linear_parts(&mut self, name: &str, inputs: usize, outputs: usize, number: usize) -> Result<Linear, GraphError> {
        let matrix = self.matrix(&format!("{name}.weight"), outputs, inputs)?;
        let (bias, _) = self.data(&format!("{name}.bias"), &[outputs])?;
        if let Products::Int8 { weights, .. } = &self.products {
            let missing = || GraphError::Int8(matrix.name());
            let treatment = weights.treatment(number).ok_or_else(missing)?;
            let (numbers, scales) = weights.matrix(&matrix.name(), inputs, outputs).ok_or_else(missing)?;
            let smoothing = treatment.smoothing.clone();
            return Ok(Linear { inputs, outputs, numbers, scales: Some(scales), bias, smoothing });
        }
        let numbers = self.weights.float_tensor(&matrix.tensor, &[outputs, inputs])?;
        Ok(Linear { inputs, outputs, numbers, scales: None, bias, smoothing: None })
    }

    /// Weight and bias of the norm `name`.
    fn norm_parts(&mut self, name: &str, size: usize) -> Result<[TensorData; 2], GraphError> {
        let [weight, bias] = self.norm_names(name);
        Ok([self.data(&weight, &[size])?.0, self.data(&bias, &[size])?.0])
    }
}
