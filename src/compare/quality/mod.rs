//! The quality of vectors at a task with judged data, and the evidence that one engine is better than another.
//!
//! ```text
//! sts        scored pairs: the agreement of similarities with people's scores
//! retrieval  judged documents: the documents that a search finds
//!   └ index       the searchable vectors of a set
//! estimate   values and differences with their intervals, and a verdict on them
//! report     all of it, in its JSON form
//!   └ document   the part for people
//! ```

mod document;
mod estimate;
mod index;
mod report;
mod retrieval;
mod sts;
#[cfg(test)]
mod tests;

pub(crate) use estimate::Cancelled;
#[cfg(test)]
pub(crate) use report::StsComparison;
pub(crate) use report::{
    JUDGED, Measured, OTHERS, QualityChange, QualityVerdict, QueryLoss, RetrievalReport, StsReport,
};
pub(crate) use retrieval::{RetrievalTask, Retrieved};
pub(crate) use sts::{StsScores, StsTask};
