//! Every kernel against its scalar twin, bit by bit, and against plain sums in f64, over random shapes.

use std::sync::Arc;

#[cfg(target_arch = "x86_64")]
use super::simd::{Avx2, Avx512, avx2, avx512};
use super::simd::{Kernel, LANES, Scalar, Simd};
#[cfg(target_arch = "aarch64")]
use super::simd::{Neon, neon};
use crate::operands::columns::Transposed;
use crate::operands::kind::{Bf16, BoundedBytes, BytePairs, Bytes, F32, SignedBytes, Words};
use crate::operands::matrix::{MOST_INPUTS, Matrix, Numbers, bounded, vectors};
use crate::operands::rows::{Centre, Encode, Rows};
use crate::operands::weights::{Element, Packs, Weights};
use crate::steps::activation::Activation;
use crate::steps::bias::{Bias, Full, Masked, Table};
use crate::steps::feed_forward::{FeedForward, quantise};
use crate::steps::layer::{Buffers, Group, Layer, Picked, Run};
use crate::steps::linear::{Affine, Linear};
use crate::steps::norm::{Norm, Norms};
use crate::steps::rope::Rope;
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

    /// The integers with every second input's made so small that [`bounded`] is true of them.
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

/// The bits, with one kind of NaN.
fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() }).collect()
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
fn pairs_of_bounded_integers_fit_16_bits() {
    let is_bounded = |numbers: &[i8], outputs: usize, size: usize| {
        let bytes: Vec<u8> = numbers.iter().map(|number| number.cast_unsigned()).collect();
        let inputs = numbers.len() / outputs;
        let scales = vec![1.0; outputs];
        let numbers = Numbers::I8(&bytes, &scales);
        bounded([(&Matrix { inputs, outputs, numbers, bias: &[], smoothing: &[] }, size)])
    };
    // One output of two inputs, or of three.
    for (numbers, expected) in [
        (&[127, 1][..], true),
        (&[127, 2], false),
        (&[-128, 0], true),
        (&[-127, -2], false),
        (&[127, -128], true),
        (&[-128, 127], true),
        (&[1, 127, 127], true),
        (&[64, 64, 64], true),
        (&[0, 65, 64], true),
        (&[64, 65, 0], false),
    ] {
        assert_eq!(is_bounded(numbers, 1, numbers.len()), expected, "{numbers:?}");
    }
    // Three outputs of two inputs: neighbours are 1 and −128, 127 and 127, 0 and 0.
    assert!(!is_bounded(&[1, 127, 0, -128, 127, 0], 3, 2));
    assert!(is_bounded(&[127, 127, 0, -128, 1, 0], 3, 2));
    // Pieces of an odd size have other neighbours.
    assert!(is_bounded(&[1; 6], 1, 2) && !is_bounded(&[1; 6], 1, 3));
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

/// The places of a layer's norms.
#[derive(Clone, Copy)]
enum Places {
    Inputs,
    Sums,
    InputsAndResults,
}

/// The sizes of a layer.
#[derive(Clone, Copy)]
struct Shape {
    hidden: usize,
    heads: usize,
    kv_heads: usize,
    size: usize,
    inner: usize,
    gated: bool,
    norms: Places,
    activation: Activation,
    /// True if queries and keys are turned.
    turned: bool,
    /// True if they are normalised before.
    head_norms: bool,
}

fn layer<K: Encode + Packs<E>, E: Element, const V: usize>(
    shape: Shape,
    element: impl Fn(&mut fastrand::Rng) -> E,
    step: f32,
) -> Layer<K, V> {
    let mut rng = fastrand::Rng::with_seed(7);
    let mut affine = |inputs: usize, outputs: usize| {
        let numbers: Vec<E> = (0..inputs * outputs).map(|_| element(&mut rng)).collect();
        let weights = Weights::pack(inputs, outputs, |input, output| numbers[input * outputs + output], |_| step);
        let bias = vec![[0.01; LANES]; weights.panels() * V];
        Affine { weights, bias, smoothing: None }
    };
    let Shape { hidden, heads, kv_heads, size, inner, gated, norms: places, activation, turned, head_norms } = shape;
    let rope =
        turned.then(|| Arc::new(Rope::new((0..size / 2).map(|pair| 0.9 / (pair + 1) as f32).collect(), 1.0, true)));
    let of_keys = rope.as_ref().map_or(size, |rope| rope.order(size).len());
    let norm = |root: bool| match root {
        true => Norm::Rms { values: hidden, weight: vectors(hidden, |at| 1.0 + at as f32 * 0.01), epsilon: 1e-6 },
        false => Norm::Layer {
            values: hidden,
            weight: vectors(hidden, |at| 1.0 - at as f32 * 0.01),
            bias: vectors(hidden, |at| at as f32 * 0.02),
            epsilon: 1e-12,
        },
    };
    Layer {
        hidden: hidden / LANES,
        width: of_keys / LANES,
        value_width: size / LANES,
        head_norms: [0.05, 1.3].map(|factor| match head_norms {
            true => Norm::Rms { values: size, weight: vectors(of_keys, |at| factor + at as f32 * 0.01), epsilon: 1e-6 },
            false => Norm::Identity,
        }),
        rope,
        groups: (0..kv_heads)
            .map(|_| Group {
                queries: affine(hidden, of_keys * heads / kv_heads),
                keys_values: affine(hidden, of_keys + size),
            })
            .collect(),
        output: affine(heads * size, hidden),
        feed_forward: FeedForward {
            up: affine(hidden, if gated { 2 * inner } else { inner }),
            activation,
            gated,
            down: affine(inner, hidden),
        },
        norms: {
            let none = || [Norm::Identity, Norm::Identity];
            match places {
                Places::Inputs => Norms { inputs: [norm(true), norm(true)], results: none(), sums: none() },
                Places::Sums => Norms { inputs: none(), results: none(), sums: [norm(false), norm(false)] },
                Places::InputsAndResults => {
                    Norms { inputs: [norm(true), norm(false)], results: [norm(true), norm(false)], sums: none() }
                }
            }
        },
    }
}

fn run<K: Encode, QK: Encode, PV: Transposed, const R: usize, const V: usize>(
    simd: impl Simd,
    layer: &Layer<K, V>,
    states: &[[f32; LANES]],
    lengths: &[usize],
    picked: Picked,
    bias: &impl Bias,
) -> Vec<u32> {
    let rows = if picked == Picked::All { lengths.iter().sum() } else { lengths.len() };
    let mut output = vec![[0.0; LANES]; rows * layer.hidden];
    let mut buffers = Buffers::<K, QK, PV, R, V>::default();
    simd.vectorize(Run { layer, states, lengths, bias, picked, buffers: &mut buffers, output: &mut output });
    bits(output.as_flattened())
}

/// A layer on all sets, packed and each sequence alone.
fn check_layer(shape: Shape, picked: Picked, bias: &impl Bias) {
    let mut rng = fastrand::Rng::with_seed(11);
    let lengths = [3, 17, 1, 101];
    let tokens: usize = lengths.iter().sum();
    let states = vectors(tokens * shape.hidden, |_| rng.f32() * 2.0 - 1.0);
    let byte = |rng: &mut fastrand::Rng| rng.i8(-127..=127);
    let float = |rng: &mut fastrand::Rng| (rng.f32() - 0.5) * 0.1;
    let (states, lengths) = (&states[..], &lengths[..]);

    let integers: Layer<Bytes, 1> = layer(shape, byte, 0.0004);
    let floats: Layer<F32, 1> = layer(shape, float, 1.0);
    let in_int8 = run::<_, Bytes, Bf16, 3, 1>(Scalar, &integers, states, lengths, picked, bias);
    let with_float = run::<_, Bytes, F32, 3, 1>(Scalar, &integers, states, lengths, picked, bias);
    let in_float = run::<_, F32, F32, 3, 1>(Scalar, &floats, states, lengths, picked, bias);
    let mut first = 0;
    let (mut alone_int8, mut alone_float) = (Vec::new(), Vec::new());
    for &length in lengths {
        let states = &states[first..first + length * integers.hidden];
        first += states.len();
        alone_int8.extend(run::<_, Bytes, Bf16, 3, 1>(Scalar, &integers, states, &[length], picked, bias));
        alone_float.extend(run::<_, F32, F32, 3, 1>(Scalar, &floats, states, &[length], picked, bias));
    }
    assert!(alone_int8 == in_int8 && alone_float == in_float, "a sequence is not the same alone");

    let same = |found: Vec<u32>, expected: &[u32], set: &str| assert!(found == expected, "{set}");
    let pairs: Layer<BytePairs, 1> = layer(shape, byte, 0.0004);
    #[cfg(target_arch = "aarch64")]
    {
        let set = Neon::<neon::Basic>::new().unwrap();
        let signed: Layer<SignedBytes, 1> = layer(shape, byte, 0.0004);
        let found = run::<_, SignedBytes, F32, 4, 1>(set, &signed, states, lengths, picked, bias);
        same(found, &with_float, "NEON, int8");
        same(run::<_, F32, F32, 5, 1>(set, &floats, states, lengths, picked, bias), &in_float, "NEON, f32");
        if let Some(set) = Neon::<neon::DotProd>::new() {
            let found = run::<_, SignedBytes, F32, 5, 1>(set, &signed, states, lengths, picked, bias);
            same(found, &with_float, "NEON with dot products");
        }
        if let Some(set) = Neon::<neon::I8mm>::new() {
            let found = run::<_, BytePairs, F32, 4, 1>(set, &pairs, states, lengths, picked, bias);
            same(found, &with_float, "NEON with I8MM");
        }
    }
    #[cfg(target_arch = "x86_64")]
    {
        let found = run::<_, BytePairs, F32, 4, 1>(Scalar, &pairs, states, lengths, picked, bias);
        same(found, &with_float, "pairs of bytes");
        if let Some(set) = Avx2::<avx2::Basic>::new() {
            let words: Layer<Words, 1> = layer(shape, byte, 0.0004);
            same(run::<_, Words, F32, 6, 1>(set, &words, states, lengths, picked, bias), &with_float, "AVX2, int8");
            same(run::<_, F32, F32, 6, 1>(set, &floats, states, lengths, picked, bias), &in_float, "AVX2, f32");
            let halves = |rng: &mut fastrand::Rng| byte(rng) / 2;
            let (words, bounded) = (layer(shape, halves, 0.0008), layer(shape, halves, 0.0008));
            let expected = run::<Words, Words, F32, 3, 1>(Scalar, &words, states, lengths, picked, bias);
            let found = run::<BoundedBytes, Words, F32, 6, 1>(set, &bounded, states, lengths, picked, bias);
            same(found, &expected, "AVX2, bounded bytes");
        }
        if let Some(set) = Avx2::<avx2::Vnni>::new() {
            same(run::<_, Bytes, F32, 6, 1>(set, &integers, states, lengths, picked, bias), &with_float, "AVX-VNNI");
        }
        let wide: Layer<Bytes, 2> = layer(shape, byte, 0.0004);
        if let Some(set) = Avx512::<avx512::Basic>::new() {
            let words: Layer<Words, 2> = layer(shape, byte, 0.0004);
            same(run::<_, Words, F32, 12, 2>(set, &words, states, lengths, picked, bias), &with_float, "AVX-512, int8");
            let floats: Layer<F32, 2> = layer(shape, float, 1.0);
            same(run::<_, F32, F32, 12, 2>(set, &floats, states, lengths, picked, bias), &in_float, "AVX-512, f32");
        }
        if let Some(set) = Avx512::<avx512::Vnni>::new() {
            same(run::<_, Bytes, F32, 12, 2>(set, &wide, states, lengths, picked, bias), &with_float, "AVX-512 VNNI");
        }
        if let Some(set) = Avx512::<avx512::Bf16>::new() {
            let halves: Layer<Bf16, 1> = layer(shape, float, 1.0);
            let in_bf16 = run::<_, Bytes, Bf16, 3, 1>(Scalar, &halves, states, lengths, picked, bias);
            same(run::<_, Bytes, Bf16, 12, 2>(set, &wide, states, lengths, picked, bias), &in_int8, "AVX-512 BF16");
            let halves: Layer<Bf16, 2> = layer(shape, float, 1.0);
            same(run::<_, Bytes, Bf16, 12, 2>(set, &halves, states, lengths, picked, bias), &in_bf16, "bfloat16");
        }
    }
}

#[test]
fn layers_are_the_same_on_all_sets_packed_and_alone() {
    let bert = Shape {
        hidden: 64,
        heads: 4,
        kv_heads: 4,
        size: 16,
        inner: 96,
        gated: false,
        norms: Places::Sums,
        activation: Activation::Gelu,
        turned: false,
        head_norms: false,
    };
    let decoder = Shape {
        hidden: 96,
        heads: 4,
        kv_heads: 2,
        size: 48,
        inner: 64,
        gated: true,
        norms: Places::Inputs,
        activation: Activation::Silu,
        turned: true,
        head_norms: true,
    };
    let gemma = Shape { norms: Places::InputsAndResults, kv_heads: 1, ..decoder };
    let slopes = [0.1, 0.2, 0.5, 0.7];
    let table: Vec<f32> = (0..4 * 201).map(|at| (at % 13) as f32 * 0.1).collect();
    let table = Table { values: &table, positions: 101 };
    let masked = Masked { causal: true, reach: Some(9), slopes: Some(&slopes), table: Some(table) };
    let window = Masked { reach: Some(5), ..Masked::default() };
    let causal = Masked { causal: true, ..Masked::default() };
    for shape in [bert, decoder, gemma, Shape { activation: Activation::GeluTanh, ..bert }] {
        for picked in [Picked::All, Picked::First, Picked::Last] {
            check_layer(shape, picked, &Full);
            check_layer(shape, picked, &masked);
            check_layer(shape, picked, &window);
            check_layer(shape, picked, &causal);
        }
    }
}

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
