//! The operations of an instruction set.

/// Lanes of a vector.
pub(crate) const LANES: usize = 16;

/// A kernel with its arguments.
pub trait Kernel {
    /// The result.
    type Output;

    /// Computes it. Implementations are `#[inline(always)]`, as is all they call.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// An instruction set: sixteen lanes of f32 or i32.
pub trait Simd: Copy + Send + Sync + 'static {
    /// Sixteen f32.
    type F: Copy;
    /// Sixteen i32, or as many groups of four i8, two i16 or two bfloat16.
    type I: Copy;

    /// Runs a kernel with the set's instructions enabled.
    fn vectorize<K: Kernel>(self, kernel: K) -> K::Output;

    /// `value` in all lanes.
    fn splat(self, value: f32) -> Self::F;
    /// Sixteen values of memory.
    fn load(self, values: &[f32; LANES]) -> Self::F;
    /// Sixteen values to memory.
    fn store(self, a: Self::F, to: &mut [f32; LANES]);
    /// a + b
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    /// a − b
    fn sub(self, a: Self::F, b: Self::F) -> Self::F;
    /// a · b
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// a · b + c, rounded once.
    fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// a where a > b, else b; so b where one is NaN.
    fn max(self, a: Self::F, b: Self::F) -> Self::F;
    /// a where a < b, else b; so b where one is NaN.
    fn min(self, a: Self::F, b: Self::F) -> Self::F;
    /// 0 where x < limit, else a.
    fn zero_below(self, x: Self::F, limit: Self::F, a: Self::F) -> Self::F;
    /// |a|
    fn abs(self, a: Self::F) -> Self::F;
    /// a / b
    fn div(self, a: Self::F, b: Self::F) -> Self::F;
    /// The lanes added up, lane i with lane i + 8, then i + 4, i + 2, i + 1.
    fn sum(self, a: Self::F) -> f32;
    /// The largest lane, by the same tree with [`max`](Self::max).
    fn largest(self, a: Self::F) -> f32;
    /// x − ⌊x⌋ for x from −126 on, below any number from 0 to 1.
    fn fraction(self, x: Self::F) -> Self::F;
    /// a · 2^⌊x⌋ for x from −126 to 127 and a in the half-open range from 1 to 2. What lies below 2^−126, as for smaller
    /// a or x, is any number below 2^−126, which is not the same on all sets.
    fn scale(self, a: Self::F, x: Self::F) -> Self::F;
    /// The nearest integers, ties to even. Values beyond i32 give any integers.
    fn round(self, a: Self::F) -> Self::I;

    /// `value` in all lanes.
    fn splat_i(self, value: i32) -> Self::I;
    /// Sixteen values of memory.
    fn load_i(self, values: &[i32; LANES]) -> Self::I;
    /// Sixteen values to memory.
    fn store_i(self, a: Self::I, to: &mut [i32; LANES]);
    /// a + b, wrapping.
    fn add_i(self, a: Self::I, b: Self::I) -> Self::I;
    /// The lanes added up, wrapping.
    fn sum_i(self, a: Self::I) -> i32;
    /// The nearest f32 of each.
    fn to_f(self, a: Self::I) -> Self::F;
    /// The bits as f32.
    fn as_f(self, a: Self::I) -> Self::F;
    /// The bits as i32.
    fn as_i(self, a: Self::F) -> Self::I;
    /// The low eight bits of each lane, for values from −128 to 127: four words.
    fn store_i8(self, a: Self::I, to: &mut [i32; 4]);
    /// The low sixteen bits of each lane, for values from −2^15 to 2^15 − 1: eight words.
    fn store_i16(self, a: Self::I, to: &mut [i32; 8]);

    /// acc + Σ of four products a lane: unsigned bytes of `w`, signed bytes of `a`. Exact.
    fn dot_u8_i8(self, acc: Self::I, w: Self::I, a: Self::I) -> Self::I;
    /// acc + Σ of two products a lane: signed 16-bit integers of `w` and of `a`. Exact.
    fn dot_i16(self, acc: Self::I, w: Self::I, a: Self::I) -> Self::I;
    /// fma(low of w, low of a, fma(high of w, high of a, acc)), bfloat16s of a lane; denormal numbers count as 0, in the
    /// sum as well.
    fn dot_bf16(self, acc: Self::F, w: Self::I, a: Self::I) -> Self::F;
    /// The nearest bfloat16 of each lane, ties to even: `low` in the low half of a lane, `high` in the high half.
    fn to_bf16(self, low: Self::F, high: Self::F) -> Self::I;
    /// The nearest bfloat16 of each lane, one behind the other: eight words.
    fn store_bf16(self, a: Self::F, to: &mut [i32; 8]);
}
