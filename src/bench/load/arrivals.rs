//! The times at which requests of an open loop are due.

use std::time::Duration;

use super::phase::{End, Load, Phase};

/// The times at which requests are due, since the phase began, in rising order. Empty for closed loops.
#[derive(Debug, Clone)]
pub(crate) struct Arrivals {
    kind: Kind,
    count: u64,
    /// The number of requests, and the time, at which they end.
    most: u64,
    until: Duration,
}

#[derive(Debug, Clone)]
enum Kind {
    None,
    Constant { rate: f64 },
    Poisson { rate: f64, rng: fastrand::Rng, seconds: f64 },
    Ramp { from: f64, to: f64, seconds: f64 },
}

impl Arrivals {
    pub(crate) fn new(phase: &Phase) -> Self {
        let (most, until) = match phase.end() {
            End::After(duration) => (u64::MAX, duration),
            End::Requests(requests) => (requests as u64, Duration::MAX),
        };
        let kind = match phase.load() {
            Load::Closed { .. } | Load::Offline => Kind::None,
            Load::Constant { rate } => Kind::Constant { rate },
            Load::Poisson { rate } => Kind::Poisson { rate, rng: fastrand::Rng::with_seed(phase.seed), seconds: 0.0 },
            Load::Ramp { from, to } => Kind::Ramp { from, to, seconds: until.as_secs_f64() },
        };
        Self { kind, count: 0, most, until }
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        if self.count >= self.most {
            return None;
        }
        let number = self.count as f64;
        let seconds = match &mut self.kind {
            Kind::None => return None,
            Kind::Constant { rate } => number / *rate,
            Kind::Poisson { rate, rng, seconds } => {
                // Gaps of a Poisson process are exponential: the inverse of their distribution, of 1 - u in (0, 1].
                *seconds -= (1.0 - rng.f64()).ln() / *rate;
                *seconds
            }
            Kind::Ramp { from, to, seconds } => ramp(*from, *to, *seconds, number)?,
        };
        self.count += 1;
        // Fails for times beyond any clock.
        let due = Duration::try_from_secs_f64(seconds).ok()?;
        (due < self.until).then_some(due)
    }
}

/// The time of the `number`th request if the rate goes from `from` to `to` within `seconds`: the `t` at which the
/// integral of the rate, `from·t + (to - from)·t²/(2·seconds)`, is `number`; solved in the form without cancellation.
fn ramp(from: f64, to: f64, seconds: f64, number: f64) -> Option<f64> {
    if number == 0.0 {
        return Some(0.0);
    }
    let slope = (to - from) / seconds;
    let under_root = from * from + 2.0 * slope * number;
    (under_root >= 0.0).then(|| 2.0 * number / (from + under_root.sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(load: Load, end: End) -> Vec<Duration> {
        Arrivals::new(&Phase::new(load, end).unwrap()).collect()
    }

    fn seconds(seconds: u64) -> End {
        End::After(Duration::from_secs(seconds))
    }

    #[test]
    fn a_constant_rate_is_even_and_ends_before_the_end() {
        let due = arrivals(Load::Constant { rate: 8.0 }, seconds(2));
        assert_eq!(due.len(), 16);
        assert_eq!(due[..3], [0, 125, 250].map(Duration::from_millis));
        assert_eq!(due.last(), Some(&Duration::from_millis(1875)));
        assert_eq!(arrivals(Load::Constant { rate: 8.0 }, End::Requests(5)).len(), 5);
    }

    /// The number in each second of a Poisson process has the rate as its mean and as its variance; gaps have a mean of
    /// 1/rate and the same standard deviation.
    #[test]
    fn poisson_arrivals_have_the_mean_and_the_variance_of_poisson() {
        let (rate, span) = (50.0, 2000);
        let due = arrivals(Load::Poisson { rate }, seconds(span));
        let mut counts = vec![0.0; span as usize];
        due.iter().for_each(|due| counts[due.as_secs() as usize] += 1.0);
        let moments = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64)
        };
        let (mean, variance) = moments(&counts);
        // Three standard errors: √(50/2000) = 0.158 for the mean, 50·√(2/2000) = 1.58 for the variance.
        assert!((mean - rate).abs() < 0.48, "{mean}");
        assert!((variance - rate).abs() < 4.8, "{variance}");
        let gaps: Vec<f64> = due.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
        let (mean, variance) = moments(&gaps);
        assert!((mean * rate - 1.0).abs() < 0.01 && (variance.sqrt() * rate - 1.0).abs() < 0.01, "{mean} {variance}");
    }

    #[test]
    fn poisson_arrivals_are_those_of_their_seed() {
        let of = |seed| {
            let phase = Phase { seed, ..Phase::new(Load::Poisson { rate: 10.0 }, seconds(10)).unwrap() };
            Arrivals::new(&phase).collect::<Vec<_>>()
        };
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
    }

    /// From 10/s to 30/s in 10 s: 20/s on average, so 200; 75 of them in the first half.
    #[test]
    fn a_ramp_reaches_its_counts() {
        let due = arrivals(Load::Ramp { from: 10.0, to: 30.0 }, seconds(10));
        assert_eq!(due.len(), 200);
        assert_eq!(due.iter().filter(|due| **due < Duration::from_secs(5)).count(), 75);
        assert!(due.is_sorted());
        let first = due.iter().filter(|due| **due < Duration::from_secs(1)).count();
        let last = due.iter().filter(|due| **due >= Duration::from_secs(9)).count();
        assert_eq!((first, last), (11, 29));
    }

    #[test]
    fn ramps_from_nothing_and_to_nothing() {
        let up = arrivals(Load::Ramp { from: 0.0, to: 20.0 }, seconds(10));
        let down = arrivals(Load::Ramp { from: 20.0, to: 0.0 }, seconds(10));
        assert_eq!(up.len(), 100);
        assert!((100..=101).contains(&down.len()), "{}", down.len());
        // √(2·k·T/rate) for k = 25: half of the time for a quarter of the requests.
        assert_eq!(up[25], Duration::from_secs(5));
        assert_eq!(arrivals(Load::Ramp { from: 7.0, to: 7.0 }, seconds(3)).len(), 21);
    }
}
