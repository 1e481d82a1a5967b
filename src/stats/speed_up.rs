//! The speed-up of one engine over another, from rounds that ran side by side on one machine.

use super::estimate::{Centre, DECISIVE_SHARE, MEDIAN_FROM, RESOLUTION};
use super::spread::{CONFIDENCE, Spread};
use super::student_t::critical_value;

/// The ratio of `values` to those of the baseline: the median over the rounds that both have. Each value comes with the
/// number of its round. `None` without a common round; rounds with a baseline of 0 are left out.
///
/// The interval is the one that `infa compare` gives the figure that decides, in a run in which `engines` are compared
/// with the baseline: it holds together with those of all other engines and figures. `None` for fewer than two rounds.
pub(crate) fn speed_up(values: &[(usize, f64)], baseline: &[(usize, f64)], engines: usize) -> Option<Spread> {
    let of = |round: usize| baseline.iter().find(|(other, base)| *other == round && *base > 0.0).map(|(_, base)| *base);
    let ratios = values.iter().filter_map(|(round, value)| Some(value / of(*round)?));
    let ratios: Vec<f64> = ratios.filter(|ratio| ratio.is_finite()).collect();
    Some(Spread { interval: interval(&ratios, engines), ..Spread::of(&ratios)? })
}

fn interval(ratios: &[f64], engines: usize) -> Option<(f64, f64)> {
    let logarithms: Vec<f64> =
        ratios.iter().map(|ratio| ratio.ln()).filter(|logarithm| logarithm.is_finite()).collect();
    let centre = if logarithms.len() >= MEDIAN_FROM { Centre::Median } else { Centre::Mean };
    let estimate = centre.of(&logarithms)?;
    let probability = (1.0 - CONFIDENCE) * DECISIVE_SHARE / engines.max(1) as f64;
    let half = match critical_value(probability, estimate.freedom) * estimate.whole_error() {
        // An engine beside itself.
        0.0 if estimate.value == 0.0 => 0.0,
        half => half.max(RESOLUTION),
    };
    let ends = ((estimate.value - half).exp(), (estimate.value + half).exp());
    (ends.0 > 0.0 && ends.1.is_finite()).then_some(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_ups_are_paired_by_round() {
        // The second round was disturbed for both, the fourth ran for one alone.
        let fast = [(0, 200.0), (1, 100.0), (2, 220.0), (3, 999.0)];
        let slow = [(0, 100.0), (1, 50.0), (2, 100.0)];
        let spread = speed_up(&fast, &slow, 1).unwrap();
        assert_eq!((spread.count, spread.median, spread.min, spread.max), (3, 2.0, 2.0, 2.2));
        assert_eq!(speed_up(&fast, &[(7, 1.0)], 1), None);
        assert_eq!(speed_up(&fast, &[(0, 0.0)], 1), None);
        assert_eq!(speed_up(&slow, &slow, 1).unwrap().interval, Some((1.0, 1.0)));
        assert_eq!(speed_up(&fast[..1], &slow, 1).unwrap().interval, None);
    }

    /// t(2) is 6.205 for 2.5 % (scipy); the logarithms are ln 2, ln 2 and ln 2.2.
    #[test]
    fn intervals_are_those_of_all_engines_together() {
        let fast = [(0, 200.0), (1, 100.0), (2, 220.0)];
        let slow = [(0, 100.0), (1, 50.0), (2, 100.0)];
        let (low, high) = speed_up(&fast, &slow, 1).unwrap().interval.unwrap();
        let step = 1.1f64.ln();
        let (middle, half) = (2f64.ln() + step / 3.0, 6.205_347 * step / 3.0);
        assert!(
            (low.ln() - (middle - half)).abs() < 1e-5 && (high.ln() - (middle + half)).abs() < 1e-5,
            "{low} {high}"
        );
        let (lower, higher) = speed_up(&fast, &slow, 4).unwrap().interval.unwrap();
        assert!(lower < low && higher > high);
        // Ratios without noise are as exact as latencies are.
        let (low, high) = speed_up(&[(0, 2.0), (1, 2.0)], &[(0, 1.0), (1, 1.0)], 1).unwrap().interval.unwrap();
        assert!(low > 1.99 && low < 2.0 && high > 2.0 && high < 2.01, "{low} {high}");
    }
}
