//! The verdict on replacing one set with the other.

use schemars::JsonSchema;
use serde::Serialize;

use super::displaced::Displaced;
use super::set::InputName;
use super::set_report::VectorSetReport;
use super::{Distances, Neighbours};
use crate::report::Tone;
use crate::report::numbers::{cosine, number, several, share};
use crate::stats::fidelity::Agreement;
use crate::stats::quantiles::median;

/// Vectors of at least this cosine may stand beside each other in one index. float16 and bfloat16 keep to it; int8 does
/// not.
pub(super) const INTERCHANGEABLE_COSINE: f64 = 0.999;
/// Norms may differ by this part, so that scores by the scalar product and by distance agree as well.
pub(super) const NORM_TOLERANCE: f64 = 0.01;
/// The part of queries with the same nearest neighbour, and the mean part of the nearest neighbours in common, that make
/// the same ranking; of few queries, one may have others. Against float32, all-MiniLM-L6-v2 in int8 has 0.94 and 0.95 on
/// words and short passages, and 0.98 and 0.96 on the sentences of the STS benchmark's test split.
const SAME_NEIGHBOURS: f64 = 0.9;
/// The rank correlation of distances that makes the same ranking.
const SAME_ORDER: f64 = 0.99;
/// Sets of at least this median cosine are of one space: then every vector can be judged by itself.
pub(super) const SAME_SPACE_COSINE: f64 = 0.95;
/// Minimum inputs for a verdict by neighbours and distances, which say too little of fewer: of three, one order of
/// distances in six is the same by chance, and of five, one pair of distances that changes places takes their
/// correlation below the limit.
pub(super) const MIN_INPUTS: usize = 10;
/// Vectors of at least this cosine differ by rounding alone, bfloat16 included; their directions rank alike then, however few
/// they are.
const ROUNDED_COSINE: f64 = 0.99999;
/// Minimum inputs for the verdict "different" by distances alone.
const MIN_FOR_OTHERS: usize = 4;
/// Maximum correlation of distances that are plainly others.
const OTHER_ORDER: f64 = 0.5;
/// And one below this cosine is another vector, though all the others rank alike.
pub(super) const OUTLIER_COSINE: f64 = 0.9;

/// The verdict on replacing one set with the other: vectors, or scores of rerankers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Vectors of one may stand beside those of the other in one index: every cosine is at least 0.999, norms differ by
    /// at most 1 %, neighbours agree, and no vector is unsound. A cut-off for the scores of one can be kept for those of
    /// the other: they differ by at most 2.5 % of their spread (root mean square) and none by more than 10 %.
    Interchangeable,
    /// A search finds the same, but in an index of its own: 90 % of the nearest neighbours and of the first ten agree,
    /// distances are correlated by at least 0.99 (Spearman), and no vector is unsound or another one altogether.
    /// Documents are ordered alike: the mean of Kendall's τ-b is at least 0.9, 80 % of the first documents and 90 % of
    /// the first ten agree.
    SameRanking,
    /// Too few inputs for a verdict, unless their values are the same within rounding or clearly others. Fewer than 10
    /// vectors; fewer than 20 pairs of documents of one query, or, with one document a query, fewer than 10 documents.
    TooFewInputs,
    /// Neither.
    Different,
}

impl Verdict {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Interchangeable => "interchangeable",
            Self::SameRanking => "same ranking, different values",
            Self::TooFewInputs => "too few inputs to tell",
            Self::Different => "different",
        }
    }

    /// The consequence for an index.
    pub(super) fn meaning(self) -> &'static str {
        match self {
            Self::Interchangeable => "vectors of both may stand in one index",
            Self::SameRanking => "a search finds the same, but in an index of its own",
            Self::TooFewInputs => "more inputs would show whether one can take the place of the other",
            Self::Different => "neither can take the place of the other",
        }
    }

    pub(in crate::compare) fn tone(self) -> Tone {
        match self {
            Self::Interchangeable => Tone::Good,
            Self::SameRanking | Self::TooFewInputs => Tone::Doubtful,
            Self::Different => Tone::Bad,
        }
    }
}

/// Two sets, and the inputs that could be compared.
pub(super) struct Facts<'a> {
    pub reference: &'a VectorSetReport,
    pub candidate: &'a VectorSetReport,
    /// Inputs with a sound vector in one set only.
    pub lost: usize,
    /// Inputs of one set alone, and those with a sound vector in neither.
    pub left_out: usize,
    /// Inputs that could be compared.
    pub compared: usize,
    /// Their names.
    pub input: &'a dyn Fn(usize) -> InputName,
    pub agreement: Option<&'a Agreement>,
    /// The cosine of each compared input; empty where lengths differ.
    pub cosines: &'a [f64],
    /// And the norm of the candidate's vector over that of the reference's.
    pub ratios: &'a [f64],
    pub displaced: &'a Displaced,
    pub neighbours: Option<&'a Neighbours>,
    pub distances: Option<&'a Distances>,
}

impl Facts<'_> {
    pub(crate) fn judge(&self) -> (Verdict, Vec<String>) {
        let mut reasons = Vec::new();
        if self.compared == 0 {
            return (Verdict::Different, vec!["no input has a sound vector in both".to_owned()]);
        }
        if self.lost > 0 {
            let inputs = several(self.lost as u64, "input has", "inputs have");
            reasons.push(format!("{inputs} a sound vector in one of both alone"));
        }
        let displaced = self.displaced.moved.len();
        if displaced > 0 {
            let vectors = several(displaced as u64, "vector belongs", "vectors belong");
            reasons.push(format!("{vectors} to another input"));
        }
        let outliers = self.outliers();
        if outliers > 0 {
            let inputs = several(outliers as u64, "input has", "inputs have");
            reasons.push(format!("{inputs} another vector: a cosine below {OUTLIER_COSINE}"));
        }
        let wrong = !reasons.is_empty();
        let values = self.values();
        let ranking = self.ranking();
        let (same_values, same_ranking) = (values.is_empty(), self.same_ranking());
        reasons.extend(values);
        match same_ranking {
            _ if wrong => (Verdict::Different, reasons),
            _ if self.compared < MIN_INPUTS => {
                reasons.extend(ranking);
                let verdict = self.of_few(same_values);
                let few = several(self.compared as u64, "input is", "inputs are");
                reasons.push(match verdict {
                    Verdict::Interchangeable => format!("{few} the same within rounding"),
                    Verdict::SameRanking => format!("the directions of {few} the same within rounding"),
                    Verdict::TooFewInputs => format!("{few} too few to tell; {MIN_INPUTS} or more do"),
                    Verdict::Different => "distances are in another order".to_owned(),
                });
                (verdict, reasons)
            }
            same => {
                let same = same == Some(true);
                reasons.extend(ranking);
                let verdict = match (same, same_values) {
                    (true, true) => Verdict::Interchangeable,
                    (true, false) => Verdict::SameRanking,
                    (false, _) => Verdict::Different,
                };
                (verdict, reasons)
            }
        }
    }

    /// Vectors of a space in common that are others altogether.
    fn outliers(&self) -> usize {
        let same_space = median(self.cosines).is_some_and(|middle| middle >= SAME_SPACE_COSINE);
        self.cosines.iter().filter(|cosine| same_space && **cosine < OUTLIER_COSINE).count()
    }

    /// The verdict of few inputs, whose ranking says little.
    fn of_few(&self, same_values: bool) -> Verdict {
        let rounded = self.reference.dimensions == self.candidate.dimensions
            && self.agreement.is_some_and(|agreement| agreement.cosine_min >= ROUNDED_COSINE);
        let correlation = self.distances.and_then(|distances| distances.spearman);
        let others = self.compared >= MIN_FOR_OTHERS && correlation.is_some_and(|rho| rho < OTHER_ORDER);
        match (rounded, same_values) {
            // A few that are the same say nothing about those that are left out.
            (true, _) if self.left_out > 0 => Verdict::TooFewInputs,
            (true, true) => Verdict::Interchangeable,
            (true, false) => Verdict::SameRanking,
            (false, _) if others => Verdict::Different,
            (false, _) => Verdict::TooFewInputs,
        }
    }

    fn values(&self) -> Vec<String> {
        if let (Some(reference), Some(candidate)) = (self.reference.dimensions, self.candidate.dimensions)
            && reference != candidate
        {
            return vec![format!("vectors have {candidate} numbers instead of {reference}")];
        }
        let mut reasons = Vec::new();
        if let Some(agreement) = self.agreement.filter(|agreement| agreement.cosine_min < INTERCHANGEABLE_COSINE) {
            let least = cosine(agreement.cosine_min);
            reasons.push(format!("the smallest cosine is {least}, below {INTERCHANGEABLE_COSINE}"));
        }
        let extremes = |(least, most): (f64, f64), ratio: &f64| (least.min(*ratio), most.max(*ratio));
        let (least, most) = self.ratios.iter().fold((f64::INFINITY, 0.0), extremes);
        if !self.ratios.is_empty() && (least < 1.0 - NORM_TOLERANCE || most > 1.0 + NORM_TOLERANCE) {
            let (least, most) = (number(least), number(most));
            reasons.push(format!("norms are {least} to {most} times those of the reference"));
        }
        reasons
    }

    /// True if a search finds the same; `None` of too few inputs.
    pub(crate) fn same_ranking(&self) -> Option<bool> {
        let neighbours = self.neighbours?;
        let queries = neighbours.queries as f64;
        let enough = |part: f64| (1.0 - part) * queries <= ((1.0 - SAME_NEIGHBOURS) * queries).max(1.0) + 1e-9;
        let ordered = self.distances.and_then(|distances| distances.spearman).is_none_or(|rho| rho >= SAME_ORDER);
        Some(enough(neighbours.top_1) && enough(neighbours.top_k) && ordered)
    }

    fn ranking(&self) -> Vec<String> {
        let Some(Neighbours { k, top_1, top_k, .. }) = self.neighbours else { return Vec::new() };
        let mut text =
            format!("{} of the nearest neighbours and {} of the first {k} agree", share(*top_1), share(*top_k));
        if let Some(rho) = self.distances.and_then(|distances| distances.spearman) {
            text += &format!(", and distances are correlated by {}", cosine(rho));
        }
        vec![text]
    }
}
