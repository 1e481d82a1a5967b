//! `infa compare engines`.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;

use super::super::parse::paragraphs;
use super::super::{EngineSetArgs, FieldArgs};
use super::CheckArgs;
use crate::compare::engines::EnginesTask;

const EXAMPLES: &str = "\
Examples:
  # the same vectors, the same ranking?
  infa compare engines --engines onnx,onnx:int8,torch a.txt
  infa compare engines --engines onnx,tei=URL a.txt
  # is one worse at a task, beyond chance?
  infa compare engines --engines onnx,torch --task sts s.csv";

/// The metrics of engines.
pub(super) const METRICS: &str = "those of saved vectors; of scores tau_min, tau_mean, overlap_mean, top1, score_max_difference, cut_off_changes …; of tasks spearman, pearson, ndcg10, recall10, recall100, mrr10 (with % against the reference); of each engine against itself alone_cosine_min, alone_max_difference, concurrent_cosine_min, concurrent_max_difference, failed.";

fn long_help() -> String {
    let vectors = super::vectors::METRICS;
    paragraphs(&[EXAMPLES, &format!("Metrics: {METRICS}"), &format!("Metrics of saved vectors: {vectors}")])
}

/// Arguments of `infa compare engines`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = long_help())]
#[command(mut_arg("engines", |arg| arg.required(true)))]
pub struct CompareEnginesArgs {
    /// Texts; queries, pairs or a directory with --task [default: stdin]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,

    #[command(flatten)]
    pub flags: EnginesFlags,

    #[command(flatten)]
    pub checks: CheckArgs,
}

/// Engines to compare, and the texts they run on.
#[derive(Debug, Default, Args)]
#[command(mut_arg("retries", |arg| arg.help(RETRIES).long_help(None::<&str>)))]
#[command(mut_arg("samples", |arg| arg.help(SAMPLES).long_help(LONG_SAMPLES)))]
#[command(mut_arg("field", |arg| arg.help(FIELD).long_help(None::<&str>)))]
pub struct EnginesFlags {
    #[command(flatten)]
    pub set: EngineSetArgs,

    /// Task: embed, rerank, sts, retrieval [default: embed]
    ///
    /// embed reads texts; rerank reads queries with documents, as infa rerank does; sts reads scored pairs; retrieval reads a directory in the layout of BEIR.
    #[arg(long, value_enum, value_name = "TASK", help_heading = "Workload")]
    pub task: Option<EnginesTask>,

    /// Concurrent requests [default: 4]
    #[arg(long, value_name = "N", help_heading = "Workload")]
    pub concurrency: Option<NonZero<usize>>,

    #[command(flatten)]
    pub fields: FieldArgs,

    /// With --task sts: field or column of the second text [default: sentence2 and similar]
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    pub pair_field: Option<String>,

    /// With --task sts: field or column of the score [default: score and similar]
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    pub score_field: Option<String>,

    /// With --task sts: split to read, if a column names splits [default: test]
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    pub split: Option<String>,

    /// With --task retrieval: relevance judgements [default: qrels/test.tsv in the directory]
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub qrels: Option<PathBuf>,
}

const RETRIES: &str = "Retry transient failures of a server up to N times per request [default: 2]";
const FIELD: &str =
    "Field or column of the text; with --task sts, of the first text [default: text; sentence1 and similar]";
const SAMPLES: &str = "Number of texts that each engine also runs alone and among others [default: 64; queries: 8]";
const LONG_SAMPLES: &str = "\
Number of texts that each engine also runs alone and among others [default: 64; queries: 8]

Shows whether a result depends on what else is in the batch. For --task rerank, the number of queries whose documents are scored so.";
