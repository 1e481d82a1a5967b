//! Kendall's rank correlation.

use std::cmp::Ordering;

/// Kendall's τ-b of two lists of scores of the same things, from −1 (the reverse order) to 1 (the same order), with ties
/// taken out on both sides:
///
/// τ_b = (C − D) / √((n₀ − n₁)(n₀ − n₂))
///
/// where C and D are the numbers of pairs that both lists order alike and differently, n₀ = n(n − 1)/2 is that of all
/// pairs, and n₁ and n₂ are those of pairs that are tied in the one and in the other list (Kendall 1945, The Treatment
/// of Ties in Ranking Problems). Counted in O(n log n) by sorting by the first list and counting the exchanges of a merge
/// sort by the second (Knight 1966, A Computer Method for Calculating Kendall's Tau with Ungrouped Data).
///
/// `None` where it is not defined: lists of different lengths or of fewer than two scores, a list in which all are
/// tied, or NaN.
pub(crate) fn kendall_tau_b(a: &[f32], b: &[f32]) -> Option<f64> {
    if a.len() != b.len() || a.len() < 2 || a.iter().chain(b).any(|score| score.is_nan()) {
        return None;
    }
    let mut pairs: Vec<(f32, f32)> = a.iter().copied().zip(b.iter().copied()).collect();
    pairs.sort_unstable_by(|x, y| order(x.0, y.0).then(order(x.1, y.1)));
    let all = choose(pairs.len());
    let tied_a = tied(&pairs, |x, y| x.0 == y.0);
    let tied_both = tied(&pairs, |x, y| x == y);
    let mut seconds: Vec<f32> = pairs.iter().map(|pair| pair.1).collect();
    let discordant = exchanges(&mut seconds, &mut vec![0.0; pairs.len()]);
    let tied_b = tied(&seconds, |x, y| x == y);
    // Of all pairs, those that are tied nowhere are concordant or discordant.
    let concordant = all + tied_both - tied_a - tied_b - discordant;
    let (untied_a, untied_b) = ((all - tied_a) as f64, (all - tied_b) as f64);
    if untied_a == 0.0 || untied_b == 0.0 {
        return None;
    }
    // The root of a square is exact, and so the same order gives 1 and not almost 1.
    let tau = (concordant as f64 - discordant as f64) / (untied_a * untied_b).sqrt();
    Some(tau.clamp(-1.0, 1.0))
}

/// Without NaN; both zeros are the same.
fn order(a: f32, b: f32) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}

/// Pairs of n things.
fn choose(n: usize) -> u64 {
    let n = n as u64;
    n * n.saturating_sub(1) / 2
}

/// Pairs of the same, of sorted things.
fn tied<T>(sorted: &[T], same: impl Fn(&T, &T) -> bool) -> u64 {
    sorted.chunk_by(|a, b| same(a, b)).map(|run| choose(run.len())).sum()
}

/// Sorts and counts the pairs that were in the wrong order. `spare` is as long as `scores`.
fn exchanges(scores: &mut [f32], spare: &mut [f32]) -> u64 {
    if scores.len() < 2 {
        return 0;
    }
    let middle = scores.len() / 2;
    let (left, right) = scores.split_at_mut(middle);
    let (spare_left, spare_right) = spare.split_at_mut(middle);
    let mut count = exchanges(left, spare_left) + exchanges(right, spare_right);
    let (mut i, mut j) = (0, 0);
    for slot in spare.iter_mut() {
        // Equal ones are in order.
        let take_right = i == left.len() || (j < right.len() && order(right[j], left[i]) == Ordering::Less);
        if take_right {
            count += (left.len() - i) as u64;
            *slot = right[j];
            j += 1;
        } else {
            *slot = left[i];
            i += 1;
        }
    }
    scores.copy_from_slice(spare);
    count
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::stats::random::Random;

    /// `scipy.stats.kendalltau(a, b).statistic` of scipy 1.17.1, over `numpy.float32`.
    #[test]
    fn it_is_scipys() {
        let cases: [(&[f32], &[f32], f64); 6] = [
            (&[12.0, 2.0, 1.0, 12.0, 2.0], &[1.0, 4.0, 7.0, 1.0, 0.0], -0.4714045207910316),
            (&[1.0, 2.0, 3.0, 4.0, 5.0], &[1.0, 2.0, 3.0, 5.0, 4.0], 0.7999999999999999),
            (&[0.9, 0.8, 0.8, 0.1, 0.1, 0.1], &[0.7, 0.9, 0.7, 0.2, 0.2, 0.1], 0.6689936080056726),
            (&[0.5, 0.25, 0.125, 0.75, 1.0, 0.375], &[0.5, 0.5, 0.5, 0.75, 0.25, 0.5], -0.08606629658238703),
            (&[1.0, 2.0, 3.0, 4.0], &[4.0, 3.0, 2.0, 1.0], -1.0),
            (&[3.0, 1.0, 2.0], &[3.0, 1.0, 2.0], 1.0),
        ];
        for (a, b, expected) in cases {
            let (tau, swapped) = (kendall_tau_b(a, b).unwrap(), kendall_tau_b(b, a).unwrap());
            assert!((tau - expected).abs() < 1e-12 && (swapped - expected).abs() < 1e-12, "{tau} {swapped} {expected}");
        }
    }

    /// By the definition, pair by pair.
    fn slow(a: &[f32], b: &[f32]) -> Option<f64> {
        let sign = |x: f32, y: f32| order(x, y) as i64;
        let (mut sum, mut untied_a, mut untied_b) = (0i64, 0i64, 0i64);
        for i in 0..a.len() {
            for j in 0..i {
                let (x, y) = (sign(a[i], a[j]), sign(b[i], b[j]));
                (sum, untied_a, untied_b) = (sum + x * y, untied_a + x.abs(), untied_b + y.abs());
            }
        }
        (untied_a * untied_b > 0).then(|| sum as f64 / (untied_a as f64).sqrt() / (untied_b as f64).sqrt())
    }

    #[test]
    fn it_is_that_of_the_definition() {
        let mut random = Random::new(3);
        for n in 0..60 {
            for kinds in [2, 5, 1000] {
                let mut scores = || (0..n).map(|_| random.below(kinds) as f32 - 1.0).collect::<Vec<_>>();
                let (a, b) = (scores(), scores());
                match (kendall_tau_b(&a, &b), slow(&a, &b)) {
                    (Some(fast), Some(slow)) => assert!((fast - slow).abs() < 1e-12, "{a:?} {b:?}: {fast} {slow}"),
                    (fast, slow) => assert_eq!(fast, slow, "{a:?} {b:?}"),
                }
            }
        }
    }

    #[test]
    fn where_it_is_not_defined_there_is_none() {
        let nan = f32::NAN;
        for (a, b) in [
            (&[][..], &[][..]),
            (&[1.0], &[1.0]),
            (&[1.0, 1.0], &[1.0, 2.0]),
            (&[1.0, 2.0], &[0.0, -0.0]),
            (&[1.0, nan], &[1.0, 2.0]),
            (&[1.0, 2.0], &[nan, nan]),
            (&[1.0, 2.0, 3.0], &[1.0, 2.0]),
        ] {
            assert_eq!(kendall_tau_b(a, b), None, "{a:?} {b:?}");
        }
        let infinite = [f32::NEG_INFINITY, 0.0, f32::INFINITY];
        assert_eq!(kendall_tau_b(&infinite, &[1.0, 2.0, 3.0]), Some(1.0));
        assert_eq!(kendall_tau_b(&infinite, &[3.0, 2.0, 1.0]), Some(-1.0));
    }

    #[test]
    fn a_hundred_thousand_scores_take_no_time() {
        let mut random = Random::new(4);
        let scores: Vec<f32> = (0..100_000).map(|_| random.below(50_000) as f32).collect();
        let reversed: Vec<f32> = scores.iter().map(|score| -score).collect();
        assert!((kendall_tau_b(&scores, &scores).unwrap() - 1.0).abs() < 1e-12);
        assert!((kendall_tau_b(&scores, &reversed).unwrap() + 1.0).abs() < 1e-12);
    }
}
