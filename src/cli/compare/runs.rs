//! `infa compare runs`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::super::parse::paragraphs;
use super::CheckArgs;
use crate::compare::runs::{Metric, metric};
use crate::compare::threshold::{Kind, UnknownMetric};

// A comment of an example is on a line of its own: no comment breaks into a command.
const EXAMPLES: &str = "\
Examples:
  # was anything slower?
  infa compare runs base.json new.json
  infa compare runs a.json b.json --fail-if 'p99>+10%'
  # several runs show the noise from run to run
  infa compare runs --base 1.json,2.json,3.json new.json
  # the engines of one run, round by round
  infa compare runs run.json --baseline torch";

const FILES: &str = "\
Files: results of infa bench --export-json. Engines are matched by name, or by spec without the URL if the names differ; runs of one engine each are always matched.";

/// The metrics of result files.
pub(super) const METRICS: &str = "tokens_per_s, inputs_per_s, requests_per_s, mean, p50, p90, p95, p99, max (ms), peak_requests_per_s, held_requests_per_s, errors, memory, gpu_memory, load, first_answer (s), cosine_min, cosine_p1, cosine_mean, tau_min, tau_mean, overlap_min, overlap_mean, dollars, joules.";

/// Arguments of `infa compare runs`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = paragraphs(&[EXAMPLES, FILES, &format!("Metrics: {METRICS}")]))]
pub struct CompareRunsArgs {
    /// Results of infa bench; the first is the base of the others, unless --base names it
    ///
    /// A single file compares its own engines.
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    #[command(flatten)]
    pub flags: RunsFlags,

    #[command(flatten)]
    pub checks: CheckArgs,
}

/// Flags of comparisons of result files.
#[derive(Debug, Default, Args)]
pub struct RunsFlags {
    /// Base runs, separated by commas; all FILEs are then the other side
    ///
    /// Runs of the same workload are repetitions of one another.
    #[arg(long, value_delimiter = ',', value_name = "FILE,…", conflicts_with = "baseline")]
    pub base: Vec<PathBuf>,

    /// Engine that the others of a single file are compared with [default: the run's baseline]
    #[arg(long, value_name = "NAME")]
    pub baseline: Option<String>,

    /// Compare results of different workloads
    ///
    /// Otherwise results with another dataset, batch, load or model get no verdicts.
    #[arg(long)]
    pub force: bool,

    /// Metrics in the tables, separated by commas; all is every metric [default: the most important]
    #[arg(long, value_delimiter = ',', value_name = "METRIC,…")]
    pub metrics: Vec<ShownMetric>,
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
        let name = text.trim();
        match metric(name) {
            _ if name == "all" => Ok(Self::All),
            Some(metric) => Ok(Self::One(metric)),
            None => Err(UnknownMetric::new(Kind::Runs, name)),
        }
    }
}
