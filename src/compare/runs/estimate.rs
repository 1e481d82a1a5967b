//! How sure a change is.
//!
//! Rounds are few (three to ten), and rounds of two files did not run side by side. The interval is that of a difference
//! of two means with Student's t, each with a variance of its own: B. L. Welch, The generalization of "Student's"
//! problem when several different population variances are involved, Biometrika 34 (1947). Of ratios the means are
//! those of logarithms, so that the ratio is one of geometric means, as rounds differ by factors (Hoefler and Belli,
//! Scientific Benchmarking of Parallel Computing Systems, SC 2015). It is the interval by which `infa bench` decides
//! that rounds agree. A bootstrap of so few values is too narrow: it can draw nothing that was not measured, and its
//! "95 %" intervals of medians or means of three to five rounds hold the truth 75 to 88 times in 100; a check that cries wolf
//! that often is soon switched off.

use crate::bench::statistics::student_t;

/// A change with its error: a difference, of logarithms where the metric is compared by ratios.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// The change.
    pub value: f64,
    /// Its standard error.
    pub error: f64,
    /// Degrees of freedom of the error, at least 1.
    pub freedom: f64,
}

/// Number, mean, and the sample's variance; that of fewer than two values is 0.
fn moments(values: &[f64]) -> (f64, f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0);
    (n, mean, variance)
}

impl Estimate {
    /// The difference of the means of `new` and `base`, measured independently of one another; `None` for fewer than two
    /// values of either.
    pub fn between(base: &[f64], new: &[f64]) -> Option<Self> {
        if base.len() < 2 || new.len() < 2 {
            return None;
        }
        let ((n, mean, variance), (m, other, spread)) = (moments(base), moments(new));
        let (a, b) = (variance / n, spread / m);
        let freedom = (a + b).powi(2) / (a.powi(2) / (n - 1.0) + b.powi(2) / (m - 1.0));
        // Without any variance there is no share of it.
        let freedom = if freedom.is_finite() { freedom } else { n + m - 2.0 };
        Some(Self { value: other - mean, error: (a + b).sqrt(), freedom })
    }

    /// As [`between`](Self::between), where one side may have a single value: it is taken to vary as the other side does.
    pub fn between_runs(base: &[f64], new: &[f64]) -> Option<Self> {
        let (many, one) = if new.len() == 1 { (base, new) } else { (new, base) };
        if one.len() != 1 {
            return Self::between(base, new);
        }
        let (n, _, variance) = moments(many);
        let value = moments(new).1 - moments(base).1;
        (n >= 2.0).then(|| Self { value, error: (variance * (1.0 + 1.0 / n)).sqrt(), freedom: n - 1.0 })
    }

    /// The mean of differences of pairs; `None` for fewer than two.
    pub fn of_pairs(differences: &[f64]) -> Option<Self> {
        let (n, value, variance) = moments(differences);
        (n >= 2.0).then(|| Self { value, error: (variance / n).sqrt(), freedom: n - 1.0 })
    }

    /// The mean of several; `None` of none. Degrees of freedom after F. E. Satterthwaite, Biometrics Bulletin 2 (1946).
    pub fn mean(estimates: &[Self]) -> Option<Self> {
        let n = estimates.len() as f64;
        let squares = |power: i32, share: bool| -> f64 {
            estimates.iter().map(|one| one.error.powi(power) / if share { one.freedom } else { 1.0 }).sum()
        };
        let freedom = squares(2, false).powi(2) / squares(4, true);
        let freedom = if freedom.is_finite() { freedom } else { estimates.iter().map(|one| one.freedom).sum() };
        let value = estimates.iter().map(|one| one.value).sum::<f64>() / n;
        (n > 0.0).then(|| Self { value, error: squares(2, false).sqrt() / n, freedom })
    }

    /// Its 95 % interval.
    pub fn interval(&self) -> (f64, f64) {
        let half = self.quantile() * self.error;
        (self.value - half, self.value + half)
    }

    /// The smallest change that such runs show as one in four of five tries: what is smaller may be there and not be
    /// seen. (J. Cohen, Statistical Power Analysis for the Behavioral Sciences, 1988: a power of 80 %.)
    pub fn detectable(&self) -> f64 {
        (self.quantile() + power_quantile(self.freedom)) * self.error
    }

    /// Fewer degrees of freedom where they are no whole number: the wider interval.
    fn quantile(&self) -> f64 {
        student_t(self.freedom.max(1.0) as usize)
    }
}

/// Mean of values with its 95 % interval, `None` of none; fewer than two have no interval.
pub fn interval_of(values: &[f64]) -> Option<(f64, Option<(f64, f64)>)> {
    let interval = Estimate::of_pairs(values).map(|estimate| estimate.interval());
    (!values.is_empty()).then(|| (moments(values).1, interval))
}

/// The 80 % quantile of Student's t (the same expansion as for 97.5 %, good to 2 %).
fn power_quantile(freedom: f64) -> f64 {
    const Z: f64 = 0.841_621_234;
    let inverse = 1.0 / freedom.max(1.0);
    let terms = [
        (Z.powi(3) + Z) / 4.0,
        (5.0 * Z.powi(5) + 16.0 * Z.powi(3) + 3.0 * Z) / 96.0,
        (3.0 * Z.powi(7) + 19.0 * Z.powi(5) + 17.0 * Z.powi(3) - 15.0 * Z) / 384.0,
    ];
    terms.iter().rfold(0.0, |sum, term| inverse * (term + sum)) + Z
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
        let (low, high) = estimate.interval();
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
        assert_eq!(interval_of(&[]), None);
        assert_eq!(interval_of(&[3.0]), Some((3.0, None)));
    }

    #[test]
    fn values_without_noise_have_a_point() {
        let estimate = Estimate::between(&[1.0, 1.0], &[1.5, 1.5, 1.5]).unwrap();
        assert_eq!((estimate.interval(), estimate.detectable()), ((0.5, 0.5), 0.0));
        assert_eq!(Estimate::mean(&[estimate, estimate]).unwrap().interval(), (0.5, 0.5));
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
        let one = Estimate { value: 0.1, error: 0.03, freedom: 4.0 };
        let two = Estimate { value: 0.3, error: 0.04, freedom: 4.0 };
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
            near(power_quantile(freedom), t, 0.02 * t);
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

    /// Runs of which the second is `slower` than the first by this share: in how many of 4,000 the interval has the truth,
    /// and in how many it is away from no change.
    fn simulated(count: usize, slower: f64) -> (f64, f64) {
        const TRIES: usize = 4000;
        let mut rng = fastrand::Rng::with_seed(7);
        let (mut held, mut found) = (0, 0);
        for _ in 0..TRIES {
            let (base, new) = (rounds(&mut rng, count, 8700.0), rounds(&mut rng, count, 8700.0 * (1.0 - slower)));
            let (low, high) = Estimate::between(&base, &new).unwrap().interval();
            let truth = (1.0 - slower).ln();
            held += usize::from(low <= truth && truth <= high);
            found += usize::from(high < 0.0 || low > 0.0);
        }
        (held as f64 / TRIES as f64, found as f64 / TRIES as f64)
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        for count in [3, 5, 10] {
            let (held, _) = simulated(count, 0.02);
            // With three rounds rounding down the degrees of freedom makes them wider.
            assert!((0.94..0.985).contains(&held), "{count} rounds: {held}");
        }
    }

    #[test]
    fn what_is_larger_than_the_noise_is_found_and_nothing_else() {
        let (_, none) = simulated(10, 0.0);
        assert!((0.03..0.06).contains(&none), "{none}");
        let (_, half) = simulated(10, 0.005);
        assert!(half < 0.25, "{half}");
        let (_, three) = simulated(10, 0.03);
        assert!(three > 0.999, "{three}");
        // 1 % noise, ten rounds a side: (2.10 + 0.86) · 1 % · √(2/10).
        let (_, detectable) = simulated(10, 0.0132);
        assert!((0.77..0.83).contains(&detectable), "{detectable}");
    }
}
