//! Versions of ONNX Runtime that infa works with.

/// The ONNX Runtime this version of infa is tested with, and installs.
pub const VERSION: &str = "1.31.1";
/// The oldest minor version with which all architectures give the right numbers: up to 1.23 the windows of
/// `GroupQueryAttention` are not what is asked for, up to 1.20 masks of `MultiHeadAttention` neither.
pub const OLDEST_MINOR: u32 = 24;
