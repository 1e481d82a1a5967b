//! Number types of vectors in responses.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The number type of a vector.
///
/// int8 is `round(127 · x)` for a vector of length 1: the range is fixed at −1 … 1, so that a vector does not depend on
/// others in its request (sentence-transformers derives the range from them). uint8 is int8 + 128. In binary and
/// ubinary a bit is 1 where x > 0, the first in the highest bit of a byte, as with sentence-transformers; a byte of
/// ubinary is 0 … 255, one of binary that − 128.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EmbeddingDtype {
    /// Unchanged.
    #[default]
    Float32,
    /// Scaled to -127 … 127.
    Int8,
    /// Scaled to 1 … 255.
    Uint8,
    /// One bit per number, eight in a signed byte.
    Binary,
    /// One bit per number, eight in an unsigned byte.
    Ubinary,
}

impl EmbeddingDtype {
    /// True if vectors must have length 1.
    pub fn needs_length_one(self) -> bool {
        matches!(self, Self::Int8 | Self::Uint8)
    }
}
