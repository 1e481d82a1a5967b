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
mod search;
mod serve;
mod shell;

pub(crate) use bench::{BenchArgs, BenchSettings, ExportReportArgs};
pub(crate) use classify::ClassifyArgs;
pub(crate) use compare::{
    CheckArgs, CompareArgs, CompareEnginesArgs, CompareKind, CompareRunsArgs, CompareVectorsArgs, EnginesFlags,
    RunsFlags, ShownMetric,
};
pub(crate) use embed::{EmbedArgs, OutputType};
pub(crate) use engines::{EnginesArgs, EnginesCommand, InstallArgs};
pub(crate) use flags::{
    CpuArgs, EngineArgs, EngineEntry, EngineSetArgs, FieldArgs, GpuArgs, HardwareArgs, InputArgs, JobArgs, List,
    ListingArgs, MaxFailures, ModelArgs, ModelIdArgs, OutputArgs, ProgressForm, PythonArgs, ReadArgs, ReportExportArgs,
    RequestArgs, Rounds, Share, TextArgs, VectorArgs, one_per_model,
};
pub(crate) use models::{ExportArgs, ExportTask, InspectArgs, ModelCommand, PullArgs, RemoveArgs, SourceArgs};
pub(crate) use parse::{Parsed, UsageError};
pub(crate) use rerank::RerankArgs;
pub use root::Cli;
pub(crate) use root::{Command, GlobalArgs};
pub(crate) use search::SearchArgs;
pub(crate) use serve::{
    ApiKey, InfinityArgs, LifeArgs, LimitArgs, ListenArgs, ModelsArgs, ServeArgs, ServeEngine, TeiArgs,
};
pub(crate) use shell::{CompletedShell, CompletionsArgs, ManArgs};
