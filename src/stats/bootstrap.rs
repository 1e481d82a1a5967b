//! The percentile bootstrap: the interval of a statistic of many items, and of the difference of two.

use rayon::iter::{IntoParallelIterator, ParallelIterator};

use super::spread::CONFIDENCE;

/// The draws of a bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Resampling {
    /// Decides which items are drawn.
    pub seed: u64,
    /// The number of resamples. With 2,000 of them, the probability beyond an end of the interval is good to 0.35 %
    /// (of 2.5 %).
    pub resamples: usize,
}

/// A statistic with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bootstrapped {
    /// The statistic of all items.
    pub estimate: f64,
    /// Its 95 % interval; `None` for fewer than two items, or where the statistic is not defined for most resamples.
    pub interval: Option<(f64, f64)>,
}

/// A statistic of `n` items with its 95 % interval, by the percentile bootstrap: `n` items are drawn anew with replacement,
/// and the statistic of each draw is taken (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13;
/// `scipy.stats.bootstrap` with `method="percentile"`). `statistic` takes indices of items.
///
/// `None` where the statistic is not defined for all items. Draws for which it is not defined (all tied) are left out.
/// Each draw has a seed of its own, so that the result does not depend on threads.
pub(crate) fn bootstrap(
    n: usize,
    resampling: Resampling,
    statistic: impl Fn(&[usize]) -> Option<f64> + Sync,
) -> Option<Bootstrapped> {
    let Resampling { seed, resamples } = resampling;
    let estimate = statistic(&(0..n).collect::<Vec<_>>())?;
    if n < 2 {
        return Some(Bootstrapped { estimate, interval: None });
    }
    let draw = |resample: usize| {
        let mut rng =
            fastrand::Rng::with_seed(seed.wrapping_add((resample as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let items: Vec<usize> = (0..n).map(|_| rng.usize(..n)).collect();
        statistic(&items).filter(|value| !value.is_nan())
    };
    let mut values: Vec<f64> = (0..resamples).into_par_iter().filter_map(draw).collect();
    values.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - CONFIDENCE) / 2.0;
    let last = values.len().saturating_sub(1) as f64;
    let at = |probability: f64| values.get((last * probability).round() as usize).copied();
    let interval = if values.len() * 2 > resamples { at(tail).zip(at(1.0 - tail)) } else { None };
    Some(Bootstrapped { estimate, interval })
}

/// The difference `second` − `first` of two statistics of the same `n` items, by the paired bootstrap: both are computed
/// from the same draws (for retrieval: Sakai, Evaluating Evaluation Metrics based on the Bootstrap, SIGIR 2006;
/// `scipy.stats.bootstrap` with `paired=True`). `None` as of [`bootstrap`].
pub(crate) fn paired_difference(
    n: usize,
    resampling: Resampling,
    first: impl Fn(&[usize]) -> Option<f64> + Sync,
    second: impl Fn(&[usize]) -> Option<f64> + Sync,
) -> Option<Bootstrapped> {
    bootstrap(n, resampling, |items| Some(second(items)? - first(items)?))
}

/// The mean of the values at these indices; `None` without indices.
pub(crate) fn mean_of(values: &[f64], items: &[usize]) -> Option<f64> {
    (!items.is_empty()).then(|| items.iter().map(|&item| values[item]).sum::<f64>() / items.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::super::correlation::{pearson, spearman};
    use super::*;

    fn noisy() -> [Vec<f64>; 3] {
        let gold = |i: u64| (i * 7919 + i * i * 31) % 101;
        let of = |noise: fn(u64) -> u64| (0..200).map(|i| (gold(i) + noise(i)) as f64).collect();
        [of(|_| 0), of(|i| (i * i * 17 + i * 3) % 61), of(|i| (i * i * 13 + i * 5) % 151)]
    }

    type Correlation = fn(&[f64], &[f64]) -> Option<f64>;

    fn resampling(seed: u64) -> Resampling {
        Resampling { seed, resamples: 2_000 }
    }

    fn difference(correlation: Correlation, [gold, a, b]: &[Vec<f64>; 3], seed: u64) -> Bootstrapped {
        let pick = |values: &[f64], items: &[usize]| items.iter().map(|&item| values[item]).collect::<Vec<_>>();
        let of = |values: &Vec<f64>, items: &[usize]| correlation(&pick(gold, items), &pick(values, items));
        paired_difference(gold.len(), resampling(seed), |items| of(a, items), |items| of(b, items)).unwrap()
    }

    /// scipy 1.17.1, over `g = (i*7919 + i*i*31) % 101`, `a = g + (i*i*17 + i*3) % 61`, `b = g + (i*i*13 + i*5) % 151`
    /// for i below 200:
    ///
    /// ```python
    /// bootstrap((g, a, b), lambda g, a, b: f(g, b) - f(g, a), paired=True, vectorized=False, n_resamples=20000,
    ///           method="percentile", rng=1)
    /// ```
    #[test]
    fn intervals_are_scipys() {
        let data = noisy();
        for (correlation, estimate, (low, high)) in [
            (spearman as Correlation, 0.5749176535735461 - 0.8700347866860108, (-0.390607, -0.209300)),
            (pearson as Correlation, 0.5871632210882006 - 0.8720422984700159, (-0.368058, -0.210745)),
        ] {
            let found = difference(correlation, &data, 7);
            assert!((found.estimate - estimate).abs() < 1e-12, "{found:?}");
            let (found_low, found_high) = found.interval.unwrap();
            assert!((found_low - low).abs() < 0.01 && (found_high - high).abs() < 0.01, "{found:?}");
            assert_eq!(difference(correlation, &data, 7), found);
        }
    }

    /// Of one resample the interval is a point, and of none there is no interval.
    #[test]
    fn the_number_of_resamples_is_a_parameter() {
        let values: Vec<f64> = (0..50).map(f64::from).collect();
        let of = |resamples| bootstrap(50, Resampling { seed: 1, resamples }, |items| mean_of(&values, items)).unwrap();
        let (low, high) = of(1).interval.unwrap();
        assert!(low == high && of(0).interval.is_none(), "{low} {high}");
        let (low, high) = of(2_000).interval.unwrap();
        // 24.5 ± 1.96 · √(50² / 12 / 50).
        assert!((low - 20.5).abs() < 0.5 && (high - 28.5).abs() < 0.5, "{low} {high}");
    }

    #[test]
    fn the_same_twice_differs_by_nothing() {
        let [gold, a, _] = noisy();
        let same = difference(spearman, &[gold, a.clone(), a], 1);
        assert_eq!(same, Bootstrapped { estimate: 0.0, interval: Some((0.0, 0.0)) });
    }

    #[test]
    fn means_of_queries() {
        let (a, b) = ([0.5, 0.25, 1.0, 0.0], [0.75, 0.5, 1.0, 0.25]);
        let found =
            paired_difference(4, resampling(3), |items| mean_of(&a, items), |items| mean_of(&b, items)).unwrap();
        assert_eq!(found.estimate, 0.1875);
        let (low, high) = found.interval.unwrap();
        assert!((0.0..0.1875).contains(&low) && high == 0.25, "{found:?}");
    }

    #[test]
    fn without_items_or_sense_there_is_no_interval() {
        assert_eq!(paired_difference(0, resampling(1), |items| mean_of(&[], items), |items| mean_of(&[], items)), None);
        let one = paired_difference(1, resampling(1), |_| Some(1.0), |_| Some(3.0)).unwrap();
        assert_eq!((one.estimate, one.interval), (2.0, None));
        // Defined for all items together, and for almost no draw.
        let rarely = |items: &[usize]| (items == [0, 1, 2]).then_some(1.0);
        assert_eq!(paired_difference(3, resampling(1), rarely, rarely).unwrap().interval, None);
    }
}
