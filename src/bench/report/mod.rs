//! The report of a run: the document of `--export-json`, the source of tables and pages, and the input of `infa
//! compare`.

mod charts;
mod columns;
mod csv;
mod document;
mod engine;
mod json;
mod machine;
pub(crate) mod ratio;
mod run;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod sentence;
mod splice;
mod summary;
mod workload;

pub(crate) use csv::csv;
pub(crate) use document::document;
pub(crate) use engine::{
    Curve, CurveStep, FailureReport, Fidelity, Figures, HeldRate, LatencyPoint, Resources, RoundReport, Tokens,
};
pub use engine::{CurveKind, EngineReport, EngineState};
pub use json::parse;
pub(crate) use json::{ReportError, json};
pub(crate) use machine::{Gpu, Machine};
pub use run::Report;
pub(crate) use run::SCHEMA_VERSION;
pub(crate) use splice::{SpliceError, splice};
pub(crate) use workload::{FileHash, ModelReport, Task, Workload};
