//! Result files of `infa bench` against one another.
//!
//! ```text
//! read        files, bounded and checked
//! scenarios   which runs belong together, and which side they are on
//!   ├ differences   what else is not the same: machine, model, workload, versions
//!   └ engines       each engine and metric: ratio and interval
//!       └ metric    every metric by its name
//! family      the verdicts, which allow for one another
//! threshold   what is not allowed, and whether it has happened
//! report      all of it as a document; table, markdown and html are drawn from it
//! ```

mod differences;
mod engines;
mod error;
mod family;
mod html;
mod markdown;
mod metric;
mod read;
mod report;
#[cfg(test)]
mod sample;
mod scenarios;
mod table;
mod text;
mod threshold;

pub use error::RunsError;
pub use html::html;
pub use markdown::markdown;
pub use metric::{METRICS, Metric, UnknownMetric, metric};
pub use read::{Run, read};
pub use report::{RunsReport, json};
pub use scenarios::{Plan, compare};
pub use table::{checks, not_comparable, table};
pub use threshold::{Threshold, ThresholdError, check};
