//! Comparing what was measured: did it get slower, can I switch?
//!
//! ```text
//! runs     result files of `infa bench`: ratios with intervals, thresholds
//! vectors  vectors of the same inputs: are they the same, and if not, why?
//! rankings scores of the same documents: the same question of rerankers
//! metrics  how well scores agree with a truth, and how sure the difference of two is
//! ```

pub mod metrics;
pub mod rankings;
pub mod runs;
mod search;
pub mod vectors;
