//! Weights, laid out for tiles.

use super::kind::{Bf16, BoundedBytes, BytePairs, Bytes, ColumnWords, F32, Kind, SignedBytes, Words};
use super::rows::Encode;
use crate::simd::LANES;

/// A matrix of `inputs` × `outputs`, in panels of `V` × 16 columns, each a list of words along the inputs.
///
/// Columns beyond `outputs` and elements beyond `inputs` are 0.
#[derive(Debug, Clone)]
pub struct Weights<K: Kind, const V: usize> {
    words: Vec<ColumnWords<V>>,
    /// Words of a column.
    depth: usize,
    outputs: usize,
    /// Of each column, padded: the step of a quantised weight; 1 of others.
    scales: Vec<[f32; LANES]>,
    /// Of each column, padded: the sum of its weights, by which the middle of a row is multiplied.
    sums: Vec<[f32; LANES]>,
    /// Of each column, padded: its sum before the first product; empty if that is 0 for all.
    corrections: Vec<[i32; LANES]>,
    kind: std::marker::PhantomData<K>,
}

/// Elements of [`Kind`]s that weights are made of.
pub trait Element: Copy {
    /// As f32, without the scale.
    fn value(self) -> f32;
}

impl Element for i8 {
    fn value(self) -> f32 {
        f32::from(self)
    }
}

impl Element for f32 {
    fn value(self) -> f32 {
        self
    }
}

/// The bits of an element in a word of this kind.
pub trait Packs<E: Element>: Kind {
    /// The element at its place in a word.
    fn bits(element: E, place: usize) -> u32;
    /// The bits of a word of elements that are 0.
    const ZERO: u32;
}

impl Packs<i8> for Bytes {
    const ZERO: u32 = 0x8080_8080;
    fn bits(element: i8, place: usize) -> u32 {
        u32::from(element as u8 ^ 0x80) << (8 * place)
    }
}

impl Packs<i8> for SignedBytes {
    const ZERO: u32 = 0;
    fn bits(element: i8, place: usize) -> u32 {
        u32::from(element as u8) << (8 * place)
    }
}

impl Packs<i8> for BytePairs {
    const ZERO: u32 = 0;
    fn bits(element: i8, place: usize) -> u32 {
        SignedBytes::bits(element, place)
    }
}

impl Packs<i8> for BoundedBytes {
    const ZERO: u32 = 0;
    fn bits(element: i8, place: usize) -> u32 {
        SignedBytes::bits(element, place)
    }
}

impl Packs<i8> for Words {
    const ZERO: u32 = 0;
    fn bits(element: i8, place: usize) -> u32 {
        u32::from(i16::from(element) as u16) << (16 * place)
    }
}

impl Packs<f32> for Bf16 {
    const ZERO: u32 = 0;
    fn bits(element: f32, place: usize) -> u32 {
        let bits = element.to_bits();
        let rounded = if element.is_nan() { (bits >> 16) | 0x40 } else { (bits + 0x7fff + ((bits >> 16) & 1)) >> 16 };
        rounded << (16 * place)
    }
}

impl Packs<f32> for F32 {
    const ZERO: u32 = 0;
    fn bits(element: f32, _: usize) -> u32 {
        element.to_bits()
    }
}

impl<K: Encode, const V: usize> Weights<K, V> {
    /// Packs a matrix: `element` of input and output, and the step of each output's weights (1 where they have none).
    ///
    /// # Panics
    /// If there are no outputs.
    pub fn pack<E: Element>(
        inputs: usize,
        outputs: usize,
        element: impl Fn(usize, usize) -> E,
        scale: impl Fn(usize) -> f32,
    ) -> Self
    where
        K: Packs<E>,
    {
        assert!(outputs > 0, "a matrix without outputs");
        let depth = inputs.next_multiple_of(LANES) / K::GROUP;
        let panels = outputs.div_ceil(V * LANES);
        let mut words = vec![[[K::ZERO as i32; LANES]; V]; panels * depth];
        let mut sums = vec![[0.0; LANES]; panels * V];
        let mut scales = vec![[0.0; LANES]; panels * V];
        let mut corrections = vec![[0; LANES]; if K::COLUMN_CORRECTION == 0 { 0 } else { panels * V }];
        let mask = (u64::from(u32::MAX) >> (32 - 32 / K::GROUP)) as u32;
        for output in 0..outputs {
            let (vector, lane) = (output / LANES, output % LANES);
            let column = &mut words[vector / V * depth..(vector / V + 1) * depth];
            let mut sum = 0.0;
            for group in 0..inputs.div_ceil(K::GROUP) {
                let (word, lane) = K::place(group, lane);
                let word = &mut column[word][vector % V][lane];
                for place in 0..K::GROUP.min(inputs - group * K::GROUP) {
                    let element = element(group * K::GROUP + place, output);
                    let cleared = *word as u32 & !(mask << (32 / K::GROUP * place));
                    *word = (cleared | K::bits(element, place)) as i32;
                    sum += element.value();
                }
            }
            let scale = scale(output);
            scales[vector][lane] = scale;
            sums[vector][lane] = sum * scale;
            if let Some(corrections) = corrections.get_mut(vector) {
                // A whole number below 2^24, which f32 has exactly.
                corrections[lane] = (sum as i32).wrapping_mul(K::COLUMN_CORRECTION);
            }
        }
        Self { words, depth, outputs, scales, sums, corrections, kind: std::marker::PhantomData }
    }

    /// Columns.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Panels of `V` × 16 columns.
    pub fn panels(&self) -> usize {
        self.scales.len() / V
    }

    /// A panel's words.
    #[inline(always)]
    pub fn panel(&self, panel: usize) -> &[ColumnWords<V>] {
        &self.words[panel * self.depth..(panel + 1) * self.depth]
    }

    /// The sums of a panel's columns before the first product, `V` × 16, or none.
    #[inline(always)]
    pub fn corrections(&self, panel: usize) -> &[[i32; LANES]] {
        if K::COLUMN_CORRECTION == 0 { &[] } else { &self.corrections[panel * V..(panel + 1) * V] }
    }

    /// The scales of sixteen columns.
    #[inline(always)]
    pub fn scales(&self, vector: usize) -> &[f32; LANES] {
        &self.scales[vector]
    }

    /// The sums of the weights of sixteen columns.
    #[inline(always)]
    pub fn sums(&self, vector: usize) -> &[f32; LANES] {
        &self.sums[vector]
    }
}
