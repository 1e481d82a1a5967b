//! Number formats of graphs for CUDA: weights are converted once, when the graph is built.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use rayon::prelude::*;

use crate::graph::builder::graph_builder::Builder;
use crate::graph::builder::value::{Attribute, Value};
use crate::graph::proto::{TENSOR_BFLOAT16, TENSOR_FLOAT, TENSOR_FLOAT16};
use crate::graph::{Element, Precision};
use crate::model::weights::TensorData;

/// Numbers that a thread converts at a time.
const PIECE: usize = 1 << 16;

impl Precision {
    /// The format of weights.
    pub(in crate::graph) fn element(self) -> Element {
        match self {
            Self::Float32 => Element::F32,
            Self::Float16 => Element::F16,
            Self::Bfloat16 => Element::Bf16,
        }
    }

    /// The number of a masked score, which vanishes in the softmax even after additions.
    pub(in crate::graph) fn masked(self) -> f32 {
        match self {
            Self::Float32 => f32::MIN / 2.0,
            // The sum of two is finite after rounding, too.
            Self::Bfloat16 => -1e38,
            Self::Float16 => -30_000.0,
        }
    }

    /// The bytes of a number, little-endian.
    pub(in crate::graph) fn bytes(self, number: f32) -> Vec<u8> {
        match self {
            Self::Float32 => number.to_le_bytes().to_vec(),
            Self::Float16 => f16::from_f32(number).to_le_bytes().to_vec(),
            Self::Bfloat16 => bf16::from_f32(number).to_le_bytes().to_vec(),
        }
    }
}

/// `numbers` rounded to a 16-bit `precision`; `None` if a finite one becomes infinite.
fn halves(numbers: &[f32], precision: Precision) -> Option<Vec<u16>> {
    let mut rounded = vec![0; numbers.len()];
    let pieces = numbers.par_chunks(PIECE).zip(rounded.par_chunks_mut(PIECE));
    let fit = pieces.map(|(numbers, rounded)| {
        match precision {
            Precision::Bfloat16 => {
                let mut piece = vec![bf16::ZERO; numbers.len()];
                piece.convert_from_f32_slice(numbers);
                rounded.copy_from_slice(piece.reinterpret_cast());
            }
            Precision::Float16 | Precision::Float32 => {
                let mut piece = vec![f16::ZERO; numbers.len()];
                piece.convert_from_f32_slice(numbers);
                rounded.copy_from_slice(piece.reinterpret_cast());
            }
        }
        let infinite = |&half: &u16| match precision {
            Precision::Bfloat16 => bf16::from_bits(half).is_infinite(),
            Precision::Float16 | Precision::Float32 => f16::from_bits(half).is_infinite(),
        };
        !numbers.iter().zip(&*rounded).any(|(number, half)| infinite(half) && number.is_finite())
    });
    // All pieces, so that they are converted.
    fit.reduce(|| true, |one, other| one && other).then_some(rounded)
}

impl Builder<'_> {
    /// The number format of the layers.
    pub(in crate::graph) fn precision(&self) -> Precision {
        self.cuda.as_ref().map_or(Precision::Float32, |cuda| cuda.precision)
    }

    /// A weight in f32 → in the format of the layers.
    pub(in super::super) fn in_precision(
        &mut self,
        name: &str,
        element: Element,
        data: TensorData,
    ) -> (Element, TensorData) {
        let precision = self.precision();
        if element != Element::F32 || precision == Precision::Float32 {
            return (element, data);
        }
        let converted = match data {
            // A part of a weight that is in the graph already.
            TensorData::Halves(_) => data,
            _ => match halves(data.as_slice(), precision) {
                Some(halves) => TensorData::Halves(halves.into()),
                None => {
                    let cuda = self.cuda.as_mut();
                    cuda.map(|cuda| cuda.overflow.get_or_insert_with(|| name.to_owned()));
                    TensorData::Halves(Vec::new().into())
                }
            },
        };
        (precision.element(), converted)
    }

    /// f32 `x` in the format of the layers.
    pub(in crate::graph) fn rounded(&mut self, x: &Value) -> Value {
        let to = match self.precision() {
            Precision::Float32 => return x.clone(),
            Precision::Float16 => TENSOR_FLOAT16,
            Precision::Bfloat16 => TENSOR_BFLOAT16,
        };
        self.op("Cast", &[x], &[Attribute::Int("to", to.into())])
    }

    /// `x`, in the format of the layers, in f32.
    pub(in crate::graph) fn widened(&mut self, x: &Value) -> Value {
        if self.precision() == Precision::Float32 {
            return x.clone();
        }
        self.op("Cast", &[x], &[Attribute::Int("to", TENSOR_FLOAT.into())])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_the_nearest() {
        let numbers: Vec<f32> = (0..200_000).map(|i| (i as f32 - 100_000.0) * 0.37).map(|x| x.min(65_504.0)).collect();
        let float16 = halves(&numbers, Precision::Float16).unwrap();
        let bfloat16 = halves(&numbers, Precision::Bfloat16).unwrap();
        for (i, &number) in numbers.iter().enumerate() {
            assert_eq!(float16[i], f16::from_f32(number).to_bits());
            assert_eq!(bfloat16[i], bf16::from_f32(number).to_bits());
        }
    }

    #[test]
    fn what_float16_cannot_hold_is_noticed() {
        let holds = |number: f32, precision| halves(&[0.0, number], precision).is_some();
        // 65,520 is the first that rounds beyond.
        assert!(holds(65_519.0, Precision::Float16) && holds(-65_519.0, Precision::Float16));
        assert!(!holds(65_520.0, Precision::Float16) && !holds(-65_520.0, Precision::Float16));
        assert!(holds(1e38, Precision::Bfloat16) && !holds(f32::MAX, Precision::Bfloat16));
        // Such weights are wrong in any format; the reference's output is then, too.
        assert!(holds(f32::INFINITY, Precision::Float16) && holds(f32::NAN, Precision::Float16));
    }
}
