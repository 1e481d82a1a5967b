//! The kinds of elements that a product multiplies.

use crate::simd::Simd;

/// A kind of element. Operands are words of 32 bits, [`GROUP`](Self::GROUP) elements each, along the summed dimension.
pub trait Kind: Copy + Send + Sync + 'static {
    /// Elements of a word.
    const GROUP: usize;
    /// The sums of sixteen columns.
    type Sum<S: Simd>: Copy;

    /// Sums that start at `correction`, the row's; see [`Rows`](super::rows::Rows).
    fn start<S: Simd>(simd: S, correction: i32) -> Self::Sum<S>;
    /// sum + w · a
    fn dot<S: Simd>(simd: S, sum: Self::Sum<S>, w: S::I, a: S::I) -> Self::Sum<S>;
    /// The sums as f32.
    fn finish<S: Simd>(simd: S, sum: Self::Sum<S>) -> S::F;
}

/// Signed bytes for activations, bytes with an offset of 128 for weights (`vpdpbusd`). The correction of a row is
/// −128 times the sum of its activations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bytes;

/// 16-bit integers for both, of 8 bits' range (`vpmaddwd`). The correction is 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words;

/// Bfloat16 for both, summed in f32 (`vdpbf16ps`).
#[derive(Debug, Clone, Copy)]
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
    fn dot<S: Simd>(simd: S, sum: S::I, w: S::I, a: S::I) -> S::I {
        simd.dot_u8_i8(sum, w, a)
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
    fn dot<S: Simd>(simd: S, sum: S::I, w: S::I, a: S::I) -> S::I {
        simd.dot_i16(sum, w, a)
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
    fn dot<S: Simd>(simd: S, sum: S::F, w: S::I, a: S::I) -> S::F {
        simd.dot_bf16(sum, w, a)
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
    fn dot<S: Simd>(simd: S, sum: S::F, w: S::I, a: S::I) -> S::F {
        simd.fma(simd.as_f(w), simd.as_f(a), sum)
    }
    #[inline(always)]
    fn finish<S: Simd>(_: S, sum: S::F) -> S::F {
        sum
    }
}
