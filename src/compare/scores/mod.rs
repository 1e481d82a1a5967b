//! Scores of the same documents of the same queries, by different rerankers: are they the same?
//!
//! ```text
//! set          scores as they came, and set_report: what those of one engine are like
//! sides        queries that can be compared, and those that cannot
//!   ├ order        whether documents are ordered alike
//!   ├ calibration  whether scores mean the same: a line through them, and what a cut-off would do
//!   └ placement    scores that belong to other documents
//! relation     what makes the one score of the other
//! findings     what is the matter, by name
//! verdict      interchangeable, the same ranking, or different
//! report       all of it, as JSON has it
//!   └ document     what people read of an engine
//! ```

mod calibration;
mod compare;
mod document;
mod findings;
mod order;
mod placement;
mod relation;
mod report;
mod set;
mod set_report;
mod sides;
#[cfg(test)]
mod tests;
mod verdict;

pub use calibration::{Calibration, CutOffBasis};
pub use compare::compare;
pub(super) use document::details;
pub use findings::Finding;
pub use order::OrderAgreement;
pub use report::{METRICS, RankingComparison, WorstQuery};
pub use set::{ScoreSet, ScoredQuery};
pub use set_report::ScoreSetReport;
