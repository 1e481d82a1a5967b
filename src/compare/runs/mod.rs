//! Result files of `infa bench` against one another.
//!
//! ```text
//! read        files, bounded and checked
//! scenarios   groups of runs that belong together, and their sides
//!   ├ differences   other differences: machine, model, workload, versions
//!   └ engines       each engine and metric: ratio and interval
//!       └ metric    every metric by its name
//! family      the verdicts, which allow for one another
//! threshold   limits of --fail-if, and whether they were crossed
//! report      all of it, as JSON has it
//!   └ document    the report for people: the sentence above it, its table, charts
//! ```

mod charts;
mod differences;
mod document;
mod engines;
mod error;
mod family;
mod metric;
mod read;
mod report;
#[cfg(test)]
mod sample;
mod scenarios;
mod sentence;
mod text;
mod threshold;

pub(crate) use document::{checks, document, not_comparable};
pub(crate) use error::RunsError;
pub(crate) use metric::{METRICS, Metric, Scale, Unit, metric};
pub(crate) use read::{Run, read};
pub(crate) use report::RunsReport;
pub(crate) use scenarios::{Plan, compare};
pub(crate) use threshold::{blind, check};
