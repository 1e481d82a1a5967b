//! Vectors that belong to another input: rows in another order.

use std::collections::HashSet;

use super::units::Units;

/// Maximum vectors that are examined; of more, a sample is.
const MAX_EXAMINED: usize = 1_000;
/// Minimum cosine to another input's vector that counts as the same vector, computed again.
const SAME: f64 = 0.98;
/// And how much nearer than that of the own input: the rest to 1 is at most this part.
const NEARER: f64 = 0.25;

#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Displaced {
    /// Number of examined vectors.
    pub looked_at: usize,
    /// Places of inputs, and places of those whose vectors they have, rising.
    pub moved: Vec<(usize, usize)>,
}

/// Finds rows of the candidate that match another row of the reference: a shift, a swap, a permutation. `off`: rows that
/// do not match their own, with their cosines.
///
/// Vectors of another space have a nearest one as well, but it is not so near, and many share it.
pub(super) fn displaced(reference: &Units, candidate: &Units, off: &[(usize, f64)], seed: u64) -> Displaced {
    let mut some: Vec<(usize, f64)> = if off.len() > MAX_EXAMINED {
        fastrand::Rng::with_seed(seed).choose_multiple(off.iter().copied(), MAX_EXAMINED)
    } else {
        off.to_vec()
    };
    some.sort_unstable_by_key(|(place, _)| *place);
    let places: Vec<usize> = some.iter().map(|(place, _)| *place).collect();
    let nearest = reference.nearest(candidate, &places, 1, false);
    let moved: Vec<(usize, usize)> = some
        .iter()
        .zip(&nearest)
        .filter_map(|(&(place, own), nearest)| {
            let near = nearest.first().filter(|near| near.place != place)?;
            let cosine = f64::from(near.score).min(1.0);
            (cosine >= SAME && 1.0 - cosine <= (1.0 - own) * NEARER).then_some((place, near.place))
        })
        .collect();
    let targets: HashSet<usize> = moved.iter().map(|(_, target)| *target).collect();
    let moved = if targets.len() * 10 >= moved.len() * 9 { moved } else { Vec::new() };
    Displaced { looked_at: some.len(), moved }
}

impl Displaced {
    /// Number of rows by which nine of ten have moved: a row too many or too few before them.
    pub(crate) fn shift(&self) -> Option<i64> {
        let mut shifts: Vec<i64> = self.moved.iter().map(|&(from, to)| to as i64 - from as i64).collect();
        shifts.sort_unstable();
        let middle = *shifts.get(shifts.len() / 2)?;
        let same = shifts.iter().filter(|&&shift| shift == middle).count();
        (shifts.len() >= 3 && same * 10 >= shifts.len() * 9).then_some(middle)
    }

    /// The two that have changed places, if that is all.
    pub(crate) fn swapped(&self) -> Option<(usize, usize)> {
        match self.moved[..] {
            [(a, to_b), (b, to_a)] if a == to_a && b == to_b => Some((a, b)),
            _ => None,
        }
    }
}
