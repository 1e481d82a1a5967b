//! Vectors in replies: their number types, and how they are written.

mod dtype;
mod writer;

pub use dtype::EmbeddingDtype;
pub use writer::{EncodingFormat, VectorWriter, unit};
