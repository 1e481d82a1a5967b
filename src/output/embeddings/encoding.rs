//! Numbers of vectors in fewer bytes, as `quantize_embeddings` of sentence-transformers makes them:
//! <https://sbert.net/docs/package_reference/util/quantization.html>.
//!
//! int8 and uint8 cut the range of each dimension into 255 steps: `uint8 = (x - start) / step`, `int8 = that - 128`, both cut
//! towards zero. The range is -1 to 1, or that of `--ranges`; numbers beyond a range of the latter take its ends. binary and
//! ubinary are a bit a dimension, 1 for numbers above 0, the first in the highest bit: ubinary as bytes, binary as those less
//! 128.

use half::f16;

use super::dtype::Dtype;
use crate::output::OutputError;

/// The least and the largest number of each dimension.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ranges {
    starts: Vec<f32>,
    steps: Vec<f32>,
}

impl Ranges {
    /// The ranges from `least` to `most`.
    ///
    /// # Errors
    /// The reason that these are not ranges.
    pub(crate) fn new(least: &[f32], most: &[f32]) -> Result<Self, String> {
        if least.len() != most.len() {
            return Err(format!("the first row has {} numbers, the second {}", least.len(), most.len()));
        }
        let wrong = least.iter().zip(most).position(|(least, most)| !(least < most && (most - least).is_finite()));
        if let Some(dimension) = wrong {
            let (least, most) = (least[dimension], most[dimension]);
            return Err(format!("dimension {dimension} has no range from {least} to {most}"));
        }
        let steps = least.iter().zip(most).map(|(least, most)| (most - least) / 255.0).collect();
        Ok(Self { starts: least.to_vec(), steps })
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.starts.len()
    }
}

/// The form in which numbers are written.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Encoding {
    pub dtype: Dtype,
    /// Of int8 and uint8; without them -1 to 1.
    pub ranges: Option<Ranges>,
}

/// A number may be a little above 1 in a vector of length 1.
const ROUNDING: f32 = 1e-3;

impl Encoding {
    /// The numbers of a vector of `dimensions`.
    pub(crate) fn length(&self, dimensions: usize) -> usize {
        if matches!(self.dtype, Dtype::Binary | Dtype::Ubinary) { dimensions / 8 } else { dimensions }
    }

    /// Bytes of a number.
    pub(crate) fn bytes(&self) -> usize {
        match self.dtype {
            Dtype::Float32 => 4,
            Dtype::Float16 => 2,
            Dtype::Int8 | Dtype::Uint8 | Dtype::Binary | Dtype::Ubinary => 1,
        }
    }

    /// NumPy's name of the type.
    pub(crate) fn descr(&self) -> &'static str {
        match self.dtype {
            Dtype::Float32 => "<f4",
            Dtype::Float16 => "<f2",
            Dtype::Int8 | Dtype::Binary => "|i1",
            Dtype::Uint8 | Dtype::Ubinary => "|u1",
        }
    }

    /// Appends the numbers of the vector of input `index`, little-endian.
    ///
    /// # Errors
    /// A number is beyond -1 and 1, where that is the range.
    pub(crate) fn append(&self, index: u64, vector: &[f32], out: &mut Vec<u8>) -> Result<(), OutputError> {
        match self.dtype {
            Dtype::Float32 => {
                let start = out.len();
                out.resize(start + vector.len() * 4, 0);
                for (place, number) in out[start..].chunks_exact_mut(4).zip(vector) {
                    place.copy_from_slice(&number.to_le_bytes());
                }
            }
            Dtype::Float16 => out.extend(vector.iter().flat_map(|number| f16::from_f32(*number).to_le_bytes())),
            Dtype::Ubinary => out.extend(vector.chunks(8).map(bits)),
            Dtype::Binary => out.extend(vector.chunks(8).map(|eight| bits(eight) ^ 0x80)),
            Dtype::Int8 => {
                let number = |x: f32| (x - 128.0).clamp(-128.0, 127.0) as i8 as u8;
                out.extend(self.scaled(index, vector)?.map(number));
            }
            Dtype::Uint8 => out.extend(self.scaled(index, vector)?.map(|x| x.clamp(0.0, 255.0) as u8)),
        }
        Ok(())
    }

    /// Appends NaN, or 0 in whole numbers, in the place of a vector that failed.
    pub(crate) fn append_missing(&self, dimensions: usize, out: &mut Vec<u8>) {
        for _ in 0..self.length(dimensions) {
            match self.dtype {
                Dtype::Float32 => out.extend_from_slice(&f32::NAN.to_le_bytes()),
                Dtype::Float16 => out.extend_from_slice(&f16::NAN.to_le_bytes()),
                _ => out.push(0),
            }
        }
    }

    /// The numbers as whole ones, for text; `None` for floats.
    pub(crate) fn integers(&self, index: u64, vector: &[f32]) -> Result<Option<Vec<i16>>, OutputError> {
        let signed = match self.dtype {
            Dtype::Float32 | Dtype::Float16 => return Ok(None),
            Dtype::Int8 | Dtype::Binary => true,
            Dtype::Uint8 | Dtype::Ubinary => false,
        };
        let mut bytes = Vec::with_capacity(vector.len());
        self.append(index, vector, &mut bytes)?;
        let number = |byte: u8| if signed { i16::from(byte as i8) } else { i16::from(byte) };
        Ok(Some(bytes.into_iter().map(number).collect()))
    }

    /// The numbers in steps from the start of their range.
    fn scaled<'a>(&'a self, index: u64, vector: &'a [f32]) -> Result<impl Iterator<Item = f32> + use<'a>, OutputError> {
        if self.ranges.is_none() && vector.iter().any(|number| number.abs() > 1.0 + ROUNDING) {
            return Err(OutputError::Range { index, dtype: self.dtype });
        }
        let range = |i: usize| match &self.ranges {
            Some(Ranges { starts, steps }) => {
                (starts.get(i).copied().unwrap_or(-1.0), steps.get(i).copied().unwrap_or(2.0 / 255.0))
            }
            None => (-1.0, 2.0 / 255.0),
        };
        Ok(vector.iter().enumerate().map(move |(i, number)| {
            let (start, step) = range(i);
            (number - start) / step
        }))
    }
}

fn bits(eight: &[f32]) -> u8 {
    eight.iter().enumerate().fold(0, |byte, (i, number)| byte | (u8::from(*number > 0.0) << (7 - i)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn integers(dtype: Dtype, ranges: Option<Ranges>, vector: &[f32]) -> Vec<i16> {
        Encoding { dtype, ranges }.integers(0, vector).unwrap().unwrap()
    }

    /// The values that NumPy computes in float32: at the end of the range 254.99998 is cut to 254.
    #[test]
    fn whole_numbers_and_bits() {
        let vector = [-1.0, -0.5, -0.001, 0.0, 0.001, 0.25, 0.999, 1.0];
        assert_eq!(integers(Dtype::Uint8, None, &vector), [0, 63, 127, 127, 127, 159, 254, 254]);
        assert_eq!(integers(Dtype::Int8, None, &vector), [-128, -64, 0, 0, 0, 31, 126, 126]);
        assert_eq!(integers(Dtype::Ubinary, None, &vector), [0b0000_1111]);
        assert_eq!(integers(Dtype::Binary, None, &vector), [0b0000_1111 - 128]);
        assert_eq!(integers(Dtype::Ubinary, None, &[1.0, -1.0, f32::NAN, 0.0, -0.0, 1.0, 1.0, 1.0]), [0b1000_0111]);
        let ranges = Ranges::new(&[0.0, -2.0], &[0.5, 2.0]).unwrap();
        assert_eq!(integers(Dtype::Uint8, Some(ranges.clone()), &[0.25, 3.0]), [127, 255]);
        assert_eq!(integers(Dtype::Int8, Some(ranges), &[-7.0, -2.0]), [-128, -128]);
    }

    #[test]
    fn numbers_beyond_the_range_and_ranges_that_are_none() {
        let encoding = Encoding { dtype: Dtype::Int8, ranges: None };
        let error = encoding.append(3, &[0.1, -1.5], &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("input 3") && error.hint().unwrap().contains("--ranges"), "{error}");
        assert!(encoding.append(3, &[1.0005], &mut Vec::new()).is_ok());
        assert!(Ranges::new(&[0.0], &[0.0, 1.0]).unwrap_err().contains("the second 2"));
        assert!(Ranges::new(&[0.0, 1.0], &[1.0, 1.0]).unwrap_err().contains("dimension 1"));
        assert!(Ranges::new(&[f32::NAN], &[1.0]).is_err());
    }
}
