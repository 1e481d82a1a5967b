//! What is not allowed of engines on the same texts: `cosine_min<0.999`, `ndcg10<-1%`.

use std::fmt;
use std::str::FromStr;

use super::report::{EngineChecked, EngineOnTexts, EngineOutcome, EngineThresholdReport, EnginesReport};
use crate::compare::{quality, scores, vectors};

/// Figures of every engine.
const OWN: [&str; 5] =
    ["alone_cosine_min", "alone_max_difference", "concurrent_cosine_min", "concurrent_max_difference", "failed"];

/// Figures of tasks with a truth, of which differences have intervals.
const CHANGING: [&str; 6] = ["spearman", "pearson", "ndcg10", "recall10", "recall100", "mrr10"];

/// A figure, and a limit to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EngineThreshold {
    metric: &'static str,
    /// Whether what lies above the limit is not allowed, or what lies below it.
    above: bool,
    limit: Limit,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Limit {
    Value(f64),
    /// Of the reference's value, as a share of it.
    Change(f64),
}

/// Why a text is no threshold of engines.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineThresholdError {
    /// It has another form.
    #[error("a threshold of engines is a metric, < or >, and a number: cosine_min<0.999, ndcg10<-1%")]
    Form,
    /// There is no such metric.
    #[error("engines and vectors have no metric {0:?}; they have: {known}", known = known().collect::<Vec<_>>().join(", "))]
    Metric(String),
    /// Its limit is no number.
    #[error("{0:?} is no number; a limit is a value (0.999) or, of a task's figure, a change (-1%)")]
    Number(String),
    /// Only what a task tells has a change with an interval.
    #[error("{0} is held against a value, not against a change; {changing} have changes", changing = CHANGING.join(", "))]
    Relative(&'static str),
    /// It would be crossed without any change.
    #[error("no change at all would be a failure already; did you mean {0}?")]
    Always(String),
}

/// Names of all figures that thresholds can be set on.
pub fn known() -> impl Iterator<Item = &'static str> {
    let mut names: Vec<&str> = Vec::new();
    for name in vectors::METRICS.into_iter().chain(scores::METRICS).chain(quality::METRICS).chain(OWN) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.into_iter()
}

impl FromStr for EngineThreshold {
    type Err = EngineThresholdError;

    fn from_str(text: &str) -> Result<Self, EngineThresholdError> {
        let at = text.find(['<', '>']).ok_or(EngineThresholdError::Form)?;
        let (name, rest) = text.split_at(at);
        let (name, above) = (name.trim(), rest.starts_with('>'));
        let metric = known().find(|metric| *metric == name);
        let metric = metric.ok_or_else(|| EngineThresholdError::Metric(name.to_owned()))?;
        let limit = rest.get(1..).unwrap_or_default().trim();
        let number = |text: &str| -> Result<f64, EngineThresholdError> {
            let number = text.trim().parse().ok().filter(|number: &f64| number.is_finite());
            number.ok_or_else(|| EngineThresholdError::Number(limit.to_owned()))
        };
        let Some(percent) = limit.strip_suffix('%') else {
            return Ok(Self { metric, above, limit: Limit::Value(number(limit)?) });
        };
        let change = number(percent)? / 100.0;
        if !CHANGING.contains(&metric) {
            return Err(EngineThresholdError::Relative(metric));
        }
        if if above { change < 0.0 } else { change > 0.0 } {
            let meant = Self { metric, above, limit: Limit::Change(-change) };
            return Err(EngineThresholdError::Always(meant.to_string()));
        }
        Ok(Self { metric, above, limit: Limit::Change(change) })
    }
}

impl fmt::Display for EngineThreshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.metric, if self.above { '>' } else { '<' })?;
        match self.limit {
            Limit::Value(value) => write!(f, "{value}"),
            // As few digits as tell it: 0.05 is 5.000000000000001 % otherwise.
            Limit::Change(change) => write!(f, "{:+}%", (change * 1e10).round() / 1e8),
        }
    }
}

impl EngineThreshold {
    fn beyond(&self, value: f64, limit: f64) -> bool {
        if self.above { value > limit } else { value < limit }
    }

    /// What it finds of this engine; `None` of one that it is not held against.
    fn check(&self, engine: &EngineOnTexts, is_reference: bool) -> Option<EngineChecked> {
        let told = |crossed, found: String| EngineChecked { engine: engine.name.clone(), crossed, found };
        if engine.outcome != EngineOutcome::Answered {
            return Some(told(Some(true), "it did not answer".to_owned()));
        }
        match self.limit {
            // What is known of every engine by itself is held against the reference as well.
            Limit::Value(limit) => match engine.metric(self.metric) {
                Some(value) => Some(told(Some(self.beyond(value, limit)), digits(value))),
                None if is_reference => None,
                None => Some(told(Some(true), "it is not known".to_owned())),
            },
            Limit::Change(_) if is_reference => None,
            Limit::Change(limit) => {
                let change = engine.change(self.metric);
                Some(match change.and_then(|change| Some((change.relative?, change.relative_interval))) {
                    Some((change, Some((low, high)))) => {
                        // The whole interval, so that noise does not cross it.
                        let nearest = if self.above { low } else { high };
                        let percent = |share: f64| format!("{:+.2}%", share * 100.0);
                        let found = format!("{} (95% interval {} … {})", percent(change), percent(low), percent(high));
                        told(Some(self.beyond(nearest, limit)), found)
                    }
                    Some((change, None)) => {
                        told(None, format!("{:+.2}%, and nobody can tell how sure that is", change * 100.0))
                    }
                    None => told(Some(true), "it is not known".to_owned()),
                })
            }
        }
    }
}

/// Seven digits: a cosine of 0.99987 is not 1.
fn digits(value: f64) -> String {
    let rounded: f64 = format!("{value:.6e}").parse().unwrap_or(value);
    rounded.to_string()
}

/// Holds thresholds against all engines.
pub fn check(thresholds: &[EngineThreshold], report: &EnginesReport) -> Vec<EngineThresholdReport> {
    let of = |threshold: &EngineThreshold| {
        let checked = report.engines.iter().filter_map(|engine| {
            let is_reference = report.reference.as_deref() == Some(engine.name.as_str());
            threshold.check(engine, is_reference)
        });
        EngineThresholdReport { threshold: threshold.to_string(), checked: checked.collect() }
    };
    thresholds.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::quality::{QualityChange, QualityVerdict, StsComparison, StsReport};

    fn error(text: &str) -> String {
        text.parse::<EngineThreshold>().unwrap_err().to_string()
    }

    #[test]
    fn what_is_written_is_read() {
        for (text, shown) in [
            ("cosine_min<0.999", "cosine_min<0.999"),
            (" ndcg10 < -1 %", "ndcg10<-1%"),
            ("spearman<0%", "spearman<+0%"),
            ("alone_max_difference>1e-6", "alone_max_difference>0.000001"),
            ("tau_min<.9", "tau_min<0.9"),
        ] {
            assert_eq!(text.parse::<EngineThreshold>().unwrap().to_string(), shown);
        }
        let unknown = error("speed<1");
        for name in ["cosine_min", "tau_min", "spearman", "ndcg10", "concurrent_cosine_min", "failed"] {
            assert!(unknown.contains(&format!(" {name}")), "{unknown}");
        }
        for (text, said) in [
            ("cosine_min", "a threshold of engines is"),
            ("nan>", "\"\" is no number"),
            ("ndcg10<x%", "\"x%\" is no number"),
            ("ndcg10<inf", "is no number"),
            ("cosine_min<-1%", "cosine_min is held against a value"),
            ("ndcg10<1%", "did you mean ndcg10<-1%?"),
            ("spearman>-2%", "did you mean spearman>+2%?"),
        ] {
            assert!(error(text).contains(said), "{text}: {}", error(text));
        }
    }

    /// An engine whose Spearman correlation has changed by this part, with this interval.
    fn changed(relative: f64, relative_interval: Option<(f64, f64)>) -> EngineOnTexts {
        let change = QualityChange {
            reference: 0.8,
            value: 0.8 * (1.0 + relative),
            difference: 0.8 * relative,
            interval: relative_interval.map(|(low, high)| (0.8 * low, 0.8 * high)),
            half_width: None,
            relative: Some(relative),
            relative_interval,
            verdict: QualityVerdict::CannotTell,
        };
        let comparison = StsComparison { pairs: 9, spearman: Some(change), pearson: None, scores: None };
        let sts = StsReport {
            similarity: "cosine".into(),
            pairs: 9,
            scored: 9,
            lost: 0,
            spearman: None,
            pearson: None,
            comparison: Some(comparison),
            warnings: Vec::new(),
        };
        let outcome = EngineOutcome::Answered;
        EngineOnTexts { outcome, sts: Some(sts), ..EngineOnTexts::new("e".into(), "e".into()) }
    }

    #[track_caller]
    fn crossed(threshold: &str, engine: &EngineOnTexts) -> Option<bool> {
        threshold.parse::<EngineThreshold>().unwrap().check(engine, false).unwrap().crossed
    }

    #[test]
    fn a_change_crosses_with_its_whole_interval() {
        let worse = changed(-0.03, Some((-0.04, -0.02)));
        assert_eq!(crossed("spearman<-1%", &worse), Some(true));
        assert_eq!(crossed("spearman<-2.5%", &worse), Some(false));
        assert_eq!(crossed("spearman<-1%", &changed(-0.03, Some((-0.06, 0.001)))), Some(false));
        assert_eq!(crossed("spearman>+1%", &changed(0.03, Some((0.02, 0.04)))), Some(true));
        assert_eq!(crossed("spearman<-1%", &changed(-0.03, None)), None);
        // Of another task nothing is known.
        assert_eq!(crossed("ndcg10<-1%", &worse), Some(true));
    }

    #[test]
    fn values_are_held_against_every_engine_that_has_them() {
        let threshold: EngineThreshold = "cosine_min<0.999".parse().unwrap();
        let mut engine = changed(0.0, None);
        assert_eq!(threshold.check(&engine, true), None);
        assert_eq!(threshold.check(&engine, false).unwrap().crossed, Some(true));
        assert_eq!(crossed("failed>0", &engine), Some(false));
        engine.failures.inputs = 2;
        let failed: EngineThreshold = "failed>0".parse().unwrap();
        assert_eq!(
            failed.check(&engine, true).unwrap(),
            EngineChecked { engine: "e".into(), crossed: Some(true), found: "2".into() }
        );
        engine.outcome = EngineOutcome::NotAsked;
        assert_eq!(threshold.check(&engine, true).unwrap().crossed, Some(true));
    }
}
