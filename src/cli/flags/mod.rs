//! Flags that several commands have, each declared once.

mod engine;
mod engine_set;
mod exports;
mod given;
mod job;
mod list;
mod listing;
mod model;
mod read;
mod values;

pub(crate) use engine::{EngineArgs, PythonArgs, RequestArgs};
pub(crate) use engine_set::EngineSetArgs;
pub(crate) use exports::ReportExportArgs;
pub(crate) use given::given;
pub(crate) use job::{JobArgs, MaxFailures, ProgressForm};
pub(crate) use list::{List, list, one_per_model};
pub(crate) use listing::ListingArgs;
pub(crate) use model::{
    CpuArgs, GpuArgs, HardwareArgs, InputArgs, MODEL_SOURCES, ModelArgs, ModelIdArgs, TextArgs, VectorArgs,
};
pub(crate) use read::{FieldArgs, OutputArgs, ReadArgs};
pub(crate) use values::{EngineEntry, Rounds, Share, duration};
