//! The scores of one engine by themselves.

use schemars::JsonSchema;
use serde::Serialize;

use super::order::is_constant;
use super::set::{QueryName, ScoreSet};
use crate::report::numbers::count;

/// Queries and documents that are named.
pub(super) const EXAMPLES: usize = 5;

/// The scores of one engine by themselves.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub(crate) struct ScoreSetReport {
    pub name: String,
    pub queries: usize,
    /// Number of its scores.
    pub documents: usize,
    /// The smallest and the largest finite ones; `None` without any.
    pub range: Option<ScoreRange>,
    /// True if all of these are from 0 to 1.
    pub probabilities: bool,
    /// The score, where all documents of all queries have the same, and there are two or more.
    pub constant: Option<f64>,
    /// Counts of queries with unusable scores.
    pub flaws: ScoreFlaws,
}

/// From where to where scores go.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub(crate) struct ScoreRange {
    pub min: f64,
    pub max: f64,
}

/// Counts of unusable queries of one engine: failed, NaN, infinite.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct ScoreFlaws {
    pub missing: usize,
    /// Queries with NaN among their scores.
    pub nan: usize,
    /// Queries with an infinite score, and no NaN.
    pub infinite: usize,
    pub examples: Vec<QueryName>,
}

impl ScoreFlaws {
    pub(crate) fn total(&self) -> usize {
        self.missing + self.nan + self.infinite
    }

    /// `1 query with NaN, 2 failed`; empty if all are usable.
    pub(super) fn sentence(&self) -> String {
        let parts = [(self.nan, "with NaN"), (self.infinite, "with an infinite score"), (self.missing, "failed")];
        let parts = parts.iter().filter(|(many, _)| *many > 0).enumerate();
        let queries = |at: usize, many: usize| match (at, many) {
            (0, 1) => " query",
            (0, _) => " queries",
            _ => "",
        };
        let parts = parts.map(|(at, (many, what))| format!("{}{} {what}", count(*many as u64), queries(at, *many)));
        parts.collect::<Vec<_>>().join(", ")
    }
}

impl ScoreSetReport {
    /// Looks at the scores of one engine by themselves.
    pub(crate) fn of(set: &ScoreSet) -> Self {
        let mut flaws = ScoreFlaws::default();
        let (mut all, mut finite) = (0, Vec::new());
        for query in &set.queries {
            let scores = query.scores.as_deref();
            all += scores.map_or(0, <[f32]>::len);
            finite.extend(scores.unwrap_or_default().iter().copied().filter(|score| score.is_finite()));
            let counted = match scores {
                None => &mut flaws.missing,
                Some(scores) if scores.iter().any(|score| score.is_nan()) => &mut flaws.nan,
                Some(scores) if scores.iter().any(|score| score.is_infinite()) => &mut flaws.infinite,
                Some(_) => continue,
            };
            *counted += 1;
            if flaws.examples.len() < EXAMPLES {
                flaws.examples.push(query.name());
            }
        }
        let extremes = |(min, max): (f32, f32), score: &f32| (min.min(*score), max.max(*score));
        let (min, max) = finite.iter().fold((f32::INFINITY, f32::NEG_INFINITY), extremes);
        let range = (!finite.is_empty()).then(|| ScoreRange { min: min.into(), max: max.into() });
        Self {
            name: set.name.to_string(),
            queries: set.queries.len(),
            documents: all,
            probabilities: range.is_some_and(|range| is_probability(range.min) && is_probability(range.max)),
            constant: range.filter(|_| finite.len() == all && is_constant(&finite)).map(|range| range.min),
            range,
            flaws,
        }
    }
}

/// True if a score can be a probability.
pub(super) fn is_probability(score: f64) -> bool {
    (0.0..=1.0).contains(&score)
}
