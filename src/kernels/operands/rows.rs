//! Rows of activations, laid out for tiles.

use super::kind::{Bf16, BoundedBytes, BytePairs, Bytes, F32, Kind, SignedBytes, Words};
use crate::simd::{LANES, Simd};

/// The range of quantised activations: from −127 to 127.
const RANGE: f32 = 127.0;

/// Rows in blocks of `R`: sixteen values of each row of the block as words, then the next sixteen.
///
/// Rows of bytes have a scale each, and a middle, which is 0 or where their range is centred: x ≈ scale · q + middle.
#[derive(Debug, Clone)]
pub(crate) struct Rows<K: Kind, const R: usize> {
    words: Vec<i32>,
    /// Words of a row.
    depth: usize,
    scales: Vec<[f32; R]>,
    middles: Vec<[f32; R]>,
    corrections: Vec<[i32; R]>,
    kind: std::marker::PhantomData<K>,
}

/// Kinds of which rows of activations are made.
pub trait Encode: Kind {
    /// Writes sixteen values, whose steps are 1 / `inverse` around `middle`, as 16 / [`GROUP`](Kind::GROUP) words.
    /// Returns their sum as integers; see [`Kind::start`].
    fn encode<S: Simd>(simd: S, values: S::F, inverse: S::F, middle: S::F, words: &mut [i32]) -> S::I;
    /// The same for row `row` of a block, whose words of sixteen values of each row are `words`.
    #[inline(always)]
    fn encode_row<S: Simd>(simd: S, values: S::F, inverse: S::F, middle: S::F, words: &mut [i32], row: usize) -> S::I {
        let width = LANES / Self::GROUP;
        Self::encode(simd, values, inverse, middle, &mut words[row * width..(row + 1) * width])
    }
    /// True if values are scaled.
    const QUANTISED: bool;
    /// The factor of the sum of a row's integers in its correction.
    const CORRECTION: i32;
    /// The bits by which a word of weights differs from one of activations.
    const WEIGHT_OFFSET: i32;
    /// The factor of the sum of a column's integers in its correction.
    const COLUMN_CORRECTION: i32 = 0;
}

/// The words of sixteen values, all of them.
#[inline(always)]
fn whole<const N: usize>(words: &mut [i32]) -> &mut [i32; N] {
    words.try_into().expect("sixteen values have 16 / GROUP words")
}

#[inline(always)]
fn integers<S: Simd>(simd: S, values: S::F, inverse: S::F, middle: S::F) -> S::I {
    let scaled = simd.mul(simd.sub(values, middle), inverse);
    // The order of operands gives −127 for NaN: any number would do, but the same on all sets.
    let clamped = simd.min(simd.max(scaled, simd.splat(-RANGE)), simd.splat(RANGE));
    simd.round(clamped)
}

impl Encode for Bytes {
    const QUANTISED: bool = true;
    const CORRECTION: i32 = -128;
    const WEIGHT_OFFSET: i32 = 0x8080_8080_u32 as i32;

    #[inline(always)]
    fn encode<S: Simd>(simd: S, values: S::F, inverse: S::F, middle: S::F, words: &mut [i32]) -> S::I {
        let integers = integers(simd, values, inverse, middle);
        simd.store_i8(integers, whole(words));
        integers
    }
}

impl Encode for SignedBytes {
    const QUANTISED: bool = true;
    const CORRECTION: i32 = 0;
    const WEIGHT_OFFSET: i32 = 0;

    #[inline(always)]
    fn encode<S: Simd>(simd: S, values: S::F, inverse: S::F, middle: S::F, words: &mut [i32]) -> S::I {
        Bytes::encode(simd, values, inverse, middle, words)
    }
}

impl Encode for BytePairs {
    const QUANTISED: bool = true;
    const CORRECTION: i32 = 0;
    const WEIGHT_OFFSET: i32 = 0;

    #[inline(always)]
    fn encode<S: Simd>(simd: S, values: S::F, inverse: S::F, middle: S::F, words: &mut [i32]) -> S::I {
        Bytes::encode(simd, values, inverse, middle, words)
    }

    #[inline(always)]
    fn encode_row<S: Simd>(simd: S, values: S::F, inverse: S::F, middle: S::F, words: &mut [i32], row: usize) -> S::I {
        let mut encoded = [0; 4];
        let integers = Self::encode(simd, values, inverse, middle, &mut encoded);
        // Two words of each row of the pair, then two more.
        let pair = &mut words[row / 2 * 8..][..8];
        pair[row % 2 * 2..][..2].copy_from_slice(&encoded[..2]);
        pair[row % 2 * 2 + 4..][..2].copy_from_slice(&encoded[2..]);
        integers
    }
}

impl Encode for BoundedBytes {
    const QUANTISED: bool = true;
    const CORRECTION: i32 = 0;
    const WEIGHT_OFFSET: i32 = Bytes::WEIGHT_OFFSET;
    const COLUMN_CORRECTION: i32 = -128;

    #[inline(always)]
    fn encode<S: Simd>(simd: S, values: S::F, inverse: S::F, middle: S::F, words: &mut [i32]) -> S::I {
        let integers = Bytes::encode(simd, values, inverse, middle, words);
        for word in words {
            *word ^= Self::WEIGHT_OFFSET;
        }
        integers
    }
}

impl Encode for Words {
    const QUANTISED: bool = true;
    const CORRECTION: i32 = 0;
    const WEIGHT_OFFSET: i32 = 0;

    #[inline(always)]
    fn encode<S: Simd>(simd: S, values: S::F, inverse: S::F, middle: S::F, words: &mut [i32]) -> S::I {
        let integers = integers(simd, values, inverse, middle);
        simd.store_i16(integers, whole(words));
        integers
    }
}

impl Encode for Bf16 {
    const QUANTISED: bool = false;
    const CORRECTION: i32 = 0;
    const WEIGHT_OFFSET: i32 = 0;

    #[inline(always)]
    fn encode<S: Simd>(simd: S, values: S::F, _: S::F, _: S::F, words: &mut [i32]) -> S::I {
        simd.store_bf16(values, whole(words));
        simd.splat_i(0)
    }
}

impl Encode for F32 {
    const QUANTISED: bool = false;
    const CORRECTION: i32 = 0;
    const WEIGHT_OFFSET: i32 = 0;

    #[inline(always)]
    fn encode<S: Simd>(simd: S, values: S::F, _: S::F, _: S::F, words: &mut [i32]) -> S::I {
        simd.store_i(simd.as_i(values), whole(words));
        simd.splat_i(0)
    }
}

/// The centre of the range of a quantised row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Centre {
    /// Around 0.
    Zero,
    /// Around the middle of its least and largest value, for values that lie on one side, as behind a GELU.
    Middle,
}

impl<K: Kind, const R: usize> Default for Rows<K, R> {
    /// No room.
    fn default() -> Self {
        Self {
            words: Vec::new(),
            depth: 0,
            scales: Vec::new(),
            middles: Vec::new(),
            corrections: Vec::new(),
            kind: std::marker::PhantomData,
        }
    }
}

impl<K: Encode, const R: usize> Rows<K, R> {
    /// Becomes room for `rows` rows of `width` values, a multiple of 16. Rows beyond them, up to whole blocks, hold
    /// anything: what comes of them is not used.
    pub(crate) fn reset(&mut self, rows: usize, width: usize) {
        let blocks = rows.div_ceil(R);
        self.depth = width / K::GROUP;
        self.words.resize(blocks * R * self.depth, 0);
        self.scales.resize(blocks, [1.0; R]);
        self.middles.resize(blocks, [0.0; R]);
        self.corrections.resize(blocks, [0; R]);
    }

    /// Writes a row. One with a value that is not finite gets a scale that is NaN, so that all its products are.
    #[inline(always)]
    pub(crate) fn write<S: Simd>(&mut self, simd: S, row: usize, values: &[[f32; LANES]], centre: Centre) {
        let (block, at) = (row / R, row % R);
        let (mut inverse, mut middle) = (simd.splat(1.0), simd.splat(0.0));
        if K::QUANTISED {
            let (scale, mid) = range(simd, values, centre);
            // 127 / largest, and 0 for a row of zeros.
            inverse = simd.splat(if scale > 0.0 { 1.0 / scale } else { 0.0 });
            middle = simd.splat(mid);
            (self.scales[block][at], self.middles[block][at]) = (scale, mid);
        }
        let block_words = &mut self.words[block * R * self.depth..(block + 1) * R * self.depth];
        let width = LANES / K::GROUP;
        let mut sum = simd.splat_i(0);
        for (values, words) in values.iter().zip(block_words.chunks_exact_mut(R * width)) {
            sum = simd.add_i(sum, K::encode_row(simd, simd.load(values), inverse, middle, words, at));
        }
        self.corrections[block][at] = simd.sum_i(sum).wrapping_mul(K::CORRECTION);
    }

    /// A block's words.
    #[inline(always)]
    pub(crate) fn block(&self, block: usize) -> &[i32] {
        &self.words[block * R * self.depth..(block + 1) * R * self.depth]
    }

    /// A block's words to write to, `vectors` × sixteen values of all its rows an item.
    #[inline(always)]
    pub(crate) fn block_mut(&mut self, block: usize, vectors: usize) -> std::slice::ChunksExactMut<'_, i32> {
        let words = vectors * R * LANES / K::GROUP;
        self.words[block * R * self.depth..(block + 1) * R * self.depth].chunks_exact_mut(words)
    }

    /// The sums of a block's rows before the first product.
    #[inline(always)]
    pub(crate) fn corrections(&self, block: usize) -> &[i32; R] {
        &self.corrections[block]
    }

    /// A block's scales.
    #[inline(always)]
    pub(crate) fn scales(&self, block: usize) -> &[f32; R] {
        &self.scales[block]
    }

    /// A block's middles.
    #[inline(always)]
    pub(crate) fn middles(&self, block: usize) -> &[f32; R] {
        &self.middles[block]
    }
}

/// The scale and the middle of a row's range. The scale is NaN if a value is not finite, and 0 if all are equal to the
/// middle, or so near that their steps would be denormal.
#[inline(always)]
fn range<S: Simd>(simd: S, values: &[[f32; LANES]], centre: Centre) -> (f32, f32) {
    let zero = simd.splat(0.0);
    let (mut largest, mut poison) = (zero, zero);
    let (scale, middle) = match centre {
        Centre::Zero => {
            for values in values {
                let values = simd.load(values);
                largest = simd.max(simd.abs(values), largest);
                // 0, or NaN for what is not finite.
                poison = simd.fma(values, zero, poison);
            }
            (simd.largest(largest) / RANGE, 0.0)
        }
        Centre::Middle => {
            let mut negated = simd.splat(f32::NEG_INFINITY);
            largest = negated;
            for values in values {
                let values = simd.load(values);
                largest = simd.max(values, largest);
                negated = simd.max(simd.sub(zero, values), negated);
                poison = simd.fma(values, zero, poison);
            }
            let (high, low) = (simd.largest(largest), -simd.largest(negated));
            // Halves, as the difference may be too large for an f32.
            ((0.5 * high - 0.5 * low) / RANGE, 0.5 * high + 0.5 * low)
        }
    };
    usable(simd.sum(poison), scale, middle)
}

/// The scale of the differences between the values and a mean, as [`range`] has it.
#[inline(always)]
pub(super) fn scale_around<S: Simd>(simd: S, values: &[[f32; LANES]], mean: &[[f32; LANES]]) -> f32 {
    let zero = simd.splat(0.0);
    let (mut largest, mut poison) = (zero, zero);
    for (values, mean) in values.iter().zip(mean) {
        let values = simd.sub(simd.load(values), simd.load(mean));
        largest = simd.max(simd.abs(values), largest);
        poison = simd.fma(values, zero, poison);
    }
    usable(simd.sum(poison), simd.largest(largest) / RANGE, 0.0).0
}

#[inline(always)]
fn usable(poison: f32, scale: f32, middle: f32) -> (f32, f32) {
    if poison.is_nan() {
        return (f32::NAN, 0.0);
    }
    if scale < f32::MIN_POSITIVE * 4.0 { (0.0, middle) } else { (scale, middle) }
}
