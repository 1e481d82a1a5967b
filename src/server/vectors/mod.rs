//! Vectors in responses: number types and JSON.

mod dtype;
mod writer;

pub use dtype::EmbeddingDtype;
pub(crate) use writer::{EncodingFormat, VectorWriter};
