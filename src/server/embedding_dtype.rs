//! The number formats in which vectors are given to clients.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How the numbers of a vector are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EmbeddingDtype {
    /// As they are.
    #[default]
    Float32,
    /// Scaled to -128 … 127.
    Int8,
    /// Scaled to 0 … 255.
    Uint8,
    /// A bit a number, eight in a signed byte.
    Binary,
    /// A bit a number, eight in an unsigned byte.
    Ubinary,
}
