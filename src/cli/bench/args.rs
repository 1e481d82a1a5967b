//! Flags of `infa bench`.

use std::path::PathBuf;

use clap::Args;

use super::BenchSettings;
use crate::cli::ReportExportArgs;
use crate::cli::parse::paragraphs;

// A comment of an example is on a line of its own: no comment breaks into a command.
const EXAMPLES: &str = "\
Examples:
  # quick: the default model, under a minute
  infa bench
  # the same with other engines
  infa bench --engines onnx,onnx:int8,torch
  infa bench --engines prod=openai=https://example.org/v1
  # the report of an earlier run again
  infa bench --from run.json --export-html run.html
  infa bench cpu-bge-small --splice README.md
  infa bench --engines onnx,tei=http://host --load sweep
  infa bench --task rerank -m BAAI/bge-reranker-base
  infa bench serving --dry-run";

const ENGINES: &str = "\
Engines: onnx (in this process); torch, onnx-export, openvino, ctranslate2 and fastembed (Python processes; infa engines installs their packages); tei, infinity and infa (servers: started here, or NAME=URL); openai, cohere, jina and triton (NAME=URL). Options follow a colon: onnx:int8, openvino:int8, torch:bfloat16:compile.";
const DATASETS: &str = "\
Datasets: words, payload, fixed, uniform, lognormal, duplicates, queries, passages, multilingual, code, rerank, each with keys (lognormal:median=64,sigma=0.8,count=1000), or file=PATH.";
const LOADS: &str = "\
Loads: offline (one job), closed:CLIENTS, constant:RATE, poisson:RATE, ramp:FROM-TO (requests/s), sweep[:clients|constant|poisson[:FROM-TO]], search:p99<100ms (the highest rate that keeps the latency).";
const STATUS: &str = "\
Exit status: 0 success; 2 wrong usage; 3 the model whose tokens are counted cannot be used; 4 an engine failed (its row says why); 130 interrupted, after the partial results have been printed and exported.";

/// Flags of `infa bench`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = paragraphs(&[EXAMPLES, ENGINES, DATASETS, LOADS, STATUS]))]
pub struct BenchArgs {
    /// TOML file, or config of infa: quick, cpu-bge-small, l4-bge-large, rerank, latency, serving, quantisation
    ///
    /// Flags override it. [default: quick; with --task rerank: rerank]
    #[arg(value_name = "CONFIG")]
    pub config: Option<String>,

    #[command(flatten)]
    pub settings: BenchSettings,

    #[command(flatten)]
    pub exports: ExportReportArgs,

    /// Print the plan, its duration and the engines that cannot run; measure and download nothing
    ///
    /// Fails if the run would fail at once: the model, the texts, the exports, or no engine that can run.
    #[arg(long, help_heading = "Report")]
    pub dry_run: bool,

    /// Print and export the report of an earlier run (--export-json); measure nothing
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "dry_run"], help_heading = "Report")]
    pub from: Option<PathBuf>,

    /// Print every column of the table, also in Markdown
    #[arg(long, help_heading = "Report")]
    pub all_columns: bool,
}

/// Files that the report is written to.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Export")]
pub struct ExportReportArgs {
    #[command(flatten)]
    pub files: ReportExportArgs,

    /// Write one row an engine as CSV; - is stdout
    #[arg(long, value_name = "FILE")]
    pub export_csv: Option<PathBuf>,

    /// Replace the Markdown table in FILE
    ///
    /// Between <!-- infa bench: CONFIG --> and <!-- infa bench end -->.
    #[arg(long, value_name = "FILE")]
    pub splice: Option<PathBuf>,
}
