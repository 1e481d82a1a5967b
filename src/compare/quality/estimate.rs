//! Values and differences of two with their intervals.

use super::report::{Measured, QualityChange, QualityVerdict};
use crate::fetch::Cancel;
use crate::stats::bootstrap::{Resampling, bootstrap, paired_difference};

/// Every run draws the same items. Correlations of ten thousand pairs take seconds with this number of resamples.
const RESAMPLING: Resampling = Resampling { seed: 7, resamples: 2_000 };
/// A smaller difference is one of rounding, also where it is the same in every draw.
const ROUNDING: f64 = 1e-6;
/// Minimum number of items that differ. With fewer, chance alone puts all of them on one side once in sixteen times or
/// more often, and a bootstrap, which draws none on the other side, cannot show that. For 30 queries, one in five of
/// them different, intervals contain the truth 91 times in 100 by themselves, and 93 times with this.
const DIFFERING: usize = 6;
/// Minimum items for a percentile bootstrap, which is too narrow for fewer: of ten, its intervals of means hold the
/// truth 90 times in 100.
pub(super) const FEW: usize = 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Cancelled;

/// A statistic of `n` items (pairs of texts, queries), computed from the items at the given positions. `None` if it is
/// undefined, or after an interruption.
pub(super) fn measured(
    n: usize,
    cancel: &Cancel,
    statistic: impl Fn(&[usize]) -> Option<f64> + Sync,
) -> Option<Measured> {
    let statistic = |items: &[usize]| if cancel.is_cancelled() { None } else { statistic(items) };
    let found = bootstrap(n, RESAMPLING, statistic)?;
    Some(Measured { value: found.estimate, interval: found.interval })
}

/// The change of a statistic of `n` items from the reference to another engine. `differing`: number of items that
/// differ at all. `None` as for [`measured`].
pub(super) fn change(
    n: usize,
    differing: usize,
    cancel: &Cancel,
    reference: impl Fn(&[usize]) -> Option<f64> + Sync,
    other: impl Fn(&[usize]) -> Option<f64> + Sync,
) -> Option<QualityChange> {
    let all: Vec<usize> = (0..n).collect();
    let (before, value) = (reference(&all)?, other(&all)?);
    let reference = |items: &[usize]| if cancel.is_cancelled() { None } else { reference(items) };
    let found = paired_difference(n, RESAMPLING, reference, other)?;
    let with_nothing = |(low, high): (f64, f64)| (low.min(0.0), high.max(0.0));
    let interval = found.interval.map(|ends| if differing < DIFFERING { with_nothing(ends) } else { ends });
    // Of a value of 0 or below nothing is a part.
    let part = |difference: f64| Some(difference / before).filter(|part| before > 0.0 && part.is_finite());
    Some(QualityChange {
        reference: before,
        value,
        difference: found.estimate,
        interval,
        half_width: interval.map(|(low, high)| (high - low) / 2.0),
        relative: part(found.estimate),
        relative_interval: interval.and_then(|(low, high)| part(low).zip(part(high))),
        verdict: verdict(n, found.estimate, interval),
    })
}

/// Fewer items than [`DIFFERING`] are neither better nor worse.
fn verdict(n: usize, difference: f64, interval: Option<(f64, f64)>) -> QualityVerdict {
    match interval {
        _ if n < DIFFERING && difference.abs() >= ROUNDING => QualityVerdict::TooFewInputs,
        None => QualityVerdict::CannotTell,
        _ if difference.abs() < ROUNDING => QualityVerdict::Indistinguishable,
        Some((low, _)) if low > 0.0 => QualityVerdict::Better,
        Some((_, high)) if high < 0.0 => QualityVerdict::Worse,
        Some(_) => QualityVerdict::Indistinguishable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::bootstrap::mean_of;

    fn of(first: &[f64], second: &[f64]) -> QualityChange {
        let differing = first.iter().zip(second).filter(|(a, b)| a != b).count();
        let cancel = Cancel::new();
        change(first.len(), differing, &cancel, |items| mean_of(first, items), |items| mean_of(second, items)).unwrap()
    }

    #[test]
    fn verdicts() {
        let base: Vec<f64> = (0..60).map(|i| f64::from(i % 7) / 10.0 + 0.2).collect();
        let by = |add: fn(usize) -> f64| base.iter().enumerate().map(|(i, x)| x + add(i)).collect::<Vec<_>>();
        let found = of(&base, &base);
        assert_eq!((found.difference, found.interval), (0.0, Some((0.0, 0.0))));
        assert_eq!((found.verdict, found.half_width), (QualityVerdict::Indistinguishable, Some(0.0)));
        let found = of(&base, &by(|i| if i % 3 == 0 { 0.1 } else { -0.01 }));
        assert_eq!(found.verdict, QualityVerdict::Better);
        assert!((found.relative.unwrap() - found.difference / found.reference).abs() < 1e-15);
        let ((low, high), (part_low, part_high)) = (found.interval.unwrap(), found.relative_interval.unwrap());
        assert!(low > 0.0 && (part_low - low / found.reference).abs() < 1e-15 && part_high > part_low);
        assert_eq!(found.half_width, Some((high - low) / 2.0));
        assert_eq!(of(&base, &by(|i| if i % 3 == 0 { -0.1 } else { 0.01 })).verdict, QualityVerdict::Worse);
        assert_eq!(of(&base, &by(|i| if i % 2 == 0 { -0.1 } else { 0.1 })).verdict, QualityVerdict::Indistinguishable);
        // The same in every draw, and nothing.
        assert_eq!(of(&base, &by(|_| -1e-8)).verdict, QualityVerdict::Indistinguishable);
    }

    #[test]
    fn a_few_that_differ_show_nothing() {
        let base = vec![0.5; 50];
        let worse = |many: usize| (0..50).map(|i| if i < many { 0.1 } else { 0.5 }).collect::<Vec<_>>();
        let found = of(&base, &worse(DIFFERING - 1));
        assert_eq!((found.verdict, found.interval.unwrap().1), (QualityVerdict::Indistinguishable, 0.0));
        assert_eq!(of(&base, &worse(DIFFERING)).verdict, QualityVerdict::Worse);
    }

    /// In how many of 100 draws of `n` queries from one and the same distribution the interval holds the truth, which is
    /// no difference, and in how many a loss of `size` in those that differ is found. `part`: queries that differ.
    fn simulated(n: usize, part: f64, size: f64) -> (usize, usize) {
        let mut rng = fastrand::Rng::with_seed(11);
        let (mut held, mut found) = (0, 0);
        for _ in 0..100 {
            let base: Vec<f64> = (0..n).map(|_| rng.f64()).collect();
            let mut moved = |mean: f64| {
                let mut one = |x: &f64| if rng.f64() < part { x + rng.f64() - 0.5 + mean } else { *x };
                base.iter().map(&mut one).collect::<Vec<_>>()
            };
            let (same, worse) = (moved(0.0), moved(-size));
            held += usize::from(of(&base, &same).interval.is_some_and(|(low, high)| low <= 0.0 && high >= 0.0));
            found += usize::from(of(&base, &worse).verdict == QualityVerdict::Worse);
        }
        (held, found)
    }

    /// numpy, 2,000 draws of 30: 94 times in 100 where all differ, 93 where one in five does.
    #[test]
    fn intervals_hold_the_truth() {
        for (part, size, expected) in [(1.0, 0.4, 100), (0.2, 0.4, 40)] {
            let (held, found) = simulated(30, part, size);
            assert!((90..=100).contains(&held) && found >= expected, "{part}: held {held}, found {found}");
        }
    }

    #[test]
    fn unknown_estimates_have_no_interval() {
        let found = of(&[0.5], &[0.9]);
        assert_eq!((found.verdict, found.interval, found.half_width), (QualityVerdict::TooFewInputs, None, None));
        assert_eq!(of(&[0.5], &[0.5]).verdict, QualityVerdict::CannotTell);
        let few = [0.5, 0.6, 0.7, 0.8, 0.9];
        assert_eq!(of(&few, &few.map(|x| x - 0.4)).verdict, QualityVerdict::TooFewInputs);
        assert_eq!(of(&few, &few).verdict, QualityVerdict::Indistinguishable);
        // Nothing is a part of nothing.
        let found = of(&[0.0; 40], &[0.5; 40]);
        assert_eq!((found.verdict, found.relative, found.relative_interval), (QualityVerdict::Better, None, None));
        let cancel = Cancel::new();
        assert_eq!(measured(0, &cancel, |items| mean_of(&[], items)), None);
        assert_eq!(measured(1, &cancel, |_| Some(0.5)), Some(Measured { value: 0.5, interval: None }));
        cancel.cancel();
        assert_eq!(measured(3, &cancel, |_| Some(0.5)), None);
    }
}
