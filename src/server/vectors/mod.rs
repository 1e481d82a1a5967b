//! Vectors in responses: number types and JSON.

mod dtype;
mod writer;

pub use dtype::EmbeddingDtype;
pub use writer::{EncodingFormat, VectorWriter};
