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

pub use csv::csv;
pub use document::document;
pub use engine::{
    Curve, CurveKind, CurveStep, EngineReport, EngineState, FailureReport, Fidelity, Figures, HeldRate, LatencyPoint,
    Resources, RoundReport, Tokens,
};
pub use json::{ReportError, json, parse};
pub use machine::{Gpu, Machine};
pub use run::{Report, SCHEMA_VERSION};
pub use splice::{SpliceError, splice};
pub use workload::{FileHash, ModelReport, Task, Workload};
