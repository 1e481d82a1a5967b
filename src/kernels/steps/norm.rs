//! Normalisation of rows.

use crate::simd::{LANES, Simd};

/// A norm's parameters; all have the row's width. What stands behind the `values` of a row is 0, before and after.
#[derive(Debug, Clone)]
pub enum Norm {
    /// x
    Identity,
    /// (x − mean) / √(variance + ε) · weight + bias
    Layer {
        /// Values of a row.
        values: usize,
        /// The factor of each value.
        weight: Vec<[f32; LANES]>,
        /// Added to each value.
        bias: Vec<[f32; LANES]>,
        /// ε
        epsilon: f32,
    },
    /// x / √(mean of x² + ε) · weight
    Rms {
        /// Values of a row.
        values: usize,
        /// The factor of each value.
        weight: Vec<[f32; LANES]>,
        /// ε
        epsilon: f32,
    },
}

impl Norm {
    pub(crate) fn is_identity(&self) -> bool {
        matches!(self, Self::Identity)
    }

    /// Normalises a row in place.
    #[inline(always)]
    pub fn apply<S: Simd>(&self, simd: S, row: &mut [[f32; LANES]]) {
        match self {
            Self::Identity => {}
            Self::Layer { values, weight, bias, epsilon } => {
                let count = *values as f32;
                let last = row.len().saturating_sub(1);
                let mut real = [1.0; LANES];
                real[values - last * LANES..].fill(0.0);
                let mut sum = simd.splat(0.0);
                for values in row.iter() {
                    sum = simd.add(sum, simd.load(values));
                }
                let mean = simd.splat(simd.sum(sum) / count);
                let mut squares = simd.splat(0.0);
                for (at, values) in row.iter().enumerate() {
                    let mut centred = simd.sub(simd.load(values), mean);
                    if at == last {
                        centred = simd.mul(centred, simd.load(&real));
                    }
                    squares = simd.fma(centred, centred, squares);
                }
                let factor = simd.splat(1.0 / (simd.sum(squares) / count + *epsilon).sqrt());
                for ((values, weight), bias) in row.iter_mut().zip(weight).zip(bias) {
                    let centred = simd.sub(simd.load(values), mean);
                    let scaled = simd.mul(centred, factor);
                    simd.store(simd.fma(scaled, simd.load(weight), simd.load(bias)), values);
                }
            }
            Self::Rms { values, weight, epsilon } => {
                let count = *values as f32;
                let mut squares = simd.splat(0.0);
                for values in row.iter() {
                    let values = simd.load(values);
                    squares = simd.fma(values, values, squares);
                }
                let factor = simd.splat(1.0 / (simd.sum(squares) / count + *epsilon).sqrt());
                for (values, weight) in row.iter_mut().zip(weight) {
                    simd.store(simd.mul(simd.mul(simd.load(values), factor), simd.load(weight)), values);
                }
            }
        }
    }
}

/// The norms of a layer by their places, each of attention and of the feed-forward network: of their inputs, of their
/// results, and of the sums of both.
///
/// h = sums₀(x + results₀(attention(inputs₀(x)))), y = sums₁(h + results₁(feed_forward(inputs₁(h)))).
#[derive(Debug, Clone)]
pub struct Norms {
    pub inputs: [Norm; 2],
    pub results: [Norm; 2],
    pub sums: [Norm; 2],
}
