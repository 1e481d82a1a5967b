//! The machine: what it is, what it can do, and what engines take from it.
//!
//! ```text
//! facts       what it is
//!   ├ processor, cgroup, gpus
//! gemm        what it can do at most
//! watcher     what engines take: memory, processor time, GPU memory, energy
//!   ├ forest    the processes of each engine
//!   │  └ processes  one process, as the system tells
//!   ├ energy    counters of joules
//!   └ gpus
//! ```
//!
//! Whatever a machine does not tell is missing, never an error. What can be told best on Linux is read there from files
//! of the kernel; elsewhere what the sysinfo crate knows must do.

mod cgroup;
mod energy;
mod facts;
mod forest;
mod gemm;
mod gpus;
mod processes;
mod processor;
mod watcher;

pub use facts::facts;
pub use gemm::{GemmError, gemm_gflops};
pub use watcher::{Roots, Watcher, resident_memory};
