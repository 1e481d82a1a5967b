//! Vectors that were saved: `.npy`, Parquet, and JSON lines, a JSON array and CSV, as `infa embed` writes them.
//!
//! What a file is shows in its first bytes, not in its name. Its vectors stay in memory as float32, one after the other;
//! a file can lie about its size, so memory grows with the bytes that are there and not with what a head promises.

mod csv;
mod error;
mod json;
mod limits;
mod npy;
mod parquet;
mod read;
mod set;

pub use error::VectorsError;
pub use limits::MAX_NUMBERS;
pub use read::read;
pub use set::{SavedRow, SavedVectors};
