//! The twin of all instruction sets in plain Rust.

use super::traits::{Kernel, LANES, Simd};

/// No instruction set: arrays of sixteen. For tests, and for processors without any of the others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scalar;

type F = [f32; LANES];
type I = [i32; LANES];

#[inline(always)]
fn each<A: Copy, B: Copy>(a: [A; LANES], of: impl Fn(A) -> B) -> [B; LANES] {
    std::array::from_fn(|lane| of(a[lane]))
}

#[inline(always)]
fn both<A: Copy, B: Copy, C>(a: [A; LANES], b: [B; LANES], of: impl Fn(A, B) -> C) -> [C; LANES] {
    std::array::from_fn(|lane| of(a[lane], b[lane]))
}

/// 16 → 8 → 4 → 2 → 1 by halves.
#[inline(always)]
fn tree<A: Copy>(mut a: [A; LANES], of: impl Fn(A, A) -> A) -> A {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            a[lane] = of(a[lane], a[lane + half]);
        }
        half /= 2;
    }
    a[0]
}

/// The larger one; x if that is NaN.
#[inline(always)]
fn at_least(least: f32, x: f32) -> f32 {
    if least > x { least } else { x }
}

/// A denormal number as 0 of its sign.
#[inline(always)]
fn flushed(a: f32) -> f32 {
    if a.is_subnormal() { 0.0_f32.copysign(a) } else { a }
}

/// The nearest bfloat16, ties to even; denormal numbers are 0, NaN stays NaN.
#[inline(always)]
fn bf16(a: f32) -> u32 {
    let bits = flushed(a).to_bits();
    if a.is_nan() { (bits >> 16) | 0x40 } else { (bits + 0x7fff + ((bits >> 16) & 1)) >> 16 }
}

impl Simd for Scalar {
    type F = F;
    type I = I;

    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output {
        kernel.run(self)
    }

    #[inline(always)]
    fn splat(self, value: f32) -> F {
        [value; LANES]
    }
    #[inline(always)]
    fn load(self, values: &[f32; LANES]) -> F {
        *values
    }
    #[inline(always)]
    fn store(self, a: F, to: &mut [f32; LANES]) {
        *to = a;
    }
    #[inline(always)]
    fn add(self, a: F, b: F) -> F {
        both(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: F, b: F) -> F {
        both(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: F, b: F) -> F {
        both(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn fma(self, a: F, b: F, c: F) -> F {
        std::array::from_fn(|lane| a[lane].mul_add(b[lane], c[lane]))
    }
    #[inline(always)]
    fn max(self, a: F, b: F) -> F {
        both(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, a: F, b: F) -> F {
        both(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn zero_below(self, x: F, limit: F, a: F) -> F {
        std::array::from_fn(|lane| if x[lane] < limit[lane] { 0.0 } else { a[lane] })
    }
    #[inline(always)]
    fn abs(self, a: F) -> F {
        each(a, f32::abs)
    }
    #[inline(always)]
    fn div(self, a: F, b: F) -> F {
        both(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn sum(self, a: F) -> f32 {
        tree(a, |a, b| a + b)
    }
    #[inline(always)]
    fn largest(self, a: F) -> f32 {
        tree(a, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn fraction(self, x: F) -> F {
        each(x, |x| at_least(-126.0, x) - at_least(-126.0, x).floor())
    }
    #[inline(always)]
    fn scale(self, a: F, x: F) -> F {
        // Added to the exponent of a.
        both(a, x, |a, x| f32::from_bits(a.to_bits().wrapping_add((at_least(-126.0, x).floor() as i32 as u32) << 23)))
    }
    #[inline(always)]
    fn round(self, a: F) -> I {
        each(a, |a| a.round_ties_even() as i32)
    }

    #[inline(always)]
    fn splat_i(self, value: i32) -> I {
        [value; LANES]
    }
    #[inline(always)]
    fn load_i(self, values: &[i32; LANES]) -> I {
        *values
    }
    #[inline(always)]
    fn store_i(self, a: I, to: &mut [i32; LANES]) {
        *to = a;
    }
    #[inline(always)]
    fn add_i(self, a: I, b: I) -> I {
        both(a, b, i32::wrapping_add)
    }
    #[inline(always)]
    fn sum_i(self, a: I) -> i32 {
        tree(a, i32::wrapping_add)
    }
    #[inline(always)]
    fn to_f(self, a: I) -> F {
        each(a, |a| a as f32)
    }
    #[inline(always)]
    fn as_f(self, a: I) -> F {
        each(a, |a| f32::from_bits(a as u32))
    }
    #[inline(always)]
    fn as_i(self, a: F) -> I {
        each(a, |a| a.to_bits() as i32)
    }
    #[inline(always)]
    fn store_i8(self, a: I, to: &mut [i32; 4]) {
        *to = std::array::from_fn(|word| i32::from_le_bytes(std::array::from_fn(|place| a[4 * word + place] as u8)));
    }
    #[inline(always)]
    fn store_i16(self, a: I, to: &mut [i32; 8]) {
        *to = std::array::from_fn(|word| (a[2 * word] & 0xffff) | (a[2 * word + 1] << 16));
    }

    #[inline(always)]
    fn dot_u8_i8(self, acc: I, w: I, a: &[i32; 4], at: usize) -> I {
        std::array::from_fn(|lane| {
            let products = w[lane].to_le_bytes().into_iter().zip(a[at].to_le_bytes());
            products.fold(acc[lane], |acc, (w, a)| acc.wrapping_add(i32::from(w) * i32::from(a as i8)))
        })
    }
    #[inline(always)]
    fn dot_i16(self, acc: I, w: I, a: &[i32; 4], at: usize) -> I {
        std::array::from_fn(|lane| {
            let low = i32::from(w[lane] as i16) * i32::from(a[at] as i16);
            let high = (w[lane] >> 16) * (a[at] >> 16);
            acc[lane].wrapping_add(low.wrapping_add(high))
        })
    }
    #[inline(always)]
    fn dot_bf16(self, acc: F, w: I, a: &[i32; 4], at: usize) -> F {
        let low = |bits: i32| flushed(f32::from_bits((bits as u32) << 16));
        let high = |bits: i32| flushed(f32::from_bits(bits as u32 & 0xffff_0000));
        std::array::from_fn(|lane| {
            let sum = flushed(high(w[lane]).mul_add(high(a[at]), flushed(acc[lane])));
            flushed(low(w[lane]).mul_add(low(a[at]), sum))
        })
    }
    #[inline(always)]
    fn to_bf16(self, low: F, high: F) -> I {
        both(low, high, |low, high| (bf16(low) | (bf16(high) << 16)) as i32)
    }
    #[inline(always)]
    fn store_bf16(self, a: F, to: &mut [i32; 8]) {
        *to = std::array::from_fn(|word| (bf16(a[2 * word]) | (bf16(a[2 * word + 1]) << 16)) as i32);
    }
}
