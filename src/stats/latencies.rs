//! Quantiles of many durations: HDR histograms, in microseconds, to three digits.

use std::time::Duration;

use hdrhistogram::Histogram;

/// Significant decimal digits of a quantile: its relative error is below 1/1000.
const DIGITS: u8 = 3;
/// Longer durations are recorded as this one.
const MAX_DURATION: Duration = Duration::from_hours(24);

/// Durations, as a histogram; number, mean, shortest and longest are exact.
#[derive(Debug, Clone, Default)]
pub struct Latencies {
    /// `None` before the first duration, which saves memory: most failure kinds never occur.
    histogram: Option<Histogram<u64>>,
    count: u64,
    sum: Duration,
    shortest: Duration,
    longest: Duration,
}

impl Latencies {
    /// Adds a duration.
    pub fn record(&mut self, duration: Duration) {
        let duration = duration.min(MAX_DURATION);
        if self.histogram.is_none() {
            // Fails for more digits than 5 only.
            self.histogram = Histogram::new(DIGITS).ok();
        }
        if let Some(histogram) = &mut self.histogram {
            // Below a day of microseconds it grows as it needs to.
            let _ = histogram.record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
        }
        self.shortest = if self.count == 0 { duration } else { self.shortest.min(duration) };
        self.longest = self.longest.max(duration);
        self.sum = self.sum.saturating_add(duration);
        self.count += 1;
    }

    /// Adds all durations of another histogram.
    pub fn merge(&mut self, other: &Self) {
        match (&mut self.histogram, &other.histogram) {
            (Some(mine), Some(theirs)) => {
                // Both grow as they need to.
                let _ = mine.add(theirs);
            }
            (mine @ None, Some(_)) => mine.clone_from(&other.histogram),
            (_, None) => return,
        }
        self.shortest = if self.count == 0 { other.shortest } else { self.shortest.min(other.shortest) };
        self.longest = self.longest.max(other.longest);
        self.sum = self.sum.saturating_add(other.sum);
        self.count += other.count;
    }

    /// The number of durations.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The shortest duration that at least a share of `quantile` (from 0 to 1) does not exceed, to three digits; `None`
    /// without any.
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        let histogram = self.histogram.as_ref().filter(|_| self.count > 0)?;
        // The histogram returns the upper end of a bucket, which may exceed every recorded duration.
        let value = Duration::from_micros(histogram.value_at_quantile(quantile));
        Some(value.clamp(self.shortest, self.longest))
    }

    /// The mean; `None` without any.
    pub fn mean(&self) -> Option<Duration> {
        (self.count > 0).then(|| self.sum.div_f64(self.count as f64))
    }

    /// The shortest; `None` without any.
    pub fn min(&self) -> Option<Duration> {
        (self.count > 0).then_some(self.shortest)
    }

    /// The longest; `None` without any.
    pub fn max(&self) -> Option<Duration> {
        (self.count > 0).then_some(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(milliseconds: impl IntoIterator<Item = u64>) -> Latencies {
        let mut latencies = Latencies::default();
        milliseconds.into_iter().for_each(|ms| latencies.record(Duration::from_millis(ms)));
        latencies
    }

    #[test]
    fn none() {
        let none = of([]);
        assert_eq!(
            (none.count(), none.quantile(0.5), none.mean(), none.min(), none.max()),
            (0, None, None, None, None)
        );
    }

    #[test]
    fn one_is_exact() {
        let one = of([123_457]);
        let value = Some(Duration::from_millis(123_457));
        assert_eq!([one.quantile(0.0), one.quantile(0.99), one.mean(), one.min(), one.max()], [value; 5]);
    }

    /// Of 1 to 1000 ms: the nearest rank is the quantile itself.
    #[test]
    fn quantiles_to_three_digits() {
        let thousand = of((1..=1000).rev());
        for (quantile, ms) in [(0.001, 1.0), (0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (0.999, 999.0), (1.0, 1000.0)] {
            let value = thousand.quantile(quantile).unwrap().as_secs_f64() * 1e3;
            assert!((value / ms - 1.0).abs() < 1e-3, "{quantile}: {value}");
        }
        assert_eq!(thousand.mean(), Some(Duration::from_micros(500_500)));
        assert_eq!((thousand.min(), thousand.max()), (Some(Duration::from_millis(1)), Some(Duration::from_secs(1))));
    }

    #[test]
    fn merged_is_as_recorded_in_one() {
        let mut merged = of([]);
        merged.merge(&of(500..1000));
        merged.merge(&of([]));
        merged.merge(&of([20_000]));
        merged.merge(&of(1..500));
        let one = of((1..1000).chain([20_000]));
        for quantile in [0.0, 0.3, 0.5, 0.99, 1.0] {
            assert_eq!(merged.quantile(quantile), one.quantile(quantile));
        }
        assert_eq!((merged.count(), merged.mean(), merged.min()), (1000, one.mean(), one.min()));
    }

    #[test]
    fn beyond_a_day() {
        let mut latencies = of([1]);
        latencies.record(Duration::MAX);
        assert_eq!(latencies.max(), Some(MAX_DURATION));
        assert_eq!(latencies.quantile(1.0), Some(MAX_DURATION));
    }
}
