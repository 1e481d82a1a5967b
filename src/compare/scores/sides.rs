//! The comparable queries.

use super::{ScoreSet, ScoredQuery};

/// A query both engines scored, of as many documents, without NaN.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query<'a> {
    /// The reference's.
    pub query: &'a ScoredQuery,
    pub reference: &'a [f32],
    pub candidate: &'a [f32],
}

/// The queries of two sets.
#[derive(Debug, Default)]
pub(super) struct Sides<'a> {
    /// Queries with usable scores on both sides.
    pub compared: Vec<Query<'a>>,
    /// Queries without usable scores on either side.
    pub neither: usize,
    /// Queries with usable scores on one side only.
    pub lost: usize,
    /// Queries with another number of scores on each side.
    pub document_mismatches: Vec<&'a ScoredQuery>,
}

impl<'a> Sides<'a> {
    /// Matches queries by position.
    pub(crate) fn of(reference: &'a ScoreSet, candidate: &'a ScoreSet) -> Self {
        let mut sides = Self::default();
        let sound = |query: &'a ScoredQuery| {
            query.scores.as_deref().filter(|scores| !scores.iter().any(|score| score.is_nan()))
        };
        for (query, other) in reference.queries.iter().zip(&candidate.queries) {
            match (sound(query), sound(other)) {
                (Some(reference), Some(candidate)) if reference.len() == candidate.len() => {
                    sides.compared.push(Query { query, reference, candidate });
                }
                (Some(_), Some(_)) => sides.document_mismatches.push(query),
                (None, None) => sides.neither += 1,
                _ => sides.lost += 1,
            }
        }
        sides
    }
}

impl Query<'_> {
    pub(crate) fn is_identical(&self) -> bool {
        self.reference.iter().zip(self.candidate).all(|(a, b)| a.to_bits() == b.to_bits())
    }

    /// The documents whose scores are finite in both: their places, the reference's score and the candidate's.
    pub(crate) fn finite(&self) -> impl Iterator<Item = (usize, f64, f64)> {
        let both = self.reference.iter().zip(self.candidate).enumerate();
        both.filter(|(_, (a, b))| a.is_finite() && b.is_finite())
            .map(|(document, (&a, &b))| (document, f64::from(a), f64::from(b)))
    }

    /// True if a score is infinite in one and not the same in the other.
    pub(crate) fn is_infinite_in_one(&self) -> bool {
        self.reference.iter().zip(self.candidate).any(|(a, b)| (a.is_infinite() || b.is_infinite()) && a != b)
    }
}
