//! Quantised weights as a safetensors file.
//!
//! Of a matrix `NAME`: `NAME int8`, i8 `[inputs, outputs]`, and `NAME scales`, f32 `[outputs]`. Of input number N that is
//! smoothed: `smoothing N`, f32 `[width]`; of one whose rows are scaled: `rows N`, without numbers.

use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;

use rayon::prelude::*;
use safetensors::tensor::{Dtype, View};

use super::{Bits, Input, Int8Matrix, Int8Weights, Treatment, quantise::quantise};
use crate::model::weights::{RawTensor, TensorData, Weights, WeightsError};

/// Quantised weights on their way into a file.
pub struct Quantised {
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
    pub fn new(inputs: &[Input], treatments: &[Treatment], bits: Bits) -> Self {
        let mut matrices = HashMap::new();
        let mut tensors = Vec::new();
        for (number, (input, treatment)) in inputs.iter().zip(treatments).enumerate() {
            let factors = treatment.smoothing.as_ref().map(TensorData::as_slice);
            if let Some(factors) = factors {
                tensors.push((format!("smoothing {number}"), floats(factors)));
            }
            if treatment.rows {
                tensors.push((format!("rows {number}"), floats(&[])));
            }
            for matrix in &input.matrices {
                matrices.entry(&matrix.name).or_insert((matrix, input.width, factors));
            }
        }
        let matrices: Vec<_> = matrices.into_values().collect();
        tensors.par_extend(matrices.into_par_iter().flat_map_iter(|(matrix, width, factors)| {
            let (numbers, scales) = quantise(matrix.data.as_slice(), width, factors, bits);
            let numbers = Tensor { dtype: Dtype::I8, shape: vec![width, matrix.outputs], bytes: numbers };
            [(format!("{} int8", matrix.name), numbers), (format!("{} scales", matrix.name), floats(&scales))]
        }));
        Self { tensors }
    }

    /// Writes the file.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let tensors = self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor));
        safetensors::serialize_to_file(tensors, None, path).map_err(std::io::Error::other)
    }

    /// What the file would hold.
    pub fn bytes(&self) -> std::io::Result<Vec<u8>> {
        let tensors = self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor));
        safetensors::serialize(tensors, None).map_err(std::io::Error::other)
    }
}

impl Int8Weights {
    /// Reads what [`Quantised`] wrote; what else is in the file is passed over.
    pub fn read(file: &Weights) -> Result<Self, WeightsError> {
        let (mut treatments, mut matrices) = (Vec::<Treatment>::new(), HashMap::new());
        let mut treatment = |number: &str, treat: &dyn Fn(&mut Treatment)| {
            // No graph has more inputs than this; a file that is not ours may say anything.
            if let Some(number) = number.parse().ok().filter(|&number: &usize| number < 100_000) {
                if treatments.len() <= number {
                    treatments.resize_with(number + 1, Treatment::default);
                }
                treat(&mut treatments[number]);
            }
        };
        let mut inputs = 0;
        for (name, tensor) in file.tensors() {
            if let Some(number) = name.strip_prefix("smoothing ") {
                let factors = mapped(&tensor);
                treatment(number, &|treatment| treatment.smoothing = Some(factors.clone()));
            } else if let Some(number) = name.strip_prefix("rows ") {
                treatment(number, &|treatment| treatment.rows = true);
            } else if let Some(matrix) = name.strip_suffix(" int8")
                && let (Dtype::I8, &[inputs, outputs]) = (tensor.dtype, tensor.shape)
            {
                let scales = file.float_tensor(&format!("{matrix} scales"), &[outputs])?;
                let numbers = mapped(&tensor);
                matrices.insert(matrix.to_owned(), Int8Matrix { inputs, outputs, numbers, scales });
            }
            inputs += 1;
        }
        // Inputs that need no treatment have left no trace: there are not more of them than matrices.
        treatments.resize_with(treatments.len().max(inputs), Treatment::default);
        Ok(Self { treatments, matrices })
    }
}

fn mapped(tensor: &RawTensor<'_>) -> TensorData {
    TensorData::Mapped { file: tensor.file.clone(), start: tensor.range.start, end: tensor.range.end }
}
