//! Several engines on the same texts: the same vectors, the same ranking, as good at a task?
//!
//! ```text
//! asking      one engine, asked in batches, one by one, and many at once
//! stability   whether its results depend on that
//! report      all of it as a document
//!   ├ threshold  what is not allowed
//!   └ document   the report for people
//! ```

mod asking;
mod document;
mod report;
#[cfg(test)]
mod sample;
mod stability;
mod threshold;

pub use asking::{Answers, Asking, Failures, Inputs, Query, Text};
pub use document::{html, markdown, table};
pub use report::{EngineOnTexts, EngineOutcome, EnginesReport, EnginesTask, EnginesWorkload, SCHEMA_VERSION, json};
pub use stability::{ScoreInvariance, ScoreStability, Stability, VectorStability};
pub use threshold::{EngineThreshold, EngineThresholdError, check, known};
