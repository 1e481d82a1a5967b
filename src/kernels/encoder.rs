//! A layer of an encoder as an operator.

use std::sync::Arc;

use super::linear::in_vectors;
use super::operator::{Inputs, Misfit, Operator, Scratch, tokens};
use super::sets::{Format, Set, Visit, visit};
use super::simd::{LANES, Simd};
use crate::operands::bounded::bounded;
use crate::operands::columns::Transposed;
use crate::operands::matrix::{MOST_INPUTS, Matrix, Pack, Part, Pieces, affine, vectors};
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
    /// The norms of attention and of the feed-forward network, by their places.
    pub norms: LayerNorms<'a>,
    /// The factors of the RMSNorms of each head's queries and keys, and their ε.
    pub head_norms: Option<([&'a [f32]; 2], f32)>,
    /// The angles by which queries and keys are turned.
    pub rope: Option<&'a Arc<Rope>>,
    /// The factor of attention scores; `None` is 1/√size of a head.
    pub scale: Option<f32>,
    /// The rows to compute.
    pub picked: Picked,
    /// True if a query sees only keys at its own position and before.
    pub causal: bool,
    /// The largest distance of a key.
    pub reach: Option<usize>,
    /// For each head of queries, what a key's score loses by each step of its distance (ALiBi); or empty.
    pub slopes: &'a [f32],
    /// True if there is a table of numbers that are added to attention scores.
    pub table: bool,
}

/// The norms of a layer by their places; see [`Norms`].
#[derive(Debug, Clone, Copy, Default)]
pub struct LayerNorms<'a> {
    pub inputs: [Option<NormWeights<'a>>; 2],
    pub results: [Option<NormWeights<'a>>; 2],
    pub sums: [Option<NormWeights<'a>>; 2],
}

/// Numbers of values and heads of a layer.
#[derive(Debug, Clone, Copy)]
pub struct LayerSizes {
    /// Values of a hidden state.
    pub hidden: usize,
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values; divides `heads`.
    pub kv_heads: usize,
    /// Values of a head, at most 256.
    pub head_dim: usize,
    /// Values between the two products of the feed-forward network.
    pub inner: usize,
}

impl LayerSizes {
    /// True if a layer of these sizes, its heads turned by `rope`, can be computed.
    pub fn fit(self, rope: Option<&Rope>) -> bool {
        let Self { hidden, heads, kv_heads, head_dim, inner } = self;
        let (room, inputs) = (1..=MOST_WIDTH * LANES, 1..=MOST_INPUTS);
        kv_heads > 0
            && heads > 0
            && heads.is_multiple_of(kv_heads)
            && room.contains(&head_dim)
            && rope.is_none_or(|rope| room.contains(&rope.order(head_dim).len()))
            && [hidden, inner, heads.saturating_mul(head_dim.next_multiple_of(LANES))]
                .iter()
                .all(|size| inputs.contains(size))
    }
}

/// Prepares a layer; `None` if the set has no arithmetic for the format, or what is described does not fit together.
pub fn layer(set: Set, format: Format, description: &Description<'_>) -> Option<Arc<dyn Operator>> {
    if description.fits(format) { visit(set, format, description) } else { None }
}

impl Description<'_> {
    fn fits(&self, format: Format) -> bool {
        let Self { hidden, heads, kv_heads, head_dim, .. } = *self;
        let sizes = LayerSizes { hidden, heads, kv_heads, head_dim, inner: self.down.inputs };
        let [queries, keys] = [heads, kv_heads].map(|heads| heads.saturating_mul(head_dim));
        let shapes = [
            (self.query, hidden, queries),
            (self.key, hidden, keys),
            (self.value, hidden, keys),
            (self.output, queries, hidden),
            (self.up, hidden, sizes.inner),
            (self.gate.unwrap_or(self.up), hidden, sizes.inner),
            (self.down, sizes.inner, hidden),
        ];
        let LayerNorms { inputs, results, sums } = self.norms;
        let norm = |norm: &NormWeights<'_>| {
            norm.weight.len() == hidden && norm.bias.is_none_or(|bias| [0, hidden].contains(&bias.len()))
        };
        sizes.fit(self.rope.map(Arc::as_ref))
            && shapes.iter().all(|(matrix, inputs, outputs)| {
                (matrix.inputs, matrix.outputs) == (*inputs, *outputs) && matrix.fits(format)
            })
            && [inputs, results, sums].as_flattened().iter().flatten().all(norm)
            && self.head_norms.is_none_or(|(weights, _)| weights.iter().all(|weight| weight.len() == head_dim))
            && [0, heads].contains(&self.slopes.len())
    }
}

impl Visit for &Description<'_> {
    type Output = Arc<dyn Operator>;

    fn bounded(&self) -> bool {
        let Description { query, key, value, output, up, gate, down, .. } = self;
        let others = [query, key, value, up, down].into_iter().chain(gate);
        bounded(others.map(|matrix| (matrix, matrix.inputs)).chain([(output, self.head_dim)]))
    }

    fn visit<S: Simd, K: Pack, QK: Encode, PV: Transposed, const R: usize, const V: usize>(
        self,
        simd: S,
    ) -> Arc<dyn Operator> {
        let layer = build::<K, V>(self);
        let Description { hidden, heads, picked, causal, reach, table, .. } = *self;
        let slopes = self.slopes.iter().map(|slope| slope * std::f32::consts::LOG2_E).collect();
        let kinds = std::marker::PhantomData::<fn() -> (QK, PV)>;
        Arc::new(Encoder::<S, K, QK, PV, R, V> {
            simd,
            layer,
            hidden,
            heads,
            picked,
            causal,
            reach,
            slopes,
            table,
            kinds,
        })
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
    let factor = std::f32::consts::LOG2_E * description.scale.unwrap_or(1.0 / (head_dim as f32).sqrt());
    let (of_products, of_norms) = if description.head_norms.is_some() { (1.0, factor) } else { (factor, 1.0) };
    let each = heads / kv_heads;
    let groups = (0..kv_heads).map(|group| {
        let query = |number| head(description.query, &of_keys, group * each + number, of_products);
        let queries: Vec<_> = (0..each).map(query).collect();
        let key = head(description.key, &of_keys, group, 1.0);
        let value = head(description.value, &of_values, group, 1.0);
        let inputs = Pieces::whole(hidden);
        Group { queries: affine(&queries, inputs), keys_values: affine(&[key, value], inputs) }
    });
    let head_norms = match description.head_norms {
        None => [Norm::Identity, Norm::Identity],
        Some((weights, epsilon)) => [(weights[0], of_norms), (weights[1], 1.0)].map(|(weight, factor)| Norm::Rms {
            values: head_dim,
            weight: vectors(of_keys.len(), |at| of_keys[at].map_or(0.0, |at| weight[at] * factor)),
            epsilon,
        }),
    };
    let norms = |norms: [Option<NormWeights<'_>>; 2]| {
        norms.map(|norm| {
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
        })
    };
    let before_activation: Vec<_> = description.gate.into_iter().chain([description.up]).map(Part::all).collect();
    Layer {
        hidden: hidden.div_ceil(LANES),
        width: of_keys.len() / LANES,
        value_width: padded / LANES,
        head_norms,
        rope: description.rope.cloned(),
        groups: groups.collect(),
        output: affine(&[Part::all(description.output)], Pieces { size: head_dim, padded }),
        feed_forward: FeedForward {
            up: affine(&before_activation, Pieces::whole(hidden)),
            activation: description.activation,
            gated: description.gate.is_some(),
            down: affine(&[Part::all(description.down)], Pieces::whole(description.down.inputs)),
        },
        norms: Norms {
            inputs: norms(description.norms.inputs),
            results: norms(description.norms.results),
            sums: norms(description.norms.sums),
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
    /// In powers of two.
    slopes: Vec<f32>,
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
        let tokens = tokens(inputs, self.width())?;
        if self.table {
            let (positions, longest) = (self.positions(inputs), inputs.lengths.iter().copied().max().unwrap_or(0));
            if longest > positions as i64 {
                return Err(Misfit(format!("{longest} tokens, but a table of {positions} positions")));
            }
        }
        Ok(if self.picked == Picked::All { tokens } else { inputs.lengths.len() })
    }

    fn run(&self, inputs: &Inputs<'_>, scratch: &mut Scratch, output: &mut [f32]) {
        let buffers: &mut Buffers<K, QK, PV, R, V> = scratch.of();
        let lengths: Vec<usize> = inputs.lengths.iter().map(|&length| length as usize).collect();
        if !self.hidden.is_multiple_of(LANES) {
            let mut states = std::mem::take(&mut buffers.padded_states);
            let mut padded = std::mem::take(&mut buffers.padded_output);
            in_vectors(inputs.states, self.hidden, &mut states);
            padded.resize(output.len() / self.hidden * self.layer.hidden, [0.0; LANES]);
            self.compute(inputs, &states, &lengths, buffers, &mut padded);
            for (row, padded) in output.chunks_exact_mut(self.hidden).zip(padded.chunks_exact(self.layer.hidden)) {
                row.copy_from_slice(&padded.as_flattened()[..self.hidden]);
            }
            (buffers.padded_states, buffers.padded_output) = (states, padded);
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
        let picked = *picked;
        if !self.causal && self.reach.is_none() && self.slopes.is_empty() && !self.table {
            return simd.vectorize(Run { layer, states, lengths, bias: &Full, picked, buffers, output });
        }
        let bias = &Masked {
            causal: self.causal,
            reach: self.reach,
            slopes: (!self.slopes.is_empty()).then_some(&self.slopes),
            table: self.table.then(|| Table { values: inputs.table, positions: self.positions(inputs) }),
        };
        simd.vectorize(Run { layer, states, lengths, bias, picked, buffers, output });
    }

    /// Positions of the longest sequence that the table is for: n of its 2n − 1 distances.
    fn positions(&self, inputs: &Inputs<'_>) -> usize {
        (inputs.table.len() / self.heads).div_ceil(2)
    }
}
