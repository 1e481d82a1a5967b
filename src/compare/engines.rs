//! Several engines on the same texts: the same vectors, the same ranking, as good at a task?
//!
//! ```text
//! asking      one engine, asked in batches, one by one, and many at once
//! stability   whether its results depend on that
//! report      all of it as a document
//!   ├ threshold  what is not allowed
//!   └ sheet      what people read of it, drawn as table, markdown and page
//! ```

mod asking;
mod report;
#[cfg(test)]
mod sample;
mod sheet;
mod stability;
mod threshold;

pub use asking::{Answers, Asking, FailedInput, Failures, Inputs, Query, Text};
pub use report::{
    EngineChecked, EngineOnTexts, EngineOutcome, EngineThresholdReport, EnginesReport, EnginesTask, EnginesWorkload,
    SCHEMA_VERSION, json, schema,
};
pub use sheet::{html, markdown, table};
pub use stability::{ScoreInvariance, ScoreStability, Stability, VectorStability};
pub use threshold::{EngineThreshold, EngineThresholdError, check, known};
