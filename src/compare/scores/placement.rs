//! Detects scores assigned to the wrong documents, as when a reply sorted by score is read in document order.

use super::order::is_constant;
use super::sides::Query;
use crate::compare::vectors::Side;
use crate::stats::kendall::kendall_tau_b;

/// A document whose score differs by this part of the spread has another score in any case: int8 changes less.
pub(super) const OTHER_SCORE: f64 = 0.4;
/// Fewer documents have too few orders.
const DOCUMENTS: usize = 3;
/// The same score computed twice differs by this part of the spread at most; of probabilities, by this much of the logit.
/// float16 keeps to it. Wider, and the scores of two models in rising order would be the same.
const COMPUTED_TWICE: f64 = 0.02;
const SAME_LOGIT: f64 = 0.1;
/// So unlikely by chance is an order that says that scores were sorted: 1 to 10,000, as a logarithm.
const NO_CHANCE: f64 = 9.2;

/// Below this mean τ-b to the other's, sorted scores belong to other documents: if the documents themselves were sorted
/// by relevance, it is near 1.
const OTHER_ORDER: f64 = 0.5;

#[derive(Debug, Default, PartialEq)]
pub(super) struct Placement {
    /// Queries (by their place among those compared) that have the reference's scores at other documents, rising.
    pub permuted: Vec<usize>,
    /// The side whose scores fall from the first document to the last in every query, while the other's do not.
    pub sorted: Option<Side>,
}

/// Looks at the queries that were compared. `spread`: how far the reference's scores are spread. `probabilities`: both
/// are such.
pub(super) fn placement(queries: &[Query<'_>], spread: f64, probabilities: bool) -> Placement {
    let off: Vec<usize> = (0..queries.len())
        .filter(|&at| queries[at].finite().any(|(_, r, c)| (c - r).abs() > OTHER_SCORE * spread))
        .collect();
    let mut permuted: Vec<usize> =
        off.iter().copied().filter(|&at| is_permuted(&queries[at], spread, probabilities)).collect();
    // Of many queries with other scores, in some the same ones meet by chance.
    if permuted.len() * 2 < off.len() {
        permuted.clear();
    }
    let sorted = sorted(queries, &permuted);
    Placement { permuted, sorted }
}

/// True if the same scores are there, in another order.
fn is_permuted(query: &Query<'_>, spread: f64, probabilities: bool) -> bool {
    let (mut reference, mut candidate) = (query.reference.to_vec(), query.candidate.to_vec());
    if reference.len() < DOCUMENTS || reference.iter().chain(&candidate).any(|score| !score.is_finite()) {
        return false;
    }
    reference.sort_unstable_by(f32::total_cmp);
    candidate.sort_unstable_by(f32::total_cmp);
    reference.iter().zip(&candidate).all(|(&a, &b)| {
        let (a, b) = (f64::from(a), f64::from(b));
        // Most probabilities are near an end, where any two of them differ by little.
        let logit = SAME_LOGIT * (a * (1.0 - a)).max(b * (1.0 - b)) + 1e-6;
        let limit = if probabilities { logit.min(COMPUTED_TWICE * spread) } else { COMPUTED_TWICE * spread };
        (a - b).abs() <= limit.max(1e-6 * a.abs())
    })
}

/// The side whose scores are sorted, beyond chance.
fn sorted(queries: &[Query<'_>], permuted: &[usize]) -> Option<Side> {
    let side = |of: for<'q> fn(&'q Query<'_>) -> &'q [f32], other: for<'q> fn(&'q Query<'_>) -> &'q [f32]| {
        let (mut all, mut unsorted, mut chance, mut tau) = (0, 0, 0.0, 0.0);
        for query in queries.iter().filter(|query| query.reference.len() >= DOCUMENTS && !is_constant(of(query))) {
            if !falls(of(query)) {
                return false;
            }
            all += 1;
            if !falls(other(query)) {
                unsorted += 1;
                tau += kendall_tau_b(query.reference, query.candidate).unwrap_or_default();
                chance += (2..=query.reference.len()).map(|n| (n as f64).ln()).sum::<f64>();
            }
        }
        let other_order = chance > NO_CHANCE && tau < OTHER_ORDER * f64::from(unsorted);
        unsorted * 2 > all && (other_order || permuted.len() >= unsorted as usize)
    };
    if side(|query| query.candidate, |query| query.reference) {
        return Some(Side::Candidate);
    }
    side(|query| query.reference, |query| query.candidate).then_some(Side::Reference)
}

fn falls(scores: &[f32]) -> bool {
    scores.is_sorted_by(|a, b| a >= b)
}
