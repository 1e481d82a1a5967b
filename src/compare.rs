//! Comparing what was measured: did it get slower, can I switch?
//!
//! ```text
//! engines  several engines on the same texts: the same results, as good at a task?
//! rankings scores of the same documents: the same question of rerankers
//! runs     result files of `infa bench`: ratios with intervals, thresholds
//! vectors  vectors of the same inputs: are they the same, and if not, why?
//! quality  vectors at a task with a truth: which engine is better, and is it?
//! ```

pub mod engines;
pub mod quality;
pub mod rankings;
pub mod runs;
pub mod vectors;
