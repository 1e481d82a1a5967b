//! Saved vectors: `.npy`, Parquet, and JSON lines, a JSON array and CSV, as `infa embed` writes them.
//!
//! The format is recognised by the first bytes, not by the name. [`read`] holds the vectors in memory as float32, in one
//! block, [`each`] a part of them at a time. As a header can be wrong about the size, memory grows with the bytes read and
//! not with the promised number.

mod csv;
mod detect;
mod error;
mod json;
mod limits;
mod npy;
mod parquet;
mod read;
mod set;

pub(crate) use detect::holds_vectors;
pub(crate) use error::VectorsError;
pub(crate) use read::{each, read};
pub(crate) use set::{VectorRow, VectorSet};
