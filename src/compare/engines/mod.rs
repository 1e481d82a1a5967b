//! Several engines on the same texts: the same vectors, the same ranking, as good at a task?
//!
//! ```text
//! probe      one engine: in batches, one by one, and many at once
//! stability  the dependence of results on the batch
//! report     all of it as a document
//!   ├ threshold  limits of `--fail-if`
//!   └ document   the report for people
//! ```

mod document;
mod probe;
mod report;
#[cfg(test)]
mod sample;
mod stability;
mod threshold;

pub(crate) use document::{checks, document};
pub(crate) use probe::{Answers, Failures, Inputs, Probe, Query, Results, Text};
pub(crate) use report::{
    EngineOnTexts, EngineOutcome, EnginesReport, EnginesTask, EnginesWorkload, METRICS, SCHEMA_VERSION,
};
pub(crate) use stability::{ScoreInvariance, ScoreStability, Stability, VectorStability};
pub(crate) use threshold::check;
