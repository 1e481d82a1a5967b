//! A linear layer over rows, and what follows it while the sums are in registers.

use std::ops::Range;

use crate::operands::rows::{Encode, Rows};
use crate::operands::tile::{Products, tile, to_memory};
use crate::operands::unrolled::unrolled;
use crate::operands::weights::Weights;
use crate::simd::{Kernel, LANES, Simd};

/// The last step of a linear layer: takes its outputs before they reach memory.
pub(crate) trait Epilogue {
    /// Takes sixteen outputs of `row`, those from `vector` · 16 on.
    fn take<S: Simd>(&mut self, simd: S, row: usize, vector: usize, values: S::F);

    /// Goes on once these vectors of outputs of these rows are taken, and still in the nearest cache.
    #[inline(always)]
    fn taken<S: Simd>(&mut self, _: S, _rows: Range<usize>, _vectors: Range<usize>) {}
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
pub(crate) struct Linear<'a, K: Encode, E: Epilogue, const R: usize, const V: usize> {
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
                let outputs = panel * V..((panel + 1) * V).min(vectors);
                for block in first..last {
                    let (weights, input) = (&self.affine.weights, &self.rows);
                    let (corrections, of_columns) = (input.corrections(block), weights.corrections(panel));
                    let columns = weights.panel(panel);
                    let sums = tile::<S, K, R, V>(simd, input.block(block), columns, corrections, of_columns);
                    let rows = block * R..((block + 1) * R).min(self.count);
                    if rows.len() == R && outputs.len() == V {
                        self.take(simd, block, panel, sums);
                    } else {
                        to_memory::<S, K, R, V>(simd, sums, &mut products);
                        self.take_some(simd, block, panel, &products, rows.len(), outputs.len());
                    }
                    self.epilogue.taken(simd, rows, outputs.clone());
                }
            }
            first = last;
        }
        self.epilogue
    }
}

impl<K: Encode, E: Epilogue, const R: usize, const V: usize> Linear<'_, K, E, R, V> {
    /// The outputs of a whole tile.
    #[inline(always)]
    fn take<S: Simd>(&mut self, simd: S, block: usize, panel: usize, sums: [[K::Sum<S>; V]; R]) {
        let (scales, middles) = (self.rows.scales(block), self.rows.middles(block));
        unrolled!(v < V, {
            let column = self.column(simd, panel * V + v);
            unrolled!(r < R, {
                let value = column.output::<K>(simd, K::finish(simd, sums[r][v]), scales[r], middles[r]);
                self.epilogue.take(simd, block * R + r, panel * V + v, value);
            });
        });
    }

    /// The outputs of the first rows and vectors of a tile.
    #[inline(always)]
    fn take_some<S: Simd>(
        &mut self,
        simd: S,
        block: usize,
        panel: usize,
        products: &Products<R, V>,
        rows: usize,
        vectors: usize,
    ) {
        let (scales, middles) = (self.rows.scales(block), self.rows.middles(block));
        for v in 0..vectors {
            let column = self.column(simd, panel * V + v);
            for r in 0..rows {
                let value = column.output::<K>(simd, simd.load(&products[r][v]), scales[r], middles[r]);
                self.epilogue.take(simd, block * R + r, panel * V + v, value);
            }
        }
    }

    #[inline(always)]
    fn column<S: Simd>(&self, simd: S, vector: usize) -> Column<S> {
        Column {
            scale: simd.load(self.affine.weights.scales(vector)),
            weight_sum: simd.load(self.affine.weights.sums(vector)),
            bias: simd.load(&self.affine.bias[vector]),
        }
    }
}

/// The factors and additions of sixteen columns, which turn products into outputs.
#[derive(Clone, Copy)]
struct Column<S: Simd> {
    scale: S::F,
    weight_sum: S::F,
    bias: S::F,
}

impl<S: Simd> Column<S> {
    /// The outputs of a row of that scale and middle.
    #[inline(always)]
    fn output<K: Encode>(self, simd: S, product: S::F, scale: f32, middle: f32) -> S::F {
        if K::QUANTISED {
            let bias = simd.fma(simd.splat(middle), self.weight_sum, self.bias);
            simd.fma(product, simd.mul(self.scale, simd.splat(scale)), bias)
        } else {
            simd.add(product, self.bias)
        }
    }
}
