//! Versions of ONNX Runtime that infa works with.

/// The ONNX Runtime this version of infa is tested with, and installs.
pub const VERSION: &str = "1.31.1";
/// The oldest minor version with which all architectures give correct numbers: up to 1.23 `GroupQueryAttention` has
/// wrong windows, up to 1.20 `MultiHeadAttention` wrong masks.
pub(crate) const OLDEST_MINOR: u32 = 24;
