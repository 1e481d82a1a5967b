//! The report of a comparison of result files: `--export-json` writes it, tables are drawn from it.

use schemars::JsonSchema;
use serde::Serialize;

use super::metric::{Better, Metric, Scale, Unit};
use crate::report::Tone;
use crate::stats::estimate::Estimate;

/// Version of this format. It rises when a field changes its meaning or goes; new optional fields do not count.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// Result files against one another.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct RunsReport {
    pub schema_version: u32,
    pub infa: String,
    /// Probability that an interval holds what it is for.
    pub confidence: f64,
    /// Warnings to read before any number.
    pub warnings: Vec<String>,
    /// A side against another: one for each workload, or for each file that is compared with the base.
    pub comparisons: Vec<Comparison>,
    /// Over several workloads: geometric means of the ratios of all engines in all comparisons.
    pub means: Vec<Mean>,
    pub thresholds: Vec<ThresholdReport>,
    /// The metrics that tables show; without them those that say most.
    #[serde(skip)]
    pub shown: Option<Vec<&'static str>>,
}

/// A side against another.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Comparison {
    /// The workload: the title of the run, or its task, model, dataset and load.
    pub title: String,
    /// The runs that are compared with.
    pub base: Vec<RunName>,
    /// The runs that are compared.
    pub new: Vec<RunName>,
    pub basis: Basis,
    /// The differences of workload that make the sides incomparable; there are no verdicts then. Empty if they are
    /// comparable, or if the comparison was forced.
    pub incomparable: Vec<String>,
    /// True if the cosines and rankings of the sides are against another reference, and have no verdicts therefore.
    pub other_reference: bool,
    /// Other differences between the sides, and doubts about the figures.
    pub warnings: Vec<String>,
    /// The engines that both sides have.
    pub engines: Vec<EngineComparison>,
    /// The engines that the base alone has.
    pub only_in_base: Vec<String>,
    /// The engines that the base has not.
    pub only_in_new: Vec<String>,
    /// Geometric means of the ratios of its engines, of two or more.
    pub means: Vec<Mean>,
    /// True if requests came whether or not the last ones were answered.
    #[serde(skip)]
    pub(super) open_loop: bool,
}

impl Comparison {
    /// True if there are verdicts.
    pub(crate) fn is_comparable(&self) -> bool {
        self.incomparable.is_empty()
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct RunName {
    /// The file, as it was named.
    pub file: String,
    /// Its start, in UTC (RFC 3339).
    pub started: String,
    pub infa: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Basis {
    /// The rounds of one run a side. What changes from run to run is not in them.
    Rounds,
    /// Ratios of rounds of one run that ran one after the other.
    PairedRounds,
    /// Several runs of a side: each run is one value.
    Runs,
}

/// An engine against itself, or against the baseline.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct EngineComparison {
    pub name: String,
    /// The engine it is compared with, where that has another name.
    pub baseline: Option<String>,
    /// The reason that the new one failed.
    pub failed: Option<String>,
    /// True if its cosines and rankings are of other texts on either side, or of texts that are not known: such figures
    /// have no verdict, unless they are equal.
    pub other_samples: bool,
    /// The common metrics.
    pub metrics: Vec<MetricComparison>,
    /// Metrics that the base alone has.
    pub lost: Vec<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct MetricComparison {
    pub metric: &'static str,
    pub unit: Unit,
    pub better: Better,
    pub base: Level,
    pub new: Level,
    pub change: Change,
    pub verdict: Verdict,
    #[serde(skip)]
    pub(super) estimate: Option<Estimate>,
    #[serde(skip)]
    pub(super) of: &'static Metric,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Level {
    /// Median of rounds, as `infa bench` reports it; of several runs the geometric mean of their medians, of shares the
    /// mean, of cosines and the like the worst of the runs.
    pub value: f64,
    /// Its 95 % interval; `None` for fewer than two values, and of shares, cosines and the like.
    pub interval: Option<(f64, f64)>,
    /// Rounds or runs it comes from.
    pub count: usize,
    #[serde(skip)]
    pub(super) estimate: Option<Estimate>,
    /// Its interval that holds together with all others of the report.
    #[serde(skip)]
    pub(super) joint: Option<(f64, f64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Change {
    /// The scale: new over base, or new minus base.
    pub scale: Scale,
    /// The ratio or the difference.
    pub value: f64,
    /// Its 95 % interval; `None` where noise is not known. Of a single run a side it has the noise of rounds alone.
    pub interval: Option<(f64, f64)>,
    /// The interval that tables show and verdicts rest on: with a probability of 95 % it holds the truth together with
    /// those of all other changes of the report, and of a single run a side it allows for what changes from run to run.
    pub joint: Option<(f64, f64)>,
    /// The noise floor, as a share of the base or as a difference: there is a verdict where the change is larger.
    pub floor: Option<f64>,
    /// The smallest change, as a share of the base or as a difference, that such runs show in four of five tries.
    pub detectable: Option<f64>,
}

/// A change in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Speed is better, beyond the noise.
    Faster,
    /// Speed is worse, beyond the noise.
    Slower,
    /// Better, beyond the noise.
    Better,
    /// Worse, beyond the noise.
    Worse,
    /// No more than noise.
    Indistinguishable,
    /// Noise is not known: there are fewer than two values.
    CannotTell,
    /// The sides did not measure the same.
    NotComparable,
}

impl Verdict {
    pub(super) fn tone(self) -> Tone {
        match self {
            Self::Faster | Self::Better => Tone::Good,
            Self::Slower | Self::Worse => Tone::Bad,
            Self::NotComparable => Tone::Doubtful,
            Self::CannotTell | Self::Indistinguishable => Tone::Plain,
        }
    }
}

/// A geometric mean of ratios.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Mean {
    pub metric: &'static str,
    /// Number of averaged ratios.
    pub count: usize,
    /// New over base.
    pub ratio: f64,
    /// Its 95 % interval for these engines and workloads; `None` where the noise of one of them is not known.
    pub interval: Option<(f64, f64)>,
    /// The interval that tables show and its verdict rests on, together with those of all changes of the report.
    pub joint: Option<(f64, f64)>,
    pub verdict: Verdict,
    #[serde(skip)]
    pub(super) estimate: Option<Estimate>,
}

/// A threshold of `--fail-if`.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct ThresholdReport {
    /// As it was given: `tokens_per_s<-5%`.
    pub threshold: String,
    pub metric: &'static str,
    /// True if it was crossed anywhere, beyond the noise.
    pub crossed: bool,
    /// Each engine that it was held against.
    pub checked: Vec<Checked>,
}

/// An engine that a threshold was held against.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Checked {
    /// Place of the comparison.
    pub comparison: usize,
    pub engine: String,
    /// True if it crossed the threshold; `None` where noise is not known, and where the sides are not comparable.
    pub crossed: Option<bool>,
    /// True if the sides are comparable in this metric; a value is held against its limit in any case.
    pub comparable: bool,
    /// The value, in words.
    pub found: String,
    /// The end of its interval that keeps it from crossing the threshold, in words, if the value itself is beyond it.
    #[serde(skip)]
    pub(super) doubt: Option<String>,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::report::schema_of;
    use crate::report::snapshots::{assert_published, valid};

    #[test]
    fn the_published_schema_is_fresh() {
        let schema = schema_of::<RunsReport>("Report of infa compare on result files", SCHEMA_VERSION);
        assert_published("docs/compare-report.schema.json", &schema);
    }

    #[test]
    fn reports_are_as_the_schema_says() {
        let valid = valid();
        sample::REPORTS.iter().for_each(|report| drop(valid(report)));
    }
}
