//! The machine: its facts, its peak speed, and the resources that engines take.
//!
//! ```text
//! facts       processor, memory, GPUs
//!   ├ processor, cgroup, gpus
//! gemm        peak speed of matrix multiplication
//! gpu_peak    the same of GPUs, by data sheets
//! watcher     resources of engines: memory, processor time, GPU memory, energy
//!   ├ process_trees  the processes of each engine
//!   │  └ processes   one process, and the memory of several
//!   ├ energy    counters of joules
//!   └ gpus
//! ```
//!
//! A fact that a machine does not report is missing, never an error. On Linux files of the kernel are read; elsewhere the
//! sysinfo crate.

mod cgroup;
mod energy;
mod facts;
mod gemm;
mod gpu_peak;
mod gpus;
mod process_trees;
mod processes;
mod processor;
mod watcher;

pub use facts::facts;
pub(crate) use gemm::GemmError;
pub use gemm::gemm_gflops;
pub(crate) use gpu_peak::float16_gflops;
pub(crate) use watcher::{RootPids, Watcher, resident_memory};
