//! Matrices of a model's file, and the linear layers that are packed from parts of them.

use super::kind::{Bf16, BoundedBytes, BytePairs, Bytes, F32, SignedBytes, Words};
use super::rows::Encode;
use super::weights::{Packs, Weights};
use crate::sets::Format;
use crate::simd::LANES;
use crate::steps::linear::Affine;

/// The numbers of a matrix.
#[derive(Debug, Clone, Copy)]
pub enum Numbers<'a> {
    /// f32, `[outputs, inputs]`.
    F32(&'a [f32]),
    /// Signed integers, `[inputs, outputs]`, and the step of each output's.
    I8(&'a [u8], &'a [f32]),
}

/// A matrix with its bias.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    pub inputs: usize,
    pub outputs: usize,
    pub numbers: Numbers<'a>,
    /// `[outputs]`, or empty for zeros.
    pub bias: &'a [f32],
    /// `[inputs]`: what inputs are multiplied with before they are quantised; or empty.
    pub smoothing: &'a [f32],
}

/// The most inputs of a product of integers: 132,104 · 128 · 127 < 2³¹ for weights from −128 on and activations up to ±127.
/// Such a sum is exact in 32 bits; on the way to it, sums may wrap.
pub(crate) const MOST_INPUTS: usize = 132_104;

impl Matrix<'_> {
    /// True if there are as many numbers as there should be, of the kind that `format` takes, and sums of integers over all
    /// inputs are exact.
    pub(crate) fn fits(&self, format: Format) -> bool {
        let size = self.inputs.checked_mul(self.outputs).filter(|&size| size > 0);
        let numbers = match (format, self.numbers) {
            (Format::Float32 | Format::Bfloat16, Numbers::F32(numbers)) => size == Some(numbers.len()),
            (Format::Int8, Numbers::I8(numbers, scales)) => {
                self.inputs <= MOST_INPUTS && size == Some(numbers.len()) && scales.len() == self.outputs
            }
            _ => false,
        };
        numbers
            && (self.bias.is_empty() || self.bias.len() == self.outputs)
            && (self.smoothing.is_empty() || self.smoothing.len() == self.inputs)
    }
}

/// Some outputs of a matrix, multiplied with a factor.
#[derive(Debug, Clone)]
pub struct Part<'a> {
    pub matrix: Matrix<'a>,
    /// Outputs in their order; `None` is one of zeros.
    pub outputs: Vec<Option<usize>>,
    pub factor: f32,
}

impl<'a> Part<'a> {
    /// All outputs, filled up to whole vectors.
    pub fn all(matrix: Matrix<'a>) -> Self {
        let mut outputs: Vec<_> = (0..matrix.outputs).map(Some).collect();
        outputs.resize(matrix.outputs.next_multiple_of(LANES), None);
        Self { matrix, outputs, factor: 1.0 }
    }
}

/// The layout of inputs: each `size` of the matrix, then zeros up to `padded`.
#[derive(Debug, Clone, Copy)]
pub struct Pieces {
    /// Inputs of a piece.
    pub size: usize,
    /// Inputs of a piece and the zeros behind it.
    pub padded: usize,
}

impl Pieces {
    /// All inputs as one piece, padded to whole vectors.
    pub fn whole(inputs: usize) -> Self {
        Self { size: inputs, padded: inputs.next_multiple_of(LANES) }
    }

    /// The input of the matrix that stands at `at`, if that is no padding.
    fn input(self, at: usize) -> Option<usize> {
        let (piece, at) = (at / self.padded, at % self.padded);
        (at < self.size).then_some(piece * self.size + at)
    }
}

/// Kinds of elements that linear layers are made of.
pub trait Pack: Encode {
    /// The parts side by side. All have the same inputs, of which `inputs` gives the order.
    fn weights<const V: usize>(parts: &[Part<'_>], inputs: Pieces) -> Weights<Self, V>;
}

/// The part and the output in its matrix, for every output.
fn sources(parts: &[Part<'_>]) -> Vec<Option<(usize, usize)>> {
    let of_part = |(number, part): (usize, &Part<'_>)| {
        part.outputs.iter().map(|output| output.map(|output| (number, output))).collect::<Vec<_>>()
    };
    parts.iter().enumerate().flat_map(of_part).collect()
}

fn padded_inputs(parts: &[Part<'_>], inputs: Pieces) -> usize {
    parts.first().map_or(0, |part| part.matrix.inputs / inputs.size.max(1) * inputs.padded)
}

fn floats<K: Encode + Packs<f32>, const V: usize>(parts: &[Part<'_>], inputs: Pieces) -> Weights<K, V> {
    let sources = sources(parts);
    let element = |at: usize, output: usize| {
        let Some(((part, output), input)) = sources[output].zip(inputs.input(at)) else { return 0.0 };
        let Part { matrix, factor, .. } = &parts[part];
        match matrix.numbers {
            Numbers::F32(numbers) => numbers[output * matrix.inputs + input] * factor,
            Numbers::I8(..) => unreachable!("Matrix::fits"),
        }
    };
    Weights::pack(padded_inputs(parts, inputs), sources.len(), element, |_| 1.0)
}

fn integers<K: Encode + Packs<i8>, const V: usize>(parts: &[Part<'_>], inputs: Pieces) -> Weights<K, V> {
    let sources = sources(parts);
    let element = |at: usize, output: usize| {
        let Some(((part, output), input)) = sources[output].zip(inputs.input(at)) else { return 0 };
        let matrix = &parts[part].matrix;
        match matrix.numbers {
            Numbers::I8(numbers, _) => numbers[input * matrix.outputs + output].cast_signed(),
            Numbers::F32(_) => unreachable!("Matrix::fits"),
        }
    };
    let scale = |output: usize| match sources[output] {
        Some((part, output)) => match parts[part].matrix.numbers {
            Numbers::I8(_, scales) => scales[output] * parts[part].factor,
            Numbers::F32(_) => unreachable!("Matrix::fits"),
        },
        None => 0.0,
    };
    Weights::pack(padded_inputs(parts, inputs), sources.len(), element, scale)
}

impl Pack for Bytes {
    fn weights<const V: usize>(parts: &[Part<'_>], inputs: Pieces) -> Weights<Self, V> {
        integers(parts, inputs)
    }
}

impl Pack for SignedBytes {
    fn weights<const V: usize>(parts: &[Part<'_>], inputs: Pieces) -> Weights<Self, V> {
        integers(parts, inputs)
    }
}

impl Pack for BytePairs {
    fn weights<const V: usize>(parts: &[Part<'_>], inputs: Pieces) -> Weights<Self, V> {
        integers(parts, inputs)
    }
}

impl Pack for BoundedBytes {
    fn weights<const V: usize>(parts: &[Part<'_>], inputs: Pieces) -> Weights<Self, V> {
        integers(parts, inputs)
    }
}

impl Pack for Words {
    fn weights<const V: usize>(parts: &[Part<'_>], inputs: Pieces) -> Weights<Self, V> {
        integers(parts, inputs)
    }
}

impl Pack for Bf16 {
    fn weights<const V: usize>(parts: &[Part<'_>], inputs: Pieces) -> Weights<Self, V> {
        floats(parts, inputs)
    }
}

impl Pack for F32 {
    fn weights<const V: usize>(parts: &[Part<'_>], inputs: Pieces) -> Weights<Self, V> {
        floats(parts, inputs)
    }
}

/// A linear layer of the parts side by side.
pub(crate) fn affine<K: Pack, const V: usize>(parts: &[Part<'_>], inputs: Pieces) -> Affine<K, V> {
    let weights = K::weights::<V>(parts, inputs);
    let mut bias = vec![[0.0; LANES]; weights.panels() * V];
    for (at, source) in sources(parts).into_iter().enumerate() {
        if let Some((part, output)) = source {
            let Part { matrix, factor, .. } = &parts[part];
            bias[at / LANES][at % LANES] = matrix.bias.get(output).copied().unwrap_or(0.0) * factor;
        }
    }
    let smoothing = parts.first().map_or(&[][..], |part| part.matrix.smoothing);
    let smoothing = (!smoothing.is_empty()).then(|| {
        let at = |at| inputs.input(at).map_or(0.0, |input| smoothing[input]);
        vectors(padded_inputs(parts, inputs), at)
    });
    Affine { weights, bias, smoothing }
}

/// Numbers in vectors; a count that is not a multiple of 16 is filled up with zeros.
pub(crate) fn vectors(count: usize, mut number: impl FnMut(usize) -> f32) -> Vec<[f32; LANES]> {
    let mut vectors = vec![[0.0; LANES]; count.div_ceil(LANES)];
    for at in 0..count {
        vectors[at / LANES][at % LANES] = number(at);
    }
    vectors
}
