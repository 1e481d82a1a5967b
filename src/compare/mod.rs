//! Comparisons: benchmark results, saved vectors, engines.
//!
//! ```text
//! engines  several engines on the same texts: the same results, as good at a task?
//! scores   scores of the same documents by several rerankers
//! runs     result files of `infa bench`: ratios with intervals, thresholds
//! vectors  vectors of the same inputs: how similar, and the likely cause of a difference
//! quality  vectors at a task with judged data: which engine is better, and by more than noise?
//! fidelity_chart   speed against fidelity, of engines and of result files
//! gap      inputs that a figure says nothing about, for thresholds
//! threshold   limits to the figures of all of these: one grammar, with the metrics of each
//! ```

pub(crate) mod engines;
mod fidelity_chart;
mod gap;
pub(crate) mod quality;
pub(crate) mod runs;
pub(crate) mod scores;
pub(crate) mod threshold;
pub(crate) mod vectors;
