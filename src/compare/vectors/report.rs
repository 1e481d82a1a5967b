//! The report of a comparison of vectors: written as JSON, and drawn as tables.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::histogram::CosineHistogram;
use super::set::InputName;
use super::set_report::VectorSetReport;
use super::{Distances, Finding, MatchedBy, Neighbours, Verdict};
use crate::report::document::Check;
#[cfg(test)]
use crate::report::schema_of;
use crate::stats::fidelity::VectorReport;

/// Version of this format. It rises when a field changes its meaning or goes; new optional fields do not count.
pub const SCHEMA_VERSION: u32 = 1;

/// One set of vectors, and others compared with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VectorsReport {
    /// Version of this format.
    pub schema_version: u32,
    /// Version of infa that compared.
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WorstInput {
    pub input: InputName,
    /// The cosine of its vectors.
    pub cosine: f64,
    /// Its text, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Its length in tokens, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<usize>,
}

/// One set against the reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VectorComparison {
    /// The set that is compared.
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
    /// The causes of differences, by name.
    pub findings: Vec<Finding>,
    /// The verdict on replacing one set with the other.
    pub verdict: Verdict,
    /// The reasons of the verdict.
    pub reasons: Vec<String>,
    /// Warnings that a reader needs to judge the figures.
    pub warnings: Vec<String>,
}

/// Names of the figures of a comparison that thresholds can be set on.
pub const METRICS: [&str; 15] = [
    "cosine_min",
    "cosine_p1",
    "cosine_mean",
    "max_difference",
    "norm_drift_max",
    "norm_drift_mean",
    "nan",
    "infinite",
    "zero",
    "missing",
    "dimension_mismatches",
    "unmatched",
    "top1",
    "top10",
    "distance_correlation",
];

impl VectorComparison {
    /// The figure of this name, one of [`METRICS`]. `None` for another name, or where the figure is not known: of
    /// cosines when nothing could be compared, for instance.
    ///
    /// `nan`, `infinite`, `zero` and `missing` are the candidate's vectors; `unmatched` are inputs of one set alone;
    /// `top1` and `top10` are parts from 0 to 1.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let agreement = self.vectors.agreement.as_ref();
        let flaws = &self.candidate.flaws;
        match name {
            "cosine_min" => agreement.map(|found| found.cosine_min),
            "cosine_p1" => agreement.map(|found| found.cosine_p1),
            "cosine_mean" => agreement.map(|found| found.cosine_mean),
            "max_difference" => agreement.map(|found| found.max_difference),
            "norm_drift_max" => agreement.map(|found| found.norm_drift_max),
            "norm_drift_mean" => agreement.map(|found| found.norm_drift_mean),
            "nan" => Some(flaws.nan as f64),
            "infinite" => Some(flaws.infinite as f64),
            "zero" => Some(flaws.zero as f64),
            "missing" => Some(flaws.missing as f64),
            "dimension_mismatches" => Some(self.vectors.dimension_mismatches as f64),
            "unmatched" => Some((self.only_in_reference + self.only_in_candidate) as f64),
            "top1" => self.neighbours.map(|found| found.top_1),
            "top10" => self.neighbours.map(|found| found.top_k),
            "distance_correlation" => self.distances.and_then(|found| found.spearman),
            _ => None,
        }
    }
}

/// The report as JSON for files: indented, with a newline at its end.
///
/// # Errors
/// None is known: they are those of the serialiser.
pub fn json(report: &VectorsReport) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(report).map(|text| text + "\n")
}

/// The schema of these reports (JSON Schema, draft 2020-12), as `docs/compare-vectors.schema.json` has it.
#[cfg(test)]
pub fn schema() -> serde_json::Value {
    schema_of::<VectorsReport>("Report of infa compare on saved vectors", SCHEMA_VERSION)
}
