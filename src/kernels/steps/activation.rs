//! The functions between the two products of a feed-forward network.

use super::math::{EXP2_FINE, GELU_COARSE, GELU_FINE, exp2};
use crate::simd::Simd;

/// A function of a feed-forward network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// x · Φ(x)
    Gelu,
    /// 0.5 · x · (1 + tanh(√(2/π) · (x + 0.044715 x³)))
    GeluTanh,
    /// x / (1 + e^−x)
    Silu,
    /// max(x, 0)
    Relu,
}

impl Activation {
    /// The function of each lane; `coarse` where the result is quantised to 8 bits.
    #[inline(always)]
    pub fn of<S: Simd>(self, simd: S, x: S::F, coarse: bool) -> S::F {
        match self {
            Self::Gelu if coarse => GELU_COARSE.of(simd, x),
            Self::Gelu => GELU_FINE.of(simd, x),
            // ½ (1 + tanh y) = 1 / (1 + e^−2y)
            Self::GeluTanh => {
                let square = simd.mul(x, x);
                let inner = simd.fma(simd.mul(square, x), simd.splat(0.044_715), x);
                over_one_plus_power(simd, x, inner, 2.0 * (2.0 / std::f32::consts::PI).sqrt())
            }
            Self::Silu => over_one_plus_power(simd, x, x, 1.0),
            // This order of operands keeps a NaN.
            Self::Relu => simd.max(simd.splat(0.0), x),
        }
    }
}

/// x / (1 + e^(−factor · y))
#[inline(always)]
fn over_one_plus_power<S: Simd>(simd: S, x: S::F, y: S::F, factor: f32) -> S::F {
    let power = simd.mul(y, simd.splat(-factor * std::f32::consts::LOG2_E));
    let power = exp2(simd, simd.min(simd.splat(126.0), power), &EXP2_FINE);
    simd.div(x, simd.add(simd.splat(1.0), power))
}
