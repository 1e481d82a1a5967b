//! Vectors of the same inputs, by different engines or saved at different times: are they the same?
//!
//! ```text
//! set          vectors as they came, and set_report: facts about one set
//! matching     rows that belong together
//! units        sound vectors of length 1, and the nearest of them
//!   ├ neighbours   nearest neighbours in both sets
//!   ├ distances    order of pairs by their distance
//!   └ displaced    vectors that belong to another input
//! histogram    histogram of cosines
//! findings     named causes of differences
//! verdict      interchangeable, the same ranking, or different
//! report       all of it, as JSON has it
//!   └ document     the report for people, with charts
//! ```

mod charts;
mod compare;
mod displaced;
mod distances;
mod document;
mod findings;
mod histogram;
mod matching;
mod neighbours;
mod report;
mod set;
mod set_report;
#[cfg(test)]
pub(super) mod tests;
mod units;
mod verdict;

pub(crate) use crate::input::vectors::{VectorRow, VectorSet};
pub(super) use charts::{cosines, farthest};
pub(super) use compare::left_out;
pub(crate) use compare::{compare, compare_in_order};
pub(crate) use distances::Distances;
pub(super) use document::details;
pub(crate) use document::document;
pub(crate) use findings::Finding;
pub(crate) use matching::{MatchError, MatchedBy};
pub(crate) use neighbours::Neighbours;
pub(crate) use report::{METRICS, SCHEMA_VERSION, VectorComparison, VectorsReport, WorstInput};
pub(crate) use set::{InputName, Side};
pub(crate) use set_report::VectorSetReport;
pub(super) use units::norm;
pub(crate) use verdict::Verdict;
