//! Batch invariance: a text's vector should not depend on the texts computed beside it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::vectors::{cosine, max_difference};

/// Collects pairs of vectors of one engine for the same text: computed alone, and in the timed run.
#[derive(Debug, Default)]
pub(crate) struct Invariance(InvarianceReport);

/// The dependence of vectors on the other texts of their batch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InvarianceReport {
    /// Pairs that were looked at.
    pub pairs: usize,
    /// Pairs that are the same bit for bit.
    pub identical: usize,
    /// Pairs of different lengths, or with a vector of NaN, infinite numbers or only zeros.
    pub incomparable: usize,
    /// Largest difference of any number in the comparable pairs; `None` without any.
    pub max_difference: Option<f64>,
    /// Smallest cosine of the comparable pairs; `None` without any.
    pub cosine_min: Option<f64>,
}

impl Invariance {
    /// One more text: its vector when it is alone, and under load.
    pub(crate) fn push(&mut self, alone: &[f32], loaded: &[f32]) {
        let report = &mut self.0;
        report.pairs += 1;
        let same = alone.len() == loaded.len() && alone.iter().zip(loaded).all(|(a, b)| a.to_bits() == b.to_bits());
        report.identical += usize::from(same);
        match cosine(alone, loaded) {
            Some(cosine) => {
                let difference = max_difference(alone, loaded);
                report.max_difference = Some(report.max_difference.map_or(difference, |most| most.max(difference)));
                report.cosine_min = Some(report.cosine_min.map_or(cosine, |least| least.min(cosine)));
            }
            None => report.incomparable += 1,
        }
    }

    /// The report on all pairs.
    pub(crate) fn report(self) -> InvarianceReport {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&[f32], &[f32])]) -> InvarianceReport {
        let mut invariance = Invariance::default();
        pairs.iter().for_each(|(alone, loaded)| invariance.push(alone, loaded));
        invariance.report()
    }

    #[test]
    fn the_worst_pair_is_reported() {
        let report = of(&[(&[0.6, 0.8], &[0.6, 0.8]), (&[0.0, 1.0], &[1.0, 0.0]), (&[0.0, 1.0], &[-0.0, 1.0])]);
        let (max_difference, cosine_min) = (Some(1.0), Some(0.0));
        assert_eq!(report, InvarianceReport { pairs: 3, identical: 1, incomparable: 0, max_difference, cosine_min });
        let small = of(&[(&[1.0, 0.0], &[1.0, f32::EPSILON])]);
        assert_eq!((small.identical, small.max_difference), (0, Some(f64::from(f32::EPSILON))));
    }

    #[test]
    fn what_cannot_be_compared_is_counted() {
        assert_eq!(of(&[]), InvarianceReport::default());
        let report = of(&[(&[1.0], &[1.0, 0.0]), (&[f32::NAN], &[f32::NAN]), (&[0.0], &[1.0]), (&[], &[])]);
        assert_eq!((report.pairs, report.incomparable, report.identical), (4, 4, 2));
        assert_eq!((report.max_difference, report.cosine_min), (None, None));
    }
}
