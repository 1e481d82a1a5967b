//! The agreement of rankings.

use schemars::JsonSchema;
use serde::Serialize;

use super::sides::Query;
use crate::stats::kendall::kendall_tau_b;
use crate::stats::quantiles::percentile;

/// Documents at the head of a ranking that are looked at.
const HEAD: usize = 10;
/// Scores this near to one another, as a part of the larger one, are equal: float32 hardly distinguishes them, and a
/// batch of other lengths moves them as far.
const TIE: f64 = 4.0 * f32::EPSILON as f64;

/// The agreement of rankings, query by query.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub(crate) struct OrderAgreement {
    /// Queries with two documents or more: one alone has no order.
    pub queries: usize,
    /// The queries among them in which the reference distinguishes documents and the candidate's scores are all the
    /// same.
    pub lost: usize,
    /// Queries whose documents have one score on both sides.
    pub tied: usize,
    /// Mean of Kendall's τ-b over the queries for which it is defined, from −1 to 1; `None` if it is for none: all
    /// documents of a query are tied in one of both.
    pub tau_mean: Option<f64>,
    pub tau_p5: Option<f64>,
    pub tau_min: Option<f64>,
    /// Part of the queries whose first document is the same, from 0 to 1.
    pub top_1: f64,
    /// Most documents that the next two look at: 10, or half of fewer than 20.
    pub k: usize,
    /// Mean part of the first documents that both have, from 0 to 1.
    pub overlap_mean: f64,
    /// Smallest share.
    pub overlap_min: f64,
}

/// Order, and what else is known of it.
#[derive(Debug)]
pub(super) struct Order {
    pub agreement: OrderAgreement,
    /// τ-b of each compared query, with any number of documents.
    pub tau: Vec<Option<f64>>,
    /// The standard deviation of the mean τ-b for unrelated rankings.
    pub chance: Option<f64>,
}

/// Compares the orders. `None` without a query of two documents.
pub(super) fn order(queries: &[Query<'_>]) -> Option<Order> {
    let tau: Vec<Option<f64>> = queries.iter().map(|query| kendall_tau_b(query.candidate, query.reference)).collect();
    let mut defined: Vec<f64> = tau.iter().flatten().copied().collect();
    defined.sort_unstable_by(f64::total_cmp);
    let (mut lost, mut tied, mut first, mut overlaps, mut most, mut variance) = (0, 0, 0.0, Vec::new(), 0, 0.0);
    for (query, tau) in queries.iter().zip(&tau) {
        let (reference, candidate) = (query.reference, query.candidate);
        let n = reference.len();
        if n < 2 {
            continue;
        }
        let k = HEAD.min(n / 2);
        most = most.max(k);
        first += head_overlap(reference, candidate, 1);
        overlaps.push(head_overlap(reference, candidate, k));
        match (is_constant(reference), is_constant(candidate)) {
            (true, true) => tied += 1,
            (false, true) => lost += 1,
            (_, false) => {}
        }
        if tau.is_some() {
            // Kendall 1938, without ties; with them it is a little more.
            let n = n as f64;
            variance += 2.0 * (2.0 * n + 5.0) / (9.0 * n * (n - 1.0));
        }
    }
    if overlaps.is_empty() {
        return None;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let agreement = OrderAgreement {
        queries: overlaps.len(),
        lost,
        tied,
        tau_mean: (!defined.is_empty()).then(|| mean(&defined)),
        tau_p5: percentile(&defined, 5.0),
        tau_min: defined.first().copied(),
        top_1: first / overlaps.len() as f64,
        k: most,
        overlap_mean: mean(&overlaps),
        overlap_min: overlaps.iter().copied().fold(1.0, f64::min),
    };
    let chance = (!defined.is_empty()).then(|| variance.sqrt() / defined.len() as f64);
    Some(Order { agreement, tau, chance })
}

/// The part of the candidate's first `k` documents that are among the reference's first `k`, from 0 to 1.
///
/// Of documents the reference ties at its `k`th place, one is as good as the other. Of those the candidate ties there, as
/// many as it takes are drawn by lot, and the part is the expected one: an engine that scores all documents the same has
/// found nothing, wherever the first of them stands. `k` is from 1 to the number of documents; none is NaN.
fn head_overlap(reference: &[f32], candidate: &[f32], k: usize) -> f64 {
    let kth = |scores: &[f32]| {
        let mut falling = scores.to_vec();
        let (_, kth, _) = falling.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
        *kth
    };
    let (good, last) = (kth(reference), kth(candidate));
    let (mut taken, mut found, mut tied, mut tied_good) = (0, 0, 0, 0);
    for (&reference, &candidate) in reference.iter().zip(candidate) {
        let is_good = usize::from(reference > good || same(reference, good));
        if same(candidate, last) {
            tied += 1;
            tied_good += is_good;
        } else if candidate > last {
            taken += 1;
            found += is_good;
        }
    }
    let left = k.saturating_sub(taken) as f64;
    let by_lot = if tied > 0 { left * f64::from(tied_good as u32) / f64::from(tied as u32) } else { 0.0 };
    ((found as f64 + by_lot) / k as f64).min(1.0)
}

/// True if two scores are tied.
fn same(a: f32, b: f32) -> bool {
    let (a, b) = (f64::from(a), f64::from(b));
    a == b || (a - b).abs() <= TIE * a.abs().max(b.abs()) && a.is_finite() && b.is_finite()
}

/// True if all are tied, of at least two; none is NaN.
pub(super) fn is_constant(scores: &[f32]) -> bool {
    let extremes = |(low, high): (f32, f32), &score: &f32| (low.min(score), high.max(score));
    let (low, high) = scores.iter().fold((f32::INFINITY, f32::NEG_INFINITY), extremes);
    scores.len() > 1 && same(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_without_ties_are_sets() {
        let a = [0.9, 0.8, 0.7, 0.1];
        for (b, k, expected) in [
            ([0.8, 0.9, 0.1, 0.7], 1, 0.0),
            ([0.8, 0.9, 0.1, 0.7], 2, 1.0),
            ([0.8, 0.9, 0.1, 0.7], 3, 2.0 / 3.0),
            ([0.1, 0.2, 0.3, 0.4], 2, 0.0),
            ([0.1, 0.2, 0.3, 0.4], 4, 1.0),
        ] {
            assert_eq!(head_overlap(&a, &b, k), expected, "{b:?} {k}");
        }
    }

    #[test]
    fn of_what_the_reference_ties_any_will_do() {
        let tied = [0.5, 0.5, 0.5, 0.1];
        assert_eq!(head_overlap(&tied, &[0.1, 0.2, 0.3, 0.0], 1), 1.0);
        assert_eq!(head_overlap(&tied, &[0.1, 0.2, 0.3, 0.4], 2), 0.5);
        assert_eq!((head_overlap(&tied, &tied, 1), head_overlap(&[0.0; 4], &[-0.0; 4], 2)), (1.0, 1.0));
    }

    #[test]
    fn of_what_the_candidate_ties_it_takes_by_lot() {
        let a = [0.1, 0.9, 0.8, 0.7];
        assert_eq!((head_overlap(&a, &[0.5; 4], 1), head_overlap(&a, &[0.5; 4], 2)), (0.25, 0.5));
        // One for certain, the other of two.
        assert_eq!(head_overlap(&a, &[0.0, 0.9, 0.5, 0.5], 2), 0.75);
    }

    #[test]
    fn rounding_makes_no_difference() {
        let (a, b) = ([10.0, 10.0f32.next_up(), -3.0], [10.0f32.next_up(), 10.0, -3.0]);
        assert_eq!(head_overlap(&a, &b, 1), 1.0);
        // Of small probabilities it is the ratio that counts.
        assert!(!same(1e-9, 2e-9) && same(1e-9, 1e-9f32.next_up()) && !same(f32::MAX, f32::INFINITY));
        assert!(is_constant(&[f32::INFINITY; 2]) && is_constant(&[0.0, -0.0]) && !is_constant(&[1.0]));
    }
}
