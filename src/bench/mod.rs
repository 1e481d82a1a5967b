//! Measuring: what a target does under a load, how sure one can be of it, how far it can be driven, and whether what it
//! answers is right.
//!
//! ```text
//! dataset          what is asked: texts from a seed, and texts written for it
//! rounds, search   several targets in rounds; one target at rising loads
//!   └ load         one phase: requests sent as a load model says
//!       ├ target   what they are sent to; engine: an engine of any kind as a target
//!       └ recorder what became of them
//! machine          what measures, and what engines take from it
//! report           all of it as a document
//! ```
//!
//! What waits, waits on tokio's clock alone, so that tests can pause it and know to the millisecond what must come out.

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
#[cfg(test)]
mod self_check;
pub mod summary;
pub mod target;
pub mod warm_up;
