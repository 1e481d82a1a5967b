//! NVIDIA's GPUs.
//!
//! ```text
//! nvml       the driver's library, with an end of patience
//! facts      the driver and its GPUs, their memory
//! check      can a GPU run a build of ONNX Runtime?
//! elf        the libraries that a library needs
//! loader     files that the system's loader would take, checked before
//! installed  the files that infa installs, and damage to them
//! libraries  CUDA's and TensorRT's libraries: where they are, and loading them
//! ```

mod check;
mod elf;
mod facts;
mod installed;
mod libraries;
mod loader;
mod nvml;
#[cfg(test)]
pub(crate) mod sample;

pub(crate) use check::{Build, check, choose};
pub(crate) use facts::number_by_bus;
pub(crate) use facts::{Found, Gpu, GpuMemory, found, memory, visible};
pub(crate) use installed::{damaged_provider, flawed, missing_provider};
pub(crate) use libraries::{Folders, GpuUse, Libraries, Place, is_gpu_build};
pub(crate) use nvml::open as open_nvml;
