//! AVX-512: one register a vector.
//!
//! SAFETY of all blocks: an [`Avx512`] exists only if the processor has the instructions of its level; [`Avx512::new`]
//! makes sure of it. Loads and stores go through references to arrays of exactly their size, and need no alignment.
//! Transmutations are between vectors and arrays of one width, for which all bits are valid. Every function with an
//! instruction beyond x86-64 takes the set.
#![allow(clippy::undocumented_unsafe_blocks, reason = "one reason for all, above")]

use std::arch::x86_64::*;
use std::marker::PhantomData;

use super::scalar::Scalar;
use super::traits::{Kernel, LANES, Simd};

/// AVX-512 F, BW, DQ and VL, and the instructions for products of a level.
#[derive(Debug)]
pub struct Avx512<L>(PhantomData<L>);

impl<L> Clone for Avx512<L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L> Copy for Avx512<L> {}

/// BF16 and VNNI.
#[derive(Debug)]
pub struct Bf16;

/// VNNI, without BF16.
#[derive(Debug)]
pub struct Vnni;

/// Neither VNNI nor BF16.
#[derive(Debug)]
pub struct Basic;

/// Instructions for products, which take the set as a proof that the processor has them. What a level has none for goes
/// through [`Scalar`]: no kernel for it has that in a loop.
///
/// # Safety
/// [`detected`](Self::detected) is true only if the processor has all instructions that the other functions use.
pub unsafe trait Level: Send + Sync + Sized + 'static {
    /// True if this processor has the level's instructions.
    fn detected() -> bool;
    /// Runs a kernel with the level's instructions enabled.
    fn enable<K: Kernel>(simd: Avx512<Self>, kernel: K) -> K::Output;

    #[inline(always)]
    fn dot_u8_i8(_: Avx512<Self>, acc: __m512i, w: __m512i, a: &[i32; 4], at: usize) -> __m512i {
        integers(Scalar.dot_u8_i8(of_integers(acc), of_integers(w), a, at))
    }
    #[inline(always)]
    fn dot_i16(simd: Avx512<Self>, acc: __m512i, w: __m512i, a: &[i32; 4], at: usize) -> __m512i {
        unsafe { _mm512_add_epi32(acc, _mm512_madd_epi16(w, simd.splat_i(a[at]))) }
    }
    #[inline(always)]
    fn dot_bf16(_: Avx512<Self>, acc: __m512, w: __m512i, a: &[i32; 4], at: usize) -> __m512 {
        unsafe { std::mem::transmute(Scalar.dot_bf16(of_floats(acc), of_integers(w), a, at)) }
    }
    #[inline(always)]
    fn to_bf16(_: Avx512<Self>, low: __m512, high: __m512) -> __m512i {
        integers(Scalar.to_bf16(of_floats(low), of_floats(high)))
    }
    #[inline(always)]
    fn store_bf16(_: Avx512<Self>, a: __m512, to: &mut [i32; 8]) {
        Scalar.store_bf16(of_floats(a), to);
    }
}

#[inline(always)]
fn of_floats(a: __m512) -> [f32; LANES] {
    unsafe { std::mem::transmute(a) }
}

#[inline(always)]
fn of_integers(a: __m512i) -> [i32; LANES] {
    unsafe { std::mem::transmute(a) }
}

#[inline(always)]
fn integers(a: [i32; LANES]) -> __m512i {
    unsafe { std::mem::transmute(a) }
}

unsafe impl Level for Basic {
    fn detected() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
    }

    #[inline]
    fn enable<K: Kernel>(simd: Avx512<Self>, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
        fn enabled<K: Kernel>(simd: Avx512<Basic>, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        unsafe { enabled(simd, kernel) }
    }
}

unsafe impl Level for Vnni {
    fn detected() -> bool {
        Basic::detected() && is_x86_feature_detected!("avx512vnni")
    }

    #[inline]
    fn enable<K: Kernel>(simd: Avx512<Self>, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma")]
        fn enabled<K: Kernel>(simd: Avx512<Vnni>, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        unsafe { enabled(simd, kernel) }
    }

    #[inline(always)]
    fn dot_u8_i8(simd: Avx512<Self>, acc: __m512i, w: __m512i, a: &[i32; 4], at: usize) -> __m512i {
        unsafe { _mm512_dpbusd_epi32(acc, w, simd.splat_i(a[at])) }
    }
}

unsafe impl Level for Bf16 {
    fn detected() -> bool {
        Vnni::detected() && is_x86_feature_detected!("avx512bf16")
    }

    #[inline]
    fn enable<K: Kernel>(simd: Avx512<Self>, kernel: K) -> K::Output {
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx512bf16,avx2,fma")]
        fn enabled<K: Kernel>(simd: Avx512<Bf16>, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        unsafe { enabled(simd, kernel) }
    }

    #[inline(always)]
    fn dot_u8_i8(simd: Avx512<Self>, acc: __m512i, w: __m512i, a: &[i32; 4], at: usize) -> __m512i {
        unsafe { _mm512_dpbusd_epi32(acc, w, simd.splat_i(a[at])) }
    }
    #[inline(always)]
    fn dot_bf16(simd: Avx512<Self>, acc: __m512, w: __m512i, a: &[i32; 4], at: usize) -> __m512 {
        let a = simd.splat_i(a[at]);
        unsafe {
            _mm512_dpbf16_ps(
                acc,
                std::mem::transmute::<__m512i, __m512bh>(w),
                std::mem::transmute::<__m512i, __m512bh>(a),
            )
        }
    }
    #[inline(always)]
    fn to_bf16(_: Avx512<Self>, low: __m512, high: __m512) -> __m512i {
        unsafe {
            let low: __m256i = std::mem::transmute(_mm512_cvtneps_pbh(low));
            let high: __m256i = std::mem::transmute(_mm512_cvtneps_pbh(high));
            let high = _mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(high));
            _mm512_or_si512(_mm512_cvtepu16_epi32(low), high)
        }
    }
    #[inline(always)]
    fn store_bf16(_: Avx512<Self>, a: __m512, to: &mut [i32; 8]) {
        unsafe {
            _mm256_storeu_si256(to.as_mut_ptr().cast(), std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(a)))
        }
    }
}

impl<L: Level> Avx512<L> {
    /// The set, if this processor has it.
    pub fn new() -> Option<Self> {
        L::detected().then_some(Self(PhantomData))
    }
}

impl<L: Level> Simd for Avx512<L> {
    type F = __m512;
    type I = __m512i;

    #[inline]
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output {
        L::enable(self, kernel)
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        unsafe { _mm512_set1_ps(value) }
    }
    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> __m512 {
        unsafe { _mm512_loadu_ps(values.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, a: __m512, to: &mut [f32; LANES]) {
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), a) }
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_min_ps(a, b) }
    }
    #[inline(always)]
    fn zero_below(self, x: __m512, limit: __m512, a: __m512) -> __m512 {
        unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_NLT_UQ>(x, limit), a) }
    }
    #[inline(always)]
    fn abs(self, a: __m512) -> __m512 {
        unsafe { _mm512_abs_ps(a) }
    }
    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    fn sum(self, a: __m512) -> f32 {
        unsafe {
            let eight = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps::<1>(a));
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }
    #[inline(always)]
    fn largest(self, a: __m512) -> f32 {
        unsafe {
            let eight = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps::<1>(a));
            let four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps::<1>(eight));
            let two = _mm_max_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)))
        }
    }
    #[inline(always)]
    fn fraction(self, x: __m512) -> __m512 {
        // vreduceps would round the difference down.
        unsafe { _mm512_sub_ps(x, _mm512_roundscale_ps::<_MM_FROUND_TO_NEG_INF>(x)) }
    }
    #[inline(always)]
    fn scale(self, a: __m512, x: __m512) -> __m512 {
        unsafe { _mm512_scalef_ps(a, x) }
    }
    #[inline(always)]
    fn round(self, a: __m512) -> __m512i {
        unsafe { _mm512_cvtps_epi32(a) }
    }

    #[inline(always)]
    fn splat_i(self, value: i32) -> __m512i {
        unsafe { _mm512_set1_epi32(value) }
    }
    #[inline(always)]
    fn load_i(self, values: &[i32; LANES]) -> __m512i {
        unsafe { _mm512_loadu_si512(values.as_ptr().cast()) }
    }
    #[inline(always)]
    fn store_i(self, a: __m512i, to: &mut [i32; LANES]) {
        unsafe { _mm512_storeu_si512(to.as_mut_ptr().cast(), a) }
    }
    #[inline(always)]
    fn add_i(self, a: __m512i, b: __m512i) -> __m512i {
        unsafe { _mm512_add_epi32(a, b) }
    }
    #[inline(always)]
    fn sum_i(self, a: __m512i) -> i32 {
        unsafe { _mm512_reduce_add_epi32(a) }
    }
    #[inline(always)]
    fn to_f(self, a: __m512i) -> __m512 {
        unsafe { _mm512_cvtepi32_ps(a) }
    }
    #[inline(always)]
    fn as_f(self, a: __m512i) -> __m512 {
        unsafe { _mm512_castsi512_ps(a) }
    }
    #[inline(always)]
    fn as_i(self, a: __m512) -> __m512i {
        unsafe { _mm512_castps_si512(a) }
    }
    #[inline(always)]
    fn store_i8(self, a: __m512i, to: &mut [i32; 4]) {
        unsafe { _mm_storeu_si128(to.as_mut_ptr().cast(), _mm512_cvtepi32_epi8(a)) }
    }
    #[inline(always)]
    fn store_i16(self, a: __m512i, to: &mut [i32; 8]) {
        unsafe { _mm256_storeu_si256(to.as_mut_ptr().cast(), _mm512_cvtepi32_epi16(a)) }
    }

    #[inline(always)]
    fn dot_u8_i8(self, acc: __m512i, w: __m512i, a: &[i32; 4], at: usize) -> __m512i {
        L::dot_u8_i8(self, acc, w, a, at)
    }
    #[inline(always)]
    fn dot_i8_u8_in_pairs(self, acc: __m512i, w: __m512i, a: &[i32; 4], at: usize) -> __m512i {
        unsafe {
            let pairs = _mm512_maddubs_epi16(self.splat_i(a[at]), w);
            _mm512_add_epi32(acc, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)))
        }
    }
    #[inline(always)]
    fn dot_i16(self, acc: __m512i, w: __m512i, a: &[i32; 4], at: usize) -> __m512i {
        L::dot_i16(self, acc, w, a, at)
    }
    #[inline(always)]
    fn dot_bf16(self, acc: __m512, w: __m512i, a: &[i32; 4], at: usize) -> __m512 {
        L::dot_bf16(self, acc, w, a, at)
    }
    #[inline(always)]
    fn to_bf16(self, low: __m512, high: __m512) -> __m512i {
        L::to_bf16(self, low, high)
    }
    #[inline(always)]
    fn store_bf16(self, a: __m512, to: &mut [i32; 8]) {
        L::store_bf16(self, a, to);
    }
}
