//! Attention over texts that lie one behind the other, or in padded rows.

use super::scores::{Qkv, Scores};
use crate::graph::builder::graph_builder::Builder;
use crate::graph::builder::packed::{PackedLayer, PackedLinear, PackedNorm};
use crate::graph::builder::value::{Attribute, Value};
use crate::graph::{Feed, GraphError, Layout};

impl Builder<'_> {
    /// True if texts lie one behind the other for ONNX Runtime's packed attention.
    pub(in super::super) fn is_unpadded(&self) -> bool {
        self.cuda.as_ref().is_some_and(|cuda| cuda.layout == Layout::Unpadded)
    }

    /// The attention of a layer over tokens `x`, which went through the layer's first norm: every query's mean of the values.
    pub(super) fn cuda_attention(&mut self, x: &Value, spec: &PackedLayer<'_>) -> Result<Value, GraphError> {
        let PackedLayer { hidden, heads, kv_heads, head_dim, .. } = *spec;
        let linears = [&spec.query, &spec.key, &spec.value];
        let scores = Scores { heads, scale: spec.scale, mask: spec.mask, slopes: spec.slopes, bias: spec.bias };
        if spec.rope.is_none() && spec.head_norms.is_none() && heads == kv_heads {
            let biases = self.stacked_biases(linears)?;
            if self.is_unpadded() {
                let weight = self.stacked(linears, hidden, Some(heads))?;
                let product = self.fused_product(x, &weight);
                let by_head = self.ints(&[-1, heads as i64, 3, head_dim as i64]);
                let product = self.op("Reshape", &[&product, &by_head], &[]);
                return Ok(self.scored(&Qkv::Together(&product), biases.as_ref(), &scores));
            }
            let mut products = Vec::with_capacity(3);
            for linear in linears {
                products.push(self.apart(x, &PackedLinear { bias: false, ..linear.clone() }, hidden)?.product);
            }
            return Ok(self.scored(&Qkv::Apart([&products[0], &products[1], &products[2]]), biases.as_ref(), &scores));
        }
        let mut products = Vec::with_capacity(3);
        for (number, linear) in linears.into_iter().enumerate() {
            let heads = if number == 0 { heads } else { kv_heads };
            let apart = self.apart(x, linear, hidden)?;
            let mut product = self.together(apart);
            if let Some(norm) = spec.head_norms.as_ref().and_then(|norms| norms.get(number)) {
                let by_head = self.apart_by_head(&product, heads, head_dim);
                let normed = self.cuda_norm(&by_head, &PackedNorm::Rms(norm.clone()), head_dim, spec.eps)?;
                product = self.joined(&normed, heads * head_dim);
            }
            if let (Some(rope), 0 | 1) = (spec.rope, number) {
                product = self.cuda_rotation(&product, rope, heads, head_dim);
            }
            products.push(if number == 0 { product } else { self.repeated(&product, spec) });
        }
        Ok(self.scored(&Qkv::Apart([&products[0], &products[1], &products[2]]), None, &scores))
    }

    /// Attention by its operator; `biases` are those of the products one behind the other.
    pub(in crate::graph) fn scored(&mut self, qkv: &Qkv<'_>, biases: Option<&Value>, scores: &Scores<'_>) -> Value {
        let bias = self.score_bias(scores);
        let absent = Self::absent();
        let biases = biases.unwrap_or(&absent);
        let mut inputs = match qkv {
            Qkv::Together(product) => vec![*product, &absent, &absent, biases],
            Qkv::Apart([q, k, v]) => vec![*q, *k, *v, biases],
        };
        let mut attributes = vec![Attribute::Int("num_heads", scores.heads as i64)];
        attributes.extend(scores.scale.map(|scale| Attribute::Float("scale", scale)));
        if self.is_unpadded() {
            let (places, offsets) = (self.feed_i32(Feed::Places), self.feed_i32(Feed::Offsets));
            inputs.extend([&places, &offsets]);
            inputs.extend(&bias);
            return self.microsoft("PackedMultiHeadAttention", &inputs, &attributes);
        }
        if scores.mask.causal && bias.is_none() {
            attributes.push(Attribute::Int("unidirectional", 1));
        }
        if let Some(bias) = &bias {
            // Before it: a mask of padding.
            inputs.extend([&absent, bias]);
        } else if biases.0.is_empty() {
            inputs.pop();
        }
        self.microsoft("MultiHeadAttention", &inputs, &attributes)
    }

    /// Keys or values with every head as often as heads of queries share it.
    fn repeated(&mut self, x: &Value, spec: &PackedLayer<'_>) -> Value {
        let PackedLayer { heads, kv_heads, head_dim, .. } = *spec;
        if heads == kv_heads {
            return x.clone();
        }
        let tokens = self.token_axes();
        let mut shape = vec![0; tokens];
        shape.extend([kv_heads as i64, 1, head_dim as i64]);
        let mut often = vec![1; tokens];
        often.extend([1, (heads / kv_heads) as i64, 1]);
        let (shape, often) = (self.ints(&shape), self.ints(&often));
        let x = self.op("Reshape", &[x, &shape], &[]);
        let x = self.op("Expand", &[&x, &often], &[]);
        self.joined(&x, heads * head_dim)
    }

    /// Axes of activations before the last.
    fn token_axes(&self) -> usize {
        if self.is_unpadded() { 1 } else { 2 }
    }

    /// Tokens' rows by head: another axis before the last.
    fn apart_by_head(&mut self, x: &Value, heads: usize, head_dim: usize) -> Value {
        let mut shape = vec![0; self.token_axes()];
        shape.extend([heads as i64, head_dim as i64]);
        let shape = self.ints(&shape);
        self.op("Reshape", &[x, &shape], &[])
    }

    /// The reverse of [`Builder::apart_by_head`], for any number of axes behind the tokens'.
    fn joined(&mut self, x: &Value, width: usize) -> Value {
        let mut shape = vec![0; self.token_axes()];
        shape.push(width as i64);
        let shape = self.ints(&shape);
        self.op("Reshape", &[x, &shape], &[])
    }
}
