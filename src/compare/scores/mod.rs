//! Scores of the same documents of the same queries, by different rerankers: are they the same?
//!
//! ```text
//! set          scores as they came, and set_report: facts about one engine's scores
//! sides        queries that can be compared, and those that cannot
//!   ├ order        order of the documents of each query
//!   ├ calibration  a line through the scores of both, and the effect of a cut-off
//!   └ placement    scores that belong to other documents
//! relation     the mapping between the scores of both (identity, scale, sigmoid)
//! findings     named causes of differences
//! verdict      interchangeable, the same ranking, or different
//! report       all of it, as JSON has it
//!   └ document     the section of a report about an engine
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

pub(crate) use calibration::{Calibration, CutOffBasis};
pub(crate) use compare::compare;
pub(super) use document::details;
pub(crate) use findings::Finding;
pub(crate) use order::OrderAgreement;
pub(crate) use report::{METRICS, RankingComparison, WorstQuery};
pub(crate) use set::{ScoreSet, ScoredQuery};
pub(crate) use set_report::ScoreSetReport;
