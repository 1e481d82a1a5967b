//! Thresholds of saved vectors.

use super::VectorComparison;
use crate::compare::threshold::{Limit, Threshold, checked, digits};
use crate::report::document::Check;

/// Each set that is compared with each threshold. A figure that is not known counts as crossed: nothing shows that such
/// vectors are near enough.
pub fn check(thresholds: &[Threshold], comparisons: &[VectorComparison]) -> Vec<Check> {
    let one = |threshold: &Threshold, comparison: &VectorComparison| {
        let figure = comparison.metric(threshold.metric);
        let (Limit::Value(limit) | Limit::Change(limit)) = threshold.limit;
        let crossed = figure.is_none_or(|figure| threshold.beyond(figure, limit));
        let found = figure.map_or_else(|| "it is not known".to_owned(), digits);
        checked(&threshold.to_string(), Some(crossed), true, &comparison.candidate.name, &found)
    };
    thresholds.iter().flat_map(|threshold| comparisons.iter().map(|found| one(threshold, found))).collect()
}
