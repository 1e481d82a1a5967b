//! The speed of one engine's rounds relative to another's.

use super::RoundReport;
use crate::stats::speed_up::speed_up;
use crate::stats::spread::Spread;

/// The rates by which speed is compared: the first that both have.
const RATES: [fn(&RoundReport) -> Option<f64>; 3] =
    [|round| round.tokens_per_second, |round| round.inputs_per_second, |round| round.requests_per_second];

/// The speed of these rounds relative to the baseline's; `engines` is the number of engines that are compared with it.
/// See [`speed_up`].
pub(crate) fn of_rates(rounds: &[RoundReport], baseline: &[RoundReport], engines: usize) -> Option<Spread> {
    RATES.iter().find_map(|rate| speed_up(&by_round(rounds, rate), &by_round(baseline, rate), engines))
}

/// The same by their median latencies: above 1 is faster.
pub(crate) fn of_latencies(rounds: &[RoundReport], baseline: &[RoundReport], engines: usize) -> Option<Spread> {
    let p50 = |round: &RoundReport| round.p50_ms;
    speed_up(&by_round(baseline, p50), &by_round(rounds, p50), engines)
}

fn by_round(rounds: &[RoundReport], figure: impl Fn(&RoundReport) -> Option<f64>) -> Vec<(usize, f64)> {
    let sound = |value: &f64| value.is_finite() && *value > 0.0;
    rounds.iter().filter_map(|round| Some((round.round, figure(round).filter(sound)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quicker_is_the_faster() {
        let of = |ms: f64| -> Vec<RoundReport> {
            (0..3).map(|round| RoundReport { round, p50_ms: Some(ms), ..RoundReport::default() }).collect()
        };
        assert_eq!(of_latencies(&of(5.0), &of(10.0), 1).unwrap().median, 2.0);
        assert_eq!(of_rates(&of(5.0), &of(10.0), 1), None);
    }

    #[test]
    fn ratios_leave_out_engines_without_speed() {
        let of = |rates: [f64; 3]| -> Vec<RoundReport> {
            let round =
                |(round, rate)| RoundReport { round, requests_per_second: Some(rate), ..RoundReport::default() };
            rates.into_iter().enumerate().map(round).collect()
        };
        let found = of_rates(&of([4.0, f64::NAN, 0.0]), &of([2.0, 2.0, 2.0]), 1).unwrap();
        assert_eq!((found.median, found.count), (2.0, 1));
    }
}
