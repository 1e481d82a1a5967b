//! What the benchmarks share.

pub(crate) mod process;
pub(crate) mod table;
