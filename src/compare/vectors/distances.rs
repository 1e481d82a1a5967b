//! The agreement of two sets on the order of pairs of inputs by distance.

use schemars::JsonSchema;
use serde::Serialize;

use super::units::Units;
use crate::stats::correlation::spearman;

/// Number of examined pairs: the correlation then has a standard error of at most 0.007 (for unrelated sets).
const PAIRS: usize = 20_000;

/// Agreement of the distances of pairs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Distances {
    /// Number of examined pairs: all, or a sample of 20,000.
    pub pairs: usize,
    /// Spearman's rank correlation of their cosine distances in the one set and in the other, from −1 to 1; `None`
    /// where all are equally far apart.
    pub spearman: Option<f64>,
}

/// Compares the distances in two sets of equally many vectors; those at the same position are of the same input. `None`
/// with fewer than three: a single pair has no order.
pub(super) fn distances(reference: &Units, candidate: &Units, seed: u64) -> Option<Distances> {
    let inputs = reference.len();
    if inputs < 3 || candidate.len() != inputs {
        return None;
    }
    let pairs: Vec<(usize, usize)> = if inputs * (inputs - 1) / 2 <= PAIRS {
        (1..inputs).flat_map(|a| (0..a).map(move |b| (a, b))).collect()
    } else {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut pair = || {
            let (a, b) = (rng.usize(..inputs), rng.usize(..inputs - 1));
            // Any other than the first.
            (a, if b < a { b } else { b + 1 })
        };
        (0..PAIRS).map(|_| pair()).collect()
    };
    let of = |units: &Units| pairs.iter().map(|&(a, b)| 1.0 - units.cosine(a, b)).collect::<Vec<_>>();
    Some(Distances { pairs: pairs.len(), spearman: spearman(&of(reference), &of(candidate)) })
}

#[cfg(test)]
mod tests {
    use super::super::tests::random;
    use super::*;

    fn units(numbers: &[f32], dimensions: usize) -> Units {
        Units::of(numbers.chunks(dimensions), dimensions)
    }

    #[test]
    fn the_same_unrelated_and_many() {
        let (a, b) = (units(&random(1, 100, 8), 8), units(&random(2, 100, 12), 12));
        assert_eq!(distances(&a, &a, 1).unwrap(), Distances { pairs: 4950, spearman: Some(1.0) });
        assert!(distances(&a, &b, 1).unwrap().spearman.unwrap().abs() < 0.1);
        let many = units(&random(3, 500, 4), 4);
        assert_eq!(distances(&many, &many, 1).unwrap(), Distances { pairs: PAIRS, spearman: Some(1.0) });
        let other = units(&random(4, 500, 4), 4);
        assert_eq!(distances(&many, &other, 1), distances(&many, &other, 1));
    }

    /// `spearmanr(pdist(a, "cosine"), pdist(b, "cosine"))` of scipy 1.17.1.
    #[test]
    fn it_is_scipys() {
        let a = [1.0, 0.1, 0.5, 0.6, 0.2, 2.0, -1.0, 0.25, 3.0, 1.3];
        let b = [1.0, 0.25, 0.5, -0.5, 0.3, 2.0, -1.0, 0.35, 1.0, 0.9];
        let found = distances(&units(&a, 2), &units(&b, 2), 1).unwrap();
        assert_eq!(found.pairs, 10);
        assert!((found.spearman.unwrap() - 0.5878787878787878).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn distances_without_an_order_have_no_correlation() {
        let two = units(&[1.0, 0.0, 0.0, 1.0], 2);
        assert_eq!(distances(&two, &two, 1), None);
        let axes = units(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0], 3);
        assert_eq!(distances(&axes, &axes, 1), Some(Distances { pairs: 3, spearman: None }));
    }
}
