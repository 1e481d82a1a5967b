//! Activations and powers.

use crate::operands::matrix::vectors;
#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512, avx2, avx512};
use crate::simd::{Kernel, LANES, Scalar, Simd};
#[cfg(target_arch = "aarch64")]
use crate::simd::{Neon, neon};
use crate::steps::activation::Activation;

/// Φ(x) by its series: Abramowitz and Stegun, 26.2.11.
fn normal_distribution(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= x * x / (2 * n + 1) as f64;
        sum += term;
    }
    0.5 + (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * sum
}

#[test]
fn activations_are_as_exact_as_they_say() {
    let tanh = |x: f64| 0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x)).tanh());
    let of = |activation: Activation, x: f32, coarse| activation.of(Scalar, [x; LANES], coarse)[0];
    for step in -6000..=6000 {
        let x = step as f32 * 0.001;
        let gelu = f64::from(x) * normal_distribution(f64::from(x));
        for (activation, coarse, exact, most) in [
            (Activation::Gelu, false, gelu, 2e-6),
            (Activation::Gelu, true, gelu, 1.9e-4),
            (Activation::GeluTanh, false, tanh(f64::from(x)), 2e-6),
            (Activation::Silu, false, f64::from(x) / (1.0 + f64::from(-x).exp()), 2e-6),
            (Activation::Relu, false, f64::from(x.max(0.0)), 0.0),
        ] {
            let found = f64::from(of(activation, x, coarse));
            assert!((found - exact).abs() <= most, "{activation:?} of {x}: {found}, not {exact}");
        }
    }
    for activation in [Activation::Gelu, Activation::GeluTanh, Activation::Silu, Activation::Relu] {
        assert!((of(activation, 1e4, false) - 1e4).abs() <= 0.005, "{activation:?}");
        assert!(of(activation, -1e4, false).abs() < 1e-5, "{activation:?}");
        assert!(of(activation, f32::NAN, false).is_nan(), "{activation:?}");
    }
}

#[test]
fn powers_are_the_same_on_all_sets() {
    use crate::steps::math::{EXP2_COARSE, EXP2_FINE, exp2, exp2_or_denormal};
    #[derive(Clone, Copy)]
    struct Powers<'a>(&'a [[f32; LANES]], bool);
    impl Kernel for Powers<'_> {
        type Output = Vec<[f32; LANES]>;

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Self::Output {
            let power = |x| match self.1 {
                true => exp2(simd, simd.load(x), &EXP2_FINE),
                false => exp2_or_denormal(simd, simd.load(x), &EXP2_COARSE),
            };
            let mut powers = self.0.to_vec();
            for (power_of, x) in powers.iter_mut().zip(self.0) {
                simd.store(power(x), power_of);
            }
            powers
        }
    }
    let mut rng = fastrand::Rng::with_seed(5);
    let mut inputs = vectors(1 << 14, |_| (rng.f32() - 1.0) * 10f32.powi(rng.i32(-9..3)));
    inputs.push([
        0.0,
        -0.0,
        -126.0,
        -125.999_99,
        -126.000_01,
        -150.0,
        -1e30,
        1e-9,
        -1e-9,
        126.0,
        3.5,
        f32::NAN,
        -1.0,
        -0.5,
        1.0,
        0.5,
    ]);
    for fine in [true, false] {
        let expected = Scalar.vectorize(Powers(&inputs, fine));
        for (&x, &power) in inputs.as_flattened().iter().zip(expected.as_flattened()) {
            let exact = f64::from(x).exp2();
            let error = (f64::from(power) - exact).abs() / exact;
            assert!(
                error < if fine { 1.3e-7 } else { 7.6e-5 } || x < -125.9 || x.is_nan() && power.is_nan(),
                "{x}: {power}"
            );
        }
        let same = |found: Vec<[f32; LANES]>, set: &str| {
            for ((&x, &power), &found) in
                inputs.as_flattened().iter().zip(expected.as_flattened()).zip(found.as_flattened())
            {
                let tiny = f32::MIN_POSITIVE;
                assert!(
                    power.to_bits() == found.to_bits()
                        || power < tiny && found < tiny
                        || power.is_nan() && found.is_nan(),
                    "{set}: 2^{x} is {power}, not {found}"
                );
            }
        };
        #[cfg(target_arch = "x86_64")]
        {
            let powers = Powers(&inputs, fine);
            Avx2::<avx2::Basic>::new().into_iter().for_each(|set| same(set.vectorize(powers), "AVX2"));
            Avx512::<avx512::Basic>::new().into_iter().for_each(|set| same(set.vectorize(powers), "AVX-512"));
        }
        #[cfg(target_arch = "aarch64")]
        same(Neon::<neon::Basic>::new().unwrap().vectorize(Powers(&inputs, fine)), "NEON");
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let _ = same;
    }
}
