//! Saved vectors: `.npy`, Parquet, and JSON lines, a JSON array and CSV, as `infa embed` writes them.
//!
//! The format is recognised by the first bytes, not by the name. The vectors stay in memory as float32, in one block;
//! as a header can be wrong about the size, memory grows with the bytes read and not with the promised number.

mod csv;
mod error;
mod json;
mod limits;
mod npy;
mod parquet;
mod read;
mod set;

pub(crate) use error::VectorsError;
pub(crate) use read::read;
pub(crate) use set::{VectorRow, VectorSet};
