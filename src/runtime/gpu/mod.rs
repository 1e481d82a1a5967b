//! NVIDIA's GPUs.
//!
//! ```text
//! facts      the driver and its GPUs, their memory
//! check      can a GPU run a build of ONNX Runtime?
//! elf        the libraries that a library needs
//! libraries  CUDA's and TensorRT's libraries: where they are, and loading them
//! ```

mod check;
mod elf;
mod facts;
mod libraries;
#[cfg(test)]
pub(crate) mod sample;

pub(crate) use check::{Build, check, choose};
pub(crate) use facts::number_by_bus;
pub(crate) use facts::{Found, Gpu, GpuMemory, found, memory, visible};
pub(crate) use libraries::{Folders, GpuUse, Libraries, is_gpu_build};
