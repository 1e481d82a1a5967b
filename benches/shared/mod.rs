//! What the benchmarks share.

pub mod process;
pub mod table;
