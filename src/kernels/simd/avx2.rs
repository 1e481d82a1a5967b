//! AVX2: two registers a vector.
//!
//! SAFETY of all blocks: an [`Avx2`] exists only if the processor has the instructions of its level; [`Avx2::new`]
//! makes sure of it. Loads and stores go through references to arrays of exactly their size, and need no alignment.
//! Transmutations are between vectors and arrays of one width, for which all bits are valid. Every function with an
//! instruction beyond x86-64 takes the set.
#![allow(clippy::undocumented_unsafe_blocks, reason = "one reason for all, above")]

use std::arch::x86_64::*;
use std::marker::PhantomData;
use std::mem::transmute;

use super::scalar::Scalar;
use super::traits::{Kernel, LANES, Simd};

/// Both halves.
macro_rules! halves {
    ($intrinsic:ident($($a:ident),+)) => { unsafe { [$intrinsic($($a[0]),+), $intrinsic($($a[1]),+)] } };
}

/// AVX2 and FMA, and the instructions for products of a level.
#[derive(Debug)]
pub struct Avx2<L>(PhantomData<L>);

impl<L> Clone for Avx2<L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L> Copy for Avx2<L> {}

/// AVX-VNNI.
#[derive(Debug)]
pub struct Vnni;

/// None.
#[derive(Debug)]
pub struct Basic;

type F = [__m256; 2];
type I = [__m256i; 2];

/// Instructions for products, which take the set as a proof that the processor has them. What a level has none for goes
/// through [`Scalar`]: no kernel for it has that in a loop.
///
/// # Safety
/// [`detected`](Self::detected) is true only if the processor has all instructions that the other functions use.
pub unsafe trait Level: Send + Sync + Sized + 'static {
    /// True if this processor has the level's instructions.
    fn detected() -> bool;
    /// Runs a kernel with the level's instructions enabled.
    fn enable<K: Kernel>(simd: Avx2<Self>, kernel: K) -> K::Output;

    #[inline(always)]
    fn dot_u8_i8(_: Avx2<Self>, acc: I, w: I, a: &[i32; 4], at: usize) -> I {
        from_integers(Scalar.dot_u8_i8(integers(acc), integers(w), a, at))
    }
}

#[inline(always)]
fn floats(a: F) -> [f32; LANES] {
    unsafe { transmute(a) }
}

#[inline(always)]
fn from_floats(a: [f32; LANES]) -> F {
    unsafe { transmute(a) }
}

#[inline(always)]
fn integers(a: I) -> [i32; LANES] {
    unsafe { transmute(a) }
}

#[inline(always)]
fn from_integers(a: [i32; LANES]) -> I {
    unsafe { transmute(a) }
}

unsafe impl Level for Basic {
    fn detected() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
    }

    #[inline]
    fn enable<K: Kernel>(simd: Avx2<Self>, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma")]
        fn enabled<K: Kernel>(simd: Avx2<Basic>, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        unsafe { enabled(simd, kernel) }
    }
}

unsafe impl Level for Vnni {
    fn detected() -> bool {
        Basic::detected() && is_x86_feature_detected!("avxvnni")
    }

    #[inline]
    fn enable<K: Kernel>(simd: Avx2<Self>, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma,avxvnni")]
        fn enabled<K: Kernel>(simd: Avx2<Vnni>, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        unsafe { enabled(simd, kernel) }
    }

    #[inline(always)]
    fn dot_u8_i8(simd: Avx2<Self>, acc: I, w: I, a: &[i32; 4], at: usize) -> I {
        let a = simd.splat_i(a[at]);
        halves!(_mm256_dpbusd_avx_epi32(acc, w, a))
    }
}

impl<L: Level> Avx2<L> {
    /// The set, if this processor has it.
    pub fn new() -> Option<Self> {
        L::detected().then_some(Self(PhantomData))
    }

    /// x, −126 at least, and the integer below it.
    #[inline(always)]
    fn floor(self, x: F) -> (F, F) {
        let least = unsafe { _mm256_set1_ps(-126.0) };
        let x = unsafe { [_mm256_max_ps(least, x[0]), _mm256_max_ps(least, x[1])] };
        (x, unsafe { [_mm256_floor_ps(x[0]), _mm256_floor_ps(x[1])] })
    }
}

impl<L: Level> Simd for Avx2<L> {
    type F = F;
    type I = I;

    #[inline]
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output {
        L::enable(self, kernel)
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
        let (x, whole) = self.floor(x);
        halves!(_mm256_sub_ps(x, whole))
    }
    #[inline(always)]
    fn scale(self, a: F, x: F) -> F {
        let (_, whole) = self.floor(x);
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
    fn dot_u8_i8(self, acc: I, w: I, a: &[i32; 4], at: usize) -> I {
        L::dot_u8_i8(self, acc, w, a, at)
    }
    #[inline(always)]
    fn dot_i8_u8_in_pairs(self, acc: I, w: I, a: &[i32; 4], at: usize) -> I {
        let (a, ones) = (self.splat_i(a[at]), unsafe { [_mm256_set1_epi16(1); 2] });
        let pairs = halves!(_mm256_maddubs_epi16(a, w));
        let sums = halves!(_mm256_madd_epi16(pairs, ones));
        halves!(_mm256_add_epi32(acc, sums))
    }
    #[inline(always)]
    fn dot_i16(self, acc: I, w: I, a: &[i32; 4], at: usize) -> I {
        let a = self.splat_i(a[at]);
        let sums = halves!(_mm256_madd_epi16(w, a));
        halves!(_mm256_add_epi32(acc, sums))
    }
    #[inline(always)]
    fn dot_bf16(self, acc: F, w: I, a: &[i32; 4], at: usize) -> F {
        from_floats(Scalar.dot_bf16(floats(acc), integers(w), a, at))
    }
    #[inline(always)]
    fn to_bf16(self, low: F, high: F) -> I {
        from_integers(Scalar.to_bf16(floats(low), floats(high)))
    }
    #[inline(always)]
    fn store_bf16(self, a: F, to: &mut [i32; 8]) {
        Scalar.store_bf16(floats(a), to);
    }
}
