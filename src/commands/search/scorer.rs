//! The nearest of a block of vectors, on all cores.

use std::ops::Range;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use crate::model::similarity::Similarity;
use crate::stats::nearest::{Measure, VectorRows, nearest};

/// Vectors that a core takes at a time, at least and at most.
const PIECE: std::ops::RangeInclusive<usize> = 256..=4096;
/// Documents beyond the wanted ones that are scored in float64: float32 orders scores that are nearly equal by chance.
const SPARE: usize = 16;

/// Queries, and how documents are compared with them.
pub(super) struct Scorer {
    similarity: Similarity,
    dimensions: usize,
    /// The vectors of the queries, one after the other.
    queries: Vec<f32>,
    k: usize,
}

impl Scorer {
    /// For the `k` nearest of each query. `dimensions` is the length of vectors, at least 1.
    pub(crate) fn new(similarity: Similarity, dimensions: usize, queries: Vec<f32>, k: usize) -> Self {
        Self { similarity, dimensions, queries, k }
    }

    pub(crate) fn similarity(&self) -> Similarity {
        self.similarity
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Of each query the documents that may be among the `k` nearest, in no order, each with its score. The numbers of
    /// `documents` are finite. `None` once `stopped` returns true.
    pub(crate) fn nearest(
        &self,
        documents: &[f32],
        stopped: impl Fn() -> bool + Sync,
    ) -> Option<Vec<Vec<(usize, f64)>>> {
        let (count, dimensions) = (documents.len() / self.dimensions, self.dimensions);
        let piece = count.div_ceil(rayon::current_num_threads().max(1)).clamp(*PIECE.start(), *PIECE.end());
        let (measure, scaled) = match self.similarity {
            Similarity::Cosine => (Measure::InnerProduct, true),
            Similarity::Dot => (Measure::InnerProduct, false),
            Similarity::Euclidean => (Measure::Euclidean, false),
            Similarity::Manhattan => (Measure::Manhattan, false),
        };
        let queries = Rows { numbers: &self.queries, dimensions, scaled };
        let of_piece = |number: usize| {
            let first = number * piece;
            let places = first * dimensions..(first + piece).min(count) * dimensions;
            let part = Rows { numbers: documents.get(places)?, dimensions, scaled };
            let most = self.k.saturating_add(SPARE);
            let found = nearest(&part, &queries, measure, most, |_| None, &stopped)?;
            let exact = |(query, near): (&[f32], Vec<crate::stats::nearest::Near>)| {
                let score = |place: usize| self.similarity.of(query, part.row(place));
                near.into_iter().map(|near| (first + near.place, score(near.place))).collect::<Vec<_>>()
            };
            Some(self.queries.chunks_exact(dimensions).zip(found).map(exact).collect::<Vec<_>>())
        };
        let pieces: Option<Vec<_>> = (0..count.div_ceil(piece)).into_par_iter().map(of_piece).collect();
        let mut all = vec![Vec::new(); queries.count()];
        for piece in pieces? {
            all.iter_mut().zip(piece).for_each(|(all, found)| all.extend(found));
        }
        Some(all)
    }
}

/// Vectors of one length, one after the other; `scaled` to length 1 as they are read.
struct Rows<'a> {
    numbers: &'a [f32],
    dimensions: usize,
    scaled: bool,
}

impl Rows<'_> {
    fn row(&self, place: usize) -> &[f32] {
        &self.numbers[place * self.dimensions..(place + 1) * self.dimensions]
    }
}

impl VectorRows for Rows<'_> {
    fn count(&self) -> usize {
        self.numbers.len() / self.dimensions
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn rows<'a>(&'a self, places: Range<usize>, spare: &'a mut Vec<f32>) -> &'a [f32] {
        let rows = &self.numbers[places.start * self.dimensions..places.end * self.dimensions];
        if !self.scaled {
            return rows;
        }
        spare.clear();
        for row in rows.chunks_exact(self.dimensions) {
            let length = row.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt();
            spare.extend(row.iter().map(|&x| (f64::from(x) / length) as f32));
        }
        spare
    }
}

#[cfg(test)]
mod tests {
    use super::super::top::Top;
    use super::*;

    #[test]
    fn the_nearest_are_those_of_the_formula() {
        let (dimensions, k) = (7, 5);
        let mut rng = fastrand::Rng::with_seed(11);
        let mut random = |count: usize| (0..count * dimensions).map(|_| rng.f32() - 0.5).collect::<Vec<f32>>();
        let (queries, mut documents) = (random(70), random(9000));
        // Equal documents come in their order.
        documents.copy_within(0..dimensions, 5000 * dimensions);
        for similarity in [Similarity::Cosine, Similarity::Dot, Similarity::Euclidean, Similarity::Manhattan] {
            let scorer = Scorer::new(similarity, dimensions, queries.clone(), k);
            let found = scorer.nearest(&documents, || false).unwrap();
            assert_eq!(found.len(), 70);
            for (query, found) in queries.chunks_exact(dimensions).zip(found) {
                let best = |pairs: &mut dyn Iterator<Item = (usize, f64)>| {
                    let mut top = Top::new(k, None);
                    pairs.for_each(|(at, score)| top.offer(score, at as u64, || ()));
                    top.into_sorted().into_iter().map(|item| (item.index, item.score)).collect::<Vec<_>>()
                };
                let all = documents.chunks_exact(dimensions).map(|row| similarity.of(query, row));
                assert_eq!(best(&mut found.into_iter()), best(&mut all.enumerate()), "{similarity:?}");
            }
            assert!(scorer.nearest(&documents, || true).is_none());
            assert!(scorer.nearest(&[], || false).unwrap().iter().all(Vec::is_empty));
        }
    }
}
