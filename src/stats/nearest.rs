//! Exact search: the nearest of many vectors, block by block.

use std::ops::Range;

use rayon::iter::{IntoParallelIterator, ParallelIterator};

/// Queries and documents of one matrix product: the products stay in a core's cache.
const QUERIES: usize = 64;
const TILE: usize = 1024;

/// By what vectors are near.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    /// The largest inner product; of vectors of length 1, the largest cosine.
    InnerProduct,
    /// The smallest Euclidean distance; scores are negated distances.
    Euclidean,
    /// The smallest sum of absolute differences; scores are negated sums.
    Manhattan,
}

/// Vectors of one length, in any layout.
pub(crate) trait VectorRows: Sync {
    /// The number of vectors.
    fn count(&self) -> usize;

    /// The length of each vector.
    fn dimensions(&self) -> usize;

    /// The vectors at these indices, one after the other; copied into `spare` if they are not stored so.
    fn rows<'a>(&'a self, places: Range<usize>, spare: &'a mut Vec<f32>) -> &'a [f32];
}

/// A vector that a search returned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Near {
    pub place: usize,
    /// Its similarity to the query; larger is nearer.
    pub score: f32,
}

/// The `k` nearest documents of each query, nearest first, equally near ones by index. Exact, but for the rounding of
/// float32; equal vectors have equal scores. A document whose score is NaN is not found.
///
/// `but`: the document to leave out for a query. Vectors of different lengths find nothing.
///
/// Runs on rayon's threads; memory: `k` documents per query, and a tile of products per thread. `None` once `stopped`
/// returns true.
pub(crate) fn nearest(
    documents: &impl VectorRows,
    queries: &impl VectorRows,
    measure: Measure,
    k: usize,
    but: impl Fn(usize) -> Option<usize> + Sync,
    stopped: impl Fn() -> bool + Sync,
) -> Option<Vec<Vec<Near>>> {
    let dimensions = documents.dimensions();
    if dimensions != queries.dimensions() || dimensions == 0 {
        return Some(vec![Vec::new(); queries.count()]);
    }
    let of_block = |block: usize| {
        let places = block * QUERIES..((block + 1) * QUERIES).min(queries.count());
        let (mut gathered, mut spare) = (Vec::new(), Vec::new());
        let gathered = queries.rows(places.clone(), &mut gathered);
        let mut best = vec![Vec::new(); places.len()];
        let mut scores = vec![0.0; places.len() * TILE];
        for start in (0..documents.count()).step_by(TILE) {
            if stopped() {
                return None;
            }
            let tile = documents.rows(start..(start + TILE).min(documents.count()), &mut spare);
            let count = tile.len() / dimensions;
            let scores = &mut scores[..places.len() * count];
            score(gathered, tile, dimensions, measure, scores);
            for ((query, row), best) in places.clone().zip(scores.chunks_exact(count)).zip(&mut best) {
                let but = but(query);
                row.iter().enumerate().for_each(|(column, &score)| keep(best, k, start + column, score, but));
            }
        }
        Some(best)
    };
    let blocks: Option<Vec<_>> = (0..queries.count().div_ceil(QUERIES)).into_par_iter().map(of_block).collect();
    Some(blocks?.into_iter().flatten().collect())
}

/// Keeps the `k` nearest, sorted.
fn keep(best: &mut Vec<Near>, k: usize, place: usize, score: f32, but: Option<usize>) {
    let last = if best.len() < k { None } else { best.last().map(|near| near.score) };
    if k == 0 || last.is_some_and(|last| score <= last) || but == Some(place) || score.is_nan() {
        return;
    }
    let at = best.partition_point(|near| near.score >= score);
    best.insert(at, Near { place, score });
    best.truncate(k);
}

/// Every query's score with every document: `scores` has a row for each query.
fn score(queries: &[f32], documents: &[f32], dimensions: usize, measure: Measure, scores: &mut [f32]) {
    match measure {
        Measure::InnerProduct => multiply(queries, documents, dimensions, scores),
        // Not by way of products: what is left of them when two vectors are near has lost its digits.
        Measure::Euclidean => {
            let sum = |a: &[f32], b: &[f32]| -summed(a, b, |difference| difference * difference).sqrt();
            pairwise(queries, documents, dimensions, scores, sum);
        }
        Measure::Manhattan => {
            pairwise(queries, documents, dimensions, scores, |a, b| -summed(a, b, f32::abs));
        }
    }
}

fn pairwise(a: &[f32], b: &[f32], dimensions: usize, scores: &mut [f32], of: impl Fn(&[f32], &[f32]) -> f32) {
    let columns = b.len() / dimensions;
    for (a, scores) in a.chunks_exact(dimensions).zip(scores.chunks_exact_mut(columns)) {
        for (b, score) in b.chunks_exact(dimensions).zip(scores) {
            *score = of(a, b);
        }
    }
}

/// The sum of what `term` makes of the differences. In lanes, which a compiler turns into vector instructions: the order
/// in which floats are added is not its to change.
fn summed(a: &[f32], b: &[f32], term: impl Fn(f32) -> f32) -> f32 {
    const LANES: usize = 16;
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| term(a - b)).sum();
    let mut sums = [0.0; LANES];
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((sum, a), b) in sums.iter_mut().zip(a).zip(b) {
            *sum += term(a - b);
        }
    }
    sums.iter().sum::<f32>() + rest
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows that lie one after the other.
    struct Plain(Vec<f32>, usize);

    impl VectorRows for Plain {
        fn count(&self) -> usize {
            self.0.len() / self.1
        }

        fn dimensions(&self) -> usize {
            self.1
        }

        fn rows<'a>(&'a self, places: Range<usize>, _: &'a mut Vec<f32>) -> &'a [f32] {
            &self.0[places.start * self.1..places.end * self.1]
        }
    }

    fn random(seed: u64, count: usize, dimensions: usize) -> Plain {
        let mut rng = fastrand::Rng::with_seed(seed);
        Plain((0..count * dimensions).map(|_| rng.f32() - 0.5).collect(), dimensions)
    }

    /// In float64, one term after the other.
    fn by_formula(measure: Measure, a: &[f32], b: &[f32]) -> f64 {
        let sum = |term: fn(f64, f64) -> f64| a.iter().zip(b).map(|(&a, &b)| term(a.into(), b.into())).sum::<f64>();
        match measure {
            Measure::InnerProduct => sum(|a, b| a * b),
            Measure::Euclidean => -sum(|a, b| (a - b).powi(2)).sqrt(),
            Measure::Manhattan => -sum(|a, b| (a - b).abs()),
        }
    }

    #[test]
    fn every_measure_finds_what_its_formula_says() {
        // More than one block of queries and more than one tile; a length that is no multiple of the lanes.
        let (documents, queries) = (random(1, TILE + 30, 19), random(2, QUERIES + 6, 19));
        let row = |rows: &Plain, at: usize| rows.0[at * 19..(at + 1) * 19].to_vec();
        for measure in [Measure::InnerProduct, Measure::Euclidean, Measure::Manhattan] {
            let found = nearest(&documents, &queries, measure, 4, |_| None, || false).unwrap();
            assert_eq!(found.len(), QUERIES + 6);
            for query in [0, QUERIES - 1, QUERIES, QUERIES + 5] {
                let score = |place: usize| by_formula(measure, &row(&queries, query), &row(&documents, place));
                let mut order: Vec<usize> = (0..documents.count()).collect();
                order.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
                for (near, place) in found[query].iter().zip(order) {
                    assert_eq!(near.place, place, "{measure:?} {query}");
                    assert!((f64::from(near.score) - score(place)).abs() < 1e-5);
                }
            }
        }
    }

    #[test]
    fn equals_come_in_their_order_and_one_is_left_out() {
        // The first vector and copies of it, also in the next tile.
        let mut documents = random(3, TILE + 5, 20);
        let first = documents.0[..20].to_vec();
        for copy in [7, 500, TILE + 3] {
            documents.0[copy * 20..(copy + 1) * 20].copy_from_slice(&first);
        }
        for measure in [Measure::InnerProduct, Measure::Euclidean, Measure::Manhattan] {
            let query = Plain(first.iter().map(|x| x * 1.5).collect(), 20);
            let places = |k: usize, but: Option<usize>| -> Vec<usize> {
                let found = nearest(&documents, &query, measure, k, |_| but, || false).unwrap();
                found[0].iter().map(|near| near.place).collect()
            };
            assert_eq!(places(4, None), [0, 7, 500, TILE + 3], "{measure:?}");
            assert_eq!(places(2, None), [0, 7]);
            assert_eq!(places(3, Some(7)), [0, 500, TILE + 3]);
        }
    }

    #[test]
    fn odd_numbers_and_lengths() {
        let search = |documents: &Plain, queries: &Plain, k: usize| {
            nearest(documents, queries, Measure::InnerProduct, k, |_| None, || false).unwrap()
        };
        // Infinite scores are equals, and what is no number is not found.
        let documents = Plain(vec![1.0, 1.0, f32::MAX, 0.0, f32::INFINITY, f32::NEG_INFINITY], 2);
        let found = search(&documents, &Plain(vec![f32::MAX, f32::MAX], 2), 9);
        let places: Vec<usize> = found[0].iter().map(|near| near.place).collect();
        assert_eq!(places, [0, 1]);
        assert_eq!(search(&documents, &Plain(vec![1.0, 1.0, 1.0], 3), 2), [vec![]]);
        assert_eq!(search(&documents, &Plain(vec![], 2), 2), Vec::<Vec<Near>>::new());
        assert_eq!(search(&Plain(vec![], 2), &Plain(vec![1.0, 2.0], 2), 2), [vec![]]);
        assert_eq!(search(&documents, &Plain(vec![1.0, 2.0], 2), 0), [vec![]]);
    }

    #[test]
    fn it_can_be_stopped() {
        let vectors = random(5, 10, 4);
        assert_eq!(nearest(&vectors, &vectors, Measure::InnerProduct, 3, |_| None, || true), None);
    }
}
