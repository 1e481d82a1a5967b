//! Vectors of sixteen lanes on every instruction set.
//!
//! Kernels are written once over [`Simd`]. All sets have sixteen lanes (AVX2 two registers, NEON four,
//! [`Scalar`] an array), the same operations and one summation tree, so that a kernel's result is the same bit for bit on
//! all of them, and a test on any machine shows the logic of all.
//!
//! A set is a token that only its constructor makes, and only where the processor has the instructions; the methods
//! are safe to call for that reason. They have no `#[target_feature]` of their own: [`Simd::vectorize`] has it, and
//! everything below is inlined into it. A method that is called outside of `vectorize` is right, but slow.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
mod scalar;
mod traits;

#[cfg(target_arch = "x86_64")]
pub(crate) use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) use avx512::Avx512;
#[cfg(target_arch = "aarch64")]
pub(crate) use neon::Neon;
pub(crate) use scalar::Scalar;
pub(crate) use traits::{Kernel, LANES, Simd};
