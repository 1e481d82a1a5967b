//! The kinds of elements that a product multiplies.

use std::borrow::Borrow;

use super::unrolled::unrolled;
use crate::simd::{LANES, Simd};

/// A word of each of `V` times sixteen columns.
pub(crate) type ColumnWords<const V: usize> = [[i32; LANES]; V];

/// A kind of element. Operands are words of 32 bits, [`GROUP`](Self::GROUP) elements each, along the summed dimension.
pub trait Kind: Copy + Send + Sync + 'static {
    /// Elements of a word.
    const GROUP: usize;
    /// Products that [`dot`](Self::dot) adds to a sum.
    const PRODUCTS: usize = Self::GROUP;
    /// The sums of a row and sixteen columns.
    type Sum<S: Simd>: Copy;

    /// Sums that start at `correction`, the row's; see [`Rows`](super::rows::Rows).
    fn start<S: Simd>(simd: S, correction: i32) -> Self::Sum<S>;
    /// The sums of a tile before the first product: of its rows' corrections, and of its columns' ones, if they have any.
    #[inline(always)]
    fn start_tile<S: Simd, const R: usize, const V: usize>(
        simd: S,
        rows: &[i32; R],
        _columns: &[[i32; LANES]],
    ) -> [[Self::Sum<S>; V]; R] {
        let mut sums = [[Self::start(simd, 0); V]; R];
        for r in 0..R {
            sums[r] = [Self::start(simd, rows[r]); V];
        }
        sums
    }
    /// sum + w · word `at` of a
    fn dot<S: Simd>(simd: S, sum: Self::Sum<S>, w: S::I, a: &[i32; 4], at: usize) -> Self::Sum<S>;
    /// The sums as f32.
    fn finish<S: Simd>(simd: S, sum: Self::Sum<S>) -> S::F;

    /// The sums with the products of sixteen elements: the words of `R` rows and of `V` · 16 columns.
    #[inline(always)]
    fn step<S: Simd, const R: usize, const V: usize>(
        simd: S,
        mut sums: [[Self::Sum<S>; V]; R],
        rows: &[[i32; 4]],
        columns: &[ColumnWords<V>],
    ) -> [[Self::Sum<S>; V]; R] {
        let width = LANES / Self::GROUP;
        // Else the compiler unrolls where that is well: 16-bit integers in a longer loop would leave their registers.
        if S::INDEXED {
            for (four, columns) in columns.as_chunks::<4>().0.iter().enumerate() {
                unrolled!(at < 4, {
                    sums = Self::multiply(simd, sums, |row| &rows[row * width / 4 + four], at, &columns[at]);
                });
            }
        } else {
            let words = rows.as_flattened();
            for (word, columns) in columns.iter().enumerate() {
                sums = Self::multiply(simd, sums, |row| [words[row * width + word]; 4], 0, columns);
            }
        }
        sums
    }
    /// The sums with the products of word `at` of `four` of each row.
    #[inline(always)]
    fn multiply<S: Simd, A: Borrow<[i32; 4]>, const R: usize, const V: usize>(
        simd: S,
        mut sums: [[Self::Sum<S>; V]; R],
        four: impl Fn(usize) -> A,
        at: usize,
        columns: &ColumnWords<V>,
    ) -> [[Self::Sum<S>; V]; R] {
        let mut column = [simd.splat_i(0); V];
        for v in 0..V {
            column[v] = simd.load_i(&columns[v]);
        }
        for r in 0..R {
            for v in 0..V {
                sums[r][v] = Self::dot(simd, sums[r][v], column[v], four(r).borrow(), at);
            }
        }
        sums
    }
    /// The sums row by row, after the last step.
    #[inline(always)]
    fn settle<S: Simd, const R: usize, const V: usize>(_: S, sums: [[Self::Sum<S>; V]; R]) -> [[Self::Sum<S>; V]; R] {
        sums
    }
    /// The number and the lane where the word of a column is kept. It stays among the same four numbers.
    #[inline(always)]
    fn place(word: usize, lane: usize) -> (usize, usize) {
        (word, lane)
    }
}

/// Signed bytes for activations, bytes with an offset of 128 for weights (`vpdpbusd`). The correction of a row is
/// −128 times the sum of its activations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes;

/// Signed bytes for both (`sdot`). The correction is 0.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(target_arch = "aarch64"), allow(dead_code, reason = "only NEON has it"))]
pub(crate) struct SignedBytes;

/// Signed bytes for both, two rows and eight columns at a time (`smmla`). The correction is 0, and tiles have an even number of
/// rows. Words of two rows stand side by side, as do those of a column: see [`Simd::dot_i8_pairs`].
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(target_arch = "aarch64"), allow(dead_code, reason = "only NEON has it"))]
pub(crate) struct BytePairs;

/// Bytes with an offset of 128 for activations, signed bytes for weights (`vpmaddubsw`), for weights of which
/// [`bounded`](super::bounded::bounded) is true. The correction of a row is 0, that of a column −128 times the sum of its weights.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "only x86-64 without VNNI has it"))]
pub(crate) struct BoundedBytes;

/// 16-bit integers for both, of 8 bits' range (`vpmaddwd`). The correction is 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words;

/// Bfloat16 for both, summed in f32 (`vdpbf16ps`).
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "only AVX-512 has it"))]
pub(crate) struct Bf16;

/// f32 for both.
#[derive(Debug, Clone, Copy)]
pub(crate) struct F32;

impl Kind for Bytes {
    const GROUP: usize = 4;
    type Sum<S: Simd> = S::I;

    #[inline(always)]
    fn start<S: Simd>(simd: S, correction: i32) -> S::I {
        simd.splat_i(correction)
    }
    #[inline(always)]
    fn dot<S: Simd>(simd: S, sum: S::I, w: S::I, a: &[i32; 4], at: usize) -> S::I {
        simd.dot_u8_i8(sum, w, a, at)
    }
    #[inline(always)]
    fn finish<S: Simd>(simd: S, sum: S::I) -> S::F {
        simd.to_f(sum)
    }
}

impl Kind for SignedBytes {
    const GROUP: usize = 4;
    type Sum<S: Simd> = S::I;

    #[inline(always)]
    fn start<S: Simd>(simd: S, correction: i32) -> S::I {
        simd.splat_i(correction)
    }
    #[inline(always)]
    fn dot<S: Simd>(simd: S, sum: S::I, w: S::I, a: &[i32; 4], at: usize) -> S::I {
        simd.dot_i8(sum, w, a, at)
    }
    #[inline(always)]
    fn finish<S: Simd>(simd: S, sum: S::I) -> S::F {
        simd.to_f(sum)
    }
}

impl Kind for BytePairs {
    const GROUP: usize = 4;
    const PRODUCTS: usize = 8;
    type Sum<S: Simd> = S::I;

    #[inline(always)]
    fn start<S: Simd>(simd: S, correction: i32) -> S::I {
        simd.splat_i(correction)
    }
    #[inline(always)]
    fn dot<S: Simd>(simd: S, sum: S::I, w: S::I, a: &[i32; 4], _: usize) -> S::I {
        simd.dot_i8_pairs(sum, w, a)
    }
    #[inline(always)]
    fn finish<S: Simd>(simd: S, sum: S::I) -> S::F {
        simd.to_f(sum)
    }

    #[inline(always)]
    fn step<S: Simd, const R: usize, const V: usize>(
        simd: S,
        mut sums: [[S::I; V]; R],
        rows: &[[i32; 4]],
        columns: &[ColumnWords<V>],
    ) -> [[S::I; V]; R] {
        const { assert!(R.is_multiple_of(2)) };
        // Two words of each column, of the first eight columns and of the others.
        unrolled!(k < 4, {
            for v in 0..V {
                let column = simd.load_i(&columns[k][v]);
                for pair in 0..R / 2 {
                    let sum = &mut sums[2 * pair + k % 2][v];
                    *sum = simd.dot_i8_pairs(*sum, column, &rows[2 * pair + k / 2]);
                }
            }
        });
        sums
    }
    #[inline(always)]
    fn settle<S: Simd, const R: usize, const V: usize>(simd: S, mut sums: [[S::I; V]; R]) -> [[S::I; V]; R] {
        for pair in 0..R / 2 {
            for v in 0..V {
                [sums[2 * pair][v], sums[2 * pair + 1][v]] = simd.unpair(sums[2 * pair][v], sums[2 * pair + 1][v]);
            }
        }
        sums
    }
    #[inline(always)]
    fn place(word: usize, lane: usize) -> (usize, usize) {
        (word / 2 * 2 + lane / 8, lane % 8 * 2 + word % 2)
    }
}

impl Kind for BoundedBytes {
    const GROUP: usize = 4;
    type Sum<S: Simd> = S::I;

    #[inline(always)]
    fn start<S: Simd>(simd: S, correction: i32) -> S::I {
        simd.splat_i(correction)
    }
    #[inline(always)]
    fn start_tile<S: Simd, const R: usize, const V: usize>(
        simd: S,
        _rows: &[i32; R],
        columns: &[[i32; LANES]],
    ) -> [[S::I; V]; R] {
        let mut sums = [simd.splat_i(0); V];
        for v in 0..V {
            sums[v] = simd.load_i(&columns[v]);
        }
        [sums; R]
    }
    #[inline(always)]
    fn dot<S: Simd>(simd: S, sum: S::I, w: S::I, a: &[i32; 4], at: usize) -> S::I {
        simd.dot_i8_u8_in_pairs(sum, w, a, at)
    }
    #[inline(always)]
    fn finish<S: Simd>(simd: S, sum: S::I) -> S::F {
        simd.to_f(sum)
    }
}

impl Kind for Words {
    const GROUP: usize = 2;
    type Sum<S: Simd> = S::I;

    #[inline(always)]
    fn start<S: Simd>(simd: S, correction: i32) -> S::I {
        simd.splat_i(correction)
    }
    #[inline(always)]
    fn dot<S: Simd>(simd: S, sum: S::I, w: S::I, a: &[i32; 4], at: usize) -> S::I {
        simd.dot_i16(sum, w, a, at)
    }
    #[inline(always)]
    fn finish<S: Simd>(simd: S, sum: S::I) -> S::F {
        simd.to_f(sum)
    }
}

impl Kind for Bf16 {
    const GROUP: usize = 2;
    type Sum<S: Simd> = S::F;

    #[inline(always)]
    fn start<S: Simd>(simd: S, _: i32) -> S::F {
        simd.splat(0.0)
    }
    #[inline(always)]
    fn dot<S: Simd>(simd: S, sum: S::F, w: S::I, a: &[i32; 4], at: usize) -> S::F {
        simd.dot_bf16(sum, w, a, at)
    }
    #[inline(always)]
    fn finish<S: Simd>(_: S, sum: S::F) -> S::F {
        sum
    }
}

impl Kind for F32 {
    const GROUP: usize = 1;
    type Sum<S: Simd> = S::F;

    #[inline(always)]
    fn start<S: Simd>(simd: S, _: i32) -> S::F {
        simd.splat(0.0)
    }
    #[inline(always)]
    fn dot<S: Simd>(simd: S, sum: S::F, w: S::I, a: &[i32; 4], at: usize) -> S::F {
        simd.dot_f32(sum, w, a, at)
    }
    #[inline(always)]
    fn finish<S: Simd>(_: S, sum: S::F) -> S::F {
        sum
    }
}
