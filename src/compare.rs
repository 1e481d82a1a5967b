//! Comparing what was measured: did it get slower, can I switch?
//!
//! ```text
//! engines  several engines on the same texts: the same results, as good at a task?
//! rankings scores of the same documents: the same question of rerankers
//! runs     result files of `infa bench`: ratios with intervals, thresholds
//! vectors  vectors of the same inputs: are they the same, and if not, why?
//! quality  vectors at a task with a truth: which engine is better, and is it?
//! search   the nearest of many vectors
//! metrics  how well scores agree with a truth, and how sure the difference of two is
//! ```

pub mod engines;
pub mod metrics;
pub mod quality;
pub mod rankings;
pub mod runs;
mod search;
pub mod vectors;
