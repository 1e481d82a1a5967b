//! Linear layers.

use super::bits::bits;
use crate::operands::kind::{Bf16, BoundedBytes, BytePairs, Bytes, F32, SignedBytes, Words};
use crate::operands::matrix::{MOST_INPUTS, vectors};
use crate::operands::rows::{Centre, Encode, Rows};
use crate::operands::weights::{Element, Packs, Weights};
#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512, avx2, avx512};
use crate::simd::{Kernel, LANES, Scalar, Simd};
#[cfg(target_arch = "aarch64")]
use crate::simd::{Neon, neon};
use crate::steps::feed_forward::quantise;
use crate::steps::linear::{Affine, Linear};
use crate::steps::store::Store;

/// A linear layer from rows of f32.
struct Product<'a, K: Encode, const R: usize, const V: usize> {
    input: &'a [[f32; LANES]],
    width: usize,
    centre: Centre,
    affine: &'a Affine<K, V>,
    output: &'a mut [[f32; LANES]],
}

impl<K: Encode, const R: usize, const V: usize> Kernel for Product<'_, K, R, V> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut rows = Rows::<K, R>::default();
        quantise(simd, &mut rows, self.input, self.width, self.affine.smoothing.as_deref(), self.centre);
        let epilogue = Store { rows: self.output, width: self.affine.vectors() };
        Linear { rows: &rows, count: self.input.len() / self.width, affine: self.affine, epilogue }.run(simd);
    }
}

/// The numbers of a random linear layer.
struct Case {
    rows: usize,
    inputs: usize,
    outputs: usize,
    input: Vec<[f32; LANES]>,
    integers: Vec<i8>,
    floats: Vec<f32>,
    scales: Vec<f32>,
    smoothing: Option<Vec<[f32; LANES]>>,
    centre: Centre,
}

impl Case {
    fn random(rng: &mut fastrand::Rng) -> Self {
        let (rows, inputs, outputs) = (rng.usize(1..40), rng.usize(1..200), rng.usize(1..80));
        let width = inputs.div_ceil(LANES);
        let mut input = Vec::new();
        for _ in 0..rows {
            let size = 10f32.powi(rng.i32(-6..6));
            input.extend(vectors(inputs, |_| (rng.f32() - 0.3) * size));
        }
        Self {
            rows,
            inputs,
            outputs,
            input,
            integers: (0..inputs * outputs).map(|_| rng.i8(-127..=127)).collect(),
            floats: (0..inputs * outputs).map(|_| rng.f32() - 0.5).collect(),
            scales: (0..outputs).map(|_| rng.f32() * 0.01).collect(),
            smoothing: rng.bool().then(|| vectors(width * LANES, |_| rng.f32() + 0.5)),
            centre: if rng.bool() { Centre::Zero } else { Centre::Middle },
        }
    }

    fn run<K, E, const R: usize, const V: usize>(&self, simd: impl Simd, numbers: &[E]) -> Vec<f32>
    where
        K: Encode + Packs<E>,
        E: Element,
    {
        let element = |input: usize, output: usize| numbers[input * self.outputs + output];
        let scale = |output: usize| if K::QUANTISED { self.scales[output] } else { 1.0 };
        let weights = Weights::<K, V>::pack(self.inputs, self.outputs, element, scale);
        let mut bias = vec![[0.0; LANES]; weights.panels() * V];
        for output in 0..self.outputs {
            bias[output / LANES][output % LANES] = output as f32 * 0.1;
        }
        let affine = Affine { weights, bias, smoothing: self.smoothing.clone() };
        let mut output = vec![[0.0; LANES]; self.rows * affine.vectors()];
        let (input, width) = (&self.input[..], self.inputs.div_ceil(LANES));
        simd.vectorize(Product::<K, R, V> { input, width, centre: self.centre, affine: &affine, output: &mut output });
        let rows = output.chunks_exact(self.outputs.div_ceil(LANES));
        rows.flat_map(|row| row.as_flattened()[..self.outputs].to_vec()).collect()
    }

    /// The integers with every second input's made so small that [`bounded`](crate::operands::bounded::bounded) is true of them.
    fn bounded_integers(&self) -> Vec<i8> {
        let mut integers = self.integers.clone();
        for pair in integers.chunks_mut(2 * self.outputs) {
            let (first, second) = pair.split_at_mut(self.outputs.min(pair.len()));
            for (first, second) in first.iter().zip(second) {
                let (first, both) = (i16::from(*first), i16::from(*second));
                *second = both.clamp(-128 - first.min(0), 128 - first.max(0)) as i8;
            }
        }
        integers
    }

    /// Input number `at` of a row, smoothed.
    fn input(&self, row: usize, at: usize) -> f64 {
        let value = self.input[row * self.inputs.div_ceil(LANES) + at / LANES][at % LANES];
        let factor = self.smoothing.as_ref().map_or(1.0, |smoothing| smoothing[at / LANES][at % LANES]);
        f64::from(value * factor)
    }

    /// The product with `numbers` in f64, and the sum of the sizes of its terms.
    fn exact<E: Element>(&self, numbers: &[E], scaled: bool) -> Vec<(f64, f64)> {
        let mut all = Vec::new();
        for row in 0..self.rows {
            for output in 0..self.outputs {
                let scale = if scaled { f64::from(self.scales[output]) } else { 1.0 };
                let (mut sum, mut size) = (f64::from(output as f32 * 0.1), 0.0);
                for at in 0..self.inputs {
                    let term = self.input(row, at) * f64::from(numbers[at * self.outputs + output].value()) * scale;
                    sum += term;
                    size += term.abs();
                }
                all.push((sum, size));
            }
        }
        all
    }
}

/// Asserts that all sets of this machine give the same for a case, and returns it for each kind.
fn all_sets(case: &Case) -> [Vec<f32>; 3] {
    let integers = case.run::<Bytes, _, 3, 1>(Scalar, &case.integers);
    let bf16 = case.run::<Bf16, _, 3, 1>(Scalar, &case.floats);
    let floats = case.run::<F32, _, 5, 2>(Scalar, &case.floats);
    let same = |found: Vec<f32>, expected: &[f32], set: &str| assert_eq!(bits(&found), bits(expected), "{set}");
    same(case.run::<Words, _, 4, 1>(Scalar, &case.integers), &integers, "words");
    same(case.run::<SignedBytes, _, 4, 1>(Scalar, &case.integers), &integers, "signed bytes");
    same(case.run::<BytePairs, _, 4, 2>(Scalar, &case.integers), &integers, "pairs of bytes");
    let bounded = case.bounded_integers();
    let of_bounded = case.run::<Words, _, 4, 1>(Scalar, &bounded);
    same(case.run::<BoundedBytes, _, 3, 2>(Scalar, &bounded), &of_bounded, "bounded bytes");
    #[cfg(target_arch = "aarch64")]
    {
        let set = Neon::<neon::Basic>::new().unwrap();
        same(case.run::<SignedBytes, _, 4, 1>(set, &case.integers), &integers, "NEON, bytes");
        same(case.run::<F32, _, 5, 1>(set, &case.floats), &floats, "NEON, f32");
        if let Some(set) = Neon::<neon::DotProd>::new() {
            same(case.run::<SignedBytes, _, 5, 1>(set, &case.integers), &integers, "NEON with dot products, bytes");
        }
        if let Some(set) = Neon::<neon::I8mm>::new() {
            same(case.run::<BytePairs, _, 4, 1>(set, &case.integers), &integers, "NEON with I8MM, pairs of bytes");
        }
    }
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(set) = Avx2::<avx2::Basic>::new() {
            same(case.run::<Words, _, 6, 1>(set, &case.integers), &integers, "AVX2, words");
            same(case.run::<F32, _, 6, 1>(set, &case.floats), &floats, "AVX2, f32");
            same(case.run::<BoundedBytes, _, 6, 1>(set, &bounded), &of_bounded, "AVX2, bounded bytes");
        }
        if let Some(set) = Avx2::<avx2::Vnni>::new() {
            same(case.run::<Bytes, _, 6, 1>(set, &case.integers), &integers, "AVX-VNNI, bytes");
        }
        if let Some(set) = Avx512::<avx512::Basic>::new() {
            same(case.run::<Words, _, 12, 2>(set, &case.integers), &integers, "AVX-512, words");
            same(case.run::<F32, _, 12, 2>(set, &case.floats), &floats, "AVX-512, f32");
            same(case.run::<BoundedBytes, _, 12, 2>(set, &bounded), &of_bounded, "AVX-512, bounded bytes");
        }
        if let Some(set) = Avx512::<avx512::Vnni>::new() {
            same(case.run::<Bytes, _, 12, 2>(set, &case.integers), &integers, "AVX-512 VNNI, bytes");
        }
        if let Some(set) = Avx512::<avx512::Bf16>::new() {
            same(case.run::<Bytes, _, 12, 2>(set, &case.integers), &integers, "AVX-512 BF16, bytes");
            same(case.run::<Bf16, _, 12, 2>(set, &case.floats), &bf16, "AVX-512 BF16, bfloat16");
        }
    }
    [integers, bf16, floats]
}

#[test]
fn products_are_right_and_the_same_on_all_sets() {
    let mut rng = fastrand::Rng::with_seed(1);
    for _ in 0..60 {
        let case = Case::random(&mut rng);
        let [integers, bf16, floats] = all_sets(&case);
        let check = |found: &[f32], exact: Vec<(f64, f64)>, tolerance: f64, what: &str| {
            for (found, (sum, size)) in found.iter().zip(exact) {
                let difference = (f64::from(*found) - sum).abs();
                assert!(difference <= tolerance * size + 1e-5 * sum.abs() + 1e-12, "{what}: {found} for {sum}");
            }
        };
        check(&floats, case.exact(&case.floats, false), 1e-6, "f32");
        check(&bf16, case.exact(&case.floats, false), 0.01, "bfloat16");
        // Steps are 1/127 of a row's largest value, which may be alone in its row.
        let largest = |row: usize| (0..case.inputs).map(|at| case.input(row, at).abs()).fold(0.0, f64::max);
        for (number, (found, (sum, _))) in integers.iter().zip(case.exact(&case.integers, true)).enumerate() {
            let (row, output) = (number / case.outputs, number % case.outputs);
            let weights = (0..case.inputs).map(|at| f64::from(case.integers[at * case.outputs + output]).abs());
            let most = largest(row) / 127.0 * weights.sum::<f64>() * f64::from(case.scales[output]);
            assert!((f64::from(*found) - sum).abs() <= 0.51 * most + 1e-4 * sum.abs() + 1e-9, "{found} for {sum}");
        }
    }
}

#[test]
fn a_row_that_is_not_finite_spoils_only_itself() {
    let mut rng = fastrand::Rng::with_seed(2);
    for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut case = Case::random(&mut rng);
        case.rows = case.rows.max(3);
        while case.input.len() < case.rows * case.inputs.div_ceil(LANES) {
            case.input.push([0.5; LANES]);
        }
        let before = all_sets(&case);
        let width = case.inputs.div_ceil(LANES);
        case.input[width][0] = value;
        for (before, after) in before.iter().zip(all_sets(&case)) {
            let second = case.outputs..2 * case.outputs;
            assert!(after[second.clone()].iter().all(|value| !value.is_finite()), "{value}");
            assert_eq!(bits(&before[..second.start]), bits(&after[..second.start]));
            assert_eq!(bits(&before[second.end..]), bits(&after[second.end..]));
        }
    }
}

#[test]
fn extreme_rows_are_the_same_on_all_sets() {
    let mut rng = fastrand::Rng::with_seed(3);
    for value in [0.0, -0.0, 1e-45, 1e-38, f32::MIN_POSITIVE, f32::MAX, -f32::MAX, 1e30] {
        let mut case = Case::random(&mut rng);
        for (at, input) in case.input.as_flattened_mut().iter_mut().enumerate() {
            *input = if at % 3 == 0 { value } else { value * 0.5 };
        }
        let [integers, ..] = all_sets(&case);
        if value.abs() <= 1e30 {
            assert!(integers.iter().all(|value| value.is_finite()), "{value}: {integers:?}");
        }
    }
}

#[test]
fn sums_of_the_most_inputs_are_exact() {
    for inputs in [768, 4096, MOST_INPUTS] {
        for weight in [-128, 127] {
            let (rows, outputs) = (2, 17);
            let case = Case {
                rows,
                inputs,
                outputs,
                input: (0..rows).flat_map(|_| vectors(inputs, |_| 1.0)).collect(),
                integers: vec![weight; inputs * outputs],
                floats: vec![0.25; inputs * outputs],
                scales: vec![1.0; outputs],
                smoothing: None,
                centre: Centre::Zero,
            };
            let [integers, ..] = all_sets(&case);
            for (number, found) in integers.iter().enumerate() {
                let exact = inputs as f64 * f64::from(weight) + (number % outputs) as f64 * 0.1;
                assert!((f64::from(*found) - exact).abs() <= 1e-6 * exact.abs(), "{found} for {exact}");
            }
        }
    }
}
