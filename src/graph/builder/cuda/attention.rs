//! Attention over texts that lie one behind the other, or in padded rows.

use super::scores::{Qkv, Scores};
use crate::graph::builder::graph_builder::Builder;
use crate::graph::builder::packed::{PackedLayer, PackedNorm};
use crate::graph::builder::value::{Attribute, Value};
use crate::graph::{Feed, GraphError, Layout, Precision};

impl Builder<'_> {
    /// True if texts lie one behind the other for ONNX Runtime's packed attention.
    pub(in super::super) fn is_unpadded(&self) -> bool {
        self.cuda.as_ref().is_some_and(|cuda| cuda.layout == Layout::Unpadded)
    }

    /// The attention of a layer over tokens `x`, which went through the layer's first norm: every query's mean of the values.
    pub(super) fn cuda_attention(&mut self, x: &Value, spec: &PackedLayer<'_>) -> Result<Value, GraphError> {
        let PackedLayer { hidden, heads, kv_heads, head_dim, .. } = *spec;
        let linears = [&spec.query, &spec.key, &spec.value];
        let (scale, mask, slopes, bias) = (spec.scale, spec.mask, spec.slopes, spec.bias);
        let scores = Scores { heads, kv_heads: heads, scale, mask, slopes, bias };
        if self.is_unpadded() && spec.rope.is_none() && spec.head_norms.is_none() && heads == kv_heads {
            let biases = self.stacked_biases(linears)?;
            let weight = self.stacked(linears, hidden, Some(heads))?;
            let product = self.fused_product(x, &weight);
            let by_head = self.ints(&[-1, heads as i64, 3, head_dim as i64]);
            let product = self.op("Reshape", &[&product, &by_head], &[]);
            return Ok(self.scored(&Qkv::Together(&product, biases.as_ref()), &scores));
        }
        // Heads that several queries share are repeated where the operator does not do it, or is slow at it.
        let shares = !self.is_unpadded() && self.precision() != Precision::Float32;
        let scores = Scores { kv_heads: if shares { kv_heads } else { heads }, ..scores };
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
            products.push(if number == 0 || shares { product } else { self.repeated(&product, spec) });
        }
        Ok(self.scored(&Qkv::Apart([&products[0], &products[1], &products[2]]), &scores))
    }

    /// Attention by its operator: `PackedMultiHeadAttention` of ONNX Runtime, or, where texts are padded, `Attention` of ONNX.
    /// `MultiHeadAttention` requires cuDNN, even where it does not use it.
    pub(in crate::graph) fn scored(&mut self, qkv: &Qkv<'_>, scores: &Scores<'_>) -> Value {
        let bias = self.score_bias(scores);
        let absent = Self::absent();
        let mut inputs = match qkv {
            Qkv::Together(product, biases) => vec![*product, &absent, &absent, biases.unwrap_or(&absent)],
            Qkv::Apart(each) => each.to_vec(),
        };
        let scale = scores.scale.map(|scale| Attribute::Float("scale", scale));
        if self.is_unpadded() {
            let (places, offsets) = (self.feed_i32(Feed::Places), self.feed_i32(Feed::Offsets));
            inputs.resize(4, &absent);
            inputs.extend([&places, &offsets]);
            inputs.extend(&bias);
            let mut attributes = vec![Attribute::Int("num_heads", scores.heads as i64)];
            attributes.extend(scale);
            return self.microsoft("PackedMultiHeadAttention", &inputs, &attributes);
        }
        inputs.extend(&bias);
        let mut attributes = vec![
            Attribute::Int("q_num_heads", scores.heads as i64),
            Attribute::Int("kv_num_heads", scores.kv_heads as i64),
        ];
        attributes.extend(scale);
        if scores.mask.causal && bias.is_none() {
            attributes.push(Attribute::Int("is_causal", 1));
        }
        self.op("Attention", &inputs, &attributes)
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
