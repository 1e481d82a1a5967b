//! The vectors of a set that can be searched.

use std::ops::Range;

use crate::compare::vectors::{VectorSet, norm};
use crate::model::similarity::Similarity;
use crate::stats::nearest::{Measure, VectorRows};

/// The measure for searching vectors of an [`Index`] by this similarity.
pub(super) fn measure(similarity: Similarity) -> Measure {
    match similarity {
        // The index scales vectors to length 1 for the cosine.
        Similarity::Cosine | Similarity::Dot => Measure::InnerProduct,
        Similarity::Euclidean => Measure::Euclidean,
        Similarity::Manhattan => Measure::Manhattan,
    }
}

/// Sound vectors of a set, gathered and scaled where they are searched: none of them is kept twice.
pub(super) struct Index<'s> {
    set: &'s VectorSet,
    dimensions: usize,
    /// Rows of the set, and what makes their vectors 1 long where only directions count.
    rows: Vec<(usize, f64)>,
}

impl<'s> Index<'s> {
    /// An index of sound rows of `dimensions` numbers each.
    pub(crate) fn of(set: &'s VectorSet, dimensions: usize, rows: &[usize], similarity: Similarity) -> Self {
        let scale = |row: usize| match similarity {
            Similarity::Cosine => 1.0 / norm(set.numbers(row)),
            Similarity::Dot | Similarity::Euclidean | Similarity::Manhattan => 1.0,
        };
        Self { set, dimensions, rows: rows.iter().map(|&row| (row, scale(row))).collect() }
    }
}

impl VectorRows for Index<'_> {
    fn count(&self) -> usize {
        self.rows.len()
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn rows<'a>(&'a self, places: Range<usize>, spare: &'a mut Vec<f32>) -> &'a [f32] {
        spare.clear();
        for &(row, scale) in &self.rows[places] {
            spare.extend(self.set.numbers(row).iter().map(|&x| (f64::from(x) * scale) as f32));
        }
        spare
    }
}
