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
    /// True if instructions take one of four words by its number, which has to be a constant.
    const INDEXED: bool = false;

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

    /// acc + Σ of four products a lane: unsigned bytes of `w`, signed bytes of word `at` of `a`. Exact.
    fn dot_u8_i8(self, acc: Self::I, w: Self::I, a: &[i32; 4], at: usize) -> Self::I;
    /// acc + Σ of four products a lane: signed bytes of `w`, unsigned bytes of word `at` of `a`. Exact if the first two
    /// products, and the last two, add up to a 16-bit integer.
    #[inline(always)]
    fn dot_i8_u8_in_pairs(self, acc: Self::I, w: Self::I, a: &[i32; 4], at: usize) -> Self::I {
        self.lane_by_lane(acc, w, |sum, words, lane| {
            let products = words[lane].to_le_bytes().into_iter().zip(a[at].to_le_bytes());
            sum.wrapping_add(products.map(|(w, a)| i32::from(w as i8) * i32::from(a)).sum())
        })
    }
    /// acc + Σ of four products a lane: signed bytes of `w`, and of word `at` of `a` from −127 on. Exact.
    #[inline(always)]
    fn dot_i8(self, acc: Self::I, w: Self::I, a: &[i32; 4], at: usize) -> Self::I {
        self.lane_by_lane(acc, w, |sum, words, lane| sum.wrapping_add(dot_i8(words[lane], a[at])))
    }
    /// The sums of two rows and eight columns: acc + Σ of eight products a lane, of signed bytes. Exact.
    ///
    /// `a` is two words of the first row and two of the second one, `w` two words of the first column, two of the second one
    /// and so on. Sums are the first row's of the first two columns, then the second row's of these, then those of the next
    /// columns.
    #[inline(always)]
    fn dot_i8_pairs(self, acc: Self::I, w: Self::I, a: &[i32; 4]) -> Self::I {
        self.lane_by_lane(acc, w, |sum, words, lane| {
            let (row, column) = (lane % 4 / 2, lane / 4 * 2 + lane % 2);
            let products = [0, 1].map(|word| dot_i8(words[2 * column + word], a[2 * row + word]));
            sum.wrapping_add(products[0].wrapping_add(products[1]))
        })
    }
    /// The first row's sums of sixteen columns, and the second row's, out of those that [`dot_i8_pairs`](Self::dot_i8_pairs)
    /// has for the first eight columns and for the others.
    #[inline(always)]
    fn unpair(self, first: Self::I, others: Self::I) -> [Self::I; 2] {
        let mut sums = [[0; LANES]; 2];
        self.store_i(first, &mut sums[0]);
        self.store_i(others, &mut sums[1]);
        [0, 1].map(|row| {
            self.load_i(&std::array::from_fn(|column| sums[column / 8][column % 8 / 2 * 4 + 2 * row + column % 2]))
        })
    }
    /// acc + Σ of two products a lane: signed 16-bit integers of `w` and of word `at` of `a`. Exact.
    fn dot_i16(self, acc: Self::I, w: Self::I, a: &[i32; 4], at: usize) -> Self::I;
    /// fma(low of w, low of a, fma(high of w, high of a, acc)), bfloat16s of a lane and of word `at` of `a`; denormal numbers
    /// count as 0, in the sum as well.
    fn dot_bf16(self, acc: Self::F, w: Self::I, a: &[i32; 4], at: usize) -> Self::F;
    /// a lane of `w` · word `at` of `a` + acc as f32, rounded once.
    #[inline(always)]
    fn dot_f32(self, acc: Self::F, w: Self::I, a: &[i32; 4], at: usize) -> Self::F {
        self.fma(self.as_f(w), self.as_f(self.splat_i(a[at])), acc)
    }
    /// The nearest bfloat16 of each lane, ties to even: `low` in the low half of a lane, `high` in the high half.
    fn to_bf16(self, low: Self::F, high: Self::F) -> Self::I;
    /// The nearest bfloat16 of each lane, one behind the other: eight words.
    fn store_bf16(self, a: Self::F, to: &mut [i32; 8]);

    /// A sum that the set has no instruction for, by a function of a lane of `acc`, all of `w`, and the number of the lane. Slow.
    #[inline(always)]
    fn lane_by_lane(self, acc: Self::I, w: Self::I, of: impl Fn(i32, &[i32; LANES], usize) -> i32) -> Self::I {
        let (mut sums, mut words) = ([0; LANES], [0; LANES]);
        self.store_i(acc, &mut sums);
        self.store_i(w, &mut words);
        self.load_i(&std::array::from_fn(|lane| of(sums[lane], &words, lane)))
    }
}

/// Σ of the products of four signed bytes.
#[inline(always)]
fn dot_i8(w: i32, a: i32) -> i32 {
    w.to_le_bytes().into_iter().zip(a.to_le_bytes()).map(|(w, a)| i32::from(w as i8) * i32::from(a as i8)).sum()
}
