//! The report of a comparison of scores, as a part of a document.

use schemars::JsonSchema;
use serde::Serialize;

use super::set::QueryName;
use super::set_report::ScoreSetReport;
use super::{Calibration, Finding, OrderAgreement};
use crate::compare::gap::gap;
use crate::compare::vectors::Verdict;

/// A query whose documents are ordered otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct WorstQuery {
    pub query: QueryName,
    pub documents: usize,
    /// Kendall's τ-b of its scores; `None` where the candidate scores all documents the same, and the reference does not.
    pub tau: Option<f64>,
    /// Its text, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The scores of one engine against the reference's.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct RankingComparison {
    pub candidate: ScoreSetReport,
    /// Queries of both sides.
    pub matched: usize,
    /// Queries of the reference that the candidate lacks.
    pub only_in_reference: usize,
    /// Queries of the candidate that the reference lacks.
    pub only_in_candidate: usize,
    /// Queries of both sides without sound scores in either.
    pub neither: usize,
    /// Queries with another number of sound scores in the one than in the other.
    pub document_mismatches: usize,
    /// Queries that have scores in both, as many, and without NaN. All figures are of these.
    pub compared: usize,
    /// Documents whose scores are the same bit for bit.
    pub identical: usize,
    /// The agreement of rankings; `None` without a query of two documents.
    pub order: Option<OrderAgreement>,
    /// The agreement of score values; `None` without a document with finite scores in both.
    pub calibration: Option<Calibration>,
    /// The queries with the smallest τ-b, the smallest first, at most ten.
    pub worst: Vec<WorstQuery>,
    pub findings: Vec<Finding>,
    pub verdict: Verdict,
    pub reasons: Vec<String>,
    pub warnings: Vec<String>,
}

type Metric = (&'static str, fn(&RankingComparison) -> Option<f64>);

/// The figures of a comparison that thresholds can be set on. `nan`, `infinite` and `missing` (failed) are queries of the
/// candidate; `unmatched` are those of one engine alone; `top1`, overlaps and changes at cut-offs are shares from 0 to 1.
pub(crate) const METRICS: [Metric; 19] = [
    ("tau_min", |found| found.order?.tau_min),
    ("tau_p5", |found| found.order?.tau_p5),
    ("tau_mean", |found| found.order?.tau_mean),
    ("overlap_min", |found| Some(found.order?.overlap_min)),
    ("overlap_mean", |found| Some(found.order?.overlap_mean)),
    ("top1", |found| Some(found.order?.top_1)),
    ("score_max_difference", |found| Some(found.calibration?.max_difference)),
    ("score_mean_difference", |found| Some(found.calibration?.mean_difference)),
    ("score_rms_difference", |found| Some(found.calibration?.rms_difference)),
    ("score_bias", |found| Some(found.calibration?.bias)),
    ("score_slope", |found| found.calibration?.slope),
    ("score_r_squared", |found| found.calibration?.r_squared),
    ("cut_off_changes", |found| Some(found.calibration?.cut_off.other_side)),
    ("worst_cut_off_changes", |found| Some(found.calibration?.worst_cut_off.map_or(0.0, |worst| worst.other_side))),
    ("nan", |found| Some(found.candidate.flaws.nan as f64)),
    ("infinite", |found| Some(found.candidate.flaws.infinite as f64)),
    ("missing", |found| Some(found.candidate.flaws.missing as f64)),
    ("document_mismatches", |found| Some(found.document_mismatches as f64)),
    ("unmatched", |found| Some((found.only_in_reference + found.only_in_candidate) as f64)),
];

impl RankingComparison {
    /// The figure of this name, one of [`METRICS`]. `None` for another name, or if the figure is unknown: τ-b without a
    /// query of two documents, for example.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        METRICS.iter().find(|(known, _)| *known == name).and_then(|(_, of)| of(self))
    }

    /// The reason that the figure of this name says nothing about some queries; `None` if it does.
    pub(in crate::compare) fn gap(&self, name: &str) -> Option<String> {
        let lost = self.matched.saturating_sub(self.neither + self.compared);
        let queries = lost + self.only_in_reference + self.only_in_candidate;
        gap(name, self.metric(name)?, queries, ["query", "queries"])
    }
}
