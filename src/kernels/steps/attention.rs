//! Attention of one sequence: the query heads that share a head of keys and values.

use std::ops::Range;

use super::bias::{Bias, UNSEEN};
use crate::operands::columns::{Columns, Transposed};
use crate::operands::rows::{Centre, Encode, Rows};
use crate::operands::tile::{Products, tile, to_memory};
use crate::operands::unrolled::unrolled;
use crate::simd::{Kernel, LANES, Simd};

/// The most vectors of a head.
pub(crate) const MOST_WIDTH: usize = 16;

/// Rows of a matrix: `width` vectors from vector `at` on, every `stride` vectors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct View<'a> {
    /// The whole matrix.
    pub values: &'a [[f32; LANES]],
    /// Vectors from a row to the next.
    pub stride: usize,
    /// The first vector of row 0.
    pub at: usize,
}

impl<'a> View<'a> {
    #[inline(always)]
    fn row(&self, row: usize, width: usize) -> &'a [[f32; LANES]] {
        &self.values[row * self.stride + self.at..][..width]
    }
}

/// Buffers that calls reuse.
pub(crate) struct Buffers<QK: Encode, PV: Transposed, const R: usize, const V: usize> {
    queries: Rows<QK, R>,
    keys: Columns<QK, V>,
    values: Columns<PV, V>,
    probabilities: Rows<PV, R>,
    /// The scores of `R` queries, panel by panel of keys.
    scores: Vec<Products<R, V>>,
    /// The means of keys and of queries.
    means: [Vec<[f32; LANES]>; 2],
    /// Added to the scores of each key: its product with the mean of the queries; [`UNSEEN`] beyond the last key.
    offsets: Vec<[f32; LANES]>,
}

impl<QK: Encode, PV: Transposed, const R: usize, const V: usize> Default for Buffers<QK, PV, R, V> {
    fn default() -> Self {
        Self {
            queries: Rows::default(),
            keys: Columns::default(),
            values: Columns::default(),
            probabilities: Rows::default(),
            scores: Vec::new(),
            means: [Vec::new(), Vec::new()],
            offsets: Vec::new(),
        }
    }
}

/// The attention of one sequence, for the heads of queries that share a head of keys. Queries are scaled by
/// log2 e / √size already.
pub(crate) struct Attention<'a, B: Bias, QK: Encode, PV: Transposed, const R: usize, const V: usize> {
    /// Queries: `heads` heads side by side.
    pub queries: View<'a>,
    /// The number of rows of queries.
    pub query_count: usize,
    /// The position of the first query among the keys.
    pub first_query: usize,
    pub keys: View<'a>,
    pub values: View<'a>,
    /// The number of keys and values.
    pub key_count: usize,
    /// Heads of queries.
    pub heads: usize,
    /// The number of the first of them in the model.
    pub first_head: usize,
    /// Vectors of a head of queries and keys.
    pub width: usize,
    /// Vectors of a head of values, at most [`MOST_WIDTH`].
    pub value_width: usize,
    pub bias: &'a B,
    pub buffers: &'a mut Buffers<QK, PV, R, V>,
    /// The result, rows like those of `queries`.
    pub context: &'a mut [[f32; LANES]],
    /// Vectors from a row of `context` to the next.
    pub context_stride: usize,
    /// The first vector of row 0 of `context`.
    pub context_at: usize,
}

impl<B: Bias, QK: Encode, PV: Transposed, const R: usize, const V: usize> Kernel for Attention<'_, B, QK, PV, R, V> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) {
        self.pack_keys(simd);
        self.pack_values(simd);
        for head in 0..self.heads {
            self.head(simd, head);
        }
    }
}

/// A part of attention that is timed alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Keys,
    Values,
    Queries,
    Scores,
    Softmax,
    Weigh,
    All,
}

/// The parts with their names, and their products with as many operations as queries × keys × hidden values.
pub(crate) const PHASES: [(&str, Phase, usize); 7] = [
    ("attention: keys", Phase::Keys, 0),
    ("attention: values", Phase::Values, 0),
    ("attention: queries", Phase::Queries, 0),
    ("attention: scores", Phase::Scores, 1),
    ("attention: softmax", Phase::Softmax, 0),
    ("attention: weigh", Phase::Weigh, 1),
    ("attention", Phase::All, 2),
];

/// Attention, or a part of it after those before it.
pub(crate) struct Only<T>(pub Phase, pub T);

impl<B: Bias, QK: Encode, PV: Transposed, const R: usize, const V: usize> Kernel
    for Only<Attention<'_, B, QK, PV, R, V>>
{
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self(phase, mut all) = self;
        let panels = 0..all.buffers.keys.panels();
        let vectors = 0..all.key_count.div_ceil(LANES);
        let blocks = 0..all.query_count.div_ceil(R);
        match phase {
            Phase::Keys => all.pack_keys(simd),
            Phase::Values => all.pack_values(simd),
            Phase::Queries => all.pack_queries(simd, 0),
            Phase::Scores => {
                for block in blocks {
                    let real = (all.query_count - block * R).min(R);
                    all.scores(simd, 0, block, real, panels.clone());
                }
            }
            Phase::Softmax => {
                for block in blocks {
                    let real = (all.query_count - block * R).min(R);
                    all.softmax(simd, real, panels.clone(), &[0.0; R]);
                }
            }
            Phase::Weigh => {
                for block in blocks {
                    let real = (all.query_count - block * R).min(R);
                    all.weigh(simd, 0, block, real, vectors.clone(), &[1.0; R]);
                }
            }
            Phase::All => all.run(simd),
        }
    }
}

impl<B: Bias, QK: Encode, PV: Transposed, const R: usize, const V: usize> Attention<'_, B, QK, PV, R, V> {
    /// Lays out the keys. Softmax does not see what all keys have in common, so that their mean is taken off: what is
    /// left has finer steps.
    #[inline(always)]
    fn pack_keys<S: Simd>(&mut self, simd: S) {
        let (width, buffers) = (self.width, &mut *self.buffers);
        let mean = &mut buffers.means[0];
        if QK::QUANTISED {
            mean_of(simd, &self.keys, self.key_count, width, mean);
        } else {
            mean.clear();
            mean.resize(width, [0.0; LANES]);
        }
        buffers.keys.reset(self.key_count, width * LANES);
        for key in 0..self.key_count {
            buffers.keys.write(simd, key, self.keys.row(key, width), mean);
        }
    }

    #[inline(always)]
    fn pack_values<S: Simd>(&mut self, simd: S) {
        let (width, count) = (self.value_width, self.key_count);
        let columns = &mut self.buffers.values;
        columns.reset(width * LANES, count.next_multiple_of(LANES));
        let nothing = [[0.0; LANES]; MOST_WIDTH];
        for pair in 0..count / 2 {
            columns.write_pair(simd, pair, self.values.row(2 * pair, width), self.values.row(2 * pair + 1, width));
        }
        if count % 2 == 1 {
            columns.write_pair(simd, count / 2, self.values.row(count - 1, width), &nothing[..width]);
        }
    }

    /// Lays out the queries of a head. In integers without their mean, for finer steps, too; its product with each key, in
    /// f32, is added to the key's scores.
    #[inline(always)]
    fn pack_queries<S: Simd>(&mut self, simd: S, head: usize) {
        let (width, buffers) = (self.width, &mut *self.buffers);
        let panels = buffers.keys.panels();
        let queries = View { at: self.queries.at + head * width, ..self.queries };
        buffers.queries.reset(self.query_count, width * LANES);
        buffers.offsets.clear();
        buffers.offsets.resize(panels * V, [0.0; LANES]);
        buffers.offsets.as_flattened_mut()[self.key_count..].fill(UNSEEN);
        let [of_keys, of_queries] = &mut buffers.means;
        if QK::QUANTISED {
            mean_of(simd, &queries, self.query_count, width, of_queries);
            let mut centred = [[0.0; LANES]; MOST_WIDTH];
            for query in 0..self.query_count {
                let values = queries.row(query, width);
                for ((centred, values), mean) in centred.iter_mut().zip(values).zip(&*of_queries) {
                    simd.store(simd.sub(simd.load(values), simd.load(mean)), centred);
                }
                buffers.queries.write(simd, query, &centred[..width], Centre::Zero);
            }
            let offsets = &mut buffers.offsets.as_flattened_mut()[..self.key_count];
            for (key, offset) in offsets.iter_mut().enumerate() {
                let mut sum = simd.splat(0.0);
                for ((values, mean), query) in self.keys.row(key, width).iter().zip(&*of_keys).zip(&*of_queries) {
                    sum = simd.fma(simd.sub(simd.load(values), simd.load(mean)), simd.load(query), sum);
                }
                *offset = simd.sum(sum);
            }
        } else {
            for query in 0..self.query_count {
                buffers.queries.write(simd, query, queries.row(query, width), Centre::Zero);
            }
        }
        buffers.scores.resize(panels, [[[0.0; LANES]; V]; R]);
        buffers.probabilities.reset(R, panels * V * LANES);
    }

    #[inline(always)]
    fn head<S: Simd>(&mut self, simd: S, head: usize) {
        self.pack_queries(simd, head);
        let vectors = self.key_count.div_ceil(LANES);
        for block in 0..self.query_count.div_ceil(R) {
            let real = (self.query_count - block * R).min(R);
            let first = self.first_query + block * R;
            let keys = self.bias.keys(first..first + real, self.key_count);
            // Whole panels: the keys of a panel that are out of sight have the bias for that.
            let panels = keys.start / (V * LANES)..keys.end.div_ceil(V * LANES);
            let largest = self.scores(simd, head, block, real, panels.clone());
            let vectors = panels.start * V..(panels.end * V).min(vectors);
            let shares = self.softmax(simd, real, panels, &largest);
            self.weigh(simd, head, block, real, vectors, &shares);
        }
    }

    /// The scores of a block of queries in powers of two, and the largest of each.
    #[inline(always)]
    fn scores<S: Simd>(&mut self, simd: S, head: usize, block: usize, real: usize, panels: Range<usize>) -> [f32; R] {
        let buffers = &mut *self.buffers;
        let (rows, scales) = (buffers.queries.block(block), buffers.queries.scales(block));
        let corrections = buffers.queries.corrections(block);
        let first = self.first_query + block * R;
        let mut largest = [[f32::NEG_INFINITY; LANES]; R];
        for panel in panels {
            let sums = tile::<S, QK, R, V>(simd, rows, buffers.keys.panel(panel), corrections, &[]);
            let scores = &mut buffers.scores[panel];
            let mut columns = [(simd.splat(0.0), simd.splat(0.0)); V];
            for v in 0..V {
                let vector = panel * V + v;
                columns[v] = (simd.load(buffers.keys.scales(vector)), simd.load(&buffers.offsets[vector]));
            }
            let keys = panel * V * LANES..(panel + 1) * V * LANES;
            if B::ADDS && !self.bias.is_plain(first..first + real, keys) {
                to_memory::<S, QK, R, V>(simd, sums, scores);
                for r in 0..real {
                    let (query, scale) = (first + r, simd.splat(scales[r]));
                    for v in 0..V {
                        let mut score = simd.fma(simd.load(&scores[r][v]), simd.mul(columns[v].0, scale), columns[v].1);
                        let key = (panel * V + v) * LANES;
                        if key < self.key_count {
                            score = self.bias.add(simd, self.first_head + head, query, key, score);
                        }
                        simd.store(simd.max(score, simd.load(&largest[r])), &mut largest[r]);
                        simd.store(score, &mut scores[r][v]);
                    }
                }
            } else {
                unrolled!(r < R, {
                    let mut most = simd.load(&largest[r]);
                    unrolled!(v < V, {
                        let ((step, offset), product) = (columns[v], QK::finish(simd, sums[r][v]));
                        let score = match QK::QUANTISED {
                            true => simd.fma(product, simd.mul(step, simd.splat(scales[r])), offset),
                            false => simd.add(product, offset),
                        };
                        most = simd.max(score, most);
                        simd.store(score, &mut scores[r][v]);
                    });
                    simd.store(most, &mut largest[r]);
                });
            }
        }
        let mut all = [0.0; R];
        for r in 0..R {
            all[r] = simd.largest(simd.load(&largest[r]));
        }
        all
    }

    /// Probabilities, up to factors, which it returns.
    #[inline(always)]
    fn softmax<S: Simd>(&mut self, simd: S, real: usize, panels: Range<usize>, largest: &[f32; R]) -> [f32; R] {
        let buffers = &mut *self.buffers;
        let (one, zero) = (simd.splat(1.0), simd.splat(0.0));
        let words = LANES / PV::GROUP;
        let last = buffers.keys.panels() - 1;
        let mut seen = [[1.0; LANES]; V];
        seen.as_flattened_mut()[self.key_count - last * V * LANES..].fill(0.0);
        let mut shares = [1.0; R];
        for r in 0..real {
            let most = simd.splat(largest[r]);
            let mut sum = zero;
            let probabilities = buffers.probabilities.block_mut(0, V);
            for ((panel, to), scores) in panels.clone().zip(probabilities).zip(&buffers.scores[panels.clone()]) {
                for v in 0..V {
                    let mut power = PV::exp2(simd, simd.sub(simd.load(&scores[r][v]), most));
                    if panel == last {
                        power = simd.mul(power, simd.load(&seen[v]));
                    }
                    sum = simd.add(sum, power);
                    PV::encode(simd, power, one, zero, &mut to[(v * R + r) * words..][..words]);
                }
            }
            shares[r] = 1.0 / simd.sum(sum);
        }
        shares
    }

    /// The values weighed by the probabilities.
    #[inline(always)]
    fn weigh<S: Simd>(
        &mut self,
        simd: S,
        head: usize,
        block: usize,
        real: usize,
        vectors: Range<usize>,
        shares: &[f32; R],
    ) {
        let words = LANES / PV::GROUP;
        let buffers = &*self.buffers;
        let rows = &buffers.probabilities.block(0)[..vectors.len() * words * R];
        let at = block * R * self.context_stride + self.context_at + head * self.value_width;
        let context = &mut self.context[at..];
        let mut products: Products<R, V> = [[[0.0; LANES]; V]; R];
        for panel in 0..buffers.values.panels() {
            let columns = &buffers.values.panel(panel)[vectors.start * words..vectors.end * words];
            let sums = tile::<S, PV, R, V>(simd, rows, columns, &[0; R], &[]);
            let some = V.min(self.value_width - panel * V);
            if real == R && some == V {
                unrolled!(r < R, {
                    let to = &mut context[r * self.context_stride + panel * V..][..V];
                    unrolled!(v < V, {
                        simd.store(simd.mul(PV::finish(simd, sums[r][v]), simd.splat(shares[r])), &mut to[v]);
                    });
                });
            } else {
                to_memory::<S, PV, R, V>(simd, sums, &mut products);
                for r in 0..real {
                    for v in 0..some {
                        let value = simd.mul(simd.load(&products[r][v]), simd.splat(shares[r]));
                        simd.store(value, &mut context[r * self.context_stride + panel * V + v]);
                    }
                }
            }
        }
    }
}

/// The mean of the first `count` rows.
#[inline(always)]
fn mean_of<S: Simd>(simd: S, rows: &View<'_>, count: usize, width: usize, mean: &mut Vec<[f32; LANES]>) {
    mean.clear();
    mean.resize(width, [0.0; LANES]);
    let share = simd.splat(1.0 / count as f32);
    for (vector, mean) in mean.iter_mut().enumerate() {
        let mut sum = simd.splat(0.0);
        for row in 0..count {
            sum = simd.add(sum, simd.load(&rows.row(row, width)[vector]));
        }
        simd.store(simd.mul(sum, share), mean);
    }
}
