//! A linear layer over rows, and what follows it while the sums are in registers.

use crate::operands::rows::{Encode, Rows};
use crate::operands::tile::{Products, tile};
use crate::operands::weights::Weights;
use crate::simd::{Kernel, LANES, Simd};

/// The last step of a linear layer: takes its outputs before they reach memory.
pub trait Epilogue {
    /// Takes sixteen outputs of `row`, those from `vector` · 16 on.
    fn take<S: Simd>(&mut self, simd: S, row: usize, vector: usize, values: S::F);
}

/// Blocks of rows that go through a panel of weights while it is in the nearest cache.
const BLOCKS_A_PASS: usize = 4;

/// The parameters of a linear layer.
#[derive(Debug, Clone)]
pub struct Affine<K: Encode, const V: usize> {
    pub weights: Weights<K, V>,
    /// The bias of each output, padded to whole panels with zeros.
    pub bias: Vec<[f32; LANES]>,
    /// The factors of the inputs before they are quantised; the weights were divided by them.
    pub smoothing: Option<Vec<[f32; LANES]>>,
}

impl<K: Encode, const V: usize> Affine<K, V> {
    /// Vectors of the outputs of a row.
    pub fn vectors(&self) -> usize {
        self.weights.outputs().div_ceil(LANES)
    }
}

/// x · W + bias.
pub struct Linear<'a, K: Encode, E: Epilogue, const R: usize, const V: usize> {
    /// The inputs.
    pub rows: &'a Rows<K, R>,
    /// The number of them.
    pub count: usize,
    /// The parameters.
    pub affine: &'a Affine<K, V>,
    pub epilogue: E,
}

impl<K: Encode, E: Epilogue, const R: usize, const V: usize> Kernel for Linear<'_, K, E, R, V> {
    type Output = E;

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) -> E {
        let vectors = self.affine.vectors();
        let blocks = self.count.div_ceil(R);
        let mut products = [[[0.0; LANES]; V]; R];
        let mut first = 0;
        while first < blocks {
            let last = (first + BLOCKS_A_PASS).min(blocks);
            for panel in 0..self.affine.weights.panels() {
                for block in first..last {
                    let columns = self.affine.weights.panel(panel);
                    let corrections = self.rows.corrections(block);
                    tile::<S, K, R, V>(simd, self.rows.block(block), columns, corrections, &mut products);
                    self.finish(simd, block, panel, &products, vectors);
                }
            }
            first = last;
        }
        self.epilogue
    }
}

impl<K: Encode, E: Epilogue, const R: usize, const V: usize> Linear<'_, K, E, R, V> {
    #[inline(always)]
    fn finish<S: Simd>(&mut self, simd: S, block: usize, panel: usize, products: &Products<R, V>, vectors: usize) {
        let real = (self.count - block * R).min(R);
        for v in 0..V {
            let vector = panel * V + v;
            if vector >= vectors {
                return;
            }
            let bias = simd.load(&self.affine.bias[vector]);
            let scale = simd.load(self.affine.weights.scales(vector));
            let weight_sum = simd.load(self.affine.weights.sums(vector));
            for r in 0..real {
                let product = simd.load(&products[r][v]);
                let value = if K::QUANTISED {
                    let scale = simd.mul(scale, simd.splat(self.rows.scales(block)[r]));
                    let middle = simd.splat(self.rows.middles(block)[r]);
                    simd.fma(product, scale, simd.fma(middle, weight_sum, bias))
                } else {
                    simd.add(product, bias)
                };
                self.epilogue.take(simd, block * R + r, vector, value);
            }
        }
    }
}
