//! Figures measured a few times: medians, their spread and confidence intervals.
//!
//! Rounds are few and their noise is lopsided (something else ran meanwhile), so figures are medians. Their intervals are
//! Student's t on logarithms, laid around the median. A bootstrap of the median, which assumes nothing about the shape of
//! the noise, cannot say more of few rounds than their range: of 2, 3 and 4 rounds it holds the truth 50, 77 and 87 times
//! in 100 (a test has the simulation), and of 7 no more than 87 times.

use super::quantiles::{self, median};
use super::student_t::quantile_975;

/// Probability that an interval holds what it is for.
pub(crate) const CONFIDENCE: f64 = 0.95;

/// Values of one figure, one per round.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The number of values.
    pub count: usize,
    /// The value in the middle; of an even number, the mean of the two there.
    pub median: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// Median absolute deviation: the median of the distances to the median, as it is (not scaled to a standard
    /// deviation).
    pub deviation: f64,
    /// 95 % interval, of Student's t on logarithms, around the median; on the values themselves where one is not above 0.
    /// `None` for fewer than two values.
    pub interval: Option<(f64, f64)>,
}

impl Spread {
    /// The spread of finite values; `None` without values.
    pub fn of(values: &[f64]) -> Option<Self> {
        let median = median(values)?;
        let distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
        Some(Self {
            count: values.len(),
            median,
            min: values.iter().copied().fold(f64::INFINITY, f64::min),
            max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            deviation: quantiles::median(&distances)?,
            interval: interval(values, median),
        })
    }
}

/// The 95 % interval around the median: the relative half-width to either side, as factors.
fn interval(values: &[f64], median: f64) -> Option<(f64, f64)> {
    let ends = match relative_half_width(values) {
        Some((_, half)) => (median / (1.0 + half), median * (1.0 + half)),
        // Values of 0 and below have no logarithm.
        None => {
            let half = half_width(values)?;
            (median - half, median + half)
        }
    };
    (ends.0.is_finite() && ends.1.is_finite()).then_some(ends)
}

/// Half-width of the 95 % interval of a mean, by Student's t; `None` for fewer than two values.
fn half_width(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (values.len() >= 2).then(|| quantile_975(values.len() - 1) * (variance / n).sqrt())
}

/// The geometric mean of positive values and the relative half-width of its 95 % interval; `None` for fewer than two
/// values, or where one is not above 0.
///
/// Rounds differ by factors rather than by amounts, so the interval is that of a mean of logarithms with Student's t,
/// as few values need it: `exp(t·s/√n) - 1` (Georges, Buytaert, Eeckhout, Statistically Rigorous Java Performance
/// Evaluation, OOPSLA 2007, section 3.2; for ratios and logarithms, Hoefler and Belli, Scientific Benchmarking of
/// Parallel Computing Systems, SC 2015, rules 3 to 5).
pub(crate) fn relative_half_width(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 || values.iter().any(|value| !(*value > 0.0 && value.is_finite())) {
        return None;
    }
    let logarithms: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    let mean = logarithms.iter().sum::<f64>() / values.len() as f64;
    Some((mean.exp(), half_width(&logarithms)?.exp_m1()))
}

/// Standard deviation of a sample over its mean; `None` for fewer than two values or a mean that is not above 0.
pub(crate) fn coefficient_of_variation(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (values.len() >= 2 && mean > 0.0).then(|| variance.sqrt() / mean)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE: [f64; 5] = [98.0, 101.0, 100.0, 103.0, 99.0];
    const EIGHT: [f64; 8] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 3.0, 9.0];

    fn near(value: f64, expected: f64, tolerance: f64) {
        assert!((value - expected).abs() <= tolerance, "{value}, not {expected}");
    }

    /// Medians and deviations are scipy's, half-widths `exp(t.ppf(0.975, n - 1) * std(log, ddof=1) / √n) - 1`.
    #[test]
    fn spreads_as_scipy_has_them() {
        let five = Spread::of(&FIVE).unwrap();
        assert_eq!((five.count, five.median, five.deviation), (5, 100.0, 1.0));
        let (low, high) = five.interval.unwrap();
        near(high, 102.404_509, 1e-4);
        near(low * high, 1e4, 1e-6);
        let eight = Spread::of(&EIGHT).unwrap();
        assert_eq!((eight.median, eight.deviation), (6.0, 3.5));
        assert_eq!((eight.min, eight.max), (1.0, 32.0));
    }

    #[test]
    fn one_value_has_no_interval_and_none_no_spread() {
        let one = Spread::of(&[7.0]).unwrap();
        assert_eq!((one.median, one.deviation, one.interval), (7.0, 0.0, None));
        assert_eq!(Spread::of(&[]), None);
    }

    #[test]
    fn what_has_no_logarithm_has_an_interval_all_the_same() {
        // t(2)·s/√3 with s = 1.
        let (low, high) = Spread::of(&[0.0, 1.0, 2.0]).unwrap().interval.unwrap();
        near(high - 1.0, 4.302_653 / 3f64.sqrt(), 1e-6);
        near(1.0 - low, 4.302_653 / 3f64.sqrt(), 1e-6);
        assert_eq!(Spread::of(&[1e308, 1e-308]).unwrap().interval, None);
    }

    /// Percentage of runs in which the interval of the median, and the range of the rounds, contain the truth, with
    /// noise of 1 % and one round in ten disturbed by up to 10 %.
    fn coverage(rounds: usize) -> (f64, f64) {
        const TRIES: usize = 4000;
        let mut rng = fastrand::Rng::with_seed(5);
        let mut round = || {
            let noise = (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0;
            let disturbed = if rng.f64() < 0.1 { 0.1 * rng.f64() } else { 0.0 };
            100.0 * (0.01 * noise + disturbed).exp()
        };
        let truth = median(&(0..100_001).map(|_| round()).collect::<Vec<_>>()).unwrap();
        let (mut held, mut range) = (0, 0);
        for _ in 0..TRIES {
            let spread = Spread::of(&(0..rounds).map(|_| round()).collect::<Vec<_>>()).unwrap();
            held += usize::from(spread.interval.is_some_and(|(low, high)| low <= truth && truth <= high));
            range += usize::from(spread.min <= truth && truth <= spread.max);
        }
        (held as f64 * 100.0 / TRIES as f64, range as f64 * 100.0 / TRIES as f64)
    }

    /// A bootstrap's interval of few rounds is their range, which covers too little.
    #[test]
    fn intervals_hold_the_truth_of_few_rounds_and_of_many() {
        for (rounds, of_range) in [(2, 50.0), (3, 75.0), (4, 87.5), (5, 93.75), (7, 98.4), (10, 99.8)] {
            let (held, range) = coverage(rounds);
            assert!((92.0..=98.0).contains(&held), "{rounds} rounds: {held}");
            assert!((range - of_range).abs() < 3.0, "{rounds} rounds: {range}");
        }
    }

    /// scipy: `gmean`, and `exp(t.ppf(0.975, 4) * std(log, ddof=1) / √5) - 1`.
    #[test]
    fn half_widths_as_scipy_has_them() {
        let (mean, half) = relative_half_width(&FIVE).unwrap();
        near(mean, 100.185_293_254_659_9, 1e-9);
        near(half, 0.024_045_090, 1e-6);
        assert_eq!(relative_half_width(&[5.0, 5.0, 5.0]).map(|(_, half)| half), Some(0.0));
        for invalid in [&[1.0][..], &[1.0, 0.0], &[1.0, f64::NAN], &[1.0, f64::INFINITY]] {
            assert_eq!(relative_half_width(invalid), None);
        }
    }

    #[test]
    fn variation_is_relative() {
        near(coefficient_of_variation(&[9.0, 10.0, 11.0]).unwrap(), 0.1, 1e-12);
        assert_eq!(coefficient_of_variation(&[1.0]), None);
        assert_eq!(coefficient_of_variation(&[0.0, 0.0]), None);
    }
}
