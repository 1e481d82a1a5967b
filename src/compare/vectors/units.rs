//! Vectors of length 1, one after the other, and the nearest of them by their cosine.

use std::ops::Range;

use crate::stats::nearest::{Measure, Near, VectorRows, nearest};

/// Sound vectors of one length, divided by their norm. They are as many as rows were given.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Units {
    numbers: Vec<f32>,
    dimensions: usize,
}

impl Units {
    /// Normalises vectors of `dimensions` finite numbers each, not all 0.
    pub(crate) fn of<'a>(vectors: impl Iterator<Item = &'a [f32]>, dimensions: usize) -> Self {
        let mut numbers = Vec::new();
        for vector in vectors {
            let norm = norm(vector);
            numbers.extend(vector.iter().map(|&x| (f64::from(x) / norm) as f32));
        }
        Self { numbers, dimensions: dimensions.max(1) }
    }

    pub(crate) fn len(&self) -> usize {
        self.numbers.len() / self.dimensions
    }

    fn get(&self, place: usize) -> &[f32] {
        &self.numbers[place * self.dimensions..(place + 1) * self.dimensions]
    }

    /// The cosine of two of them, in float64.
    pub(crate) fn cosine(&self, a: usize, b: usize) -> f64 {
        let products = self.get(a).iter().zip(self.get(b)).map(|(&a, &b)| f64::from(a) * f64::from(b));
        products.sum::<f64>().clamp(-1.0, 1.0)
    }

    /// For each of these positions of `queries` the `k` nearest of these vectors, nearest first, equally near ones in
    /// order. Exact, but for the rounding of float32. With `others` a vector is not its own neighbour: then both must
    /// be the same vectors.
    ///
    /// Takes memory for `k` neighbours a query, and for a tile of products a thread.
    pub(crate) fn nearest(&self, queries: &Self, places: &[usize], k: usize, others: bool) -> Vec<Vec<Near>> {
        let but = |query: usize| places.get(query).copied().filter(|_| others);
        let picked = Picked { units: queries, places };
        // It cannot be interrupted.
        nearest(self, &picked, Measure::InnerProduct, k, but, || false).unwrap_or_default()
    }
}

impl VectorRows for Units {
    fn count(&self) -> usize {
        self.len()
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn rows<'a>(&'a self, places: Range<usize>, _: &'a mut Vec<f32>) -> &'a [f32] {
        &self.numbers[places.start * self.dimensions..places.end * self.dimensions]
    }
}

/// A selection of vectors.
struct Picked<'u> {
    units: &'u Units,
    places: &'u [usize],
}

impl VectorRows for Picked<'_> {
    fn count(&self) -> usize {
        self.places.len()
    }

    fn dimensions(&self) -> usize {
        self.units.dimensions
    }

    fn rows<'a>(&'a self, places: Range<usize>, spare: &'a mut Vec<f32>) -> &'a [f32] {
        spare.clear();
        self.places[places].iter().for_each(|&place| spare.extend_from_slice(self.units.get(place)));
        spare
    }
}

/// Euclidean, in float64.
pub(in crate::compare) fn norm(vector: &[f32]) -> f64 {
    vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::tests::random;
    use super::*;

    /// More than the search looks at in one go.
    const TILE: usize = 1024;

    fn units(seed: u64, count: usize, dimensions: usize) -> Units {
        Units::of(random(seed, count, dimensions).chunks(dimensions), dimensions)
    }

    /// The definition, without blocks.
    fn slow(base: &Units, queries: &Units, query: usize, k: usize, others: bool) -> Vec<usize> {
        let mut all: Vec<(f64, usize)> = (0..base.len())
            .filter(|&place| !(others && place == query))
            .map(|place| {
                let products = base.get(place).iter().zip(queries.get(query));
                (products.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum(), place)
            })
            .collect();
        all.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        all.into_iter().take(k).map(|(_, place)| place).collect()
    }

    #[test]
    fn the_nearest_are_those_of_the_definition() {
        // More than one block of queries, and more than one tile of vectors.
        let (base, queries) = (units(1, TILE + 70, 9), units(2, 100, 9));
        let places: Vec<usize> = (0..100).rev().collect();
        for (found, &query) in base.nearest(&queries, &places, 5, false).iter().zip(&places) {
            let found: Vec<usize> = found.iter().map(|near| near.place).collect();
            assert_eq!(found, slow(&base, &queries, query, 5, false));
        }
        for (query, found) in base
            .nearest(&base, &[0, 1, TILE, TILE + 69], 3, true)
            .iter()
            .zip([0, 1, TILE, TILE + 69])
            .map(|(found, query)| (query, found))
        {
            let places: Vec<usize> = found.iter().map(|near| near.place).collect();
            assert_eq!(places, slow(&base, &base, query, 3, true));
            assert!((f64::from(found[0].score) - base.cosine(query, places[0])).abs() < 1e-6);
        }
    }

    #[test]
    fn few_vectors_have_few_neighbours() {
        let base = units(3, 3, 4);
        assert_eq!(base.nearest(&base, &[0], 10, true)[0].len(), 2);
        assert_eq!(base.nearest(&base, &[0], 10, false)[0].len(), 3);
        assert!(base.nearest(&base, &[0], 0, false)[0].is_empty() && base.nearest(&base, &[], 5, true).is_empty());
        assert!(base.nearest(&units(4, 3, 5), &[0], 2, false)[0].is_empty());
        let none = Units::of(std::iter::empty(), 4);
        assert_eq!((none.len(), none.nearest(&base, &[1], 2, false)), (0, vec![vec![]]));
    }

    #[test]
    fn equally_near_ones_come_in_their_order() {
        let base = Units::of([1.0, 0.0, 0.0, 1.0, 3.0, 0.0, 2.0, 0.0].chunks(2), 2);
        let near: Vec<usize> = base.nearest(&base, &[0], 2, true)[0].iter().map(|near| near.place).collect();
        assert_eq!(near, [2, 3]);
    }
}
