//! `infa` itself: its subcommands and the flags of all of them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::parse::{paragraphs, with_variable, with_variables};
use super::serve::LogLevel;
use super::{
    BenchArgs, ClassifyArgs, CompareArgs, CompletionsArgs, EmbedArgs, EngineArgs, EnginesArgs, ListingArgs, ManArgs,
    ModelCommand, RerankArgs, SearchArgs, ServeArgs,
};
use crate::ui::log::{LogFormat, Logging, ServerLog};

const ENVIRONMENT: &str = "\
Environment: every flag has a variable, INFA_ and the flag's name in capitals (INFA_MODEL_ID, INFA_OFFLINE). The command line wins; an empty variable counts as unset. infa also reads those of Hugging Face (HF_HOME, HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE), NO_COLOR and ORT_DYLIB_PATH.";
const EXIT_STATUS: &str = "\
Exit status: 0 success; 1 some inputs failed; 2 wrong usage; 3 model or runtime; 4 a server, or an engine of infa bench or infa compare engines; 5 a threshold of infa compare was crossed; 130 interrupted.";

/// Text embeddings, reranking and classification from one fast binary.
///
/// Models run locally through ONNX Runtime, without Python; vectors equal those of sentence-transformers.
#[derive(Debug, Parser)]
#[command(name = "infa", version, max_term_width = 120)]
#[command(after_help = paragraphs(&[ENVIRONMENT, EXIT_STATUS]))]
// Variables of all flags, those of subcommands included: these methods run last.
#[command(mut_args(with_variable), mut_subcommands(with_variables))]
pub struct Cli {
    #[command(flatten)]
    pub globals: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Verbosity and format of messages on stderr.
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
#[command(next_help_heading = "Global options")]
pub struct GlobalArgs {
    /// Print more: decisions and their reasons; -vv for debugging
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Print only errors: no progress, summary or warnings
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Format of messages on stderr: text, full, json [default: text]
    ///
    /// full writes all fields, also on a terminal, where a server's lines are short otherwise. json writes one object a line.
    #[arg(long, global = true, value_enum, value_name = "FORMAT", hide_short_help = true)]
    pub log_format: Option<LogFormat>,

    /// Do not use the network: a model that is not cached is an error
    #[arg(long, global = true)]
    pub offline: bool,

    /// Directory of infa's cache [default: $XDG_CACHE_HOME/infa or ~/.cache/infa]
    #[arg(long, global = true, value_name = "DIR", hide_short_help = true)]
    pub cache_dir: Option<PathBuf>,

    /// ONNX Runtime library [default: ORT_DYLIB_PATH, else found or installed]
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    pub ort_library: Option<PathBuf>,

    /// Directory of CUDA's and TensorRT's libraries [default: found or installed]
    #[arg(long, global = true, value_name = "DIR", hide_short_help = true)]
    pub cuda_libraries: Option<PathBuf>,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Turn texts into vectors
    ///
    /// Reads one text a line, or JSON lines, CSV, TSV or NUL-separated texts. Writes one JSON object a line in input order: {"index":0,"embedding":[…],"tokens":7,"truncated":false}, with "id" if the input has one, and "error" instead of "embedding" if a text failed. --output-type sparse writes "indices" and "values", colbert writes "embeddings" with an array for each token. Vectors go to stdout, everything else to stderr.
    Embed(Box<EmbedArgs>),
    /// Sort documents by their relevance to a query
    ///
    /// Reads one document a line, or JSON lines, CSV, TSV or NUL-separated texts. Writes the documents best first: a table on a terminal, otherwise one JSON object a line, {"index":2,"score":0.98}, with "id" if the input has one, "document" with --return-documents, and "error" instead of "score" if a document failed (last, in input order). Without --query the input is JSON lines, each with a query and its documents; each becomes one line with "results".
    Rerank(Box<RerankArgs>),
    /// Search texts or saved vectors for what answers a query
    ///
    /// The input is texts, as infa embed reads them, or vectors, as infa embed writes them (jsonl, json, csv, npy) and Parquet; the files' beginnings show which. Exact: every vector is compared with the query's. Writes the nearest documents, best first: a table on a terminal, otherwise one JSON object a line, {"index":2,"score":0.98}, with "id" if the input has one and "document" with --return-documents. With --queries each query becomes one line with "results".
    Search(Box<SearchArgs>),
    /// Classify texts
    ///
    /// Reads one text a line, or JSON lines, CSV, TSV or NUL-separated texts. Writes one JSON object a line in input order: {"index":0,"labels":[{"label":"joy","score":0.97},…],"tokens":7,"truncated":false}, best label first, with "id" if the input has one, and "error" instead of "labels" if a text failed.
    Classify(Box<ClassifyArgs>),
    /// Serve models over HTTP
    ///
    /// A drop-in for Infinity and text-embeddings-inference. Their clients and those of OpenAI, Cohere and Jina need only another base URL. /docs in a browser lists all routes.
    Serve(Box<ServeArgs>),
    /// Benchmark engines: throughput, latency, memory, fidelity
    ///
    /// Sends the same requests to every engine, in rounds that alternate in random order until the figures are stable. Prints one table: throughput with its spread, latencies counted from the time a request was due, errors, memory, and the similarity of the vectors to those of the reference engine.
    Bench(Box<BenchArgs>),
    /// Compare benchmark results, saved vectors or engines
    ///
    /// Three kinds of comparisons: results of infa bench (did anything get slower?), saved vectors (can one index hold both?), and engines on the same texts (can one replace the other?). --fail-if turns any comparison into a check.
    Compare(Box<CompareArgs>),
    /// List, fetch, remove, inspect and export models
    #[command(subcommand)]
    Model(ModelCommand),
    /// List the engines and their state on this machine
    ///
    /// An engine (--engine) runs a model: ONNX Runtime in this process, a Python process, or a server. Installs nothing and uses no network; infa engines install does.
    Engines(EnginesArgs),
    /// Show infa's setup on this machine, and missing parts
    ///
    /// Prints the ONNX Runtime library and the reason for its choice, its version and execution providers, the caches, and the number of usable cores. Installs nothing and uses no network. Exit status: 0 if the default model can run, 3 if something is missing.
    Doctor(ListingArgs),
    /// Print a completion script for a shell
    ///
    /// The script runs infa at every Tab: it also completes cached models, configs and options of engines. In Nushell it completes flags and fixed values.
    ///
    /// bash: source <(infa completions bash) in ~/.bashrc. zsh: source <(infa completions zsh) in ~/.zshrc after compinit. fish: infa completions fish > ~/.config/fish/completions/infa.fish
    Completions(CompletionsArgs),
    /// Print the manual page
    ///
    /// One page with all subcommands and flags, for man -l -. --output DIR writes a page for each subcommand, for a directory man1 on MANPATH.
    Man(ManArgs),
}

impl Command {
    /// The engine's flags of a command that runs one.
    pub(super) fn engine_mut(&mut self) -> Option<&mut EngineArgs> {
        match self {
            Self::Embed(args) => Some(&mut args.engine),
            Self::Rerank(args) => Some(&mut args.engine),
            Self::Search(args) => Some(&mut args.engine),
            Self::Classify(args) => Some(&mut args.engine),
            _ => None,
        }
    }
}
