//! What the user may type: clap structs only. `commands` turns them into settings.

mod bench;
mod classify;
mod compare;
mod compare_engines;
mod embed;
mod endings;
mod engine;
mod engines;
mod environment;
mod help;
mod infinity;
mod list;
mod listing;
mod model;
mod model_commands;
mod read;
mod rerank;
mod serve;
mod shell;
mod tei;
mod tips;
mod unknown;
mod usage;

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Parser, Subcommand};

use crate::ui::log::{LogFormat, Logging, ServerLog};

pub use bench::{BenchArgs, BenchSettings, EngineEntry, ExportReportArgs, Rounds, Share, Span, Written};
pub use classify::ClassifyArgs;
pub use compare::{CompareArgs, ExportComparisonArgs, FailIf, ShownMetric};
pub use compare_engines::{CompareEnginesArgs, CompareTask};
pub use embed::{EmbedArgs, OutputType};
pub use engine::EngineArgs;
pub use engines::{EnginesArgs, EnginesCommand, InstallArgs};
pub use environment::{Parsed, Remarks};
pub use infinity::InfinityArgs;
pub use list::{List, spread};
pub use listing::{ListingArgs, ListingFormat};
pub use model::{InputArgs, ModelArgs, TextArgs, VectorArgs};
pub use model_commands::{
    ExportArgs, ExportTask, InspectArgs, ModelCommand, PullArgs, PulledArgs, RemoveArgs, SourceArgs,
};
pub use read::ReadArgs;
pub use rerank::RerankArgs;
pub use serve::{ApiKey, LifeArgs, LimitArgs, ListenArgs, LogLevel, ModelsArgs, ServeArgs, ServeEngine};
pub use shell::{CompletedShell, CompletionsArgs, ManArgs};
pub use tei::{TeiArgs, TeiEnv};
pub use usage::UsageError;

/// Variables instead of flags.
const ENVIRONMENT: &str = "\
Every flag can also be set by an environment variable, INFA_ and its name in capitals (INFA_MODEL_ID, INFA_OFFLINE); the command line wins, and an empty variable counts as unset. Hugging Face's own are honoured: HF_HOME, HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE and their kin; so are NO_COLOR and ORT_DYLIB_PATH.";
/// What the exit status says, of all commands.
const EXIT_STATUS: &str = "\
Exit status: 0 all well; 1 some inputs failed; 2 wrong usage; 3 model or runtime; 4 the engine's server, or an engine of infa bench; 5 a threshold of infa compare was crossed; 130 interrupted.";

/// Text embeddings, reranking and classification from one fast binary.
///
/// Models run locally through ONNX Runtime, with no Python needed; vectors equal those of sentence-transformers.
#[derive(Debug, Parser)]
#[command(name = "infa", version, max_term_width = 100)]
#[command(after_help = help::paragraphs(&[ENVIRONMENT, EXIT_STATUS]))]
pub struct Cli {
    /// Flags of every subcommand.
    #[command(flatten)]
    pub globals: GlobalArgs,
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// What is told on stderr.
    pub fn logging(&self) -> Logging {
        let GlobalArgs { verbose, quiet, log_format, .. } = self.globals;
        let Command::Serve(args) = &self.command else {
            return Logging { verbose, quiet, format: log_format.unwrap_or_default(), server: None };
        };
        let json = args.tei.json_output == Some(true);
        let format = log_format.unwrap_or(if json { LogFormat::Json } else { LogFormat::Text });
        let (verbose, server) = match args.life.log_level {
            LogLevel::Critical | LogLevel::Error => (verbose, ServerLog::Errors),
            LogLevel::Warning => (verbose, ServerLog::Warnings),
            LogLevel::Info => (verbose, ServerLog::Requests),
            LogLevel::Debug => (verbose.max(2), ServerLog::Requests),
            LogLevel::Trace => (verbose, ServerLog::Trace),
        };
        Logging { verbose, quiet, format, server: Some(server) }
    }
}

/// Flags of every subcommand.
#[derive(Debug, Args)]
pub struct GlobalArgs {
    /// Tell more: what was found where, and why (-vv for debugging)
    #[arg(short, long, global = true, action = clap::ArgAction::Count, env = "INFA_VERBOSE", hide_env = true, help_heading = "Global options")]
    pub verbose: u8,

    /// Tell nothing but errors: no progress, no summary, no warnings
    #[arg(short, long, global = true, value_parser = BoolishValueParser::new(), env = "INFA_QUIET", hide_env = true, help_heading = "Global options")]
    pub quiet: bool,

    /// How messages on stderr are written: text (infa serve: short lines on a terminal), full (all fields in any case),
    /// or json, one object a line [default: text]
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "text|full|json",
        env = "INFA_LOG_FORMAT",
        hide_env = true,
        hide_possible_values = true,
        help_heading = "Global options"
    )]
    pub log_format: Option<LogFormat>,

    /// Never use the network: what is not cached is an error
    #[arg(long, global = true, value_parser = BoolishValueParser::new(), env = "INFA_OFFLINE", hide_env = true, help_heading = "Global options")]
    pub offline: bool,

    /// Where infa keeps what it installs [default: $XDG_CACHE_HOME/infa or ~/.cache/infa]
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "INFA_CACHE_DIR",
        hide_env = true,
        help_heading = "Global options"
    )]
    pub cache_dir: Option<PathBuf>,

    /// The ONNX Runtime library to load (ORT_DYLIB_PATH works too) [default: found or installed]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "INFA_ORT_LIBRARY",
        hide_env = true,
        help_heading = "Global options"
    )]
    pub ort_library: Option<PathBuf>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Turn texts into vectors
    ///
    /// Reads one text a line (or JSON lines, CSV, TSV, NUL-separated texts) and writes one JSON object a line, in input
    /// order: {"index":0,"embedding":[…],"tokens":7,"truncated":false}, with "id" where the input has one and "error"
    /// instead of "embedding" where a text failed. With --output-type sparse there are "indices" and "values" instead of
    /// "embedding", with colbert "embeddings", an array a token. Vectors go to stdout, everything else to stderr.
    Embed(Box<EmbedArgs>),
    /// Put documents in the order in which they answer a query
    ///
    /// Reads one document a line (or JSON lines, CSV, TSV, NUL-separated texts) and writes them best first: a table on
    /// a terminal, else one JSON object a line, {"index":2,"score":0.98}, with "id" where the input has one,
    /// "document" with --return-documents, and "error" instead of "score" where a document failed (last, in input
    /// order). Without --query the input is JSON lines, each with a query and its documents; each becomes one line
    /// with "results".
    Rerank(Box<RerankArgs>),
    /// Give texts the labels of a classifier
    ///
    /// Reads one text a line (or JSON lines, CSV, TSV, NUL-separated texts) and writes one JSON object a line, in input
    /// order: {"index":0,"labels":[{"label":"joy","score":0.97},…],"tokens":7,"truncated":false}, best label first, with
    /// "id" where the input has one and "error" instead of "labels" where a text failed.
    Classify(Box<ClassifyArgs>),
    /// Serve models over HTTP
    ///
    /// A drop-in for Infinity and text-embeddings-inference: their clients, and those of OpenAI, Cohere and Jina, work by
    /// changing their base URL alone. Open /docs in a browser to try it.
    Serve(Box<ServeArgs>),
    /// Measure engines: how fast, how sure, how right
    ///
    /// Runs the same requests through every engine, in rounds that take turns in random order until the figures are
    /// stable, and prints one table: speed with its spread, latencies counted from when a request was due, errors,
    /// memory, and how near the vectors out of the timed rounds are to the reference engine's.
    Bench(Box<BenchArgs>),
    /// Compare results, engines, or saved vectors: did it get slower, can I switch?
    ///
    /// Reads what infa bench --export-json wrote and prints, for each engine and metric, what has changed, with a 95 %
    /// interval, the smallest change such runs can show, and a verdict: faster, slower, or indistinguishable. What else
    /// differs (machine, model, workload, versions) stands above the numbers. Of saved vectors (.npy, Parquet, JSON, CSV)
    /// it tells how near they are, whether nearest neighbours stay the same, what is the matter if not, and a verdict.
    /// --engines asks several for the same texts and tells the same of their vectors, or of rerankers' scores; whether
    /// these depend on what is computed beside them; and with a truth (--task sts, retrieval) which is better, and
    /// whether that is more than chance. --fail-if makes a check of any.
    Compare(Box<CompareArgs>),
    /// List, fetch and remove models, look into one, or write it as an ONNX file
    #[command(subcommand)]
    Model(ModelCommand),
    /// List the engines: which can be used here, and what installs the others
    ///
    /// An engine is what computes (--engine): ONNX Runtime in this process, a Python process, or a server. Installs
    /// nothing and uses no network; infa engines install does.
    Engines(EnginesArgs),
    /// Tell what infa would use here, and what is missing
    ///
    /// Prints which ONNX Runtime library is used and why, its version and execution providers, where the caches are,
    /// and how many cores infa may use. Installs nothing and uses no network. Exit status: 0 if everything the default
    /// model needs is here, 3 if something is missing.
    Doctor(ListingArgs),
    /// Print a completion script for a shell
    ///
    /// The script runs infa at every Tab, so that cached models, configs and options of engines are completed, too; in
    /// Nushell it completes flags and fixed values. For example:
    /// source <(infa completions bash) in ~/.bashrc, source <(infa completions zsh) in ~/.zshrc after compinit, or
    /// infa completions fish > ~/.config/fish/completions/infa.fish
    Completions(CompletionsArgs),
    /// Print the manual page
    ///
    /// One page with all subcommands and flags, for man -l - to show; with --output DIR a page for each subcommand, to
    /// be installed in a directory man1 on MANPATH.
    Man(ManArgs),
}
