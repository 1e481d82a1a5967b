//! Thresholds of result files: `tokens_per_s<-5%`, `p99>+10%`, `cosine_min<0.999`.

use super::error::RunsError;
use super::report::{Checked, EngineComparison, MetricComparison, RunsReport, ThresholdReport, Verdict};
use super::text::{interval, percentage};
use crate::compare::threshold::{Limit, Threshold};

type Interval = (f64, f64);

impl Threshold {
    /// The value that is held against the limit, its interval, and the limit; `None` where the sides are not comparable.
    fn held(&self, found: &MetricComparison) -> Option<(f64, Option<Interval>, f64)> {
        match self.limit {
            Limit::Change(_) if found.verdict == Verdict::NotComparable => None,
            Limit::Change(change) => Some((found.change.value, found.change.joint, 1.0 + change)),
            Limit::Value(limit) => Some((found.new.value, found.new.joint, limit)),
        }
    }

    /// True if it is crossed beyond the noise; `None` if it seems to be and the noise is not known, and where the sides are
    /// not comparable.
    fn crossed(&self, found: &MetricComparison) -> Option<bool> {
        let (value, interval, limit) = self.held(found)?;
        let known = interval.is_some() || (matches!(self.limit, Limit::Value(_)) && found.of.is_fact());
        let near = interval.map_or(value, |interval| self.near(interval));
        match self.beyond(value, limit) && self.beyond(near, limit) {
            true if !known => None,
            crossed => Some(crossed),
        }
    }

    /// The value, in words.
    fn found(&self, found: &MetricComparison) -> String {
        let metric = found.of;
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

    /// The end of an interval that keeps a value beyond the limit from crossing it.
    fn doubt_of(&self, found: &MetricComparison) -> Option<String> {
        let (value, interval, limit) = self.held(found)?;
        self.doubt(value, limit, interval?, |end| match self.limit {
            Limit::Change(_) => percentage(end - 1.0),
            Limit::Value(_) => found.of.write(end),
        })
    }

    /// The smallest change that would cross it, with the noise of these runs, if that is so large that it hardly can.
    fn blind(&self, found: &MetricComparison) -> Option<f64> {
        let (Limit::Change(change), (value, Some(joint), limit)) = (self.limit, self.held(found)?) else { return None };
        let noise = value / self.near(joint);
        let hidden = noise.max(noise.recip()) - 1.0 > BLIND * change.abs().max(LEAST);
        (hidden && self.crossed(found) != Some(true)).then_some(limit * noise - 1.0)
    }

    fn check(&self, comparison: usize, engine: &EngineComparison) -> Option<Checked> {
        let of = |crossed, found, comparable, doubt| {
            Some(Checked { comparison, engine: engine.name.clone(), crossed, comparable, found, doubt })
        };
        if let Some(found) = engine.metrics.iter().find(|found| found.metric == self.metric) {
            let doubt = self.doubt_of(found);
            return of(self.crossed(found), self.found(found), found.verdict != Verdict::NotComparable, doubt);
        }
        // A failed engine is worse than any change.
        let failed = engine.failed.as_ref().filter(|_| engine.lost.contains(&self.metric))?;
        of(Some(true), format!("no {} any more: {failed}", self.metric), true, None)
    }
}

/// Noise of more than this times the limit of a change hides what the limit is for.
const BLIND: f64 = 2.0;
/// Limits below this are taken for this: any noise is many times 0 %.
const LEAST: f64 = 0.05;

/// A warning about thresholds that changes of the size they are for do not cross, as the noise is too large.
pub(crate) fn blind(thresholds: &[Threshold], report: &RunsReport) -> Option<String> {
    let engines = report.comparisons.iter().flat_map(|comparison| &comparison.engines);
    let found = engines.flat_map(|engine| {
        thresholds.iter().filter_map(|threshold| {
            let needed = threshold.blind(engine.metrics.iter().find(|found| found.metric == threshold.metric)?)?;
            Some(format!("{threshold} of {} only by {}", engine.name, percentage(needed)))
        })
    });
    let found = found.collect::<Vec<_>>().join(", ");
    let remedy = "more rounds, or several runs a side (--base), narrow the intervals";
    (!found.is_empty()).then(|| format!("the noise is too large for these thresholds; crossed is {found}; {remedy}"))
}

pub(crate) fn check(thresholds: &[Threshold], report: &RunsReport) -> Result<Vec<ThresholdReport>, RunsError> {
    let checked = |threshold: &Threshold| {
        let engines = report.comparisons.iter().enumerate();
        let engines = engines.flat_map(|(at, comparison)| comparison.engines.iter().map(move |engine| (at, engine)));
        let checked: Vec<Checked> = engines.filter_map(|(at, engine)| threshold.check(at, engine)).collect();
        let text = threshold.to_string();
        if checked.is_empty() {
            return Err(RunsError::Unchecked { threshold: text, metric: threshold.metric });
        }
        let crossed = checked.iter().any(|checked| checked.crossed == Some(true));
        Ok(ThresholdReport { threshold: text, metric: threshold.metric, crossed, checked })
    };
    thresholds.iter().map(checked).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::sample::{noisy, one, two};
    use super::*;
    use crate::compare::threshold::Kind;

    fn parsed(text: &str) -> Threshold {
        Threshold::parse(text, Kind::Runs).unwrap_or_else(|error| panic!("{text}: {error}"))
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
    fn a_value_beyond_the_limit_within_the_noise_is_not_certain() {
        let report = two(&noisy(10, 8700.0, 1), &noisy(10, 8700.0 * 0.88, 2));
        for (text, words) in [
            ("tokens_per_s<-11%", "ends at -"),
            ("p99>+12%", "begins at +"),
            ("tokens_per_s<7750", "ends at 7"),
            ("tokens_per_s<-5%", ""),
            ("tokens_per_s<-30%", ""),
            ("cosine_min<0.999", ""),
        ] {
            let doubt = check(&[parsed(text)], &report).unwrap()[0].checked[0].doubt.clone().unwrap_or_default();
            assert!(doubt.starts_with(words) && doubt.is_empty() == words.is_empty(), "{text}: {doubt}");
        }
    }

    #[test]
    fn noise_that_hides_what_a_threshold_is_for_is_a_warning() {
        let mut wild = noisy(3, 8700.0, 1);
        for (round, rate) in wild.engines[0].rounds.iter_mut().zip([5000.0, 8000.0, 13_000.0]) {
            round.tokens_per_second = Some(rate);
        }
        let report = two(&wild, &wild);
        let warning = blind(&[parsed("tokens_per_s<-5%"), parsed("cosine_min<0.9")], &report).unwrap();
        assert!(warning.contains("crossed is tokens_per_s<-5% of onnx only by -"), "{warning}");
        let quiet = two(&noisy(10, 8700.0, 1), &noisy(10, 8700.0, 2));
        assert_eq!(blind(&[parsed("tokens_per_s<-5%"), parsed("p99>+0%")], &quiet), None);
        assert_eq!(blind(&[parsed("tokens_per_s<-5%")], &two(&one(1.0), &one(1.0))), None);
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

    /// The change of different work is meaningless; a value is checked.
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
    fn thresholds_without_a_figure_are_errors() {
        let report = two(&noisy(3, 8700.0, 1), &noisy(3, 8700.0, 2));
        let error = check(&[parsed("tau_mean<0.9")], &report).unwrap_err();
        assert!(error.to_string().contains("--fail-if tau_mean<0.9: no engine has tau_mean"), "{error}");
        assert!(error.hint().is_some());
    }
}
