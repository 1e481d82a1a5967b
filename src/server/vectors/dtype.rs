//! The number formats in which vectors are given to clients.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the numbers of a vector are written.
///
/// A number of int8 is `round(127 · x)`, where the vector has length 1: the range is fixed at −1 … 1, so that a vector
/// does not depend on others in its request (sentence-transformers takes the range from them). One of uint8 is that of
/// int8 + 128. Of binary and ubinary a bit is 1 where x > 0, the first in the highest bit of a byte, as with
/// sentence-transformers; a byte of ubinary is 0 … 255, one of binary that − 128.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EmbeddingDtype {
    /// As they are.
    #[default]
    Float32,
    /// Scaled to -127 … 127.
    Int8,
    /// Scaled to 1 … 255.
    Uint8,
    /// A bit a number, eight in a signed byte.
    Binary,
    /// A bit a number, eight in an unsigned byte.
    Ubinary,
}

impl EmbeddingDtype {
    /// Whether vectors must have length 1.
    pub fn needs_length_one(self) -> bool {
        matches!(self, Self::Int8 | Self::Uint8)
    }
}
