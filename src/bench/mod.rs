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

pub(crate) mod collect;
pub(crate) mod dataset;
pub(crate) mod demand;
pub(crate) mod engine;
#[cfg(test)]
mod fake;
pub(crate) mod load;
pub(crate) mod machine;
pub(crate) mod observer;
pub(crate) mod recorder;
pub(crate) mod report;
pub(crate) mod rounds;
pub(crate) mod search;
pub(crate) mod summary;
pub(crate) mod target;
pub(crate) mod warm_up;
