//! AVX2 with FMA: two registers a vector.
//!
//! SAFETY of all blocks: an [`Avx2`] exists only if the processor has the instructions; [`Avx2::new`]
//! makes sure of it. Loads and stores go through references to arrays of exactly their size, and need no alignment.
//! The unsafe functions here want the same of their callers, which are methods of the set.
#![allow(clippy::undocumented_unsafe_blocks, reason = "one reason for all, above")]

use std::arch::x86_64::*;

use super::traits::{Kernel, LANES, Simd};

/// AVX2 and FMA.
#[derive(Debug, Clone, Copy)]
pub struct Avx2(());

type F = [__m256; 2];
type I = [__m256i; 2];

impl Avx2 {
    /// The set, if this processor has it.
    pub fn new() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }
}

/// Both halves.
macro_rules! halves {
    ($intrinsic:ident($($a:ident),+)) => { unsafe { [$intrinsic($($a[0]),+), $intrinsic($($a[1]),+)] } };
}

/// A denormal number as 0 of its sign: where the exponent is 0 only the sign stays.
#[inline(always)]
unsafe fn flushed(a: __m256) -> __m256 {
    unsafe {
        let bits = _mm256_castps_si256(a);
        let exponent = _mm256_and_si256(bits, _mm256_set1_epi32(0x7f80_0000));
        let zero = _mm256_cmpeq_epi32(exponent, _mm256_setzero_si256());
        let mantissa = _mm256_and_si256(zero, _mm256_set1_epi32(0x007f_ffff));
        _mm256_castsi256_ps(_mm256_andnot_si256(mantissa, bits))
    }
}

#[inline(always)]
unsafe fn dot_bf16(acc: __m256, w: __m256i, a: __m256i) -> __m256 {
    unsafe {
        let low = |bits| flushed(_mm256_castsi256_ps(_mm256_slli_epi32::<16>(bits)));
        let mask = _mm256_set1_epi32(0xffff_0000_u32 as i32);
        let high = |bits| flushed(_mm256_castsi256_ps(_mm256_and_si256(bits, mask)));
        let sum = flushed(_mm256_fmadd_ps(high(w), high(a), flushed(acc)));
        flushed(_mm256_fmadd_ps(low(w), low(a), sum))
    }
}

/// The nearest bfloat16 in the low half of each lane.
#[inline(always)]
unsafe fn bf16(a: __m256) -> __m256i {
    unsafe {
        let bits = _mm256_castps_si256(flushed(a));
        let odd = _mm256_and_si256(_mm256_srli_epi32::<16>(bits), _mm256_set1_epi32(1));
        let rounded = _mm256_add_epi32(bits, _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff)));
        let quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x0040_0000));
        let nan = _mm256_castps_si256(_mm256_cmp_ps::<_CMP_UNORD_Q>(a, a));
        _mm256_srli_epi32::<16>(_mm256_blendv_epi8(rounded, quiet, nan))
    }
}

/// x, −126 at least, and the integer below it.
#[inline(always)]
fn floor(x: F) -> (F, F) {
    let least = unsafe { _mm256_set1_ps(-126.0) };
    let x = unsafe { [_mm256_max_ps(least, x[0]), _mm256_max_ps(least, x[1])] };
    (x, unsafe { [_mm256_floor_ps(x[0]), _mm256_floor_ps(x[1])] })
}

impl Simd for Avx2 {
    type F = F;
    type I = I;

    #[inline]
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma")]
        fn enabled<K: Kernel>(simd: Avx2, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        unsafe { enabled(self, kernel) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> F {
        unsafe { [_mm256_set1_ps(value); 2] }
    }
    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> F {
        unsafe { [_mm256_loadu_ps(values.as_ptr()), _mm256_loadu_ps(values.as_ptr().add(8))] }
    }
    #[inline(always)]
    fn store(self, a: F, to: &mut [f32; LANES]) {
        unsafe {
            _mm256_storeu_ps(to.as_mut_ptr(), a[0]);
            _mm256_storeu_ps(to.as_mut_ptr().add(8), a[1]);
        }
    }
    #[inline(always)]
    fn add(self, a: F, b: F) -> F {
        halves!(_mm256_add_ps(a, b))
    }
    #[inline(always)]
    fn sub(self, a: F, b: F) -> F {
        halves!(_mm256_sub_ps(a, b))
    }
    #[inline(always)]
    fn mul(self, a: F, b: F) -> F {
        halves!(_mm256_mul_ps(a, b))
    }
    #[inline(always)]
    fn fma(self, a: F, b: F, c: F) -> F {
        halves!(_mm256_fmadd_ps(a, b, c))
    }
    #[inline(always)]
    fn max(self, a: F, b: F) -> F {
        halves!(_mm256_max_ps(a, b))
    }
    #[inline(always)]
    fn min(self, a: F, b: F) -> F {
        halves!(_mm256_min_ps(a, b))
    }
    #[inline(always)]
    fn zero_below(self, x: F, limit: F, a: F) -> F {
        let above = unsafe { [0, 1].map(|half| _mm256_cmp_ps::<_CMP_NLT_UQ>(x[half], limit[half])) };
        halves!(_mm256_and_ps(above, a))
    }
    #[inline(always)]
    fn abs(self, a: F) -> F {
        let sign = unsafe { [_mm256_set1_ps(-0.0); 2] };
        halves!(_mm256_andnot_ps(sign, a))
    }
    #[inline(always)]
    fn div(self, a: F, b: F) -> F {
        halves!(_mm256_div_ps(a, b))
    }
    #[inline(always)]
    fn sum(self, a: F) -> f32 {
        unsafe {
            let eight = _mm256_add_ps(a[0], a[1]);
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }
    #[inline(always)]
    fn largest(self, a: F) -> f32 {
        unsafe {
            let eight = _mm256_max_ps(a[0], a[1]);
            let four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)))
        }
    }
    #[inline(always)]
    fn fraction(self, x: F) -> F {
        let (x, whole) = floor(x);
        halves!(_mm256_sub_ps(x, whole))
    }
    #[inline(always)]
    fn scale(self, a: F, x: F) -> F {
        let (_, whole) = floor(x);
        // Added to the exponent of a.
        let exponent = |half: usize| unsafe { _mm256_slli_epi32::<23>(_mm256_cvtps_epi32(whole[half])) };
        let bits = |half: usize| unsafe { _mm256_add_epi32(_mm256_castps_si256(a[half]), exponent(half)) };
        unsafe { [_mm256_castsi256_ps(bits(0)), _mm256_castsi256_ps(bits(1))] }
    }
    #[inline(always)]
    fn round(self, a: F) -> I {
        halves!(_mm256_cvtps_epi32(a))
    }

    #[inline(always)]
    fn splat_i(self, value: i32) -> I {
        unsafe { [_mm256_set1_epi32(value); 2] }
    }
    #[inline(always)]
    fn load_i(self, values: &[i32; LANES]) -> I {
        let from = values.as_ptr().cast::<__m256i>();
        unsafe { [_mm256_loadu_si256(from), _mm256_loadu_si256(from.add(1))] }
    }
    #[inline(always)]
    fn store_i(self, a: I, to: &mut [i32; LANES]) {
        let to = to.as_mut_ptr().cast::<__m256i>();
        unsafe {
            _mm256_storeu_si256(to, a[0]);
            _mm256_storeu_si256(to.add(1), a[1]);
        }
    }
    #[inline(always)]
    fn add_i(self, a: I, b: I) -> I {
        halves!(_mm256_add_epi32(a, b))
    }
    #[inline(always)]
    fn sum_i(self, a: I) -> i32 {
        let mut lanes = [0; LANES];
        self.store_i(a, &mut lanes);
        lanes.into_iter().fold(0, i32::wrapping_add)
    }
    #[inline(always)]
    fn to_f(self, a: I) -> F {
        halves!(_mm256_cvtepi32_ps(a))
    }
    #[inline(always)]
    fn as_f(self, a: I) -> F {
        halves!(_mm256_castsi256_ps(a))
    }
    #[inline(always)]
    fn as_i(self, a: F) -> I {
        halves!(_mm256_castps_si256(a))
    }
    #[inline(always)]
    fn store_i8(self, a: I, to: &mut [i32; 4]) {
        unsafe {
            // In lanes of 128 bits: a0 a2 | a1 a3 as 16-bit integers, put in order, then bytes.
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(a[0], a[1]));
            let bytes = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256::<1>(words));
            _mm_storeu_si128(to.as_mut_ptr().cast(), bytes);
        }
    }
    #[inline(always)]
    fn store_i16(self, a: I, to: &mut [i32; 8]) {
        unsafe {
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packs_epi32(a[0], a[1]));
            _mm256_storeu_si256(to.as_mut_ptr().cast(), words);
        }
    }

    #[inline(always)]
    fn dot_u8_i8(self, acc: I, w: I, a: I) -> I {
        // Exact, in 16-bit products of the even and the odd bytes; no kernel for AVX2 has it in its inner loop.
        let half = |acc: __m256i, w: __m256i, a: __m256i| unsafe {
            let low = _mm256_set1_epi16(0xff);
            let even = _mm256_madd_epi16(_mm256_and_si256(w, low), _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(a)));
            let odd = _mm256_madd_epi16(_mm256_srli_epi16::<8>(w), _mm256_srai_epi16::<8>(a));
            _mm256_add_epi32(acc, _mm256_add_epi32(even, odd))
        };
        [half(acc[0], w[0], a[0]), half(acc[1], w[1], a[1])]
    }
    #[inline(always)]
    fn dot_i16(self, acc: I, w: I, a: I) -> I {
        let sums = halves!(_mm256_madd_epi16(w, a));
        halves!(_mm256_add_epi32(acc, sums))
    }
    #[inline(always)]
    fn dot_bf16(self, acc: F, w: I, a: I) -> F {
        halves!(dot_bf16(acc, w, a))
    }
    #[inline(always)]
    fn to_bf16(self, low: F, high: F) -> I {
        let (low, high) = (halves!(bf16(low)), halves!(bf16(high)));
        unsafe { [0, 1].map(|half| _mm256_or_si256(low[half], _mm256_slli_epi32::<16>(high[half]))) }
    }
    #[inline(always)]
    fn store_bf16(self, a: F, to: &mut [i32; 8]) {
        let bits = halves!(bf16(a));
        unsafe {
            let words = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi32(bits[0], bits[1]));
            _mm256_storeu_si256(to.as_mut_ptr().cast(), words);
        }
    }
}
