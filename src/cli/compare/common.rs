//! Flags of all kinds of comparisons.

use clap::Args;

use super::super::ReportExportArgs;

/// Thresholds, and the files that a report is written to.
#[derive(Debug, Default, Args)]
pub struct CheckArgs {
    /// Fail (exit status 5) if METRIC<LIMIT or METRIC>LIMIT; repeat for several
    ///
    /// With % the limit is a change (tokens_per_s<-5%), otherwise a value (cosine_min<0.999, p99>100ms, memory>2GiB). A threshold must be crossed beyond the noise.
    // Each kind of comparison has its own metrics: the text is parsed when the kind is known.
    #[arg(long, value_delimiter = ',', value_name = "THRESHOLD")]
    pub fail_if: Vec<String>,

    #[command(flatten)]
    pub exports: ReportExportArgs,
}
