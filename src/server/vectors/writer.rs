//! JSON of vectors, written directly into a response.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use utoipa::ToSchema;

use super::EmbeddingDtype;
use crate::server::http::write;

/// The format of a vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EncodingFormat {
    /// A list of numbers.
    #[default]
    Float,
    /// A string with the numbers' bytes, little-endian, in base64.
    Base64,
}

/// Writes vectors as JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VectorWriter {
    pub format: EncodingFormat,
    pub dtype: EmbeddingDtype,
    /// True if base64 has the bytes of `dtype`, false for those of float32.
    pub packed: bool,
}

impl VectorWriter {
    /// Approximate bytes of the JSON of a vector of `dimensions` numbers.
    pub(crate) fn size(&self, dimensions: usize) -> usize {
        match (self.format, self.dtype) {
            (EncodingFormat::Float, EmbeddingDtype::Float32) => dimensions * 14,
            _ => dimensions * 6,
        }
    }

    /// Appends a vector.
    pub(crate) fn write(&self, vector: &[f32], out: &mut Vec<u8>) {
        match (self.format, self.dtype) {
            // The most common case, without a copy.
            (EncodingFormat::Base64, EmbeddingDtype::Float32) if cfg!(target_endian = "little") => {
                write_base64(bytemuck::cast_slice(vector), out);
            }
            (EncodingFormat::Base64, _) => {
                let mut bytes = Vec::new();
                self.bytes(vector, &mut bytes);
                write_base64(&bytes, out);
            }
            (EncodingFormat::Float, EmbeddingDtype::Float32) => write_numbers(vector, out),
            (EncodingFormat::Float, EmbeddingDtype::Int8 | EmbeddingDtype::Binary) => {
                write_numbers(&signed(self.dtype, vector), out);
            }
            (EncodingFormat::Float, EmbeddingDtype::Uint8 | EmbeddingDtype::Ubinary) => {
                write_numbers(&unsigned(self.dtype, vector), out);
            }
        }
    }

    /// Appends the token vectors of one text, each of `width` numbers: a list of lists, or in base64 their bytes in a
    /// row.
    pub(crate) fn write_rows(&self, vectors: &[f32], width: usize, out: &mut Vec<u8>) {
        let rows = vectors.chunks_exact(width.max(1));
        match self.format {
            EncodingFormat::Float => write::list(rows, out, |row, out| self.write(row, out)),
            EncodingFormat::Base64 => {
                let mut bytes = Vec::with_capacity(vectors.len() * 4);
                rows.for_each(|row| self.bytes(row, &mut bytes));
                write_base64(&bytes, out);
            }
        }
    }

    /// Appends the bytes that base64 encodes.
    fn bytes(&self, vector: &[f32], out: &mut Vec<u8>) {
        let floats = |numbers: &[f32], out: &mut Vec<u8>| out.extend(numbers.iter().flat_map(|x| x.to_le_bytes()));
        match self.dtype {
            EmbeddingDtype::Float32 => floats(vector, out),
            EmbeddingDtype::Int8 | EmbeddingDtype::Binary => match signed(self.dtype, vector) {
                numbers if self.packed => out.extend_from_slice(bytemuck::cast_slice(&numbers)),
                numbers => floats(&numbers.into_iter().map(f32::from).collect::<Vec<f32>>(), out),
            },
            EmbeddingDtype::Uint8 | EmbeddingDtype::Ubinary => match unsigned(self.dtype, vector) {
                numbers if self.packed => out.extend_from_slice(&numbers),
                numbers => floats(&numbers.into_iter().map(f32::from).collect::<Vec<f32>>(), out),
            },
        }
    }
}

/// The numbers of int8 or binary.
fn signed(dtype: EmbeddingDtype, vector: &[f32]) -> Vec<i8> {
    match dtype {
        EmbeddingDtype::Binary => bits(vector).map(|x| (x ^ 0x80) as i8).collect(),
        _ => int8(vector).collect(),
    }
}

/// The numbers of uint8 or ubinary.
fn unsigned(dtype: EmbeddingDtype, vector: &[f32]) -> Vec<u8> {
    match dtype {
        EmbeddingDtype::Ubinary => bits(vector).collect(),
        _ => int8(vector).map(|x| x as u8 ^ 0x80).collect(),
    }
}

/// The numbers of a vector of length 1, times 127.
fn int8(vector: &[f32]) -> impl Iterator<Item = i8> {
    // The conversion saturates at −128, which is out of range.
    vector.iter().map(|x| (x * 127.0).round().max(-127.0) as i8)
}

/// One bit per number, the first in the highest bit.
fn bits(vector: &[f32]) -> impl Iterator<Item = u8> {
    let bit = |byte: u8, (i, x): (usize, &f32)| byte | (u8::from(*x > 0.0) << (7 - i));
    vector.chunks(8).map(move |eight| eight.iter().enumerate().fold(0, bit))
}

/// A list of numbers; floats with the fewest digits that read back as the same float32.
fn write_numbers<T: serde::Serialize>(numbers: &[T], out: &mut Vec<u8>) {
    let start = out.len();
    if serde_json::to_writer(&mut *out, numbers).is_err() {
        // Unreachable: numbers always serialize, and memory does not fail.
        out.truncate(start);
        out.extend_from_slice(b"[]");
    }
}

fn write_base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, b'=');
    if let Some(room) = out.get_mut(start..) {
        // It fits: base64 makes four characters of three bytes.
        let _ = STANDARD.encode_slice(bytes, room);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: EncodingFormat, dtype: EmbeddingDtype, packed: bool, vector: &[f32]) -> String {
        let mut out = b"x".to_vec();
        VectorWriter { format, dtype, packed }.write(vector, &mut out);
        assert_eq!(out[0], b'x');
        String::from_utf8(out.split_off(1)).unwrap()
    }

    #[test]
    fn numbers_are_written_short_and_read_back_the_same() {
        let vector = [0.1, -1.0, f32::MIN_POSITIVE, 1e-45, 0.333_333_34, f32::MAX];
        let json = written(EncodingFormat::Float, EmbeddingDtype::Float32, true, &vector);
        assert!(json.starts_with("[0.1,-1.0,"), "{json}");
        assert_eq!(serde_json::from_str::<Vec<f32>>(&json).unwrap(), vector);
    }

    #[test]
    fn base64_is_the_bytes_of_the_numbers() {
        let json = written(EncodingFormat::Base64, EmbeddingDtype::Float32, true, &[1.0, -2.5]);
        assert_eq!(json, "\"AACAPwAAIMA=\"");
        assert_eq!(written(EncodingFormat::Base64, EmbeddingDtype::Int8, true, &[1.0, -1.0, 0.0]), "\"f4EA\"");
        assert_eq!(written(EncodingFormat::Base64, EmbeddingDtype::Int8, false, &[0.0]), "\"AAAAAA==\"");
        assert_eq!(written(EncodingFormat::Base64, EmbeddingDtype::Float32, true, &[]), "\"\"");
    }

    #[test]
    fn vectors_of_tokens_are_lists_or_bytes_in_a_row() {
        let write = |format, dtype| {
            let mut out = Vec::new();
            VectorWriter { format, dtype, packed: true }.write_rows(&[1.0, -1.0, 0.5, 0.0], 2, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(write(EncodingFormat::Float, EmbeddingDtype::Float32), "[[1.0,-1.0],[0.5,0.0]]");
        assert_eq!(write(EncodingFormat::Float, EmbeddingDtype::Ubinary), "[[128],[128]]");
        assert_eq!(write(EncodingFormat::Base64, EmbeddingDtype::Int8), "\"f4FAAA==\"");
        assert_eq!(write(EncodingFormat::Base64, EmbeddingDtype::Float32), "\"AACAPwAAgL8AAAA/AAAAAA==\"");
    }

    #[test]
    fn eight_bits_have_a_fixed_range() {
        let vector = [1.0, -1.0, 0.0, 0.5, -0.004, 2.0, -2.0];
        let json = written(EncodingFormat::Float, EmbeddingDtype::Int8, true, &vector);
        assert_eq!(json, "[127,-127,0,64,-1,127,-127]");
        let json = written(EncodingFormat::Float, EmbeddingDtype::Uint8, true, &vector);
        assert_eq!(json, "[255,1,128,192,127,255,1]");
    }

    #[test]
    fn bits_are_packed_as_numpy_packs_them() {
        let vector = [1.0, -1.0, 0.0, 0.5, 0.1, -0.1, -0.0, 0.2, 0.3, -0.3];
        assert_eq!(written(EncodingFormat::Float, EmbeddingDtype::Ubinary, true, &vector), "[153,128]");
        assert_eq!(written(EncodingFormat::Float, EmbeddingDtype::Binary, true, &vector), "[25,0]");
    }
}
