//! How the local engine computes, as its caller decides it.

use std::num::NonZero;

use super::int8::Int8Options;
use crate::runtime::device::{Device, Dtype};

/// How the local engine computes.
#[derive(Clone)]
pub struct OnnxOptions {
    /// The device asked for.
    pub device: Device,
    /// The number format asked for.
    pub dtype: Dtype,
    /// Workers, each on one thread.
    pub threads: NonZero<usize>,
    /// Most tokens that run together, in texts of equal length.
    pub batch_tokens: NonZero<usize>,
    /// What int8 needs besides.
    pub int8: Int8Options,
}

impl OnnxOptions {
    /// Group size by measurement (`cargo bench --bench offline`, texts of 11 to 16 tokens on MiniLM). In float32, 128
    /// tokens are 9% slower, 2,048 too, since activations then leave the second-level cache; in int8, 256 to 1,024 are
    /// within the noise, and one text a group is a fifth slower.
    pub const BATCH_TOKENS: NonZero<usize> = NonZero::new(512).expect("not zero");
}
