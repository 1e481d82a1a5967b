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

pub use crate::input::vectors::{VectorRow, VectorSet};
pub(super) use charts::{cosines, farthest};
pub(super) use compare::left_out;
pub use compare::{compare, compare_in_order};
pub use distances::Distances;
pub(super) use document::details;
pub(crate) use document::document;
pub use findings::Finding;
pub use matching::{MatchError, MatchedBy};
pub use neighbours::Neighbours;
pub use report::{METRICS, SCHEMA_VERSION, VectorComparison, VectorsReport, WorstInput};
pub use set::{InputName, Side};
pub use set_report::VectorSetReport;
pub(super) use units::norm;
pub use verdict::Verdict;
