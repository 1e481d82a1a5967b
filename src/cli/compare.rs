//! `infa compare`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::compare_engines::CompareEnginesArgs;
use super::help::paragraphs;
use crate::compare::engines::{EngineThreshold, EngineThresholdError};
use crate::compare::runs::{Metric, Threshold, ThresholdError, UnknownMetric, metric};
use crate::compare::vectors::VectorThreshold;

/// Commands to begin with. What a command answers stands above it, so that no comment breaks into a command.
const EXAMPLES: &str = "\
Examples:
  # did anything get slower?
  infa compare base.json new.json
  infa compare a.json b.json --fail-if 'tokens_per_s<-5%'
  # each with the first
  infa compare base.json a.json b.json
  # several runs tell the noise from run to run
  infa compare --base 1.json,2.json,3.json new.json
  # the engines of one run, round by round
  infa compare run.json --baseline torch
  # saved vectors: can one index hold both?
  infa compare old.npy new.jsonl
  # engines: the same vectors, the same ranking?
  infa compare --engines onnx,onnx:int8,torch texts.txt
  infa compare --engines onnx,tei=http://host:8080 a.txt
  infa compare --engines onnx,torch --task rerank q.jsonl
  # is one worse at a task, or does it only seem so?
  infa compare --engines onnx,onnx:int8 --task sts sts.csv
  infa compare --engines onnx,torch --task retrieval scifact";

/// What may be compared.
const FILES: &str = "\
Files are what infa bench --export-json writes; engines are matched by their names, or where these differ by their specs without the URL, and runs of one engine each in any case. Or they are saved vectors: .npy, Parquet (a column of lists, called embedding, vector, embeddings or vectors; ids in id), and JSON and CSV as infa embed writes them. These are matched by id where all have one, else by place.";

/// What thresholds and tables may name.
const METRICS: &str = "\
Metrics of result files: tokens_per_s, inputs_per_s, requests_per_s, mean, p50, p90, p95, p99, max (ms), peak_requests_per_s, held_requests_per_s, errors, memory, gpu_memory, load, first_answer (s), cosine_min, cosine_p1, cosine_mean, tau_min, tau_mean, overlap_min, overlap_mean, dollars, joules. Of saved vectors: cosine_min, cosine_p1, cosine_mean, max_difference, norm_drift_max, norm_drift_mean, nan, infinite, zero, missing, dimension_mismatches, unmatched, top1, top10, distance_correlation. Of engines: the same, or of scores tau_min, tau_mean, overlap_mean, top1, score_max_difference, cut_off_changes …, of tasks spearman, pearson, ndcg10, recall10, recall100, mrr10 (with % against the reference), and of each engine against itself alone_cosine_min, alone_max_difference, concurrent_cosine_min, concurrent_max_difference, failed.";

/// What the exit status says.
const STATUS: &str = "\
Exit status: 0 all well, whatever the verdict; 2 wrong usage, files that cannot be compared, or a --fail-if on a change between runs of different workloads; 3 the model cannot be used; 4 an engine failed (its row says why); 5 a threshold was crossed; 130 interrupted, after what was found has been printed and exported.";

/// Flags of `infa compare`.
#[derive(Debug, Args)]
#[command(after_help = paragraphs(&[EXAMPLES, FILES, METRICS, STATUS]))]
pub struct CompareArgs {
    /// Result files of infa bench, or saved vectors. The first is the base of the others, unless --base names it; a
    /// single file compares its own engines. With --engines: texts, or what --task says [default: stdin]
    #[arg(value_name = "FILE", required_unless_present = "engines", env = "INFA_FILES", hide_env = true)]
    pub files: Vec<PathBuf>,

    /// The base: several runs of it, of one workload or of many. All FILEs are then the other side; runs of the same
    /// workload are repetitions of one another
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "FILE,…",
        conflicts_with = "baseline",
        env = "INFA_BASE",
        hide_env = true
    )]
    pub base: Vec<PathBuf>,

    /// Of a single file: the engine that the others are compared with [default: the run's own baseline]
    #[arg(long, value_name = "NAME", env = "INFA_BASELINE", hide_env = true)]
    pub baseline: Option<String>,

    /// Fail (exit status 5) if METRIC<LIMIT or METRIC>LIMIT. With % the limit is a change (tokens_per_s<-5%), without it a
    /// value (cosine_min<0.999, p99>100ms, memory>2GiB). A threshold counts only if it is crossed beyond the noise. May be
    /// given several times
    #[arg(long, value_delimiter = ',', value_name = "THRESHOLD", env = "INFA_FAIL_IF", hide_env = true)]
    pub fail_if: Vec<FailIf>,

    /// Compare result files of different workloads (dataset, batch, load, model) all the same; without it they are not
    /// comparable and get no verdicts
    #[arg(long, value_parser = BoolishValueParser::new(), env = "INFA_FORCE", hide_env = true)]
    pub force: bool,

    /// What tables show, with commas between; all for all there is [default: what says most]
    #[arg(long, value_delimiter = ',', value_name = "METRIC,…|all", env = "INFA_METRICS", hide_env = true)]
    pub metrics: Vec<ShownMetric>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub asked: CompareEnginesArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub exports: ExportComparisonArgs,
}

/// Where a comparison goes besides the terminal.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Exports")]
pub struct ExportComparisonArgs {
    /// Write the whole comparison as JSON (docs/compare-report.schema.json, docs/compare-vectors.schema.json); - is stdout
    #[arg(long, value_name = "FILE", env = "INFA_EXPORT_JSON", hide_env = true)]
    pub export_json: Option<PathBuf>,

    /// Write the tables as Markdown; - is stdout
    #[arg(long, value_name = "FILE", env = "INFA_EXPORT_MARKDOWN", hide_env = true)]
    pub export_markdown: Option<PathBuf>,

    /// Write one page of HTML with tables and charts, which needs nothing else; - is stdout
    #[arg(long, value_name = "FILE", env = "INFA_EXPORT_HTML", hide_env = true)]
    pub export_html: Option<PathBuf>,
}

/// What tables show.
#[derive(Debug, Clone, Copy)]
pub enum ShownMetric {
    /// All there is.
    All,
    /// This one.
    One(&'static Metric),
}

impl FromStr for ShownMetric {
    type Err = UnknownMetric;

    fn from_str(text: &str) -> Result<Self, UnknownMetric> {
        Ok(if text.trim() == "all" { Self::All } else { Self::One(metric(text.trim())?) })
    }
}

/// What is not allowed: of result files, of saved vectors, of engines, or of several of them.
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
