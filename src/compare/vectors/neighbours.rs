//! The agreement of two sets on the neighbours of every input, which are a search's results.

use schemars::JsonSchema;
use serde::Serialize;

use super::units::Units;
use crate::stats::nearest::Near;

/// Above this number of inputs only a sample is searched for, among all others.
const ALL: usize = 10_000;
/// Size of the sample: a share then has a standard error of at most 1.6 %.
const SAMPLE: usize = 1_000;
/// Number of neighbours of each.
const NEIGHBOURS: usize = 10;
/// Neighbours whose cosines differ by less are equally near: float32 does not distinguish them, and equal texts are so.
const TIE: f64 = 1e-6;

/// The agreement of nearest neighbours, by cosine within each set.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub(crate) struct Neighbours {
    /// Inputs that are neighbours of one another.
    pub inputs: usize,
    /// Inputs whose neighbours were searched: all, or a sample of 1,000 if they are more than 10,000.
    pub queries: usize,
    /// Number of neighbours: 10, or with few inputs half of the others.
    pub k: usize,
    /// Part of the queries whose nearest neighbour is the same, from 0 to 1.
    pub top_1: f64,
    /// Mean part of the `k` nearest neighbours that both sets have, from 0 to 1.
    pub top_k: f64,
    /// Queries that have no neighbour of the `k` nearest in common.
    pub strangers: usize,
}

/// Compares the neighbours in two sets of equally many vectors; those at the same position are of the same input.
/// `None` with fewer than three: they have no choice.
///
/// Equally near neighbours count as equal.
pub(super) fn neighbours(reference: &Units, candidate: &Units, seed: u64) -> Option<Neighbours> {
    let inputs = reference.len();
    if inputs < 3 || candidate.len() != inputs {
        return None;
    }
    let k = NEIGHBOURS.min((inputs - 1) / 2).max(1);
    let queries: Vec<usize> = if inputs <= ALL {
        (0..inputs).collect()
    } else {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut queries = rng.choose_multiple(0..inputs, SAMPLE);
        queries.sort_unstable();
        queries
    };
    let of = |units: &Units| units.nearest(units, &queries, k, true);
    let (mut first, mut all, mut strangers) = (0, 0.0, 0);
    for ((&query, a), b) in queries.iter().zip(of(reference)).zip(of(candidate)) {
        let common = |count: usize| {
            let one_way =
                |units: &Units, own: &[Near], other: &[Near]| as_near(units, query, &own[..count], &other[..count]);
            // Ties may be on either side.
            one_way(reference, &a, &b).max(one_way(candidate, &b, &a))
        };
        first += common(1);
        let common = common(k);
        all += common as f64 / k as f64;
        strangers += usize::from(common == 0);
    }
    let count = queries.len() as f64;
    Some(Neighbours { inputs, queries: queries.len(), k, top_1: first as f64 / count, top_k: all / count, strangers })
}

/// Number of `others` that are as near to the query as its own nearest.
fn as_near(units: &Units, query: usize, own: &[Near], others: &[Near]) -> usize {
    let Some(farthest) = own.last() else { return 0 };
    let near = |other: &&Near| {
        own.iter().any(|near| near.place == other.place)
            || units.cosine(query, other.place) >= units.cosine(query, farthest.place) - TIE
    };
    others.iter().filter(near).count()
}

#[cfg(test)]
mod tests {
    use super::super::tests::random;
    use super::*;

    fn units(numbers: &[f32], dimensions: usize) -> Units {
        Units::of(numbers.chunks(dimensions), dimensions)
    }

    #[test]
    fn the_same_and_a_mirror_image_agree_in_all() {
        let numbers = random(1, 300, 8);
        let mirrored: Vec<f32> = numbers.iter().map(|x| -3.0 * x).collect();
        for other in [&numbers, &mirrored] {
            let found = neighbours(&units(&numbers, 8), &units(other, 8), 1).unwrap();
            let expected = Neighbours { inputs: 300, queries: 300, k: 10, top_1: 1.0, top_k: 1.0, strangers: 0 };
            assert_eq!(found, expected);
        }
    }

    #[test]
    fn unrelated_vectors_agree_by_chance() {
        let found = neighbours(&units(&random(1, 1000, 16), 16), &units(&random(2, 1000, 32), 32), 1).unwrap();
        // 10 of 999 by chance.
        assert!(found.top_1 < 0.02 && (0.002..0.03).contains(&found.top_k) && found.strangers > 800, "{found:?}");
    }

    #[test]
    fn one_neighbour_of_four_is_another() {
        // On a circle, by their angles; the last one moves.
        let at = |angles: [f32; 9]| {
            let numbers: Vec<f32> = angles.iter().flat_map(|angle| [angle.cos(), angle.sin()]).collect();
            units(&numbers, 2)
        };
        let angles = [0.0, 0.1, 0.21, 0.33, 1.5, 1.6, 1.71, 1.83, 3.0];
        let mut moved = angles;
        moved[8] = 2.2;
        let found = neighbours(&at(angles), &at(moved), 1).unwrap();
        // The two at 1.5 and 1.6 had the one at 0.33 as their fourth, and now have the moved one.
        assert_eq!((found.k, found.top_1, found.strangers), (4, 1.0, 0));
        assert!((found.top_k - (7.0 + 2.0 * 0.75) / 9.0).abs() < 1e-12, "{found:?}");
    }

    #[test]
    fn of_equals_any_will_do() {
        // Fifty texts, each of them twenty times, and noise that orders equals anew.
        let texts = random(5, 50, 16);
        let copies: Vec<f32> = texts.chunks(16).flat_map(|text| text.repeat(20)).collect();
        let noise = random(6, 1000, 16);
        let noisy: Vec<f32> = copies.iter().zip(&noise).map(|(x, noise)| x + 1e-8 * noise).collect();
        let found = neighbours(&units(&copies, 16), &units(&noisy, 16), 1).unwrap();
        assert_eq!((found.top_1, found.top_k), (1.0, 1.0));
    }

    #[test]
    fn of_many_some_are_looked_at_the_same_ones_again() {
        let (a, b) = (random(1, ALL + 1, 4), random(2, ALL + 1, 4));
        let (a, b) = (units(&a, 4), units(&b, 4));
        let found = neighbours(&a, &b, 1).unwrap();
        assert_eq!((found.inputs, found.queries), (ALL + 1, SAMPLE));
        assert_eq!(neighbours(&a, &b, 1).unwrap(), found);
    }

    #[test]
    fn two_have_no_choice() {
        let two = units(&[1.0, 0.0, 0.0, 1.0], 2);
        assert_eq!(neighbours(&two, &two, 1), None);
        let three = units(&[1.0, 0.0, 0.0, 1.0, 1.0, 1.0], 2);
        assert_eq!(neighbours(&three, &three, 1).map(|found| (found.k, found.top_1)), Some((1, 1.0)));
    }
}
