//! The change of a figure between two runs, or between two engines of one run, with its error. `infa bench` and
//! `infa compare` share it, so that they agree on the same run.
//!
//! Rounds of two files did not run side by side, and rounds are few: three to ten.
//!
//! - From [`MEDIAN_FROM`] rounds a side on, the change is that of medians, as `infa bench` shows them: one round in which
//!   something else ran does not move it. Their error is that of J. S. Maritz and R. G. Jarrett, A note on estimating the
//!   variance of the sample median, Journal of the American Statistical Association 73, 1978: of an odd number of rounds
//!   it is what a bootstrap of endless resamples finds.
//! - Of fewer rounds it is that of means, with a variance of each side's own (B. L. Welch, The generalization of
//!   "Student's" problem when several different population variances are involved, Biometrika 34, 1947).
//!
//! Where a metric is compared by ratios, all of it is of logarithms: rounds differ by factors, and means are geometric
//! (Hoefler and Belli, Scientific Benchmarking of Parallel Computing Systems, SC 2015).
//!
//! Rounds of one run share what changes from run to run (clock, neighbours, where pages lie), so that their scatter says
//! nothing of it; T. Kalibera and R. Jones, Rigorous benchmarking in reasonable time, ISMM 2013, find that it is often the
//! larger part. With a single run a side it cannot be measured, and is taken to be as large as that from round to round:
//! [`Estimate::run`].

use super::quantiles::median;
use super::student_t::{quantile_80, quantile_975};

/// From this many rounds on, medians are compared instead of means.
pub(crate) const MEDIAN_FROM: usize = 5;
/// Ratios nearer to 1 are rounding: latencies are recorded to three digits.
pub(crate) const RESOLUTION: f64 = 1e-3;
/// The part of the permitted 5 % false verdicts of a report that goes to the figure that decides: throughput, or p50 in an
/// open loop.
pub(crate) const DECISIVE_SHARE: f64 = 0.5;
/// Variance from run to run, where it cannot be measured, as a multiple of that from round to round.
const RUN_VARIANCE: f64 = 1.0;
/// A round farther from the median than this many median deviations counts as that far where errors are estimated.
const FARTHEST: f64 = 10.0;

/// A change with its error: a difference, of logarithms where the metric is compared by ratios.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Estimate {
    /// The change.
    pub value: f64,
    /// Its standard error, of rounds within their runs, or of runs.
    pub error: f64,
    /// The standard error that comes on top, because other runs of the same would differ; 0 where `error` has it.
    pub run: f64,
    /// Degrees of freedom of the error, at least 1.
    pub freedom: f64,
    /// Its 95 % interval, by `error` alone.
    pub interval: (f64, f64),
}

/// Number, mean, and the sample's variance; that of fewer than two values is 0.
fn moments(values: &[f64]) -> (f64, f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (n, mean, variance)
}

/// The measure of the middle of rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Centre {
    /// Of fewer than [`MEDIAN_FROM`], of shares, and of runs.
    Mean,
    /// Otherwise.
    Median,
}

impl Centre {
    /// The middle of values with its error; `None` for fewer than two.
    pub(crate) fn of(self, values: &[f64]) -> Option<Estimate> {
        match self {
            Self::Mean => Estimate::of_pairs(values),
            Self::Median => Estimate::of_medians(None, values),
        }
    }
}

/// The values, with outliers moved towards the median.
fn restrained(values: &[f64]) -> Vec<f64> {
    let middle = median(values).unwrap_or_default();
    let distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    match median(&distances).map(|deviation| FARTHEST * deviation) {
        Some(limit) if limit > 0.0 => values.iter().map(|value| value.clamp(middle - limit, middle + limit)).collect(),
        _ => values.to_vec(),
    }
}

/// The variance of the median of values such as these, after Maritz and Jarrett: that of one of the values, drawn with the
/// probability that it is the median of a resample.
fn variance_of_median(values: &[f64]) -> f64 {
    /// Steps of the integral between two values.
    const STEPS: usize = 16;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    // The density of the beta distribution with (n + 1) / 2 as both parameters, but for a factor.
    let power = (n as f64 - 1.0) / 2.0;
    let density = |x: f64| (4.0 * x * (1.0 - x)).powf(power);
    let (mut weights, mut first, mut second) = (0.0, 0.0, 0.0);
    let middle = median(&sorted).unwrap_or_default();
    for (at, value) in sorted.iter().enumerate() {
        let step = |step: usize| density((at as f64 + (step as f64 + 0.5) / STEPS as f64) / n as f64);
        let weight: f64 = (0..STEPS).map(step).sum();
        // From the middle: values may be large beside their distances.
        let distance = value - middle;
        weights += weight;
        first += weight * distance;
        second += weight * distance * distance;
    }
    if weights > 0.0 { (second / weights - (first / weights).powi(2)).max(0.0) } else { 0.0 }
}

impl Estimate {
    /// A value with its standard error, and the interval of Student's t.
    fn new(value: f64, error: f64, freedom: f64) -> Self {
        // Fewer degrees of freedom where they are no whole number: the wider interval.
        let half = quantile_975(freedom.max(1.0) as usize) * error;
        Self { value, error, run: 0.0, freedom, interval: (value - half, value + half) }
    }

    /// The same for rounds of one run of each of these sides, which other runs of the same would not repeat exactly.
    pub(crate) fn between_single_runs(self, sides: &[&[f64]]) -> Self {
        let variance: f64 = sides.iter().map(|rounds| moments(&restrained(rounds)).2).sum();
        Self { run: (RUN_VARIANCE * variance).sqrt(), ..self }
    }

    /// Its standard error with all that is in it.
    pub(crate) fn whole_error(&self) -> f64 {
        self.error.hypot(self.run)
    }

    /// The difference of the medians of `new` and `base`; without a base, the median of `new`. `None` for fewer than two
    /// values.
    pub(crate) fn of_medians(base: Option<&[f64]>, new: &[f64]) -> Option<Self> {
        if new.len() < 2 || base.is_some_and(|base| base.len() < 2) {
            return None;
        }
        let sides = if base.is_some() { 2.0 } else { 1.0 };
        let base = base.unwrap_or_default();
        let value = median(new)? - median(base).unwrap_or_default();
        let variance = |values: &[f64]| variance_of_median(&restrained(values));
        let freedom = (base.len() + new.len()) as f64 - sides;
        Some(Self::new(value, (variance(base) + variance(new)).sqrt(), freedom))
    }

    /// The difference of the means of `new` and `base`, measured independently of one another; `None` for fewer than two
    /// values of either.
    pub(crate) fn between(base: &[f64], new: &[f64]) -> Option<Self> {
        if base.len() < 2 || new.len() < 2 {
            return None;
        }
        let ((n, mean, variance), (m, other, spread)) = (moments(base), moments(new));
        let (a, b) = (variance / n, spread / m);
        let freedom = (a + b).powi(2) / (a.powi(2) / (n - 1.0) + b.powi(2) / (m - 1.0));
        // Without any variance there is no share of it.
        let freedom = if freedom.is_finite() { freedom } else { n + m - 2.0 };
        Some(Self::new(other - mean, (a + b).sqrt(), freedom))
    }

    /// As [`between`](Self::between); a side with a single value is assumed to vary like the other one.
    pub(crate) fn between_runs(base: &[f64], new: &[f64]) -> Option<Self> {
        let (many, one) = if new.len() == 1 { (base, new) } else { (new, base) };
        if one.len() != 1 {
            return Self::between(base, new);
        }
        let (n, _, variance) = moments(many);
        let value = moments(new).1 - moments(base).1;
        (n >= 2.0).then(|| Self::new(value, (variance * (1.0 + 1.0 / n)).sqrt(), n - 1.0))
    }

    /// The mean of differences of pairs; `None` for fewer than two.
    pub(crate) fn of_pairs(differences: &[f64]) -> Option<Self> {
        let (n, value, variance) = moments(differences);
        (n >= 2.0).then(|| Self::new(value, (variance / n).sqrt(), n - 1.0))
    }

    /// The mean of several; `None` of none. Degrees of freedom after F. E. Satterthwaite, Biometrics Bulletin 2 (1946).
    /// What changes from run to run is taken to move all of them together, since they are often of the same runs.
    pub(crate) fn mean(estimates: &[Self]) -> Option<Self> {
        let n = estimates.len() as f64;
        let squares = |power: i32, share: bool| -> f64 {
            estimates.iter().map(|one| one.error.powi(power) / if share { one.freedom } else { 1.0 }).sum()
        };
        let freedom = squares(2, false).powi(2) / squares(4, true);
        let freedom = if freedom.is_finite() { freedom } else { estimates.iter().map(|one| one.freedom).sum() };
        // The part that they have in common is no surer than that of the least sure.
        let least = estimates.iter().map(|one| one.freedom).fold(f64::INFINITY, f64::min);
        let run = estimates.iter().map(|one| one.run).sum::<f64>() / n;
        let freedom = if run > 0.0 { freedom.min(least) } else { freedom };
        let value = estimates.iter().map(|one| one.value).sum::<f64>() / n;
        (n > 0.0).then(|| Self { run, ..Self::new(value, squares(2, false).sqrt() / n, freedom) })
    }

    /// The smallest change that is detected in four of five tries, if only changes beyond `floor` are: what is
    /// smaller may be there and not be seen. (J. Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988: a
    /// power of 80 %.)
    pub(crate) fn detectable(&self, floor: f64) -> f64 {
        floor + quantile_80(self.freedom) * self.whole_error()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const BASE: [f64; 5] = [98.0, 101.0, 100.0, 103.0, 99.0];
    const NEW: [f64; 4] = [95.0, 97.0, 90.0, 99.0];

    fn near(found: f64, expected: f64, tolerance: f64) {
        assert!((found - expected).abs() <= tolerance, "{found}, not {expected}");
    }

    /// Welch's by hand: variances 3.7 and 44.75/3, so 0.74 and 3.729167 of the means.
    #[test]
    fn welch_by_hand() {
        let estimate = Estimate::between(&BASE, &NEW).unwrap();
        near(estimate.value, -4.95, 1e-12);
        near(estimate.error, 2.114_040, 1e-6);
        near(estimate.freedom, 4.185147, 1e-5);
        let (low, high) = estimate.interval;
        near(low, -4.95 - 2.776_445 * 2.114_040, 1e-4);
        near(high, -4.95 + 2.776_445 * 2.114_040, 1e-4);
        let swapped = Estimate::between(&NEW, &BASE).unwrap();
        near(swapped.value, 4.95, 1e-12);
        assert_eq!(swapped.error, estimate.error);
    }

    #[test]
    fn too_few_values_have_no_estimate() {
        assert_eq!(Estimate::between(&[1.0], &NEW), None);
        assert_eq!(Estimate::between(&NEW, &[]), None);
        assert_eq!(Estimate::between_runs(&[1.0], &[2.0]), None);
        assert_eq!(Estimate::between_runs(&[], &[2.0]), None);
        assert_eq!(Estimate::of_pairs(&[1.0]), None);
        assert_eq!(Estimate::mean(&[]), None);
        assert_eq!((Centre::Mean.of(&[]), Centre::Mean.of(&[3.0]), Centre::Median.of(&[7.0])), (None, None, None));
    }

    #[test]
    fn values_without_noise_have_a_point() {
        let estimate = Estimate::between(&[1.0, 1.0], &[1.5, 1.5, 1.5]).unwrap();
        assert_eq!((estimate.interval, estimate.detectable(0.0)), ((0.5, 0.5), 0.0));
        assert_eq!(Estimate::mean(&[estimate, estimate]).unwrap().interval, (0.5, 0.5));
    }

    /// One run more of a base of five: its own noise is that of the five, and comes on top of their mean's.
    #[test]
    fn one_run_beside_several_varies_as_they_do() {
        let estimate = Estimate::between_runs(&BASE, &[90.0]).unwrap();
        near(estimate.value, -10.2, 1e-12);
        near(estimate.error, (3.7f64 * 1.2).sqrt(), 1e-12);
        assert_eq!(estimate.freedom, 4.0);
        let other = Estimate::between_runs(&[90.0], &BASE).unwrap();
        near(other.value, 10.2, 1e-12);
        assert_eq!(Estimate::between_runs(&BASE, &NEW), Estimate::between(&BASE, &NEW));
    }

    #[test]
    fn means_of_estimates() {
        let one = Estimate::new(0.1, 0.03, 4.0);
        let two = Estimate::new(0.3, 0.04, 4.0);
        let mean = Estimate::mean(&[one, two]).unwrap();
        near(mean.value, 0.2, 1e-12);
        near(mean.error, 0.025, 1e-12);
        // (9 + 16)² / (81 / 4 + 256 / 4)
        near(mean.freedom, 625.0 / 84.25, 1e-9);
    }

    #[test]
    fn quantiles_for_power_as_scipy_has_them() {
        for (freedom, t) in [(1.0, 1.376_382), (2.0, 1.060_660), (5.0, 0.919_544), (18.0, 0.862_049), (1e9, 0.841_621)]
        {
            near(quantile_80(freedom), t, 0.02 * t);
        }
    }

    /// Normal noise of 1 % by the sum of twelve uniform numbers.
    fn rounds(rng: &mut fastrand::Rng, rounds: usize, mean: f64) -> Vec<f64> {
        (0..rounds)
            .map(|_| {
                let noise = (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0;
                (mean * (1.0 + 0.01 * noise)).ln()
            })
            .collect()
    }

    /// The estimate for rounds.
    fn estimated(base: &[f64], new: &[f64]) -> Estimate {
        if base.len() < MEDIAN_FROM { Estimate::between(base, new) } else { Estimate::of_medians(Some(base), new) }
            .unwrap()
    }

    /// Simulates runs, the second `slower` than the first by this share. Returns the share of intervals that contain
    /// the truth, and the share that exclude no change.
    fn simulated(count: usize, slower: f64, tries: usize) -> (f64, f64) {
        let mut rng = fastrand::Rng::with_seed(7);
        let (mut held, mut found) = (0, 0);
        for _ in 0..tries {
            let (base, new) = (rounds(&mut rng, count, 8700.0), rounds(&mut rng, count, 8700.0 * (1.0 - slower)));
            let (low, high) = estimated(&base, &new).interval;
            let truth = (1.0 - slower).ln();
            held += usize::from(low <= truth && truth <= high);
            found += usize::from(high < 0.0 || low > 0.0);
        }
        (held as f64 / tries as f64, found as f64 / tries as f64)
    }

    /// With this number of tries a share near 95 % is accurate to ±2.5 % (two standard errors).
    const TRIES: usize = 300;

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        for (count, tries) in [(2, 4000), (3, 4000), (4, 4000), (5, TRIES), (10, TRIES)] {
            let (held, _) = simulated(count, 0.02, tries);
            // With few rounds rounding down the degrees of freedom makes them wider.
            assert!((0.93..0.995).contains(&held), "{count} rounds: {held}");
        }
    }

    #[test]
    fn what_is_larger_than_the_noise_is_found_and_nothing_else() {
        let (_, none) = simulated(10, 0.0, TRIES);
        assert!(none < 0.07, "{none}");
        let (_, half) = simulated(10, 0.005, TRIES);
        assert!(half < 0.25, "{half}");
        let (_, three) = simulated(10, 0.03, TRIES);
        assert!(three > 0.99, "{three}");
    }

    #[test]
    fn one_disturbed_round_moves_no_median() {
        let base = [0.0, 0.01, -0.01, 0.005, -0.005, 0.002, -0.002];
        let mut new = base;
        new[3] = -0.5;
        let medians = Estimate::of_medians(Some(&base), &new).unwrap().between_single_runs(&[&base, &new]);
        let (low, high) = medians.interval;
        assert!(low > -0.03 && high < 0.03 && medians.run < 0.03, "{medians:?}");
        let (low, high) = Estimate::between(&base, &new).unwrap().interval;
        assert!(low < -0.2 && high > 0.05, "{low} {high}");
    }

    /// Of three values the probabilities of being a resample's median are 7/27, 13/27 and 7/27.
    #[test]
    fn the_error_of_a_median_as_endless_resamples_have_it() {
        let expected = (7.0 * 1.0 + 7.0 * 4.0) / 27.0 - ((7.0 * 2.0 - 7.0 * 1.0) / 27.0f64).powi(2);
        near(variance_of_median(&[-1.0, 0.0, 2.0]), expected, 2e-3);
        assert_eq!(variance_of_median(&[3.0; 4]), 0.0);
        near(variance_of_median(&BASE), 1.268_645, 2e-3);
    }

    /// A run more is one more draw.
    #[test]
    fn other_runs_differ_as_rounds_do() {
        let single = Estimate::between(&BASE, &NEW).unwrap().between_single_runs(&[&BASE, &NEW]);
        near(single.run, (3.7f64 + 44.75 / 3.0).sqrt(), 1e-9);
        near(single.whole_error(), (2.114_040f64.powi(2) + 3.7 + 44.75 / 3.0).sqrt(), 1e-5);
        // It does not shrink with the number of engines in the same runs.
        let mean = Estimate::mean(&[single; 4]).unwrap();
        near(mean.run, single.run, 1e-12);
        near(mean.error, single.error / 2.0, 1e-12);
    }

    #[test]
    fn medians_have_errors_of_both_sides() {
        assert_eq!(Centre::Median.of(&BASE).unwrap().value, 100.0);
        assert_eq!(Estimate::of_medians(Some(&[1.0]), &BASE), None);
        let same = Estimate::of_medians(Some(&[2.0, 2.0]), &[3.0, 3.0]).unwrap();
        assert_eq!((same.value, same.interval, same.detectable(0.0)), (1.0, (1.0, 1.0), 0.0));
    }
}
