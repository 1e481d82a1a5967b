//! From the model's output to the vector that is handed out: pooled, cut, normalised.

use super::TextError;
use super::worker::OutputRows;
use crate::model::pooling::{self, Pooling};

/// From the model's output to the vector that is handed out.
#[derive(Debug, Clone)]
pub(super) struct Finish {
    /// Pooling modes, their results concatenated; none where the model pools itself.
    pub pooling: Vec<Pooling>,
    /// Whether there is a row for every token, to be pooled here.
    pub per_token: bool,
    /// Length to which vectors are cut.
    pub dimensions: Option<usize>,
    /// Whether vectors are scaled to length 1.
    pub normalize: bool,
}

impl Finish {
    /// The vector of one text. Pooling leaves out the first `skip` tokens (a prompt's).
    pub(super) fn apply(&self, rows: OutputRows<'_>, skip: usize) -> Result<Vec<f32>, TextError> {
        let mut vector = Vec::with_capacity(rows.width * self.pooling.len().max(1));
        if self.per_token {
            for mode in &self.pooling {
                mode.pool(rows.numbers, rows.width, skip, &mut vector);
            }
        } else {
            vector.extend_from_slice(rows.numbers);
        }
        if let Some(defect) = pooling::defect(&vector) {
            return Err(TextError(defect.to_owned()));
        }
        if let Some(dimensions) = self.dimensions {
            vector.truncate(dimensions);
        }
        if self.normalize {
            pooling::normalize(&mut vector);
        }
        Ok(vector)
    }
}
