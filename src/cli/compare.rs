//! `infa compare`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::parse::paragraphs;
use super::{CompareEnginesArgs, ReportExportArgs};
use crate::compare::engines::{EngineThreshold, EngineThresholdError};
use crate::compare::runs::{Metric, Threshold, ThresholdError, UnknownMetric, metric};
use crate::compare::vectors::VectorThreshold;

// A comment of an example is on a line of its own: no comment breaks into a command.
const EXAMPLES: &str = "\
Examples:
  # was anything slower?
  infa compare base.json new.json
  infa compare a.json b.json --fail-if 'tokens_per_s<-5%'
  # each with the first
  infa compare base.json a.json b.json
  # several runs show the noise from run to run
  infa compare --base 1.json,2.json,3.json new.json
  # the engines of one run, round by round
  infa compare run.json --baseline torch
  # saved vectors: can one index hold both?
  infa compare old.npy new.jsonl
  # engines: the same vectors, the same ranking?
  infa compare --engines onnx,onnx:int8,torch texts.txt
  infa compare --engines onnx,tei=http://host:8080 a.txt
  infa compare --engines onnx,torch --task rerank q.jsonl
  # is one worse at a task, beyond chance?
  infa compare --engines onnx,onnx:int8 --task sts sts.csv
  infa compare --engines onnx,torch --task retrieval scifact";

const FILES: &str = "\
Files: results of infa bench --export-json, or saved vectors. Engines of results are matched by name, or by spec without the URL if the names differ; runs of one engine each are always matched. Saved vectors are .npy, Parquet (a column of lists called embedding, vector, embeddings or vectors; ids in id), and JSON and CSV of infa embed; rows are matched by id if all have one, otherwise by position.";

const METRICS: &str = "\
Metrics of result files: tokens_per_s, inputs_per_s, requests_per_s, mean, p50, p90, p95, p99, max (ms), peak_requests_per_s, held_requests_per_s, errors, memory, gpu_memory, load, first_answer (s), cosine_min, cosine_p1, cosine_mean, tau_min, tau_mean, overlap_min, overlap_mean, dollars, joules. Of saved vectors: cosine_min, cosine_p1, cosine_mean, max_difference, norm_drift_max, norm_drift_mean, nan, infinite, zero, missing, dimension_mismatches, unmatched, top1, top10, distance_correlation. Of engines: the same, or of scores tau_min, tau_mean, overlap_mean, top1, score_max_difference, cut_off_changes …, of tasks spearman, pearson, ndcg10, recall10, recall100, mrr10 (with % against the reference), and of each engine against itself alone_cosine_min, alone_max_difference, concurrent_cosine_min, concurrent_max_difference, failed.";

const STATUS: &str = "\
Exit status: 0 success, whatever the verdict; 2 wrong usage, files that cannot be compared, or a --fail-if on a change between runs of different workloads; 3 the model cannot be used; 4 an engine failed (its row says why); 5 a threshold was crossed; 130 interrupted, after the partial results have been printed and exported.";

/// Flags of `infa compare`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = paragraphs(&[EXAMPLES, FILES, METRICS, STATUS]))]
pub struct CompareArgs {
    /// Results of infa bench, or saved vectors; with --engines, texts [default: stdin]
    ///
    /// The first is the base of the others, unless --base names it. A single result file compares its own engines.
    #[arg(value_name = "FILE", required_unless_present = "engines")]
    pub files: Vec<PathBuf>,

    /// Base runs, separated by commas; all FILEs are then the other side
    ///
    /// Runs of the same workload are repetitions of one another.
    #[arg(long, value_delimiter = ',', value_name = "FILE,…", conflicts_with = "baseline")]
    pub base: Vec<PathBuf>,

    /// Engine that the others of a single file are compared with [default: the run's baseline]
    #[arg(long, value_name = "NAME")]
    pub baseline: Option<String>,

    /// Fail (exit status 5) if METRIC<LIMIT or METRIC>LIMIT; repeat for several
    ///
    /// With % the limit is a change (tokens_per_s<-5%), otherwise a value (cosine_min<0.999, p99>100ms, memory>2GiB). A threshold must be crossed beyond the noise.
    #[arg(long, value_delimiter = ',', value_name = "THRESHOLD")]
    pub fail_if: Vec<FailIf>,

    /// Compare results of different workloads
    ///
    /// Otherwise results with another dataset, batch, load or model get no verdicts.
    #[arg(long)]
    pub force: bool,

    /// Metrics in the tables, separated by commas; all is every metric [default: the most important]
    #[arg(long, value_delimiter = ',', value_name = "METRIC,…")]
    pub metrics: Vec<ShownMetric>,

    #[command(flatten)]
    pub asked: CompareEnginesArgs,

    #[command(flatten)]
    pub exports: ReportExportArgs,
}

/// A metric in the tables.
#[derive(Debug, Clone, Copy)]
pub enum ShownMetric {
    /// Every metric.
    All,
    /// One metric.
    One(&'static Metric),
}

impl FromStr for ShownMetric {
    type Err = UnknownMetric;

    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        Ok(if text.trim() == "all" { Self::All } else { Self::One(metric(text.trim())?) })
    }
}

/// A threshold, as each kind of comparison reads it.
#[derive(Debug, Clone, Copy)]
pub struct FailIf {
    /// Of result files.
    pub runs: Result<Threshold, &'static str>,
    /// Of saved vectors.
    pub vectors: Result<VectorThreshold, &'static str>,
    /// Of engines on the same texts.
    pub engines: Result<EngineThreshold, &'static str>,
}

impl FromStr for FailIf {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text.parse::<Threshold>(), text.parse::<VectorThreshold>(), text.parse::<EngineThreshold>()) {
            (Err(ThresholdError::Metric(runs)), _, Err(engines @ EngineThresholdError::Metric(_))) => {
                Err(format!("{runs}; {engines}"))
            }
            (Err(ThresholdError::Metric(_)), Err(_), Err(engines)) => Err(engines.to_string()),
            (Err(runs), Err(_), Err(_)) => Err(runs.to_string()),
            (runs, vectors, engines) => Ok(Self {
                runs: runs
                    .map_err(|_| "result files have no such threshold: it is one of saved vectors or of --engines"),
                vectors: vectors
                    .map_err(|_| "saved vectors have no such threshold: it is one of result files or of --engines"),
                engines: engines
                    .map_err(|_| "engines on the same texts have no such threshold: it is one of result files"),
            }),
        }
    }
}
