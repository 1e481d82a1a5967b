//! What is not allowed, and whether it has happened: `tokens_per_s<-5%`, `p99>+10%`, `cosine_min<0.999`.

use std::fmt;
use std::str::FromStr;

use super::error::RunsError;
use super::metric::{Metric, Scale, Unit, UnknownMetric, metric};
use super::report::{Checked, EngineComparison, MetricComparison, RunsReport, ThresholdReport, Verdict};
use super::text::{interval, percentage};

/// What is not allowed.
#[derive(Debug, Clone, Copy)]
pub struct Threshold {
    /// Of which metric.
    pub metric: &'static Metric,
    /// Whether what lies above the limit is not allowed, or what lies below it.
    above: bool,
    limit: Limit,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit {
    /// Change as a share of the base: -0.05.
    Change(f64),
    /// A value in the metric's unit.
    Value(f64),
}

/// Why a text is no threshold.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ThresholdError {
    /// It has another form.
    #[error("a threshold is a metric, < or >, and a number: tokens_per_s<-5% (a change), p99>100 (a value)")]
    Form,
    /// There is no such metric.
    #[error(transparent)]
    Metric(#[from] UnknownMetric),
    /// Its limit is no number.
    #[error("{0:?} is no number; a limit is a change (-5%, +10%) or a value (0.999, 100ms, 2GiB)")]
    Number(String),
    /// A share or a cosine has no change in per cent.
    #[error("{metric} is held against a value, not against a change: {metric}{example}")]
    Relative {
        /// The metric.
        metric: &'static str,
        /// One that can be used.
        example: &'static str,
    },
    /// A run would fail without any change.
    #[error("no change at all would be a failure already; did you mean {meant}?")]
    Always {
        /// The one that was probably meant.
        meant: String,
    },
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        let at = text.find(['<', '>']).ok_or(ThresholdError::Form)?;
        let (name, rest) = text.split_at(at);
        let above = rest.starts_with('>');
        let limit = rest.get(1..).unwrap_or_default().trim();
        // Noise makes the limit itself no matter.
        let limit = limit.strip_prefix('=').unwrap_or(limit).trim();
        if name.trim().is_empty() || limit.is_empty() {
            return Err(ThresholdError::Form);
        }
        let metric = metric(name.trim())?;
        let limit = Limit::parse(limit, metric)?;
        let threshold = Self { metric, above, limit };
        match limit {
            Limit::Change(change) if if above { change < 0.0 } else { change > 0.0 } => {
                let meant = Self { limit: Limit::Change(-change), ..threshold }.to_string();
                Err(ThresholdError::Always { meant })
            }
            _ => Ok(threshold),
        }
    }
}

impl Limit {
    fn parse(text: &str, metric: &Metric) -> Result<Self, ThresholdError> {
        let wrong = || ThresholdError::Number(text.to_owned());
        let number = |text: &str| -> Option<f64> { text.trim().parse().ok().filter(|number: &f64| number.is_finite()) };
        if let Some(percent) = text.strip_suffix('%') {
            let share = number(percent).ok_or_else(wrong)? / 100.0;
            return match (metric.scale, metric.unit) {
                (Scale::Ratio, _) => Ok(Self::Change(share)),
                // A share is a value in per cent; with a sign it would be a change.
                (Scale::Difference, Unit::Share) if !percent.starts_with(['+', '-']) => Ok(Self::Value(share)),
                (Scale::Difference, unit) => {
                    let example = if unit == Unit::Share { ">1%" } else { "<0.999" };
                    Err(ThresholdError::Relative { metric: metric.name, example })
                }
            };
        }
        let value = match metric.unit {
            Unit::Bytes => text.parse::<bytesize::ByteSize>().ok().map(|size| size.as_u64() as f64),
            Unit::Milliseconds => match text.strip_suffix("ms") {
                Some(text) => number(text),
                None => text.strip_suffix('s').map_or_else(|| number(text), |text| number(text).map(|s| s * 1e3)),
            },
            Unit::Seconds => number(text.strip_suffix('s').unwrap_or(text)),
            _ => number(text),
        };
        value.map(Self::Value).ok_or_else(wrong)
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.metric.name, if self.above { '>' } else { '<' })?;
        match self.limit {
            // As few digits as tell it: 0.05 is 5.000000000000001 % otherwise.
            Limit::Change(change) => write!(f, "{:+}%", (change * 1e10).round() / 1e8),
            Limit::Value(value) => write!(f, "{value}"),
        }
    }
}

impl Threshold {
    fn beyond(&self, value: f64, limit: f64) -> bool {
        if self.above { value > limit } else { value < limit }
    }

    /// The end of an interval that is nearer to what is allowed.
    fn near(&self, (low, high): (f64, f64)) -> f64 {
        if self.above { low } else { high }
    }

    /// Whether it is crossed beyond the noise; `None` if it seems to be and the noise is not known, and where the sides are
    /// not comparable.
    fn crossed(&self, found: &MetricComparison) -> Option<bool> {
        let (value, interval, limit) = match self.limit {
            Limit::Change(_) if found.verdict == Verdict::NotComparable => return None,
            Limit::Change(change) => (found.change.value, found.change.joint, 1.0 + change),
            Limit::Value(limit) => (found.new.value, found.new.joint, limit),
        };
        let known = interval.is_some() || (matches!(self.limit, Limit::Value(_)) && self.metric.is_fact());
        let near = interval.map_or(value, |interval| self.near(interval));
        match self.beyond(value, limit) && self.beyond(near, limit) {
            true if !known => None,
            crossed => Some(crossed),
        }
    }

    /// What was found, in words.
    fn found(&self, found: &MetricComparison) -> String {
        let metric = self.metric;
        match self.limit {
            Limit::Change(_) if found.verdict == Verdict::NotComparable => "the sides are not comparable".to_owned(),
            Limit::Change(_) => {
                let interval = interval(metric, &found.change).map(|interval| format!(" ({interval})"));
                format!("{} by {}{}", metric.name, percentage(found.change.value - 1.0), interval.unwrap_or_default())
            }
            Limit::Value(_) => {
                let ends =
                    found.new.joint.map(|(low, high)| format!(" ({} … {})", metric.write(low), metric.write(high)));
                format!("{} {}{}", metric.name, metric.write(found.new.value), ends.unwrap_or_default())
            }
        }
    }

    fn check(&self, comparison: usize, engine: &EngineComparison) -> Option<Checked> {
        let of = |crossed, found, comparable| {
            Some(Checked { comparison, engine: engine.name.clone(), crossed, comparable, found })
        };
        if let Some(found) = engine.metrics.iter().find(|found| found.metric == self.metric.name) {
            return of(self.crossed(found), self.found(found), found.verdict != Verdict::NotComparable);
        }
        // What has failed is no slower than before: it does nothing any more.
        let failed = engine.failed.as_ref().filter(|_| engine.lost.contains(&self.metric.name))?;
        of(Some(true), format!("no {} any more: {failed}", self.metric.name), true)
    }
}

/// Holds a report against thresholds.
///
/// # Errors
/// There is nothing to hold one against.
pub fn check(thresholds: &[Threshold], report: &RunsReport) -> Result<Vec<ThresholdReport>, RunsError> {
    let checked = |threshold: &Threshold| {
        let engines = report.comparisons.iter().enumerate();
        let engines = engines.flat_map(|(at, comparison)| comparison.engines.iter().map(move |engine| (at, engine)));
        let checked: Vec<Checked> = engines.filter_map(|(at, engine)| threshold.check(at, engine)).collect();
        let text = threshold.to_string();
        if checked.is_empty() {
            return Err(RunsError::Unchecked { threshold: text, metric: threshold.metric.name });
        }
        let crossed = checked.iter().any(|checked| checked.crossed == Some(true));
        Ok(ThresholdReport { threshold: text, metric: threshold.metric.name, crossed, checked })
    };
    thresholds.iter().map(checked).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::sample::{noisy, one, two};
    use super::*;

    fn parsed(text: &str) -> Threshold {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn thresholds_are_read_and_written() {
        for (text, written) in [
            ("tokens_per_s<-5%", "tokens_per_s<-5%"),
            (" p99 > +10 % ", "p99>+10%"),
            ("p99_ms>10%", "p99>+10%"),
            ("p99>=100ms", "p99>100"),
            ("p50>1.5s", "p50>1500"),
            ("memory>2GiB", "memory>2147483648"),
            ("memory>+12.5%", "memory>+12.5%"),
            ("cosine_min<0.999", "cosine_min<0.999"),
            ("errors>1%", "errors>0.01"),
            ("errors>0", "errors>0"),
            ("load>3s", "load>3"),
            ("tokens_per_s<0%", "tokens_per_s<+0%"),
        ] {
            assert_eq!(parsed(text).to_string(), written);
            assert_eq!(parsed(written).to_string(), written);
        }
    }

    #[test]
    fn what_is_no_threshold_is_told() {
        for (text, words) in [
            ("", "a metric, < or >"),
            ("p99", "a metric, < or >"),
            ("p99>", "a metric, < or >"),
            ("<5%", "a metric, < or >"),
            ("p99>fast", "\"fast\" is no number"),
            ("p99>NaN", "is no number"),
            ("p99>inf%", "is no number"),
            ("memory>2 parrots", "is no number"),
            ("token_per_s<-5%", "did you mean tokens_per_s?"),
            ("colour<-5%", "the metrics are tokens_per_s, "),
            ("cosine_min<-1%", "cosine_min<0.999"),
            ("errors>+1%", "errors>1%"),
            ("tokens_per_s<5%", "did you mean tokens_per_s<-5%?"),
            ("p99>-10%", "did you mean p99>+10%?"),
        ] {
            let error = text.parse::<Threshold>().unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    fn outcome(text: &str, report: &RunsReport) -> Option<bool> {
        check(&[parsed(text)], report).unwrap()[0].checked[0].crossed
    }

    #[test]
    fn only_what_is_beyond_the_noise_crosses() {
        // 12 % slower, with 1 % noise: the interval of all together is about ±4 %.
        let report = two(&noisy(10, 8700.0, 1), &noisy(10, 8700.0 * 0.88, 2));
        for (text, crossed) in [
            ("tokens_per_s<-5%", true),
            ("tokens_per_s<-11.9%", false),
            ("tokens_per_s<-15%", false),
            ("tokens_per_s>+5%", false),
            ("p99>+5%", true),
            ("p99>+13%", false),
            ("tokens_per_s<8500", true),
            ("tokens_per_s<7700", false),
            ("p99>20", true),
            ("cosine_min<0.999", false),
            ("cosine_min<0.9999", true),
            ("errors>0", false),
            ("memory>1MiB", true),
            ("memory>+1%", false),
        ] {
            assert_eq!(outcome(text, &report), Some(crossed), "{text}");
        }
        let report = check(&[parsed("tokens_per_s<-5%")], &report).unwrap();
        let found = &report[0].checked[0].found;
        assert!(report[0].crossed && found.starts_with("tokens_per_s by -1") && found.contains(" … -"), "{found}");
    }

    #[test]
    fn one_round_crosses_nothing_that_has_noise() {
        let report = two(&one(8700.0), &one(4000.0));
        assert_eq!(outcome("tokens_per_s<-5%", &report), None);
        assert_eq!(outcome("tokens_per_s<5000", &report), None);
        assert_eq!(outcome("tokens_per_s<3000", &report), Some(false));
        assert_eq!(outcome("tokens_per_s>+5%", &report), Some(false));
        assert_eq!(outcome("cosine_min<0.9999", &report), Some(true));
    }

    /// A change of other work is none; a value is what it is.
    #[test]
    fn other_workloads_cross_only_values() {
        let (base, mut new) = (noisy(10, 8700.0, 1), noisy(10, 4000.0, 2));
        new.workload.dataset = "code".to_owned();
        let report = two(&base, &new);
        let checked = |text: &str| check(&[parsed(text)], &report).unwrap()[0].checked[0].clone();
        let change = checked("tokens_per_s<-5%");
        assert_eq!((change.crossed, change.comparable), (None, false));
        assert_eq!(checked("tokens_per_s<5000").crossed, Some(true));
        assert_eq!(checked("cosine_min<0.5").crossed, Some(false));
    }

    #[test]
    fn what_cannot_be_checked_is_an_error() {
        let report = two(&noisy(3, 8700.0, 1), &noisy(3, 8700.0, 2));
        let error = check(&[parsed("tau_mean<0.9")], &report).unwrap_err();
        assert!(error.to_string().contains("--fail-if tau_mean<0.9: no engine has tau_mean"), "{error}");
        assert!(error.hint().is_some());
    }
}
