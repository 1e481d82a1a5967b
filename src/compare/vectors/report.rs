//! The report of a comparison of vectors: written as JSON, and drawn as tables.

use schemars::JsonSchema;
use serde::Serialize;

use super::histogram::CosineHistogram;
use super::set::InputName;
use super::set_report::VectorSetReport;
use super::{Distances, Finding, MatchedBy, Neighbours, Verdict};
use crate::compare::gap::gap;
use crate::report::document::Check;
use crate::stats::fidelity::VectorReport;

/// Version of this format. It rises when a field changes its meaning or goes; new optional fields do not count.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// One set of vectors, and others compared with it.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct VectorsReport {
    pub schema_version: u32,
    pub infa: String,
    /// The set the others are compared with.
    pub reference: VectorSetReport,
    /// The others, in the order they were given.
    pub comparisons: Vec<VectorComparison>,
    /// Thresholds, and whether they were crossed. Only people see them.
    #[serde(skip)]
    pub(crate) thresholds: Vec<Check>,
}

/// An input whose vectors are far apart.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct WorstInput {
    pub input: InputName,
    pub cosine: f64,
    /// Its text, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its length in tokens, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<usize>,
}

/// One set against the reference.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct VectorComparison {
    pub candidate: VectorSetReport,
    /// The property by which vectors are matched.
    pub matched_by: MatchedBy,
    /// Inputs that both sets have.
    pub matched: usize,
    /// Inputs of the reference that the candidate does not have.
    pub only_in_reference: usize,
    /// Inputs of the candidate that the reference does not have.
    pub only_in_candidate: usize,
    /// Inputs that both have, and that have a sound vector in neither.
    pub neither: usize,
    /// Inputs that have a sound vector in both, of the length that most of their set have.
    pub compared: usize,
    /// Inputs with vectors that are equal bit for bit.
    pub identical: usize,
    /// The agreement of vectors with the reference's; inputs without a sound vector on either side are excluded.
    pub vectors: VectorReport,
    /// The distribution of cosines; `None` without any, for example with vectors of two lengths.
    pub cosines: Option<CosineHistogram>,
    /// The norm of a vector over that of the reference's, in the middle; `None` where lengths differ.
    pub norm_ratio: Option<f64>,
    /// The inputs with the smallest cosines, the smallest first, at most ten.
    pub worst: Vec<WorstInput>,
    /// The agreement of neighbours; `None` with fewer than three inputs.
    pub neighbours: Option<Neighbours>,
    /// The agreement on the order of pairs by distance; `None` with fewer than three inputs.
    pub distances: Option<Distances>,
    pub findings: Vec<Finding>,
    pub verdict: Verdict,
    pub reasons: Vec<String>,
    pub warnings: Vec<String>,
}

type Metric = (&'static str, fn(&VectorComparison) -> Option<f64>);

/// The figures of a comparison that thresholds can be set on. `nan`, `infinite`, `zero` and `missing` are the candidate's
/// vectors; `unmatched` are inputs of one set alone; `top1` and `top10` are parts from 0 to 1.
pub(crate) const METRICS: [Metric; 15] = [
    ("cosine_min", |found| Some(found.vectors.agreement?.cosine_min)),
    ("cosine_p1", |found| Some(found.vectors.agreement?.cosine_p1)),
    ("cosine_mean", |found| Some(found.vectors.agreement?.cosine_mean)),
    ("max_difference", |found| Some(found.vectors.agreement?.max_difference)),
    ("norm_drift_max", |found| Some(found.vectors.agreement?.norm_drift_max)),
    ("norm_drift_mean", |found| Some(found.vectors.agreement?.norm_drift_mean)),
    ("nan", |found| Some(found.candidate.flaws.nan as f64)),
    ("infinite", |found| Some(found.candidate.flaws.infinite as f64)),
    ("zero", |found| Some(found.candidate.flaws.zero as f64)),
    ("missing", |found| Some(found.candidate.flaws.missing as f64)),
    ("dimension_mismatches", |found| Some(found.vectors.dimension_mismatches as f64)),
    ("unmatched", |found| Some((found.only_in_reference + found.only_in_candidate) as f64)),
    ("top1", |found| Some(found.neighbours?.top_1)),
    ("top10", |found| Some(found.neighbours?.top_k)),
    ("distance_correlation", |found| found.distances?.spearman),
];

impl VectorComparison {
    /// The figure of this name, one of [`METRICS`]. `None` for another name, or where the figure is not known: of
    /// cosines when nothing could be compared, for instance.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        METRICS.iter().find(|(known, _)| *known == name).and_then(|(_, of)| of(self))
    }

    /// Inputs with a sound vector in one set only, of which no figure but a count says anything; inputs of one set alone
    /// are among them if `unmatched`.
    fn one_sided(&self, unmatched: bool) -> usize {
        let lost = self.matched.saturating_sub(self.neither + self.compared);
        lost + if unmatched { self.only_in_reference + self.only_in_candidate } else { 0 }
    }

    /// The reason that the figure of this name says nothing about some inputs; `None` if it does.
    pub(in crate::compare) fn gap(&self, name: &str, unmatched: bool) -> Option<String> {
        gap(name, self.metric(name)?, self.one_sided(unmatched), ["input", "inputs"])
    }
}
