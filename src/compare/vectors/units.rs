//! Vectors of length 1, one after the other, and the nearest of them by their cosine.

use rayon::iter::ParallelIterator;
use rayon::slice::ParallelSlice;

/// Queries that are multiplied at a time, and vectors they are multiplied with: their products stay in a core's cache.
const QUERIES: usize = 64;
const TILE: usize = 1024;

/// Sound vectors of one length, divided by their norm. They are as many as rows were given.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Units {
    numbers: Vec<f32>,
    dimensions: usize,
}

/// A vector and its cosine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Near {
    pub place: usize,
    pub cosine: f32,
}

impl Units {
    /// Of vectors of `dimensions` finite numbers each, of which not all are 0.
    pub fn of<'a>(vectors: impl Iterator<Item = &'a [f32]>, dimensions: usize) -> Self {
        let mut numbers = Vec::new();
        for vector in vectors {
            let norm = norm(vector);
            numbers.extend(vector.iter().map(|&x| (f64::from(x) / norm) as f32));
        }
        Self { numbers, dimensions: dimensions.max(1) }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.numbers.len() / self.dimensions
    }

    fn get(&self, place: usize) -> &[f32] {
        &self.numbers[place * self.dimensions..(place + 1) * self.dimensions]
    }

    /// The cosine of two of them, in float64.
    pub fn cosine(&self, a: usize, b: usize) -> f64 {
        let products = self.get(a).iter().zip(self.get(b)).map(|(&a, &b)| f64::from(a) * f64::from(b));
        products.sum::<f64>().clamp(-1.0, 1.0)
    }

    /// For each of these places of `queries` the `k` nearest of these vectors, nearest first, of equally near ones the
    /// first first. Exact, but for the rounding of float32. A vector is none of its own neighbours where `others` says
    /// so: then both must be the same vectors.
    ///
    /// Takes memory for `k` neighbours a query, and for a tile of products a thread.
    pub fn nearest(&self, queries: &Self, places: &[usize], k: usize, others: bool) -> Vec<Vec<Near>> {
        if self.dimensions != queries.dimensions {
            return vec![Vec::new(); places.len()];
        }
        places.par_chunks(QUERIES).flat_map_iter(|places| self.nearest_of_few(queries, places, k, others)).collect()
    }

    fn nearest_of_few(&self, queries: &Self, places: &[usize], k: usize, others: bool) -> Vec<Vec<Near>> {
        let gathered: Vec<f32> = places.iter().flat_map(|&place| queries.get(place)).copied().collect();
        let mut best = vec![Vec::with_capacity(k + 1); places.len()];
        let mut products = vec![0.0; places.len() * TILE];
        for (at, tile) in self.numbers.chunks(TILE * self.dimensions).enumerate() {
            let count = tile.len() / self.dimensions;
            let products = &mut products[..places.len() * count];
            multiply(&gathered, tile, self.dimensions, products);
            for ((query, row), best) in places.iter().zip(products.chunks_exact(count)).zip(&mut best) {
                let but = others.then_some(*query);
                row.iter().enumerate().for_each(|(column, &cosine)| keep(best, k, at * TILE + column, cosine, but));
            }
        }
        best
    }
}

/// Keeps the `k` nearest, sorted.
fn keep(best: &mut Vec<Near>, k: usize, place: usize, cosine: f32, but: Option<usize>) {
    let last = if best.len() < k { None } else { best.last().map(|near| near.cosine) };
    if k == 0 || last.is_some_and(|last| cosine <= last) || but == Some(place) {
        return;
    }
    let at = best.partition_point(|near| near.cosine >= cosine);
    best.insert(at, Near { place, cosine });
    best.truncate(k);
}

/// Every row of `a` times every row of `b`: `products` has a row for each of `a`.
fn multiply(a: &[f32], b: &[f32], dimensions: usize, products: &mut [f32]) {
    let (rows, columns) = (a.len() / dimensions, b.len() / dimensions);
    assert!(products.len() >= rows * columns);
    let (along, across) = (dimensions as isize, columns as isize);
    // SAFETY: `a` holds `rows` rows of `dimensions` numbers and `b` holds `columns` of them, by the divisions above;
    // `b` is read as its transpose, by its strides. `products` has room for `rows` × `columns`, is borrowed
    // mutably, and so is neither of the others.
    unsafe {
        let (a, b, products) = (a.as_ptr(), b.as_ptr(), products.as_mut_ptr());
        matrixmultiply::sgemm(rows, dimensions, columns, 1.0, a, along, 1, b, 1, along, 0.0, products, across, 1);
    }
}

/// Euclidean, in float64.
pub(super) fn norm(vector: &[f32]) -> f64 {
    vector.iter().map(|&x| f64::from(x) * f64::from(x)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::tests::random;
    use super::*;

    fn units(seed: u64, count: usize, dimensions: usize) -> Units {
        Units::of(random(seed, count, dimensions).chunks(dimensions), dimensions)
    }

    /// By the definition.
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
            assert!((f64::from(found[0].cosine) - base.cosine(query, places[0])).abs() < 1e-6);
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
