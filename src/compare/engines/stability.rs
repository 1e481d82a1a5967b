//! The dependence of an engine's results on the rest of the batch.

use schemars::JsonSchema;
use serde::Serialize;

use crate::stats::fidelity::InvarianceReport;

/// Results of the same inputs in batches, against those of each alone, and of many at once in other batches.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stability {
    Vectors(VectorStability),
    Scores(ScoreStability),
}

/// Vectors of the same texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub(crate) struct VectorStability {
    /// Each alone, against those out of batches.
    pub alone: InvarianceReport,
    /// Many requests at once in other batches, against those out of batches one after the other.
    pub concurrent: InvarianceReport,
}

/// Scores of the same documents.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub(crate) struct ScoreStability {
    /// Each document alone, against that among all of its query's.
    pub alone: ScoreInvariance,
    /// Many queries at once, against one after the other.
    pub concurrent: ScoreInvariance,
}

/// The dependence of scores on the rest of the batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, JsonSchema)]
pub(crate) struct ScoreInvariance {
    /// Pairs that were looked at.
    pub pairs: usize,
    /// Pairs that are the same bit for bit.
    pub identical: usize,
    /// Pairs with a score that is NaN or infinite.
    pub incomparable: usize,
    /// Largest difference of the others; `None` without any.
    pub max_difference: Option<f64>,
}

impl ScoreInvariance {
    /// One more score, and the other one of the same document.
    pub(crate) fn push(&mut self, one: f32, other: f32) {
        self.pairs += 1;
        self.identical += usize::from(one.to_bits() == other.to_bits());
        if one.is_finite() && other.is_finite() {
            let difference = (f64::from(one) - f64::from(other)).abs();
            self.max_difference = Some(self.max_difference.map_or(difference, |most| most.max(difference)));
        } else {
            self.incomparable += 1;
        }
    }
}

/// One way of repeating requests, for both kinds of results.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub pairs: usize,
    pub identical: usize,
    pub incomparable: usize,
    pub max_difference: Option<f64>,
    /// Smallest cosine, of vectors.
    pub cosine_min: Option<f64>,
}

impl Stability {
    /// True if any input has two results.
    pub(super) fn is_known(&self) -> bool {
        self.alone().pairs + self.concurrent().pairs > 0
    }

    /// Each input alone.
    pub(super) fn alone(&self) -> Way {
        match self {
            Self::Vectors(found) => Way::of_vectors(&found.alone),
            Self::Scores(found) => Way::of_scores(&found.alone),
        }
    }

    /// Many requests at once.
    pub(super) fn concurrent(&self) -> Way {
        match self {
            Self::Vectors(found) => Way::of_vectors(&found.concurrent),
            Self::Scores(found) => Way::of_scores(&found.concurrent),
        }
    }
}

/// Rounding in another order leaves cosines above, also in float16.
const SAME_COSINE: f64 = 0.9999;
/// And scores nearer, in float32.
const SAME_SCORE: f64 = 1e-3;

impl Way {
    /// True if results depend on what is computed beside them by more than rounding does.
    pub(crate) fn depends(&self) -> bool {
        match self.cosine_min {
            Some(least) => least < SAME_COSINE,
            None => self.max_difference.is_some_and(|most| most > SAME_SCORE),
        }
    }

    fn of_vectors(found: &InvarianceReport) -> Self {
        let InvarianceReport { pairs, identical, incomparable, max_difference, cosine_min } = *found;
        Self { pairs, identical, incomparable, max_difference, cosine_min }
    }

    fn of_scores(found: &ScoreInvariance) -> Self {
        let ScoreInvariance { pairs, identical, incomparable, max_difference } = *found;
        Self { pairs, identical, incomparable, max_difference, cosine_min: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_compared_bit_by_bit() {
        let mut found = ScoreInvariance::default();
        for (one, other) in [(0.5, 0.5), (0.5, 0.25), (-0.0, 0.0), (f32::NAN, f32::NAN), (f32::INFINITY, 1.0)] {
            found.push(one, other);
        }
        let expected = ScoreInvariance { pairs: 5, identical: 2, incomparable: 2, max_difference: Some(0.25) };
        assert_eq!(found, expected);
    }
}
