//! How good vectors are at a task with a truth, and whether one engine is better than another or only seems so.
//!
//! ```text
//! sts        scored pairs: do similarities order them as people do?
//! retrieval  judged documents: does a search find them?
//!   └ index       the vectors of a set that can be searched
//! estimate   values and differences with their intervals, and a verdict on them
//! report     all of it, as JSON has it
//!   └ document   what people read of an engine
//! ```

mod document;
mod estimate;
mod index;
mod report;
mod retrieval;
mod sts;
#[cfg(test)]
mod tests;

pub use estimate::Cancelled;
#[cfg(test)]
pub use report::StsComparison;
pub use report::{CHANGING, METRICS, Measured, QualityChange, QualityVerdict, QueryLoss, RetrievalReport, StsReport};
pub use retrieval::{RetrievalTask, Retrieved};
pub use sts::{StsScores, StsTask};
