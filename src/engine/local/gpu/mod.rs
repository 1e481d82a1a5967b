//! Models on GPUs.
//!
//! ```text
//! load          a graph for GPUs, a session and a worker on each
//!   ├ warm_up   the first run
//!   └ tensorrt  TensorRT's engines and their shapes
//! ```

mod load;
#[cfg(test)]
mod rehearsal;
mod tensorrt;
mod warm_up;

pub(super) use load::{load, providers_of_file};
