//! An attention as ONNX Runtime's operators see it.

use crate::graph::builder::mask::Mask;
use crate::graph::builder::value::Value;

/// Queries, keys and values for the operators of attention.
pub(in crate::graph) enum Qkv<'a> {
    /// One product, `[tokens, heads, 3, head_dim]`, and the biases that it lacks: those of queries, keys and values one
    /// behind the other.
    Together(&'a Value, Option<&'a Value>),
    /// One each.
    Apart([&'a Value; 3]),
}

/// The properties of an attention.
#[derive(Debug, Clone, Copy)]
pub(in crate::graph) struct Scores<'a> {
    pub heads: usize,
    /// Heads of keys and values: as many, or, where texts are padded, fewer, each shared by several of queries.
    pub kv_heads: usize,
    /// Factor of the scores; `None`: 1/√head_dim.
    pub scale: Option<f32>,
    pub mask: Mask,
    /// For each head, what a key's score loses by each step of its distance; or empty.
    pub slopes: &'a [f32],
    /// Added to the scores: `[1 or batch, 1 or heads, sequence, sequence]`.
    pub bias: Option<&'a Value>,
}
