//! NVIDIA's GPUs.
//!
//! ```text
//! facts   the driver and its GPUs, their memory
//! check   whether a GPU can run a build of ONNX Runtime
//! ```

mod check;
mod facts;
#[cfg(test)]
pub(crate) mod sample;

pub use check::{Build, GpuError, choose};
pub use facts::{Found, Gpu, GpuMemory, found, memory, visible};
