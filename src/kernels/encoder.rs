//! A layer of an encoder as an operator.

use std::sync::Arc;

use super::operator::{Inputs, Misfit, Operator, Scratch};
use super::sets::{Format, Set, Visit, visit};
use super::simd::{LANES, Simd};
use crate::operands::columns::Transposed;
use crate::operands::matrix::{Matrix, Pack, Part, Pieces, affine, vectors};
use crate::operands::rows::Encode;
use crate::steps::activation::Activation;
use crate::steps::attention::MOST_WIDTH;
use crate::steps::bias::{Full, Masked, Table};
use crate::steps::feed_forward::FeedForward;
use crate::steps::layer::{Buffers, Group, Layer, Picked, Run};
use crate::steps::norm::{Norm, Norms};
use crate::steps::rope::Rope;

/// A norm as a model's file has it.
#[derive(Debug, Clone, Copy)]
pub struct NormWeights<'a> {
    /// The factor of each value.
    pub weight: &'a [f32],
    /// Added to each value by LayerNorm; empty for none. `None` is RMSNorm.
    pub bias: Option<&'a [f32]>,
    /// ε
    pub epsilon: f32,
}

/// A layer as a model's file has it.
#[derive(Debug, Clone, Copy)]
pub struct Description<'a> {
    /// Values of a hidden state.
    pub hidden: usize,
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values; divides `heads`.
    pub kv_heads: usize,
    /// Values of a head, at most 256.
    pub head_dim: usize,
    /// Queries.
    pub query: Matrix<'a>,
    pub key: Matrix<'a>,
    pub value: Matrix<'a>,
    /// The product with the results of the heads.
    pub output: Matrix<'a>,
    /// The product before the activation; its results go through the activation or are multiplied with the gates.
    pub up: Matrix<'a>,
    /// The product whose results go through the activation, and are then multiplied with those of `up`.
    pub gate: Option<Matrix<'a>>,
    pub activation: Activation,
    /// The product after it.
    pub down: Matrix<'a>,
    /// The norms of attention and of the feed-forward network: after each, or before.
    pub norms: [Option<NormWeights<'a>>; 2],
    /// True if norms come before.
    pub norms_first: bool,
    /// The angles by which queries and keys are turned.
    pub rope: Option<&'a Arc<Rope>>,
    /// The rows to compute.
    pub picked: Picked,
    /// True if a query sees only keys at its own position and before.
    pub causal: bool,
    /// The largest distance of a key.
    pub reach: Option<usize>,
    /// True if there is a table of numbers that are added to attention scores.
    pub table: bool,
}

/// Prepares a layer; `None` if the set has no arithmetic for the format, or the sizes do not fit.
pub fn layer(set: Set, format: Format, description: &Description<'_>) -> Option<Arc<dyn Operator>> {
    let Description { hidden, heads, kv_heads, head_dim, rope, .. } = *description;
    if fits(hidden, heads, kv_heads, head_dim, rope.map(Arc::as_ref)) { visit(set, format, description) } else { None }
}

/// True if a layer of these sizes can be computed.
pub fn fits(hidden: usize, heads: usize, kv_heads: usize, head_dim: usize, rope: Option<&Rope>) -> bool {
    let room = 1..=MOST_WIDTH * LANES;
    hidden > 0
        && kv_heads > 0
        && heads > 0
        && heads.is_multiple_of(kv_heads)
        && room.contains(&head_dim)
        && rope.is_none_or(|rope| room.contains(&rope.order(head_dim).len()))
}

impl Visit for &Description<'_> {
    type Output = Arc<dyn Operator>;

    fn visit<S: Simd, K: Pack, QK: Encode, PV: Transposed, const R: usize, const V: usize>(
        self,
        simd: S,
    ) -> Arc<dyn Operator> {
        let layer = build::<K, V>(self);
        let Description { hidden, heads, picked, causal, reach, table, .. } = *self;
        let kinds = std::marker::PhantomData::<fn() -> (QK, PV)>;
        Arc::new(Encoder::<S, K, QK, PV, R, V> { simd, layer, hidden, heads, picked, causal, reach, table, kinds })
    }
}

/// The parameters of a layer, laid out for products of kind `K`.
pub fn build<K: Pack, const V: usize>(description: &Description<'_>) -> Layer<K, V> {
    let Description { hidden, heads, kv_heads, head_dim, .. } = *description;
    let padded = head_dim.next_multiple_of(LANES);
    let of_values = in_order(head_dim);
    let of_keys = description.rope.map_or_else(|| of_values.clone(), |rope| rope.order(head_dim));
    let head = |matrix, order: &[Option<usize>], number: usize, factor| {
        let outputs = order.iter().map(|at| at.map(|at| number * head_dim + at)).collect();
        Part { matrix, outputs, factor }
    };
    // Scores are powers of two.
    let factor = std::f32::consts::LOG2_E / (head_dim as f32).sqrt();
    let each = heads / kv_heads;
    let groups = (0..kv_heads).map(|group| {
        let query = |number| head(description.query, &of_keys, group * each + number, factor);
        let queries: Vec<_> = (0..each).map(query).collect();
        let key = head(description.key, &of_keys, group, 1.0);
        let value = head(description.value, &of_values, group, 1.0);
        let inputs = Pieces::whole(hidden);
        Group { queries: affine(&queries, inputs), keys_values: affine(&[key, value], inputs) }
    });
    let norm = |norm: &Option<NormWeights<'_>>| {
        let Some(norm) = norm else { return Norm::Identity };
        let weight = vectors(hidden, |at| norm.weight[at]);
        match norm.bias {
            Some(bias) => Norm::Layer {
                values: hidden,
                weight,
                bias: vectors(hidden, |at| bias.get(at).copied().unwrap_or(0.0)),
                epsilon: norm.epsilon,
            },
            None => Norm::Rms { values: hidden, weight, epsilon: norm.epsilon },
        }
    };
    let before_activation: Vec<_> = description.gate.into_iter().chain([description.up]).map(Part::all).collect();
    Layer {
        hidden: hidden.div_ceil(LANES),
        width: of_keys.len() / LANES,
        value_width: padded / LANES,
        rope: description.rope.cloned(),
        groups: groups.collect(),
        output: affine(&[Part::all(description.output)], Pieces { size: head_dim, padded }),
        feed_forward: FeedForward {
            up: affine(&before_activation, Pieces::whole(hidden)),
            activation: description.activation,
            gated: description.gate.is_some(),
            down: affine(&[Part::all(description.down)], Pieces::whole(description.down.inputs)),
        },
        norms: match (description.norms.each_ref().map(norm), description.norms_first) {
            (norms, true) => Norms::Pre(norms),
            (norms, false) => Norms::Post(norms),
        },
    }
}

/// The numbers of a head in their own order, in whole vectors.
fn in_order(head_dim: usize) -> Vec<Option<usize>> {
    let mut order: Vec<_> = (0..head_dim).map(Some).collect();
    order.resize(head_dim.next_multiple_of(LANES), None);
    order
}

struct Encoder<S, K: Encode, QK, PV, const R: usize, const V: usize> {
    simd: S,
    layer: Layer<K, V>,
    /// Values of a hidden state, without those that fill its last vector.
    hidden: usize,
    heads: usize,
    picked: Picked,
    causal: bool,
    reach: Option<usize>,
    table: bool,
    kinds: std::marker::PhantomData<fn() -> (QK, PV)>,
}

impl<S: Simd, K: Encode, QK: Encode, PV: Transposed, const R: usize, const V: usize> Operator
    for Encoder<S, K, QK, PV, R, V>
{
    fn width(&self) -> usize {
        self.hidden
    }

    fn rows(&self, inputs: &Inputs<'_>) -> Result<usize, Misfit> {
        let mut tokens = 0usize;
        for &length in inputs.lengths {
            let length = usize::try_from(length).ok().filter(|&length| length > 0);
            let length = length.ok_or_else(|| Misfit("a sequence without tokens".into()))?;
            tokens = tokens.saturating_add(length);
            if self.table && length > inputs.table_size {
                return Err(Misfit(format!("{length} tokens, but a table of {} positions", inputs.table_size)));
            }
        }
        if tokens.checked_mul(self.width()) != Some(inputs.states.len()) {
            return Err(Misfit(format!("{} values in {tokens} rows of {}", inputs.states.len(), self.width())));
        }
        if self.table && inputs.table.len() != self.heads * inputs.table_size * inputs.table_size {
            return Err(Misfit(format!("a table of {} numbers for {} heads", inputs.table.len(), self.heads)));
        }
        Ok(if self.picked == Picked::All { tokens } else { inputs.lengths.len() })
    }

    fn run(&self, inputs: &Inputs<'_>, scratch: &mut Scratch, output: &mut [f32]) {
        let buffers: &mut Buffers<K, QK, PV, R, V> = scratch.of();
        let lengths: Vec<usize> = inputs.lengths.iter().map(|&length| length as usize).collect();
        if !self.hidden.is_multiple_of(LANES) {
            let states: Vec<_> = inputs.states.chunks_exact(self.hidden).flat_map(whole_vectors).collect();
            let mut padded = vec![[0.0; LANES]; output.len() / self.hidden * self.layer.hidden];
            self.compute(inputs, &states, &lengths, buffers, &mut padded);
            for (row, padded) in output.chunks_exact_mut(self.hidden).zip(padded.chunks_exact(self.layer.hidden)) {
                row.copy_from_slice(&padded.as_flattened()[..self.hidden]);
            }
            return;
        }
        self.compute(inputs, inputs.states.as_chunks().0, &lengths, buffers, output.as_chunks_mut().0);
    }
}

impl<S: Simd, K: Encode, QK: Encode, PV: Transposed, const R: usize, const V: usize> Encoder<S, K, QK, PV, R, V> {
    fn compute(
        &self,
        inputs: &Inputs<'_>,
        states: &[[f32; LANES]],
        lengths: &[usize],
        buffers: &mut Buffers<K, QK, PV, R, V>,
        output: &mut [[f32; LANES]],
    ) {
        let Self { simd, layer, picked, .. } = self;
        if !self.causal && self.reach.is_none() && !self.table {
            let (picked, bias) = (*picked, &Full);
            return simd.vectorize(Run { layer, states, lengths, bias, picked, buffers, output });
        }
        let size = inputs.table_size;
        let stride = size.div_ceil(LANES);
        let mut table = Vec::new();
        if self.table {
            table.reserve(inputs.table.len() / size.max(1) * stride);
            for row in inputs.table.chunks_exact(size.max(1)) {
                let power = |at: usize| row[at].max(f32::MIN / 4.0) * std::f32::consts::LOG2_E;
                table.extend(vectors(size, power));
            }
        }
        let table = self.table.then_some(Table { values: &table, queries: size, stride });
        let bias = &Masked { causal: self.causal, reach: self.reach, slopes: None, table };
        simd.vectorize(Run { layer, states, lengths, bias, picked: *picked, buffers, output });
    }
}

/// A row in vectors, the last one filled up with zeros.
fn whole_vectors(row: &[f32]) -> Vec<[f32; LANES]> {
    vectors(row.len(), |at| row[at])
}
