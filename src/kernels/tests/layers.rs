//! Whole layers.

use std::sync::Arc;

use super::bits::bits;
use crate::operands::columns::Transposed;
#[cfg(target_arch = "aarch64")]
use crate::operands::kind::SignedBytes;
use crate::operands::kind::{Bf16, BoundedBytes, BytePairs, Bytes, F32, Words};
use crate::operands::matrix::vectors;
use crate::operands::rows::Encode;
use crate::operands::weights::{Element, Packs, Weights};
#[cfg(target_arch = "x86_64")]
use crate::simd::{Avx2, Avx512, avx2, avx512};
use crate::simd::{LANES, Scalar, Simd};
#[cfg(target_arch = "aarch64")]
use crate::simd::{Neon, neon};
use crate::steps::activation::Activation;
use crate::steps::bias::{Bias, Full, Masked, Table};
use crate::steps::feed_forward::FeedForward;
use crate::steps::layer::{Buffers, Group, Layer, Picked, Run};
use crate::steps::linear::Affine;
use crate::steps::norm::{Norm, Norms};
use crate::steps::rope::Rope;

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
