//! Static embeddings: a table with a vector for every token; the vector of a text is the mean of its tokens'.
//!
//! Reference: `sentence_transformers`, `sentence_transformer/modules/static_embedding.py`; model2vec, `model.py`.
//! Tensors: `embedding.weight`, or model2vec's `embeddings` with, perhaps, `mapping` (from token to row) and `weights`
//! (a factor a token). The table stays in the mapped file, in its own number format.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use safetensors::Dtype;

use super::{Access, MappedFile, RawTensor, Weights, WeightsError};

pub struct StaticTable {
    file: Arc<MappedFile>,
    bytes: Range<usize>,
    dtype: Dtype,
    rows: usize,
    width: usize,
    /// The row of every token, where it is not the token's own number.
    mapping: Option<Vec<usize>>,
    /// The factor of every token.
    factors: Option<Vec<f32>>,
}

impl StaticTable {
    /// Opens the table in the checkpoint at `path`, mapped.
    ///
    /// # Errors
    /// [`WeightsError`] names the tensor that is missing, or not of the shape or type that a table needs.
    pub fn open(path: &Path) -> Result<Self, WeightsError> {
        Self::open_by(path, Access::Map)
    }

    /// As [`StaticTable::open`], mapped or copied.
    ///
    /// # Errors
    /// The same.
    pub fn open_by(path: &Path, access: Access) -> Result<Self, WeightsError> {
        let weights = Weights::open_by(path, access)?;
        // A table of sentence-transformers has this name; a mapping or factors beside it are ignored.
        if let Some(table) = weights.raw("embedding.weight") {
            return Self::new(path, "embedding.weight", table);
        }
        let missing = |name: &str| WeightsError::Missing { path: path.to_owned(), name: name.to_owned() };
        let table = weights.raw("embeddings").ok_or_else(|| missing("embedding.weight"))?;
        let mut table = Self::new(path, "embeddings", table)?;
        if let Some(mapping) = weights.raw("mapping") {
            let rows = integers(path, "mapping", &mapping)?;
            if rows.iter().any(|&row| row >= table.rows) {
                let reason = "tensor \"mapping\" points beyond \"embeddings\"".into();
                return Err(WeightsError::Malformed { path: path.to_owned(), reason });
            }
            table.mapping = Some(rows);
        }
        if let Some(factors) = weights.raw("weights") {
            let tokens = [table.tokens()];
            if factors.shape != tokens {
                let (name, actual, expected) = ("weights".into(), factors.shape.to_vec(), tokens.to_vec());
                return Err(WeightsError::Shape { path: path.to_owned(), name, actual, expected });
            }
            let mut numbers = vec![0.0; tokens[0]];
            add(factors.bytes(), factors.dtype, 1.0, &mut numbers).ok_or_else(|| dtype(path, "weights", &factors))?;
            table.factors = Some(numbers);
        }
        Ok(table)
    }

    fn new(path: &Path, name: &str, table: RawTensor<'_>) -> Result<Self, WeightsError> {
        let &[rows, width] = table.shape else {
            let reason = format!("tensor \"{name}\" has shape {:?}, not [tokens, dimensions]", table.shape);
            return Err(WeightsError::Malformed { path: path.to_owned(), reason });
        };
        // Also checks that the format is supported.
        add(&[], table.dtype, 1.0, &mut []).ok_or_else(|| dtype(path, name, &table))?;
        let RawTensor { dtype, file, range, .. } = table;
        Ok(Self { file: Arc::clone(file), bytes: range, dtype, rows, width, mapping: None, factors: None })
    }

    /// The change of the table's file since it was opened; see [`MappedFile::changed`].
    pub fn changed(&self) -> Option<&str> {
        self.file.changed()
    }

    pub fn width(&self) -> usize {
        self.width
    }

    /// Number of tokens that have a vector.
    pub fn tokens(&self) -> usize {
        self.mapping.as_ref().map_or(self.rows, Vec::len)
    }

    /// The mean of the vectors of `tokens`, all of which must be below [`StaticTable::tokens`].
    pub fn mean(&self, tokens: &[i64]) -> Vec<f32> {
        let mut sum = vec![0.0; self.width];
        let table = &self.file.bytes()[self.bytes.clone()];
        let row_bytes = table.len() / self.rows.max(1);
        for &token in tokens {
            let token = usize::try_from(token).unwrap_or(usize::MAX);
            let row = self.mapping.as_ref().map_or(Some(token), |mapping| mapping.get(token).copied());
            let row = row.and_then(|row| table.get(row.checked_mul(row_bytes)?..)?.get(..row_bytes));
            let factor = self.factors.as_ref().and_then(|factors| factors.get(token)).copied().unwrap_or(1.0);
            // Checked when the table was opened: the format is known.
            let _ = add(row.unwrap_or_default(), self.dtype, factor, &mut sum);
        }
        let count = tokens.len().max(1) as f32;
        sum.iter_mut().for_each(|x| *x /= count);
        sum
    }
}

/// Adds `factor` times the numbers in `bytes` to `sum`; `None` if the format is not supported.
fn add(bytes: &[u8], dtype: Dtype, factor: f32, sum: &mut [f32]) -> Option<()> {
    fn each<const N: usize>(bytes: &[u8], factor: f32, sum: &mut [f32], number: impl Fn([u8; N]) -> f32) {
        for (s, &b) in sum.iter_mut().zip(bytes.as_chunks::<N>().0) {
            *s += factor * number(b);
        }
    }
    match dtype {
        Dtype::F32 => each(bytes, factor, sum, f32::from_le_bytes),
        Dtype::F16 => each(bytes, factor, sum, |b| half::f16::from_le_bytes(b).to_f32()),
        Dtype::BF16 => each(bytes, factor, sum, |b| half::bf16::from_le_bytes(b).to_f32()),
        Dtype::F64 => each(bytes, factor, sum, |b| f64::from_le_bytes(b) as f32),
        Dtype::I8 => each(bytes, factor, sum, |b| f32::from(i8::from_le_bytes(b))),
        _ => return None,
    }
    Some(())
}

/// The numbers of a tensor of row numbers.
fn integers(path: &Path, name: &str, tensor: &RawTensor<'_>) -> Result<Vec<usize>, WeightsError> {
    let negative = |_| WeightsError::Malformed {
        path: path.to_owned(),
        reason: format!("tensor \"{name}\" holds a negative number"),
    };
    let bytes = tensor.bytes();
    match tensor.dtype {
        Dtype::I64 => {
            bytes.as_chunks().0.iter().map(|&b| usize::try_from(i64::from_le_bytes(b)).map_err(negative)).collect()
        }
        Dtype::I32 => {
            bytes.as_chunks().0.iter().map(|&b| usize::try_from(i32::from_le_bytes(b)).map_err(negative)).collect()
        }
        _ => Err(dtype(path, name, tensor)),
    }
}

fn dtype(path: &Path, name: &str, tensor: &RawTensor<'_>) -> WeightsError {
    WeightsError::Dtype { path: path.to_owned(), name: name.to_owned(), dtype: tensor.dtype }
}
