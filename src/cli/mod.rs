//! The command line: clap structs. `commands` turns them into settings.

// Doc comments here are the texts of `--help`: a flattened struct has none.

mod bench;
mod classify;
mod compare;
mod embed;
mod engines;
mod flags;
mod models;
mod parse;
mod rerank;
mod root;
mod serve;
mod shell;

pub use bench::{BenchArgs, BenchSettings, ExportReportArgs};
pub use classify::ClassifyArgs;
pub use compare::{
    CheckArgs, CompareArgs, CompareEnginesArgs, CompareKind, CompareRunsArgs, CompareVectorsArgs, EnginesFlags,
    RunsFlags, ShownMetric,
};
pub use embed::{EmbedArgs, OutputType};
pub use engines::{EnginesArgs, EnginesCommand, InstallArgs};
pub use flags::{
    CpuArgs, EngineArgs, EngineEntry, EngineSetArgs, FieldArgs, HardwareArgs, InputArgs, List, ListingArgs, ModelArgs,
    ModelIdArgs, OutputArgs, PythonArgs, ReadArgs, ReportExportArgs, RequestArgs, Rounds, Share, TextArgs, VectorArgs,
    one_per_model,
};
pub use models::{ExportArgs, ExportTask, InspectArgs, ModelCommand, PullArgs, RemoveArgs, SourceArgs};
pub use parse::{Parsed, UsageError};
pub use rerank::RerankArgs;
pub use root::{Cli, Command, GlobalArgs};
pub use serve::{ApiKey, InfinityArgs, LifeArgs, LimitArgs, ListenArgs, ModelsArgs, ServeArgs, ServeEngine, TeiArgs};
pub use shell::{CompletedShell, CompletionsArgs, ManArgs};
