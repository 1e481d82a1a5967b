//! How the local engine computes, as its caller decides it.

use std::num::NonZero;

use crate::runtime::device::{Device, Dtype};

/// How the local engine computes.
#[derive(Debug, Clone, Copy)]
pub struct OnnxOptions {
    /// The device asked for.
    pub device: Device,
    /// The number format asked for.
    pub dtype: Dtype,
    /// Workers, each on one thread.
    pub threads: NonZero<usize>,
    /// Most tokens that run together, in texts of equal length.
    pub batch_tokens: NonZero<usize>,
}

impl OnnxOptions {
    /// Group size by measurement (benches/offline.rs, texts of 11 tokens on MiniLM): 128 tokens are 9% slower, 2,048
    /// too, since activations then leave the second-level cache.
    pub const BATCH_TOKENS: NonZero<usize> = NonZero::new(512).expect("not zero");
}
