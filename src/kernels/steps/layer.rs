//! A layer of an encoder: attention, and what follows it block by block of rows, so that every intermediate stays in the
//! cache.

use std::sync::Arc;

use super::attention::{self, Attention, View};
use super::bias::Bias;
use super::feed_forward::{self, AfterAttention, FeedForward, normalise, quantise};
use super::linear::{Affine, Linear};
use super::norm::{Norm, Norms};
use super::rope::{Rope, rotate};
use super::store::Store;
use crate::operands::columns::Transposed;
use crate::operands::rows::{Centre, Encode, Rows};
use crate::simd::{Kernel, LANES, Simd};

/// The rows of the last hidden state that are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picked {
    All,
    /// The first token's of each sequence.
    First,
    /// The last token's of each sequence.
    Last,
}

/// The heads of queries that share a head of keys and values.
#[derive(Debug, Clone)]
pub struct Group<K: Encode, const V: usize> {
    /// Queries of the heads, scaled by log2 e / √size.
    pub queries: Affine<K, V>,
    /// Keys, then values.
    pub keys_values: Affine<K, V>,
}

/// The parameters of a layer.
#[derive(Debug, Clone)]
pub struct Layer<K: Encode, const V: usize> {
    /// Vectors of a hidden state.
    pub hidden: usize,
    /// Vectors of a head of queries and keys.
    pub width: usize,
    /// Vectors of a head of values.
    pub value_width: usize,
    /// The norms of each head's queries and keys, before they are turned.
    pub head_norms: [Norm; 2],
    /// The angles by which queries and keys are turned.
    pub rope: Option<Arc<Rope>>,
    /// Heads, in groups of equal size.
    pub groups: Vec<Group<K, V>>,
    /// The product with the results of the heads.
    pub output: Affine<K, V>,
    /// The feed-forward network.
    pub feed_forward: FeedForward<K, V>,
    pub norms: Norms,
}

impl<K: Encode, const V: usize> Layer<K, V> {
    /// Heads of queries in a group.
    pub fn heads_in_group(&self) -> usize {
        self.groups.first().map_or(0, |group| group.queries.vectors() / self.width)
    }
}

/// Buffers that calls reuse.
pub(crate) struct Buffers<K: Encode, QK: Encode, PV: Transposed, const R: usize, const V: usize> {
    attention: attention::Buffers<QK, PV, R, V>,
    after: feed_forward::Buffers<K, R>,
    /// The inputs of the products for queries, and for keys and values.
    inputs: [Rows<K, R>; 2],
    normalised: Vec<[f32; LANES]>,
    queries: Vec<[f32; LANES]>,
    keys_values: Vec<[f32; LANES]>,
    context: Vec<[f32; LANES]>,
    picked: Vec<[f32; LANES]>,
    /// States and results in whole vectors, where rows have no whole number of them.
    pub padded_states: Vec<[f32; LANES]>,
    pub padded_output: Vec<[f32; LANES]>,
}

impl<K: Encode, QK: Encode, PV: Transposed, const R: usize, const V: usize> Default for Buffers<K, QK, PV, R, V> {
    fn default() -> Self {
        Self {
            attention: attention::Buffers::default(),
            after: feed_forward::Buffers::default(),
            inputs: [Rows::default(), Rows::default()],
            normalised: Vec::new(),
            queries: Vec::new(),
            keys_values: Vec::new(),
            context: Vec::new(),
            picked: Vec::new(),
            padded_states: Vec::new(),
            padded_output: Vec::new(),
        }
    }
}

/// A layer over sequences that stand one behind the other.
pub(crate) struct Run<'a, B: Bias, K: Encode, QK: Encode, PV: Transposed, const R: usize, const V: usize> {
    /// The parameters.
    pub layer: &'a Layer<K, V>,
    /// The hidden states of all sequences.
    pub states: &'a [[f32; LANES]],
    /// The lengths of the sequences, none of which is 0.
    pub lengths: &'a [usize],
    pub bias: &'a B,
    /// The rows to compute.
    pub picked: Picked,
    pub buffers: &'a mut Buffers<K, QK, PV, R, V>,
    /// The new hidden states, of the rows to compute.
    pub output: &'a mut [[f32; LANES]],
}

impl<B: Bias, K: Encode, QK: Encode, PV: Transposed, const R: usize, const V: usize> Kernel
    for Run<'_, B, K, QK, PV, R, V>
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { layer, states, lengths, bias, picked, buffers, output } = self;
        let Layer { hidden, width, value_width, .. } = *layer;
        let stride = width + value_width;
        let tokens = states.len() / hidden;
        let heads = layer.heads_in_group();
        let rows = output.len() / hidden;

        let mut inputs = states;
        let norm = &layer.norms.inputs[0];
        if !norm.is_identity() {
            buffers.normalised.clear();
            buffers.normalised.extend_from_slice(states);
            normalise(simd, &mut buffers.normalised, norm, hidden);
            inputs = &buffers.normalised;
        }
        let [query_rows, key_rows] = &mut buffers.inputs;
        let first = &layer.groups[0];
        quantise(simd, key_rows, inputs, hidden, first.keys_values.smoothing.as_deref(), Centre::Zero);
        if picked != Picked::All {
            buffers.picked.resize(rows * hidden, [0.0; LANES]);
            pick(inputs, hidden, lengths, picked, &mut buffers.picked);
            quantise(simd, query_rows, &buffers.picked, hidden, first.queries.smoothing.as_deref(), Centre::Zero);
        }
        let (query_rows, key_rows) = (if picked == Picked::All { &*key_rows } else { &*query_rows }, &*key_rows);

        let context_stride = layer.groups.len() * heads * value_width;
        buffers.context.resize(rows * context_stride, [0.0; LANES]);
        buffers.queries.resize(rows * heads * width, [0.0; LANES]);
        buffers.keys_values.resize(tokens * stride, [0.0; LANES]);
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let turns = layer.rope.as_ref().map(|rope| (rope.vectors(), rope.table(longest)));
        for (number, group) in layer.groups.iter().enumerate() {
            let to = Store { rows: &mut buffers.queries, width: heads * width };
            simd.vectorize(Linear { rows: query_rows, count: rows, affine: &group.queries, epilogue: to });
            let to = Store { rows: &mut buffers.keys_values, width: stride };
            simd.vectorize(Linear { rows: key_rows, count: tokens, affine: &group.keys_values, epilogue: to });
            let [of_queries, of_keys] = &layer.head_norms;
            normalise(simd, &mut buffers.queries, of_queries, width);
            if !of_keys.is_identity() {
                for row in buffers.keys_values.chunks_exact_mut(stride) {
                    of_keys.apply(simd, &mut row[..width]);
                }
            }
            let (mut token, mut row) = (0, 0);
            for &length in lengths {
                let (query_count, first_query) = match picked {
                    Picked::All => (length, 0),
                    Picked::First => (1, 0),
                    Picked::Last => (1, length - 1),
                };
                if let Some((pairs, turns)) = &turns {
                    let turn = |position: usize| &turns[position * pairs..(position + 1) * pairs];
                    for position in 0..length {
                        let key = &mut buffers.keys_values[(token + position) * stride..][..width];
                        rotate(simd, key, width, turn(position));
                    }
                    for query in 0..query_count {
                        let queries = &mut buffers.queries[(row + query) * heads * width..][..heads * width];
                        rotate(simd, queries, width, turn(first_query + query));
                    }
                }
                let view = |at| View { values: &buffers.keys_values[token * stride..], stride, at };
                Attention {
                    queries: View { values: &buffers.queries[row * heads * width..], stride: heads * width, at: 0 },
                    query_count,
                    first_query,
                    keys: view(0),
                    values: view(width),
                    key_count: length,
                    heads,
                    first_head: number * heads,
                    width,
                    value_width,
                    bias,
                    buffers: &mut buffers.attention,
                    context: &mut buffers.context[row * context_stride..],
                    context_stride,
                    context_at: number * heads * value_width,
                }
                .run(simd);
                token += length;
                row += query_count;
            }
        }
        let mut residual = states;
        if picked != Picked::All {
            pick(states, hidden, lengths, picked, &mut buffers.picked);
            residual = &buffers.picked;
        }
        // Functions of their own: the same for every bias.
        simd.vectorize(AfterAttention {
            context: &buffers.context,
            inputs: residual,
            states: output,
            output: &layer.output,
            feed_forward: &layer.feed_forward,
            norms: &layer.norms,
            buffers: &mut buffers.after,
        });
    }
}

/// The picked rows, first or last, of all sequences.
fn pick(states: &[[f32; LANES]], width: usize, lengths: &[usize], picked: Picked, to: &mut [[f32; LANES]]) {
    let mut token = 0;
    for (&length, to) in lengths.iter().zip(to.chunks_exact_mut(width)) {
        let at = if picked == Picked::First { token } else { token + length - 1 };
        to.copy_from_slice(&states[at * width..(at + 1) * width]);
        token += length;
    }
}
