//! Quantised weights as a safetensors file.
//!
//! Of a matrix `NAME`: `NAME int8`, i8 `[inputs, outputs]`, and `NAME scales`, f32 `[outputs]`. Of input number N: either
//! `fixed N`, f32 `[2]`, its scale and the number that stands for 0, or `rows N`, f32 `[1]`, how far its divided rows go
//! below zero; and if it is smoothed, `smoothing N`, f32 `[width]`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use rayon::prelude::*;
use safetensors::tensor::{Dtype, View};

use super::Multiplier;
use super::quantise::quantise;
use super::weights::{Input, Int8Matrix, Int8Weights, Scaling, Treatment};
use crate::model::weights::{RawTensor, TensorData, Weights, WeightsError};

/// Quantised weights on their way into a file.
pub(crate) struct Quantised {
    tensors: Vec<(String, Tensor)>,
}

struct Tensor {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        self.dtype
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(&self.bytes)
    }

    fn data_len(&self) -> usize {
        self.bytes.len()
    }
}

fn floats(numbers: &[f32]) -> Tensor {
    let bytes = numbers.iter().flat_map(|x| x.to_le_bytes()).collect();
    Tensor { dtype: Dtype::F32, shape: vec![numbers.len()], bytes }
}

impl Quantised {
    /// Quantises the matrices of `inputs`, which get these `treatments`.
    pub(crate) fn new(inputs: &[Input], treatments: &[Treatment], multiplier: Multiplier) -> Self {
        let mut matrices = HashMap::new();
        let mut tensors = Vec::new();
        for (number, (input, treatment)) in inputs.iter().zip(treatments).enumerate() {
            let factors = treatment.smoothing.as_ref().map(TensorData::as_slice);
            if let Some(factors) = factors {
                tensors.push((format!("smoothing {number}"), floats(factors)));
            }
            tensors.push(match treatment.scaling {
                Scaling::Fixed { scale, zero } => (format!("fixed {number}"), floats(&[scale, f32::from(zero)])),
                Scaling::Rows { negative } => (format!("rows {number}"), floats(&[negative])),
            });
            for matrix in &input.matrices {
                matrices.entry(&matrix.name).or_insert((matrix, input.width, factors));
            }
        }
        let matrices: Vec<_> = matrices.into_values().collect();
        tensors.par_extend(matrices.into_par_iter().flat_map_iter(|(matrix, width, factors)| {
            let (numbers, scales) = quantise(matrix.data.as_slice(), width, factors, multiplier);
            let numbers = Tensor { dtype: Dtype::I8, shape: vec![width, matrix.outputs], bytes: numbers };
            [(format!("{} int8", matrix.name), numbers), (format!("{} scales", matrix.name), floats(&scales))]
        }));
        Self { tensors }
    }

    /// Writes the file.
    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        let tensors = self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor));
        safetensors::serialize_to_file(tensors, None, path).map_err(std::io::Error::other)
    }

    /// The content of the file.
    pub(crate) fn bytes(&self) -> std::io::Result<Vec<u8>> {
        let tensors = self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor));
        safetensors::serialize(tensors, None).map_err(std::io::Error::other)
    }
}

impl Int8Weights {
    /// Reads what [`Quantised`] wrote; what else is in the file is passed over.
    pub(crate) fn read(file: &Weights) -> Result<Self, WeightsError> {
        let (mut treatments, mut matrices) = (HashMap::new(), HashMap::new());
        for (name, tensor) in file.tensors() {
            let number = |prefix: &str| name.strip_prefix(prefix)?.parse::<usize>().ok();
            if let Some(number) = number("fixed ") {
                if let &[scale, zero] = file.float_tensor(name, &[2])?.as_slice() {
                    treatments.insert(number, Scaling::Fixed { scale, zero: zero as u8 });
                }
            } else if let Some(number) = number("rows ") {
                if let &[negative] = file.float_tensor(name, &[1])?.as_slice() {
                    treatments.insert(number, Scaling::Rows { negative });
                }
            } else if let Some(matrix) = name.strip_suffix(" int8")
                && let (Dtype::I8, &[inputs, outputs]) = (tensor.dtype, tensor.shape)
            {
                let scales = file.float_tensor(&format!("{matrix} scales"), &[outputs])?;
                let numbers = mapped(&tensor);
                matrices.insert(matrix.to_owned(), Int8Matrix { inputs, outputs, numbers, scales });
            }
        }
        let treatments = treatments.into_iter().map(|(number, scaling)| {
            let smoothing = file.raw(&format!("smoothing {number}")).map(|tensor| mapped(&tensor));
            (number, Treatment { smoothing, scaling })
        });
        Ok(Self { treatments: treatments.collect(), matrices, word_table: false })
    }
}

fn mapped(tensor: &RawTensor<'_>) -> TensorData {
    TensorData::Mapped { file: tensor.file.clone(), start: tensor.range.start, end: tensor.range.end }
}
