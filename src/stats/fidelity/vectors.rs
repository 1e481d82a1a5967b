//! Vectors against those of a reference engine.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::stats::quantiles::{mean, percentile};

/// The cosine of the angle between two vectors of the same length, in float64; `None` for a vector of zeros, one with
/// NaN or an infinite number, or two of different lengths.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> Option<f64> {
    let (dot, a, b) = (a.len() == b.len()).then(|| (dot(a, b), norm(a), norm(b)))?;
    // Rounding must not make one of more than 1.
    (a > 0.0 && b > 0.0 && dot.is_finite()).then(|| (dot / a / b).clamp(-1.0, 1.0)).filter(|cosine| cosine.is_finite())
}

/// No sum overflows: the square of the largest float32 is 1.2e77.
fn dot(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
}

/// Euclidean.
fn norm(vector: &[f32]) -> f64 {
    dot(vector, vector).sqrt()
}

/// A defect that makes a vector unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VectorDefect {
    /// NaN is in it.
    Nan,
    /// An infinite number is in it, and no NaN.
    Infinite,
    /// It is zero everywhere, or empty.
    Zero,
}

/// The defect of a vector, if it has one. NaN comes before infinity; an empty vector counts as zero.
pub(crate) fn defect(vector: &[f32]) -> Option<VectorDefect> {
    if vector.iter().any(|x| x.is_nan()) {
        Some(VectorDefect::Nan)
    } else if vector.iter().any(|x| x.is_infinite()) {
        Some(VectorDefect::Infinite)
    } else {
        vector.iter().all(|&x| x == 0.0).then_some(VectorDefect::Zero)
    }
}

/// Gathers pairs of vectors: an engine's, and the reference engine's of the same text.
#[derive(Debug, Default)]
pub(crate) struct VectorFidelity {
    report: VectorReport,
    cosines: Vec<f64>,
    /// |norm − norm of the reference|, and |norm − 1|.
    drifts: Vec<f64>,
    deviations: Vec<f64>,
    difference: f64,
}

/// The agreement of vectors with the reference's. Vectors that cannot be compared are counted, and are part of no
/// figure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VectorReport {
    /// Pairs that were looked at.
    pub pairs: usize,
    /// Fingerprint of the texts that were looked at: figures of other texts are not comparable with these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<String>,
    /// Vectors of the engine with NaN in them.
    pub nan: usize,
    /// Vectors of the engine with an infinite number in them, and no NaN.
    pub infinite: usize,
    /// Vectors of the engine that are zero everywhere, or empty.
    pub zero: usize,
    /// Sound vectors of the engine that have another length than the reference's.
    pub dimension_mismatches: usize,
    /// Pairs in which the engine's vector is sound and of the right length, and the reference's is not sound.
    pub unsound_references: usize,
    /// The agreement of the others; `None` without any.
    pub agreement: Option<Agreement>,
    /// Norms of the engine's sound vectors; `None` without any.
    pub norms: Option<Norms>,
}

/// The agreement of sound vectors with sound ones of the same length.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Agreement {
    /// Pairs that were compared.
    pub compared: usize,
    /// Smallest cosine.
    pub cosine_min: f64,
    /// First percentile of the cosines (`numpy.percentile`'s default).
    pub cosine_p1: f64,
    /// Mean cosine of the pairs.
    pub cosine_mean: f64,
    /// Largest difference of any number of any vector from the reference's.
    pub max_difference: f64,
    /// Largest |‖v‖ − ‖r‖|, in absolute terms.
    pub norm_drift_max: f64,
    /// Mean |‖v‖ − ‖r‖|.
    pub norm_drift_mean: f64,
}

/// The distance of norms from 1. Large numbers mean that the engine does not normalise, which is not an error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Norms {
    /// Largest |‖v‖ − 1|.
    pub deviation_max: f64,
    /// Mean |‖v‖ − 1|.
    pub deviation_mean: f64,
}

impl VectorFidelity {
    /// One more text: the engine's vector, and the reference's.
    pub(crate) fn push(&mut self, vector: &[f32], reference: &[f32]) {
        let report = &mut self.report;
        report.pairs += 1;
        match defect(vector) {
            Some(VectorDefect::Nan) => report.nan += 1,
            Some(VectorDefect::Infinite) => report.infinite += 1,
            Some(VectorDefect::Zero) => report.zero += 1,
            None => {
                let length = norm(vector);
                self.deviations.push((length - 1.0).abs());
                if vector.len() != reference.len() {
                    report.dimension_mismatches += 1;
                } else if let (None, Some(cosine)) = (defect(reference), cosine(vector, reference)) {
                    self.cosines.push(cosine);
                    self.drifts.push((length - norm(reference)).abs());
                    self.difference = self.difference.max(max_difference(vector, reference));
                } else {
                    report.unsound_references += 1;
                }
            }
        }
    }

    /// The report on all pairs.
    pub(crate) fn report(mut self) -> VectorReport {
        self.cosines.sort_unstable_by(f64::total_cmp);
        let agreement = || {
            Some(Agreement {
                compared: self.cosines.len(),
                cosine_min: *self.cosines.first()?,
                cosine_p1: percentile(&self.cosines, 1.0)?,
                cosine_mean: mean(&self.cosines)?,
                max_difference: self.difference,
                norm_drift_max: largest(&self.drifts),
                norm_drift_mean: mean(&self.drifts)?,
            })
        };
        let norms = || {
            let deviation_mean = mean(&self.deviations)?;
            Some(Norms { deviation_max: largest(&self.deviations), deviation_mean })
        };
        VectorReport { agreement: agreement(), norms: norms(), ..self.report }
    }
}

/// Of vectors of the same length without NaN.
pub(super) fn max_difference(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs()).fold(0.0, f64::max)
}

fn largest(values: &[f64]) -> f64 {
    values.iter().copied().fold(0.0, f64::max)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) -> bool {
        (found - expected).abs() < 1e-12
    }

    fn compared(pairs: &[(&[f32], &[f32])]) -> VectorReport {
        let mut fidelity = VectorFidelity::default();
        pairs.iter().for_each(|(vector, reference)| fidelity.push(vector, reference));
        fidelity.report()
    }

    /// By numpy 2.4.6 in float64, over float32 vectors v and references r, one a row:
    /// `c = (v * r).sum(1) / norm(v) / norm(r)` with `numpy.percentile(c, 1)`, `abs(norm(v) - norm(r))`.
    #[test]
    fn figures_are_numpys() {
        let report = compared(&[
            (&[0.5, 0.5, 0.5, 0.5], &[0.5, 0.5, 0.5, 0.4]),
            (&[0.1, 0.2, 0.3, 0.4], &[0.1, 0.2, 0.3, 0.5]),
            (&[-1.0, 0.0, 0.0, 0.25], &[-1.0, 0.125, 0.0, 0.25]),
            (&[2.0, 1.0, -1.0, 3.0], &[2.0, 1.0, -1.0, 2.5]),
            (&[0.25, 0.5, 0.75, 1.0], &[1.0, 0.75, 0.5, 0.25]),
        ]);
        let (agreement, norms) = (report.agreement.unwrap(), report.norms.unwrap());
        assert_eq!((agreement.compared, report.pairs), (5, 5));
        for (found, expected) in [
            (agreement.cosine_min, 0.6666666666666667),
            (agreement.cosine_p1, 0.6797090870482174),
            (agreement.cosine_mean, 0.9290347061759479),
            (agreement.max_difference, 0.75),
            (agreement.norm_drift_max, 0.372983346207417),
            (agreement.norm_drift_mean, 0.10067459115266139),
            (norms.deviation_max, 2.872983346207417),
            (norms.deviation_mean, 0.7450687153254056),
        ] {
            assert!(near(found, expected), "{found} {expected}");
        }
    }

    #[test]
    fn what_is_unsound_is_counted_and_compared_with_nothing() {
        let report = compared(&[
            (&[f32::NAN, f32::INFINITY], &[1.0, 0.0]),
            (&[f32::INFINITY, 1.0], &[1.0, 0.0]),
            (&[0.0, -0.0], &[1.0, 0.0]),
            (&[], &[]),
            (&[1.0], &[1.0, 0.0]),
            (&[1.0, 0.0], &[f32::NAN, 0.0]),
            (&[1.0, 0.0], &[0.0, 0.0]),
            (&[0.0, 3.0], &[0.0, 1.0]),
        ]);
        let VectorReport { pairs, nan, infinite, zero, dimension_mismatches, unsound_references, .. } = report;
        assert_eq!((pairs, nan, infinite, zero, dimension_mismatches, unsound_references), (8, 1, 1, 2, 1, 2));
        let agreement = report.agreement.unwrap();
        assert_eq!((agreement.compared, agreement.cosine_min, agreement.norm_drift_max), (1, 1.0, 2.0));
        assert_eq!(report.norms.unwrap(), Norms { deviation_max: 2.0, deviation_mean: 0.5 });
    }

    #[test]
    fn nothing_gives_no_figures() {
        assert_eq!(compared(&[]), VectorReport::default());
        let unsound = compared(&[(&[f32::NAN], &[1.0])]);
        assert_eq!((unsound.agreement, unsound.norms), (None, None));
        assert!(!serde_json::to_string(&unsound).unwrap().contains("NaN"));
    }

    #[test]
    fn extremes_neither_overflow_nor_vanish() {
        let (huge, tiny) = ([f32::MAX; 1000], [f32::from_bits(1); 1000]);
        assert!(near(cosine(&huge, &huge).unwrap(), 1.0) && near(cosine(&huge, &tiny).unwrap(), 1.0));
        assert!(near(cosine(&tiny, &tiny.map(|x| -x)).unwrap(), -1.0));
        assert_eq!(cosine(&[1.0, 0.0], &[0.0, 1.0]), Some(0.0));
        for (a, b) in [
            (&[][..], &[][..]),
            (&[0.0], &[1.0]),
            (&[f32::NAN], &[1.0]),
            (&[f32::INFINITY], &[1.0]),
            (&[1.0], &[1.0, 2.0]),
        ] {
            assert_eq!(cosine(a, b), None, "{a:?} {b:?}");
        }
    }
}
