//! All of a layer that follows its attention, block by block of rows.

use std::ops::Range;

use super::activation::Activation;
use super::linear::{Affine, Epilogue, Linear};
use super::norm::{Norm, Norms};
use super::store::{AddTo, Store, Sum};
use crate::operands::rows::{Centre, Encode, Rows};
use crate::simd::{Kernel, LANES, Simd};

/// Tiles of rows that go through all steps together.
pub(crate) const TILES: usize = 4;

/// A feed-forward network.
#[derive(Debug, Clone)]
pub struct FeedForward<K: Encode, const V: usize> {
    /// The product before the activation; of gated networks its outputs are the gates, then the values.
    pub up: Affine<K, V>,
    pub activation: Activation,
    /// True if half of the outputs of `up` are gates of the others: activation(gate) · value.
    pub gated: bool,
    /// The product after it.
    pub down: Affine<K, V>,
}

/// Buffers that calls reuse.
pub(crate) struct Buffers<K: Encode, const R: usize> {
    rows: Rows<K, R>,
    /// Of the rows of a block: the hidden states, normalised, and the inside of the network.
    states: Vec<[f32; LANES]>,
    inner: Vec<[f32; LANES]>,
}

impl<K: Encode, const R: usize> Default for Buffers<K, R> {
    fn default() -> Self {
        Self { rows: Rows::default(), states: Vec::new(), inner: Vec::new() }
    }
}

/// The steps of a layer after its attention.
pub(crate) struct AfterAttention<'a, K: Encode, const R: usize, const V: usize> {
    /// The results of the heads.
    pub context: &'a [[f32; LANES]],
    /// The layer's inputs.
    pub inputs: &'a [[f32; LANES]],
    /// The layer's outputs.
    pub states: &'a mut [[f32; LANES]],
    /// The product with the results of the heads.
    pub output: &'a Affine<K, V>,
    /// The network.
    pub feed_forward: &'a FeedForward<K, V>,
    pub norms: &'a Norms,
    pub buffers: &'a mut Buffers<K, R>,
}

/// Writes rows through an activation.
struct Activate<'a> {
    to: Store<'a>,
    activation: Activation,
    coarse: bool,
}

impl Epilogue for Activate<'_> {
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, row: usize, vector: usize, values: S::F) {
        self.to.take(simd, row, vector, values);
    }

    #[inline(always)]
    fn taken<S: Simd>(&mut self, simd: S, rows: Range<usize>, vectors: Range<usize>) {
        for row in rows {
            for values in &mut self.to.rows[row * self.to.width..][vectors.clone()] {
                simd.store(self.activation.of(simd, simd.load(values), self.coarse), values);
            }
        }
    }
}

impl<K: Encode, const R: usize, const V: usize> Kernel for AfterAttention<'_, K, R, V> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        let hidden = self.output.vectors();
        let rows = self.states.len() / hidden;
        let width = self.context.len() / rows.max(1);
        let mut first = 0;
        while first < rows {
            let last = (first + TILES * R).min(rows);
            self.block(simd, first, last, hidden, width);
            first = last;
        }
    }
}

impl<K: Encode, const R: usize, const V: usize> AfterAttention<'_, K, R, V> {
    #[inline(always)]
    fn block<S: Simd>(&mut self, simd: S, first: usize, last: usize, hidden: usize, width: usize) {
        let count = last - first;
        let states = &mut self.states[first * hidden..last * hidden];
        let Buffers { rows, states: normalised, inner } = &mut *self.buffers;
        let Norms { inputs: [_, of_input], results: [of_attended, of_fed], sums: [of_sum, of_output] } = self.norms;
        let context = &self.context[first * width..last * width];
        quantise(simd, rows, context, width, self.output.smoothing.as_deref(), Centre::Zero);
        let inputs = &self.inputs[first * hidden..last * hidden];
        if of_attended.is_identity() {
            let epilogue = Sum { rows: inputs, to: states, width: hidden };
            Linear { rows, count, affine: self.output, epilogue }.run(simd);
        } else {
            states.copy_from_slice(inputs);
            add_normalised(simd, rows, count, self.output, of_attended, normalised, states);
        }
        normalise(simd, states, of_sum, hidden);

        let FeedForward { up, activation, gated, down } = self.feed_forward;
        let smoothing = up.smoothing.as_deref();
        if of_input.is_identity() {
            quantise(simd, rows, states, hidden, smoothing, Centre::Zero);
        } else {
            normalised.clear();
            normalised.extend_from_slice(states);
            normalise(simd, normalised, of_input, hidden);
            quantise(simd, rows, normalised, hidden, smoothing, Centre::Zero);
        }

        let width = up.vectors();
        inner.resize(count * width, [0.0; LANES]);
        let to = Store { rows: inner, width };
        if *gated {
            Linear { rows, count, affine: up, epilogue: to }.run(simd);
            gate(simd, inner, width, *activation, K::QUANTISED);
            quantise(simd, rows, inner, width / 2, down.smoothing.as_deref(), Centre::Zero);
        } else {
            let epilogue = Activate { to, activation: *activation, coarse: K::QUANTISED };
            Linear { rows, count, affine: up, epilogue }.run(simd);
            quantise(simd, rows, inner, width, down.smoothing.as_deref(), Centre::Middle);
        }
        if of_fed.is_identity() {
            Linear { rows, count, affine: down, epilogue: AddTo { rows: states, width: hidden } }.run(simd);
        } else {
            add_normalised(simd, rows, count, down, of_fed, normalised, states);
        }
        normalise(simd, states, of_output, hidden);
    }
}

/// Adds the normalised products of `rows` to `states`; `products` is room for them.
#[inline(always)]
fn add_normalised<S: Simd, K: Encode, const R: usize, const V: usize>(
    simd: S,
    rows: &Rows<K, R>,
    count: usize,
    affine: &Affine<K, V>,
    norm: &Norm,
    products: &mut Vec<[f32; LANES]>,
    states: &mut [[f32; LANES]],
) {
    let width = affine.vectors();
    products.resize(count * width, [0.0; LANES]);
    // A function of its own: the same for both places.
    simd.vectorize(Linear { rows, count, affine, epilogue: Store { rows: products, width } });
    normalise(simd, products, norm, width);
    for (state, product) in states.iter_mut().zip(products) {
        simd.store(simd.add(simd.load(state), simd.load(product)), state);
    }
}

/// Normalises rows of `width` vectors.
#[inline(always)]
pub(crate) fn normalise<S: Simd>(simd: S, rows: &mut [[f32; LANES]], norm: &Norm, width: usize) {
    if norm.is_identity() {
        return;
    }
    for row in rows.chunks_exact_mut(width) {
        norm.apply(simd, row);
    }
}

/// Writes rows of `width` vectors, each multiplied with `smoothing`, as inputs of products.
#[inline(always)]
pub(crate) fn quantise<S: Simd, K: Encode, const R: usize>(
    simd: S,
    to: &mut Rows<K, R>,
    rows: &[[f32; LANES]],
    width: usize,
    smoothing: Option<&[[f32; LANES]]>,
    centre: Centre,
) {
    to.reset(rows.len() / width, width * LANES);
    match smoothing {
        None => {
            for (row, values) in rows.chunks_exact(width).enumerate() {
                to.write(simd, row, values, centre);
            }
        }
        Some(smoothing) => {
            let mut smooth = vec![[0.0; LANES]; width];
            for (row, values) in rows.chunks_exact(width).enumerate() {
                for ((smooth, values), factor) in smooth.iter_mut().zip(values).zip(smoothing) {
                    simd.store(simd.mul(simd.load(values), simd.load(factor)), smooth);
                }
                to.write(simd, row, &smooth, centre);
            }
        }
    }
}

/// activation(gate) · value, rows of half the width one behind the other from the beginning.
#[inline(always)]
fn gate<S: Simd>(simd: S, rows: &mut Vec<[f32; LANES]>, width: usize, activation: Activation, coarse: bool) {
    let (half, count) = (width / 2, rows.len() / width);
    for row in 0..count {
        for at in 0..half {
            let (gate, value) = (simd.load(&rows[row * width + at]), simd.load(&rows[row * width + half + at]));
            let gated = simd.mul(activation.of(simd, gate, coarse), value);
            simd.store(gated, &mut rows[row * half + at]);
        }
    }
    rows.truncate(count * half);
}
