//! NEON: four registers a vector.
//!
//! SAFETY of all blocks: every processor of this architecture has NEON, and a [`Neon`] of a level exists only if the
//! processor has the level's instructions; [`Neon::new`] makes sure of it. Transmutations, by which vectors are loaded and
//! stored as well, are between vectors and arrays of one width, for which all bits are valid. Every function with an
//! instruction beyond NEON takes the set or enables it. Assembly writes to the registers that it names alone.
#![allow(clippy::undocumented_unsafe_blocks, reason = "one reason for all, above")]

use std::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};
use std::marker::PhantomData;
use std::mem::transmute;

use super::scalar::Scalar;
use super::traits::{Kernel, LANES, Simd};

/// All four quarters.
macro_rules! quarters {
    ($intrinsic:ident$(::<$constant:literal>)?($($a:ident),+)) => {
        unsafe {
            [
                $intrinsic$(::<$constant>)?($($a[0]),+),
                $intrinsic$(::<$constant>)?($($a[1]),+),
                $intrinsic$(::<$constant>)?($($a[2]),+),
                $intrinsic$(::<$constant>)?($($a[3]),+),
            ]
        }
    };
}

/// A function of a constant, called with a variable of 0 to 3.
macro_rules! by_constant {
    ($function:ident($at:expr; $($argument:expr),+)) => {
        match $at {
            0 => $function::<0>($($argument),+),
            1 => $function::<1>($($argument),+),
            2 => $function::<2>($($argument),+),
            _ => $function::<3>($($argument),+),
        }
    };
}

/// NEON, and the instructions for products of a level.
#[derive(Debug)]
pub struct Neon<L>(PhantomData<L>);

impl<L> Clone for Neon<L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L> Copy for Neon<L> {}

/// Products of matrices of 8-bit integers.
#[derive(Debug)]
pub struct I8mm;

/// Dot products of 8-bit integers.
#[derive(Debug)]
pub struct DotProd;

/// None.
#[derive(Debug)]
pub struct Basic;

type F = [float32x4_t; 4];
type I = [int32x4_t; 4];

/// Instructions for products, which take the set as a proof that the processor has them.
///
/// # Safety
/// [`detected`](Self::detected) is true only if the processor has all instructions that the other functions use.
pub unsafe trait Level: Send + Sync + Sized + 'static {
    /// True if this processor has the level's instructions.
    fn detected() -> bool;
    /// Runs a kernel with the level's instructions enabled.
    fn enable<K: Kernel>(simd: Neon<Self>, kernel: K) -> K::Output;
    /// See [`Simd::dot_i8`].
    #[inline(always)]
    fn dot_i8(simd: Neon<Self>, acc: I, w: I, a: &[i32; 4], at: usize) -> I {
        widened(acc, w, simd.splat_i(a[at])[0])
    }
    /// See [`Simd::dot_i8_pairs`].
    #[inline(always)]
    fn dot_i8_pairs(_: Neon<Self>, acc: I, w: I, a: &[i32; 4]) -> I {
        from_integers(Scalar.dot_i8_pairs(integers(acc), integers(w), a))
    }
}

unsafe impl Level for Basic {
    fn detected() -> bool {
        true
    }

    #[inline]
    fn enable<K: Kernel>(simd: Neon<Self>, kernel: K) -> K::Output {
        kernel.run(simd)
    }
}

unsafe impl Level for DotProd {
    fn detected() -> bool {
        is_aarch64_feature_detected!("dotprod")
    }

    #[inline]
    fn enable<K: Kernel>(simd: Neon<Self>, kernel: K) -> K::Output {
        #[target_feature(enable = "neon,dotprod")]
        fn enabled<K: Kernel>(simd: Neon<DotProd>, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        unsafe { enabled(simd, kernel) }
    }

    #[inline(always)]
    fn dot_i8(_: Neon<Self>, acc: I, w: I, a: &[i32; 4], at: usize) -> I {
        unsafe { by_constant!(sdot(at; acc, w, transmute::<[i32; 4], int32x4_t>(*a))) }
    }
}

unsafe impl Level for I8mm {
    fn detected() -> bool {
        is_aarch64_feature_detected!("i8mm")
    }

    #[inline]
    fn enable<K: Kernel>(simd: Neon<Self>, kernel: K) -> K::Output {
        #[target_feature(enable = "neon,i8mm")]
        fn enabled<K: Kernel>(simd: Neon<I8mm>, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        unsafe { enabled(simd, kernel) }
    }

    #[inline(always)]
    fn dot_i8_pairs(_: Neon<Self>, acc: I, w: I, a: &[i32; 4]) -> I {
        unsafe { smmla(acc, w, transmute::<[i32; 4], int32x4_t>(*a)) }
    }
}

/// acc + the products of `w` with `a`, four a lane.
#[inline(always)]
fn widened(mut acc: I, w: I, a: int32x4_t) -> I {
    for quarter in 0..4 {
        // Sums of two products fit into 16 bits: 2 · 128 · 127 < 2^15. As intrinsics these would be so far apart that sums
        // leave their registers.
        unsafe {
            asm!(
                "smull {low:v}.8h, {w:v}.8b, {a:v}.8b",
                "smull2 {high:v}.8h, {w:v}.16b, {a:v}.16b",
                "addp {low:v}.8h, {low:v}.8h, {high:v}.8h",
                "sadalp {acc:v}.4s, {low:v}.8h",
                acc = inout(vreg) acc[quarter],
                w = in(vreg) w[quarter],
                a = in(vreg) a,
                low = out(vreg) _,
                high = out(vreg) _,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
    }
    acc
}

/// acc + the products of `w` with word `AT` of `a`, four a lane.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn sdot<const AT: i32>(mut acc: I, w: I, a: int32x4_t) -> I {
    for quarter in 0..4 {
        // The intrinsic, vdotq_laneq_s32, is stable from Rust 1.98 on.
        unsafe {
            asm!(
                "sdot {acc:v}.4s, {w:v}.16b, {a:v}.4b[{at}]",
                acc = inout(vreg) acc[quarter],
                w = in(vreg) w[quarter],
                a = in(vreg) a,
                at = const AT,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
    }
    acc
}

/// acc + the products of eight bytes of two rows and two columns a quarter.
#[inline]
#[target_feature(enable = "neon,i8mm")]
fn smmla(mut acc: I, w: I, a: int32x4_t) -> I {
    for quarter in 0..4 {
        // The intrinsic, vmmlaq_s32, is not stable yet.
        unsafe {
            asm!(
                "smmla {acc:v}.4s, {a:v}.16b, {w:v}.16b",
                acc = inout(vreg) acc[quarter],
                w = in(vreg) w[quarter],
                a = in(vreg) a,
                options(pure, nomem, nostack, preserves_flags),
            );
        }
    }
    acc
}

/// acc + the products of `w` with word `AT` of `a`.
#[inline(always)]
fn fmla<const AT: i32>(acc: F, w: F, a: float32x4_t) -> F {
    std::array::from_fn(|quarter| unsafe { vfmaq_laneq_f32::<AT>(acc[quarter], w[quarter], a) })
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

/// a where a > b, else b. (`fmax` gives NaN where either is.)
#[inline(always)]
fn larger(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) }
}

/// a where a < b, else b.
#[inline(always)]
fn smaller(a: float32x4_t, b: float32x4_t) -> float32x4_t {
    unsafe { vbslq_f32(vcltq_f32(a, b), a, b) }
}

impl<L: Level> Neon<L> {
    /// The set, if this processor has it.
    pub fn new() -> Option<Self> {
        L::detected().then_some(Self(PhantomData))
    }

    /// x, −126 at least, and the integer below it.
    #[inline(always)]
    fn floor(self, x: F) -> (F, F) {
        let x = self.max(self.splat(-126.0), x);
        (x, quarters!(vrndmq_f32(x)))
    }

    /// The low halves of the lanes of each two quarters.
    #[inline(always)]
    fn halves(self, a: I) -> [int16x8_t; 2] {
        let a = quarters!(vreinterpretq_s16_s32(a));
        unsafe { [vuzp1q_s16(a[0], a[1]), vuzp1q_s16(a[2], a[3])] }
    }
}

impl<L: Level> Simd for Neon<L> {
    type F = F;
    type I = I;
    const INDEXED: bool = true;

    #[inline]
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output {
        L::enable(self, kernel)
    }

    #[inline(always)]
    fn splat(self, value: f32) -> F {
        [unsafe { vdupq_n_f32(value) }; 4]
    }
    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> F {
        from_floats(*values)
    }
    #[inline(always)]
    fn store(self, a: F, to: &mut [f32; LANES]) {
        *to = floats(a);
    }
    #[inline(always)]
    fn add(self, a: F, b: F) -> F {
        quarters!(vaddq_f32(a, b))
    }
    #[inline(always)]
    fn sub(self, a: F, b: F) -> F {
        quarters!(vsubq_f32(a, b))
    }
    #[inline(always)]
    fn mul(self, a: F, b: F) -> F {
        quarters!(vmulq_f32(a, b))
    }
    #[inline(always)]
    fn fma(self, a: F, b: F, c: F) -> F {
        quarters!(vfmaq_f32(c, a, b))
    }
    #[inline(always)]
    fn max(self, a: F, b: F) -> F {
        std::array::from_fn(|quarter| larger(a[quarter], b[quarter]))
    }
    #[inline(always)]
    fn min(self, a: F, b: F) -> F {
        std::array::from_fn(|quarter| smaller(a[quarter], b[quarter]))
    }
    #[inline(always)]
    fn zero_below(self, x: F, limit: F, a: F) -> F {
        let (below, bits) = (quarters!(vcltq_f32(x, limit)), quarters!(vreinterpretq_u32_f32(a)));
        let kept = quarters!(vbicq_u32(bits, below));
        quarters!(vreinterpretq_f32_u32(kept))
    }
    #[inline(always)]
    fn abs(self, a: F) -> F {
        quarters!(vabsq_f32(a))
    }
    #[inline(always)]
    fn div(self, a: F, b: F) -> F {
        quarters!(vdivq_f32(a, b))
    }
    #[inline(always)]
    fn sum(self, a: F) -> f32 {
        unsafe {
            let four = vaddq_f32(vaddq_f32(a[0], a[2]), vaddq_f32(a[1], a[3]));
            vpadds_f32(vadd_f32(vget_low_f32(four), vget_high_f32(four)))
        }
    }
    #[inline(always)]
    fn largest(self, a: F) -> f32 {
        let lanes: [f32; 4] = unsafe { transmute(larger(larger(a[0], a[2]), larger(a[1], a[3]))) };
        let more = |a: f32, b: f32| if a > b { a } else { b };
        more(more(lanes[0], lanes[2]), more(lanes[1], lanes[3]))
    }
    #[inline(always)]
    fn fraction(self, x: F) -> F {
        let (x, whole) = self.floor(x);
        quarters!(vsubq_f32(x, whole))
    }
    #[inline(always)]
    fn scale(self, a: F, x: F) -> F {
        let (_, whole) = self.floor(x);
        // Added to the exponent of a.
        let whole = quarters!(vcvtq_s32_f32(whole));
        let exponent = quarters!(vshlq_n_s32::<23>(whole));
        self.as_f(self.add_i(self.as_i(a), exponent))
    }
    #[inline(always)]
    fn round(self, a: F) -> I {
        quarters!(vcvtnq_s32_f32(a))
    }

    #[inline(always)]
    fn splat_i(self, value: i32) -> I {
        [unsafe { vdupq_n_s32(value) }; 4]
    }
    #[inline(always)]
    fn load_i(self, values: &[i32; LANES]) -> I {
        from_integers(*values)
    }
    #[inline(always)]
    fn store_i(self, a: I, to: &mut [i32; LANES]) {
        *to = integers(a);
    }
    #[inline(always)]
    fn add_i(self, a: I, b: I) -> I {
        quarters!(vaddq_s32(a, b))
    }
    #[inline(always)]
    fn sum_i(self, a: I) -> i32 {
        unsafe { vaddvq_s32(vaddq_s32(vaddq_s32(a[0], a[2]), vaddq_s32(a[1], a[3]))) }
    }
    #[inline(always)]
    fn to_f(self, a: I) -> F {
        quarters!(vcvtq_f32_s32(a))
    }
    #[inline(always)]
    fn as_f(self, a: I) -> F {
        quarters!(vreinterpretq_f32_s32(a))
    }
    #[inline(always)]
    fn as_i(self, a: F) -> I {
        quarters!(vreinterpretq_s32_f32(a))
    }
    #[inline(always)]
    fn store_i8(self, a: I, to: &mut [i32; 4]) {
        let [low, high] = self.halves(a);
        let bytes = unsafe { vuzp1q_s8(vreinterpretq_s8_s16(low), vreinterpretq_s8_s16(high)) };
        *to = unsafe { transmute::<int8x16_t, [i32; 4]>(bytes) };
    }
    #[inline(always)]
    fn store_i16(self, a: I, to: &mut [i32; 8]) {
        *to = unsafe { transmute::<[int16x8_t; 2], [i32; 8]>(self.halves(a)) };
    }

    #[inline(always)]
    fn dot_u8_i8(self, acc: I, w: I, a: &[i32; 4], at: usize) -> I {
        from_integers(Scalar.dot_u8_i8(integers(acc), integers(w), a, at))
    }
    #[inline(always)]
    fn dot_i8(self, acc: I, w: I, a: &[i32; 4], at: usize) -> I {
        L::dot_i8(self, acc, w, a, at)
    }
    #[inline(always)]
    fn dot_i8_pairs(self, acc: I, w: I, a: &[i32; 4]) -> I {
        L::dot_i8_pairs(self, acc, w, a)
    }
    #[inline(always)]
    fn unpair(self, first: I, others: I) -> [I; 2] {
        let twos = |a: I| quarters!(vreinterpretq_s64_s32(a));
        let (a, b) = (twos(first), twos(others));
        let (low, high) = unsafe {
            let low = [vtrn1q_s64(a[0], a[1]), vtrn1q_s64(a[2], a[3]), vtrn1q_s64(b[0], b[1]), vtrn1q_s64(b[2], b[3])];
            let high = [vtrn2q_s64(a[0], a[1]), vtrn2q_s64(a[2], a[3]), vtrn2q_s64(b[0], b[1]), vtrn2q_s64(b[2], b[3])];
            (low, high)
        };
        [quarters!(vreinterpretq_s32_s64(low)), quarters!(vreinterpretq_s32_s64(high))]
    }
    #[inline(always)]
    fn dot_i16(self, acc: I, w: I, a: &[i32; 4], at: usize) -> I {
        from_integers(Scalar.dot_i16(integers(acc), integers(w), a, at))
    }
    #[inline(always)]
    fn dot_bf16(self, acc: F, w: I, a: &[i32; 4], at: usize) -> F {
        from_floats(Scalar.dot_bf16(floats(acc), integers(w), a, at))
    }
    #[inline(always)]
    fn dot_f32(self, acc: F, w: I, a: &[i32; 4], at: usize) -> F {
        by_constant!(fmla(at; acc, self.as_f(w), unsafe { transmute::<[i32; 4], float32x4_t>(*a) }))
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
