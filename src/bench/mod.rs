//! Measurement: the figures of an engine under a load, their intervals, its highest load, and the fidelity of its
//! results.
//!
//! ```text
//! dataset          the texts: generated from a seed, bundled, or of a file
//! rounds, search   several targets in rounds; one target under rising loads
//!   └ load         one phase: the requests of a load
//!       ├ target   the receiver of requests; engine: engines of any kind as targets
//!       └ recorder counts and times of the requests
//! machine          the machine, and the memory, time and energy of engines
//! report           the results as a document
//! ```
//!
//! All waiting is on tokio's clock: tests pause it and know results to the millisecond.

pub mod collect;
pub mod dataset;
pub mod demand;
pub mod engine;
#[cfg(test)]
mod fake;
pub mod load;
pub mod machine;
pub mod observer;
pub mod recorder;
pub mod report;
pub mod rounds;
pub mod search;
pub mod summary;
pub mod target;
pub mod warm_up;
