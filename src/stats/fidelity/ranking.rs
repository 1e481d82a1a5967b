//! Scores of documents against those of a reference engine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stats::kendall::kendall_tau_b;
use crate::stats::quantiles::mean;

/// The part of the first `k` documents of one ranking that are among the first `k` of the other, from 0 to 1.
///
/// The order is by falling score, of equal scores by position, as rerankers answer. With fewer than `k` documents all of
/// them count. `None` for lists of different lengths, without documents, with a `k` of 0, or with NaN.
pub(crate) fn top_k_overlap(a: &[f32], b: &[f32], k: usize) -> Option<f64> {
    let k = k.min(a.len());
    if a.len() != b.len() || k == 0 || a.iter().chain(b).any(|score| score.is_nan()) {
        return None;
    }
    let (first, mut second) = (top(a, k), top(b, k));
    second.sort_unstable();
    let both = first.iter().filter(|document| second.binary_search(document).is_ok()).count();
    Some(both as f64 / k as f64)
}

/// The documents with the highest scores; NaN is excluded. Both zeros are the same.
fn top(scores: &[f32], k: usize) -> Vec<usize> {
    let mut documents: Vec<usize> = (0..scores.len()).collect();
    documents.sort_by(|&x, &y| (scores[y] + 0.0).total_cmp(&(scores[x] + 0.0)));
    documents.truncate(k);
    documents
}

/// Gathers pairs of lists of scores: an engine's of one query's documents, and the reference engine's of the same.
#[derive(Debug)]
pub(crate) struct RankingFidelity {
    top_k: usize,
    report: RankingReport,
    overlaps: Vec<f64>,
}

/// The agreement of rankings with the reference's.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RankingReport {
    /// Queries that were looked at.
    pub queries: usize,
    /// Fingerprint of the queries that were looked at: figures of other queries are not comparable with these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<String>,
    /// Queries for which the engine gave NaN as a score.
    pub nan: usize,
    /// Queries for which the engine gave an infinite score, and no NaN. Their order counts, their differences do not.
    pub infinite: usize,
    /// Queries with another number of scores than the reference's.
    pub length_mismatches: usize,
    /// Queries for which the reference gave NaN and the engine did not.
    pub unsound_references: usize,
    /// Kendall's τ-b of each query, in the order in which they came; `None` where it is not defined: fewer than two
    /// documents, all tied, or what is counted above.
    pub tau: Vec<Option<f64>>,
    /// Mean of those defined.
    pub tau_mean: Option<f64>,
    /// Smallest of those defined.
    pub tau_min: Option<f64>,
    /// Number of top documents for the next two figures.
    pub top_k: usize,
    /// Mean part of the first `top_k` documents that both have, from 0 to 1.
    pub overlap_mean: Option<f64>,
    /// Smallest share.
    pub overlap_min: Option<f64>,
    /// Largest |score − score of the reference|, of finite ones.
    pub max_difference: Option<f64>,
}

impl RankingFidelity {
    /// `top_k`: how many of the first documents are compared as a set.
    pub(crate) fn new(top_k: usize) -> Self {
        Self { top_k, report: RankingReport { top_k, ..RankingReport::default() }, overlaps: Vec::new() }
    }

    /// One more query: the engine's scores of its documents, and the reference's, in the same order of documents.
    pub(crate) fn push(&mut self, scores: &[f32], reference: &[f32]) {
        let report = &mut self.report;
        report.queries += 1;
        if scores.iter().any(|score| score.is_nan()) {
            report.nan += 1;
        } else if scores.len() != reference.len() {
            report.length_mismatches += 1;
        } else if reference.iter().any(|score| score.is_nan()) {
            report.unsound_references += 1;
        } else {
            report.infinite += usize::from(scores.iter().any(|score| score.is_infinite()));
            let finite = scores.iter().zip(reference).filter(|(a, b)| a.is_finite() && b.is_finite());
            let differences = finite.map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs());
            report.max_difference = differences.chain(report.max_difference).reduce(f64::max);
        }
        // Neither is defined in the cases above.
        report.tau.push(kendall_tau_b(scores, reference));
        self.overlaps.extend(top_k_overlap(scores, reference, self.top_k));
    }

    /// The report on all queries.
    pub(crate) fn report(self) -> RankingReport {
        let defined: Vec<f64> = self.report.tau.iter().flatten().copied().collect();
        let least = |values: &[f64]| values.iter().copied().reduce(f64::min);
        RankingReport {
            tau_mean: mean(&defined),
            tau_min: least(&defined),
            overlap_mean: mean(&self.overlaps),
            overlap_min: least(&self.overlaps),
            ..self.report
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(top_k: usize, queries: &[(&[f32], &[f32])]) -> RankingReport {
        let mut fidelity = RankingFidelity::new(top_k);
        queries.iter().for_each(|(scores, reference)| fidelity.push(scores, reference));
        fidelity.report()
    }

    #[test]
    fn the_first_documents_are_compared_as_a_set() {
        let a = [0.9, 0.8, 0.7, 0.1];
        assert_eq!(top_k_overlap(&a, &[0.8, 0.9, 0.1, 0.7], 2), Some(1.0));
        assert_eq!(top_k_overlap(&a, &[0.8, 0.9, 0.1, 0.7], 3), Some(2.0 / 3.0));
        assert_eq!(top_k_overlap(&a, &[0.1, 0.2, 0.3, 0.4], 2), Some(0.0));
        assert_eq!(top_k_overlap(&a, &[0.1, 0.2, 0.3, 0.4], 100), Some(1.0));
        // Ties go by position, and 0 is no more than -0.
        assert_eq!(top_k_overlap(&[0.5; 4], &[0.9, 0.8, 0.0, 0.0], 2), Some(1.0));
        assert_eq!(top_k_overlap(&[-0.0, 0.0], &[1.0, 0.0], 1), Some(1.0));
        assert_eq!(top_k_overlap(&[f32::NEG_INFINITY, f32::INFINITY], &[0.0, 1.0], 1), Some(1.0));
        for (a, b, k) in
            [(&[][..], &[][..], 3), (&[1.0], &[1.0], 0), (&[1.0], &[1.0, 2.0], 1), (&[f32::NAN], &[1.0], 1)]
        {
            assert_eq!(top_k_overlap(a, b, k), None, "{a:?} {b:?} {k}");
        }
    }

    #[test]
    fn figures_are_of_all_queries() {
        // τ = 1, 1/3 and -1.
        let report = of(
            1,
            &[(&[0.1, 0.2, 0.3], &[0.1, 0.25, 0.3]), (&[0.1, 0.3, 0.2], &[0.1, 0.2, 0.3]), (&[2.0, 1.0], &[1.0, 2.0])],
        );
        let tau: Vec<f64> = report.tau.iter().flatten().copied().collect();
        assert!(
            tau.iter().zip([1.0, 1.0 / 3.0, -1.0]).all(|(a, b)| (a - b).abs() < 1e-12) && tau.len() == 3,
            "{tau:?}"
        );
        assert!((report.tau_mean.unwrap_or(f64::NAN) - 1.0 / 9.0).abs() < 1e-12);
        assert_eq!((report.tau_min, report.overlap_min, report.overlap_mean), (Some(-1.0), Some(0.0), Some(1.0 / 3.0)));
        assert_eq!((report.queries, report.top_k, report.max_difference), (3, 1, Some(1.0)));
    }

    #[test]
    fn what_is_unsound_is_counted() {
        let (nan, inf) = (f32::NAN, f32::INFINITY);
        let report = of(
            10,
            &[
                (&[nan, 1.0], &[1.0, 2.0]),
                (&[1.0, 2.0], &[1.0, nan]),
                (&[1.0], &[1.0, 2.0]),
                (&[], &[]),
                (&[1.0], &[3.0]),
                (&[1.0, 1.0], &[3.0, 4.0]),
                (&[inf, 1.0], &[9.0, 1.5]),
            ],
        );
        assert_eq!((report.queries, report.nan, report.infinite), (7, 1, 1));
        assert_eq!((report.length_mismatches, report.unsound_references), (1, 1));
        assert_eq!(report.tau, [None, None, None, None, None, None, Some(1.0)]);
        assert_eq!((report.tau_mean, report.overlap_mean, report.max_difference), (Some(1.0), Some(1.0), Some(3.0)));
        assert_eq!(of(10, &[]), RankingReport { top_k: 10, ..RankingReport::default() });
    }
}
