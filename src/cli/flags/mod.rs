//! Flags that several commands have, each declared once.

mod engine;
mod engine_set;
mod exports;
mod given;
mod list;
mod listing;
mod model;
mod read;
mod values;

pub use engine::{EngineArgs, PythonArgs, RequestArgs};
pub use engine_set::EngineSetArgs;
pub use exports::ReportExportArgs;
pub use given::given;
pub use list::{List, list, one_per_model};
pub use listing::ListingArgs;
pub use model::{CpuArgs, HardwareArgs, InputArgs, MODEL_SOURCES, ModelArgs, ModelIdArgs, TextArgs, VectorArgs};
pub use read::{FieldArgs, OutputArgs, ReadArgs};
pub use values::{EngineEntry, Rounds, Share, duration};
