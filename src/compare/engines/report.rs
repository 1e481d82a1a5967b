//! The report of a comparison of engines: written as JSON, and drawn as tables.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Failures, Stability};
use crate::bench::dataset::LengthHistogram;
use crate::bench::report::{Machine, ModelReport};
use crate::compare::quality::{Measured, QualityChange, RetrievalReport, StsReport};
use crate::compare::scores::{RankingComparison, ScoreSetReport};
use crate::compare::vectors::{VectorComparison, VectorSetReport, Verdict};

/// Version of this format. It rises when a field changes its meaning or goes; new optional fields do not count.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// Engines on the same inputs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct EnginesReport {
    pub schema_version: u32,
    pub infa: String,
    /// Start of the comparison: RFC 3339, UTC.
    pub started: String,
    pub seconds: f64,
    /// True if the user interrupted it.
    pub interrupted: bool,
    pub machine: Machine,
    pub model: ModelReport,
    pub workload: EnginesWorkload,
    /// The engine the others are compared with, by its name; `None` if none answered.
    pub reference: Option<String>,
    /// The engines, in the order in which they were given.
    pub engines: Vec<EngineOnTexts>,
    pub thresholds: Vec<EngineThresholdReport>,
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum EnginesTask {
    /// Vectors of texts.
    Embed,
    /// Scores of documents.
    Rerank,
    /// Vectors of pairs of texts that people have scored.
    Sts,
    /// Vectors of queries and documents that people have judged.
    Retrieval,
}

/// The inputs and options of the requests.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct EnginesWorkload {
    pub task: EnginesTask,
    pub files: Vec<String>,
    /// Texts; of reranking, queries.
    pub inputs: usize,
    /// Documents of all queries together; only of reranking.
    pub documents: Option<usize>,
    /// Texts in a request.
    pub batch: usize,
    /// Requests at a time, where many came at once.
    pub concurrency: usize,
    /// Inputs that were repeated alone, and among many at once.
    pub samples: usize,
    /// Decides which those were.
    pub seed: u64,
    /// Lengths in tokens, as the model sees them; `None` without a tokenizer.
    pub lengths: Option<LengthHistogram>,
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub(crate) enum EngineOutcome {
    Answered,
    /// The user interrupted before its turn, or before its end.
    NotAsked,
    Failed {
        /// The stage: `start`, `answers`.
        stage: String,
        /// The category: `no connection`, `timeout` …; `not available` if it could not be started.
        kind: String,
        message: String,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct EngineOnTexts {
    pub name: String,
    /// Its spec, as in `--engines`.
    pub spec: String,
    /// The version of what computes.
    pub version: Option<String>,
    /// Its number format, threads …
    pub details: BTreeMap<String, String>,
    #[serde(flatten)]
    pub outcome: EngineOutcome,
    /// Seconds to load it, start it or connect to it.
    pub load_seconds: Option<f64>,
    /// Inputs (texts, or documents) a second in one pass, batch after batch. It was seen in passing: without rounds,
    /// warm-up or intervals; `infa bench` measures.
    pub inputs_per_s: Option<f64>,
    /// Tokens a second in that pass, as the model's tokenizer counts them; `None` without one, or if some inputs failed.
    pub tokens_per_s: Option<f64>,
    pub failures: Failures,
    /// The dependence of its results on the batch.
    pub stability: Option<Stability>,
    /// Its vectors by themselves.
    pub vectors: Option<VectorSetReport>,
    /// Its scores by themselves.
    pub scores: Option<ScoreSetReport>,
    /// Its vectors against those of the reference; `None` of the reference itself.
    pub against: Option<VectorComparison>,
    /// Its scores against those of the reference; `None` of the reference itself.
    pub rankings: Option<RankingComparison>,
    /// The agreement of its similarities with people's.
    pub sts: Option<StsReport>,
    /// The quality of a search with its vectors, by people's judgements.
    pub retrieval: Option<RetrievalReport>,
}

/// A threshold, and its result for each engine.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct EngineThresholdReport {
    /// As it was given: `cosine_min<0.999`.
    pub threshold: String,
    /// Each engine that it was held against.
    pub checked: Vec<EngineChecked>,
}

/// An engine that a threshold was held against.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct EngineChecked {
    pub engine: String,
    /// True if it crossed the threshold; `None` where noise is not known.
    pub crossed: Option<bool>,
    /// The value, in words.
    pub found: String,
    /// The end of its interval that keeps it from crossing the threshold, in words, if the value itself is beyond it.
    #[serde(skip)]
    pub(super) doubt: Option<String>,
}

impl EngineOnTexts {
    /// An engine without any request yet.
    pub(crate) fn new(name: String, spec: String) -> Self {
        Self {
            name,
            spec,
            version: None,
            details: BTreeMap::new(),
            outcome: EngineOutcome::NotAsked,
            load_seconds: None,
            inputs_per_s: None,
            tokens_per_s: None,
            failures: Failures::default(),
            stability: None,
            vectors: None,
            scores: None,
            against: None,
            rankings: None,
            sts: None,
            retrieval: None,
        }
    }

    /// The verdict on replacing the reference with it; `None` for the reference itself, and for failed engines.
    pub(crate) fn verdict(&self) -> Option<Verdict> {
        let rankings = self.rankings.as_ref().map(|found| found.verdict);
        self.against.as_ref().map(|found| found.verdict).or(rankings)
    }

    /// The figure of this name, if known: one of its own, or one of its vectors, scores or tasks.
    pub(super) fn metric(&self, name: &str) -> Option<f64> {
        if let Some((_, of)) = METRICS.iter().find(|(known, _)| *known == name) {
            return of(self);
        }
        let vectors = self.against.as_ref().and_then(|found| found.metric(name));
        let rankings = || self.rankings.as_ref().and_then(|found| found.metric(name));
        let sts = || self.sts.as_ref().and_then(|found| found.metric(name));
        let retrieval = || self.retrieval.as_ref().and_then(|found| found.metric(name));
        vectors.or_else(rankings).or_else(sts).or_else(retrieval)
    }

    /// The reason that the figure of this name, one of vectors or scores, says nothing about some inputs.
    pub(super) fn gap(&self, name: &str) -> Option<String> {
        let vectors = self.against.as_ref().and_then(|found| found.gap(name, true));
        vectors.or_else(|| self.rankings.as_ref().and_then(|found| found.gap(name)))
    }

    /// The figure of this name of a task with judged data: its value, and its change from the reference's.
    pub(super) fn judged(&self, name: &str) -> (Option<Measured>, Option<QualityChange>) {
        let sts = self.sts.as_ref().map(|found| found.judged(name)).unwrap_or_default();
        match &self.retrieval {
            Some(found) if sts == (None, None) => found.judged(name),
            _ => sts,
        }
    }
}

type Metric = (&'static str, fn(&EngineOnTexts) -> Option<f64>);

/// The figures that every engine has by itself; thresholds can be set on these and on those of vectors, scores and tasks.
pub(crate) const METRICS: [Metric; 5] = [
    ("alone_cosine_min", |engine| engine.stability.as_ref()?.alone().cosine_min),
    ("alone_max_difference", |engine| engine.stability.as_ref()?.alone().max_difference),
    ("concurrent_cosine_min", |engine| engine.stability.as_ref()?.concurrent().cosine_min),
    ("concurrent_max_difference", |engine| engine.stability.as_ref()?.concurrent().max_difference),
    ("failed", |engine| Some((engine.failures.inputs + engine.failures.not_answered_again) as f64)),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::engines::sample;
    use crate::report::schema_of;
    use crate::report::snapshots::{assert_published, valid};

    #[test]
    fn the_published_schema_is_fresh() {
        let schema = schema_of::<EnginesReport>("Report of infa compare on engines", SCHEMA_VERSION);
        assert_published("docs/compare-engines.schema.json", &schema);
    }

    #[test]
    fn reports_are_as_the_schema_says() {
        valid()(&sample::report());
    }

    #[test]
    fn metrics_name_the_figures_of_the_report() {
        let report = sample::report();
        let [torch, int8, tei] = [0, 2, 3].map(|at| &report.engines[at]);
        assert_eq!((torch.metric("cosine_min"), torch.verdict()), (None, None));
        assert!(int8.metric("cosine_min").is_some_and(|least| (0.9..0.9999).contains(&least)));
        assert_eq!((int8.metric("alone_cosine_min"), int8.metric("concurrent_max_difference")), (Some(1.0), None));
        assert_eq!((tei.metric("failed"), tei.metric("ndcg10"), tei.metric("speed")), (Some(0.0), None, None));
    }
}
