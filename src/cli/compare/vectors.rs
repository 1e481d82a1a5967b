//! `infa compare vectors`.

use std::path::PathBuf;

use clap::Args;

use super::super::parse::paragraphs;
use super::CheckArgs;

const EXAMPLES: &str = "\
Examples:
  # can one index hold both?
  infa compare vectors old.npy new.jsonl
  infa compare vectors a.npy b.npy --fail-if 'top10<0.9'";

const FILES: &str = "\
Files: .npy, Parquet (a column of lists called embedding, vector, embeddings or vectors; ids in id), and JSON and CSV of infa embed. Rows are matched by id if all have one, otherwise by position.";

const FAIL_IF: &str = "\
Fail (exit status 5) if METRIC<LIMIT or METRIC>LIMIT, such as cosine_min<0.999; repeat for several

Inputs with a usable vector on one side only cross every threshold; unmatched>N allows N inputs of one set alone.";

/// The metrics of saved vectors.
pub(super) const METRICS: &str = "cosine_min, cosine_p1, cosine_mean, max_difference, norm_drift_max, norm_drift_mean, nan, infinite, zero, missing, dimension_mismatches, unmatched, top1, top10, distance_correlation.";

/// Arguments of `infa compare vectors`.
#[derive(Debug, Args)]
#[command(mut_arg("fail_if", |arg| arg.long_help(FAIL_IF)))]
#[command(after_help = EXAMPLES, after_long_help = paragraphs(&[EXAMPLES, FILES, &format!("Metrics: {METRICS}")]))]
pub struct CompareVectorsArgs {
    /// Saved vectors of the same inputs; the first file is the reference of the others
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    #[command(flatten)]
    pub checks: CheckArgs,
}
