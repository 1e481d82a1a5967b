//! Installs ONNX Runtime, and what it needs on GPUs, into infa's cache.

mod cpu;
mod damage;
mod gpu;
mod names;
mod wheels;

pub(crate) use cpu::{install, installed};
pub(super) use damage::remove_damaged;
pub(crate) use gpu::{BYTES, cuda_folder, damage_of_gpu_runtime, has_gpu_packages};
pub(crate) use gpu::{install_cuda, install_runtime, installed_runtime};
pub(crate) use names::is_library;
pub use names::python;
