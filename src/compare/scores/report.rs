//! The report of a comparison of scores, as a part of a document.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::findings::EXAMPLES;
use super::order::is_constant;
use super::relation::is_probability;
use super::{Calibration, Finding, OrderAgreement, ScoreSet};
use crate::compare::vectors::Verdict;
use crate::report::numbers::count;
use crate::report::text::quoted;

/// Characters of an id that are shown.
const SHOWN: usize = 40;

/// The scores of one engine by themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScoreSetReport {
    /// The engine's name.
    pub name: String,
    /// Number of its queries.
    pub queries: usize,
    /// Number of its scores.
    pub documents: usize,
    /// The smallest and the largest finite ones; `None` without any.
    pub range: Option<ScoreRange>,
    /// True if all of these are from 0 to 1.
    pub probabilities: bool,
    /// The score, where all documents of all queries have the same, and there are two or more.
    pub constant: Option<f64>,
    /// Counts of queries with unusable scores.
    pub flaws: ScoreFlaws,
}

/// From where to where scores go.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScoreRange {
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// Counts of unusable queries of one engine: failed, NaN, infinite.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScoreFlaws {
    /// Queries that failed.
    pub missing: usize,
    /// Queries with NaN among their scores.
    pub nan: usize,
    /// Queries with an infinite score, and no NaN.
    pub infinite: usize,
    /// The first queries of these.
    pub examples: Vec<QueryName>,
}

impl ScoreFlaws {
    /// Number of all.
    pub fn total(&self) -> usize {
        self.missing + self.nan + self.infinite
    }

    /// `1 query with NaN, 2 failed`; empty if all are usable.
    pub(super) fn sentence(&self) -> String {
        let parts = [(self.nan, "with NaN"), (self.infinite, "with an infinite score"), (self.missing, "failed")];
        let parts = parts.iter().filter(|(many, _)| *many > 0).enumerate();
        let queries = |at: usize, many: usize| match (at, many) {
            (0, 1) => " query",
            (0, _) => " queries",
            _ => "",
        };
        let parts = parts.map(|(at, (many, what))| format!("{}{} {what}", count(*many as u64), queries(at, *many)));
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// A query, as it can be found again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueryName {
    /// Its place, from 0.
    pub index: u64,
    /// Its id, where it has one.
    pub id: Option<String>,
}

impl fmt::Display for QueryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "query {}", quoted(id, SHOWN)),
            None => write!(f, "query {}", self.index),
        }
    }
}

/// A query whose documents are ordered otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorstQuery {
    pub query: QueryName,
    pub documents: usize,
    /// Kendall's τ-b of its scores; `None` where the candidate scores all documents the same, and the reference does not.
    pub tau: Option<f64>,
    /// Its text, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// The scores of one engine against the reference's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RankingComparison {
    /// The engine that is compared.
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
    /// Those of them whose scores are the same bit for bit.
    pub identical: usize,
    /// The agreement of rankings; `None` without a query of two documents.
    pub order: Option<OrderAgreement>,
    /// The agreement of score values; `None` without a document with finite scores in both.
    pub calibration: Option<Calibration>,
    /// The queries with the smallest τ-b, the smallest first, at most ten.
    pub worst: Vec<WorstQuery>,
    /// The causes of differences, by name.
    pub findings: Vec<Finding>,
    /// The verdict on replacing one engine with the other.
    pub verdict: Verdict,
    /// The reasons of the verdict.
    pub reasons: Vec<String>,
    /// Warnings that a reader needs to judge the figures.
    pub warnings: Vec<String>,
}

/// Names of the figures of a comparison that thresholds can be set on.
pub const METRICS: [&str; 19] = [
    "tau_min",
    "tau_p5",
    "tau_mean",
    "overlap_min",
    "overlap_mean",
    "top1",
    "score_max_difference",
    "score_mean_difference",
    "score_rms_difference",
    "score_bias",
    "score_slope",
    "score_r_squared",
    "cut_off_changes",
    "worst_cut_off_changes",
    "nan",
    "infinite",
    "missing",
    "document_mismatches",
    "unmatched",
];

impl RankingComparison {
    /// The figure of this name, one of [`METRICS`]. `None` for another name, or if the figure is unknown: τ-b without a
    /// query of two documents, for example.
    ///
    /// `nan`, `infinite` and `missing` (failed) are queries of the candidate; `unmatched` are those of one engine
    /// alone; `top1`, overlaps and changes at cut-offs are shares from 0 to 1.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let (order, scores, flaws) = (self.order.as_ref(), self.calibration.as_ref(), &self.candidate.flaws);
        match name {
            "tau_min" => order?.tau_min,
            "tau_p5" => order?.tau_p5,
            "tau_mean" => order?.tau_mean,
            "overlap_min" => Some(order?.overlap_min),
            "overlap_mean" => Some(order?.overlap_mean),
            "top1" => Some(order?.top_1),
            "score_max_difference" => Some(scores?.max_difference),
            "score_mean_difference" => Some(scores?.mean_difference),
            "score_rms_difference" => Some(scores?.rms_difference),
            "score_bias" => Some(scores?.bias),
            "score_slope" => scores?.slope,
            "score_r_squared" => scores?.r_squared,
            "cut_off_changes" => Some(scores?.cut_off.other_side),
            "worst_cut_off_changes" => scores.map(|found| found.worst_cut_off.map_or(0.0, |worst| worst.other_side)),
            "nan" => Some(flaws.nan as f64),
            "infinite" => Some(flaws.infinite as f64),
            "missing" => Some(flaws.missing as f64),
            "document_mismatches" => Some(self.document_mismatches as f64),
            "unmatched" => Some((self.only_in_reference + self.only_in_candidate) as f64),
            _ => None,
        }
    }
}

impl ScoreSetReport {
    /// Looks at the scores of one engine by themselves.
    pub fn of(set: &ScoreSet) -> Self {
        let mut flaws = ScoreFlaws::default();
        let (mut all, mut finite) = (0, Vec::new());
        for query in &set.queries {
            let scores = query.scores.as_deref();
            all += scores.map_or(0, <[f32]>::len);
            finite.extend(scores.unwrap_or_default().iter().copied().filter(|score| score.is_finite()));
            let counted = match scores {
                None => &mut flaws.missing,
                Some(scores) if scores.iter().any(|score| score.is_nan()) => &mut flaws.nan,
                Some(scores) if scores.iter().any(|score| score.is_infinite()) => &mut flaws.infinite,
                Some(_) => continue,
            };
            *counted += 1;
            if flaws.examples.len() < EXAMPLES {
                flaws.examples.push(query.name());
            }
        }
        let extremes = |(min, max): (f32, f32), score: &f32| (min.min(*score), max.max(*score));
        let (min, max) = finite.iter().fold((f32::INFINITY, f32::NEG_INFINITY), extremes);
        let range = (!finite.is_empty()).then(|| ScoreRange { min: min.into(), max: max.into() });
        Self {
            name: set.name.to_string(),
            queries: set.queries.len(),
            documents: all,
            probabilities: range.is_some_and(|range| is_probability(range.min) && is_probability(range.max)),
            constant: range.filter(|_| finite.len() == all && is_constant(&finite)).map(|range| range.min),
            range,
            flaws,
        }
    }
}
