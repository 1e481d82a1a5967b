//! Functions by polynomials, fitted to the smallest largest error (Lawson's iteration of weighted least squares).

use crate::simd::Simd;

/// 2^f for f from −½ to ½, relative error 7.5e-5: enough where the result is rounded to bfloat16.
pub const EXP2_COARSE: [f32; 4] = [0.999_928_06, 0.693_260_97, 0.242_611_13, 0.055_171_67];
/// 2^f for f from −½ to ½, relative error 7.5e-8.
pub const EXP2_FINE: [f32; 6] = [1.000_000_1, 0.693_146_94, 0.240_221_2, 0.055_507_13, 0.009_675_541, 0.001_327_647_2];

/// A polynomial by Horner's rule, the constant first.
#[inline(always)]
fn polynomial<S: Simd>(simd: S, x: S::F, coefficients: &[f32]) -> S::F {
    let mut terms = coefficients.iter().rev();
    let mut sum = simd.splat(terms.next().copied().unwrap_or_default());
    for &term in terms {
        sum = simd.fma(sum, x, simd.splat(term));
    }
    sum
}

/// 2^x with one of the polynomials above, for x up to 127; 0 below −126.
#[inline(always)]
pub fn exp2<S: Simd>(simd: S, x: S::F, coefficients: &[f32]) -> S::F {
    let least = simd.splat(-126.0);
    let held = simd.max(least, x);
    let whole = simd.round(held);
    let power = polynomial(simd, simd.sub(held, simd.to_f(whole)), coefficients);
    // The exponent is added to that of the polynomial, which is from √½ to √2.
    simd.zero_below(x, least, simd.as_f(simd.add_i(simd.as_i(power), simd.shift_exponent(whole))))
}

/// x · Φ(x), with Φ of the normal distribution by x · (½ + c · P(u)), c = x held within ±a, u = 2c²/a² − 1.
#[derive(Debug, Clone, Copy)]
pub struct Gelu<'a> {
    /// a
    pub bound: f32,
    /// P, the constant first.
    pub coefficients: &'a [f32],
}

/// GELU to 1.7e-6, with a = 5 and degree 12.
pub const GELU_FINE: Gelu<'static> = Gelu {
    bound: 5.0,
    coefficients: &[
        0.141_363_78,
        -0.070_296_65,
        0.051_521_42,
        -0.040_432_96,
        0.031_426_23,
        -0.023_336_653,
        0.016_497_632,
        -0.010_973_481,
        0.006_165_570_6,
        -0.002_915_336_3,
        0.002_001_625_7,
        -0.001_514_314_6,
        0.000_493_094_9,
    ],
};
/// GELU to 3.4e-5, with a = 4.5 and degree 8: less than a step of quantisation.
pub const GELU_COARSE: Gelu<'static> = Gelu {
    bound: 4.5,
    coefficients: &[
        0.156_902_1,
        -0.077_171_93,
        0.054_818_58,
        -0.040_556_114,
        0.027_629_541,
        -0.016_742_919,
        0.012_207_744,
        -0.009_329_515,
        0.003_354_492_6,
    ],
};

impl Gelu<'_> {
    /// GELU of each lane.
    #[inline(always)]
    pub fn of<S: Simd>(&self, simd: S, x: S::F) -> S::F {
        let held = simd.max(simd.min(x, simd.splat(self.bound)), simd.splat(-self.bound));
        let factor = simd.splat(2.0 / (self.bound * self.bound));
        let u = simd.fma(simd.mul(held, held), factor, simd.splat(-1.0));
        let half = simd.fma(held, polynomial(simd, u, self.coefficients), simd.splat(0.5));
        // The error of Φ, times a large x, would not be small.
        simd.zero_below(x, simd.splat(-self.bound), simd.mul(x, half))
    }
}
