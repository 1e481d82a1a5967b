//! Functions by polynomials, fitted to the smallest largest error (Lawson's iteration of weighted least squares).

use crate::simd::Simd;

/// 2^f for f from 0 to 1, relative error 7.5e-5: enough where the result is rounded to bfloat16.
#[cfg_attr(not(target_arch = "x86_64"), allow(dead_code, reason = "for bfloat16"))]
pub(crate) const EXP2_COARSE: [f32; 4] = [0.999_925_2, 0.695_833_56, 0.226_067_16, 0.078_024_52];
/// 2^f for f from 0 to 1, relative error 6.2e-8 with the rounding of the sums.
#[expect(clippy::approx_constant, reason = "a coefficient that is nearly ln 2")]
pub(crate) const EXP2_FINE: [f32; 7] =
    [1.0, 0.693_147, 0.240_229_83, 0.055_483_34, 0.009_678_841, 0.001_243_968_8, 0.000_217_022_55];

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
pub(crate) fn exp2<S: Simd>(simd: S, x: S::F, coefficients: &[f32]) -> S::F {
    simd.zero_below(x, simd.splat(-126.0), exp2_or_denormal(simd, x, coefficients))
}

/// The same, but below −126 any number below 2^−126: 0 as a bfloat16, and in a sum with 1.
#[inline(always)]
pub(crate) fn exp2_or_denormal<S: Simd>(simd: S, x: S::F, coefficients: &[f32]) -> S::F {
    simd.scale(polynomial(simd, simd.fraction(x), coefficients), x)
}

/// x · Φ(x), with Φ of the normal distribution by x · (½ + c · P(u)), c = x held within ±a, u = 2c²/a² − 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gelu<'a> {
    /// a
    pub bound: f32,
    /// P, the constant first.
    pub coefficients: &'a [f32],
}

/// GELU to 1.7e-6, with a = 5 and degree 12.
pub(crate) const GELU_FINE: Gelu<'static> = Gelu {
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
/// GELU to 1.9e-4 up to x = 8, with a = 3.9 and degree 6: a hundredth of a step of quantisation.
pub(crate) const GELU_COARSE: Gelu<'static> = Gelu {
    bound: 3.9,
    coefficients: &[
        0.180_270_88,
        -0.085_759_43,
        0.055_359_658,
        -0.034_637_417,
        0.022_430_23,
        -0.014_545_36,
        0.005_083_644,
    ],
};

impl Gelu<'_> {
    /// GELU of each lane.
    #[inline(always)]
    pub(crate) fn of<S: Simd>(&self, simd: S, x: S::F) -> S::F {
        let held = simd.max(simd.min(x, simd.splat(self.bound)), simd.splat(-self.bound));
        let factor = simd.splat(2.0 / (self.bound * self.bound));
        let u = simd.fma(simd.mul(held, held), factor, simd.splat(-1.0));
        let half = simd.fma(held, polynomial(simd, u, self.coefficients), simd.splat(0.5));
        // The error of Φ, times a large x, would not be small.
        simd.zero_below(x, simd.splat(-self.bound), simd.mul(x, half))
    }
}
