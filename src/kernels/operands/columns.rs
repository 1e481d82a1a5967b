//! Columns of activations, laid out for tiles: the keys and values of attention.

use super::kind::{Bf16, ColumnWords, F32, Kind};
use super::rows::{Encode, scale_around};
use crate::simd::{LANES, Simd};
use crate::steps::math::{EXP2_COARSE, EXP2_FINE, exp2, exp2_or_denormal};

/// Columns in panels of `V` × 16, each a list of words along the depth, as [`Weights`](super::weights::Weights) are.
#[derive(Debug, Clone)]
pub(crate) struct Columns<K: Kind, const V: usize> {
    words: Vec<ColumnWords<V>>,
    depth: usize,
    scales: Vec<[f32; LANES]>,
    kind: std::marker::PhantomData<K>,
}

impl<K: Kind, const V: usize> Default for Columns<K, V> {
    /// No columns.
    fn default() -> Self {
        Self { words: Vec::new(), depth: 0, scales: Vec::new(), kind: std::marker::PhantomData }
    }
}

impl<K: Encode, const V: usize> Columns<K, V> {
    /// Becomes room for `columns` columns of `elements` each, a multiple of [`Kind::GROUP`]. The words of columns beyond
    /// those, up to whole panels, are 0.
    pub(crate) fn reset(&mut self, columns: usize, elements: usize) {
        let panels = columns.div_ceil(V * LANES);
        self.depth = elements / K::GROUP;
        self.words.clear();
        self.words.resize(panels * self.depth, [[0; LANES]; V]);
        self.scales.clear();
        self.scales.resize(panels * V, [0.0; LANES]);
    }

    /// Panels of `V` × 16 columns.
    pub(crate) fn panels(&self) -> usize {
        self.scales.len() / V
    }

    /// A panel's words.
    #[inline(always)]
    pub(crate) fn panel(&self, panel: usize) -> &[ColumnWords<V>] {
        &self.words[panel * self.depth..(panel + 1) * self.depth]
    }

    /// The scales of sixteen columns.
    #[inline(always)]
    pub(crate) fn scales(&self, vector: usize) -> &[f32; LANES] {
        &self.scales[vector]
    }

    /// Writes a column, less `mean`.
    #[inline(always)]
    pub(crate) fn write<S: Simd>(&mut self, simd: S, column: usize, values: &[[f32; LANES]], mean: &[[f32; LANES]]) {
        let (vector, lane) = (column / LANES, column % LANES);
        let (panel, v) = (vector / V, vector % V);
        let mut inverse = simd.splat(1.0);
        if K::QUANTISED {
            let scale = scale_around(simd, values, mean);
            self.scales[vector][lane] = scale;
            inverse = simd.splat(if scale > 0.0 { 1.0 / scale } else { 0.0 });
        } else {
            self.scales[vector][lane] = 1.0;
        }
        let step = LANES / K::GROUP;
        let words = &mut self.words[panel * self.depth..(panel + 1) * self.depth];
        for ((values, mean), words) in values.iter().zip(mean).zip(words.chunks_exact_mut(step)) {
            let mut encoded = [0; LANES];
            K::encode(simd, simd.load(values), inverse, simd.load(mean), &mut encoded[..step]);
            for (word, encoded) in encoded[..step].iter().enumerate() {
                let (word, lane) = K::place(word, lane);
                words[word][v][lane] = *encoded ^ K::WEIGHT_OFFSET;
            }
        }
    }
}

/// Kinds of the product of probabilities with values.
pub(crate) trait Transposed: Encode {
    /// Writes the rows `low` and `high` of sixteen columns as words: one word if a word has two elements, else two.
    fn pair<S: Simd>(simd: S, low: S::F, high: S::F) -> [S::I; 2];
    /// 2^x as exact as probabilities of this kind need, for x up to 127.
    fn exp2<S: Simd>(simd: S, x: S::F) -> S::F;
}

impl Transposed for Bf16 {
    // A denormal number is 0 as a bfloat16.
    #[inline(always)]
    fn exp2<S: Simd>(simd: S, x: S::F) -> S::F {
        exp2_or_denormal(simd, x, &EXP2_COARSE)
    }

    #[inline(always)]
    fn pair<S: Simd>(simd: S, low: S::F, high: S::F) -> [S::I; 2] {
        [simd.to_bf16(low, high), simd.splat_i(0)]
    }
}

impl Transposed for F32 {
    #[inline(always)]
    fn exp2<S: Simd>(simd: S, x: S::F) -> S::F {
        exp2(simd, x, &EXP2_FINE)
    }

    #[inline(always)]
    fn pair<S: Simd>(simd: S, low: S::F, high: S::F) -> [S::I; 2] {
        [simd.as_i(low), simd.as_i(high)]
    }
}

impl<K: Transposed, const V: usize> Columns<K, V> {
    /// Writes the elements `2 · pair` and `2 · pair + 1` of all columns: two rows of `vectors` × 16 values each.
    #[inline(always)]
    pub(crate) fn write_pair<S: Simd>(&mut self, simd: S, pair: usize, low: &[[f32; LANES]], high: &[[f32; LANES]]) {
        let words = 2 / K::GROUP;
        for (vector, (low, high)) in low.iter().zip(high).enumerate() {
            let encoded = K::pair(simd, simd.load(low), simd.load(high));
            let at = (vector / V) * self.depth + pair * words;
            for (word, encoded) in self.words[at..at + words].iter_mut().zip(encoded) {
                simd.store_i(encoded, &mut word[vector % V]);
            }
        }
    }
}
