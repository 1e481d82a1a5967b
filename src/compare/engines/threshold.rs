//! Thresholds of engines on the same texts: `cosine_min<0.999`, `ndcg10<-1%`.

use super::report::{EngineChecked, EngineOnTexts, EngineOutcome, EngineThresholdReport, EnginesReport};
use crate::compare::threshold::{Limit, Threshold, digits};

impl Threshold {
    /// The result for this engine; `None` if the threshold does not apply to it.
    fn check_engine(&self, engine: &EngineOnTexts, is_reference: bool) -> Option<EngineChecked> {
        let result =
            |crossed, found: String| EngineChecked { engine: engine.name.clone(), crossed, found, doubt: None };
        if engine.outcome != EngineOutcome::Answered {
            return Some(result(Some(true), "it did not answer".to_owned()));
        }
        match self.limit {
            // Figures that an engine has by itself are checked for the reference as well.
            Limit::Value(limit) => match engine.metric(self.metric) {
                Some(value) => Some(match engine.gap(self.metric) {
                    Some(gap) => result(Some(true), gap),
                    None => result(Some(self.beyond(value, limit)), digits(value)),
                }),
                None if is_reference => None,
                None => Some(result(Some(true), "it is not known".to_owned())),
            },
            Limit::Change(_) if is_reference => None,
            Limit::Change(limit) => {
                let (_, change) = engine.judged(self.metric);
                Some(match change.and_then(|change| Some((change.relative?, change.relative_interval))) {
                    Some((change, Some((low, high)))) => {
                        let nearest = self.near((low, high));
                        let percent = |share: f64| format!("{:+.2}%", share * 100.0);
                        let found = format!("{} (95% interval {} … {})", percent(change), percent(low), percent(high));
                        let doubt = self.doubt(change, limit, (low, high), percent);
                        EngineChecked { doubt, ..result(Some(self.beyond(nearest, limit)), found) }
                    }
                    Some((change, None)) => result(None, format!("{:+.2}%", change * 100.0)),
                    None => result(Some(true), "it is not known".to_owned()),
                })
            }
        }
    }
}

pub(crate) fn check(thresholds: &[Threshold], report: &EnginesReport) -> Vec<EngineThresholdReport> {
    let of = |threshold: &Threshold| {
        let checked = report.engines.iter().filter_map(|engine| {
            let is_reference = report.reference.as_deref() == Some(engine.name.as_str());
            threshold.check_engine(engine, is_reference)
        });
        EngineThresholdReport { threshold: threshold.to_string(), checked: checked.collect() }
    };
    thresholds.iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::quality::{QualityChange, QualityVerdict, StsComparison, StsReport};
    use crate::compare::threshold::Kind;
    use crate::compare::vectors::{VectorRow, VectorSet, compare_in_order};

    fn parsed(text: &str) -> Threshold {
        Threshold::parse(text, Kind::Engines).unwrap()
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
        parsed(threshold).check_engine(engine, false).unwrap().crossed
    }

    #[test]
    fn a_change_crosses_with_its_whole_interval() {
        let worse = changed(-0.03, Some((-0.04, -0.02)));
        assert_eq!(crossed("spearman<-1%", &worse), Some(true));
        assert_eq!(crossed("spearman<-2.5%", &worse), Some(false));
        assert_eq!(crossed("spearman<-1%", &changed(-0.03, Some((-0.06, 0.001)))), Some(false));
        assert_eq!(crossed("spearman>+1%", &changed(0.03, Some((0.02, 0.04)))), Some(true));
        assert_eq!(crossed("spearman<-1%", &changed(-0.03, None)), None);
        let doubt = |limit: &str| parsed(limit).check_engine(&worse, false).unwrap().doubt;
        assert_eq!((doubt("spearman<-2.5%").as_deref(), doubt("spearman<-1%")), (Some("ends at -2.00%"), None));
        // Of another task nothing is known.
        assert_eq!(crossed("ndcg10<-1%", &worse), Some(true));
    }

    #[test]
    fn values_are_held_against_every_engine_that_has_them() {
        let threshold = parsed("cosine_min<0.999");
        let mut engine = changed(0.0, None);
        assert_eq!(threshold.check_engine(&engine, true), None);
        assert_eq!(threshold.check_engine(&engine, false).unwrap().crossed, Some(true));
        assert_eq!(crossed("failed>0", &engine), Some(false));
        // Half of the inputs have a vector of the reference alone: the others may be as near as they like.
        let vector = |id: usize, place| VectorRow { index: Some(id as u64), id: None, text: None, place };
        let set = |most: usize| VectorSet {
            name: "e".into(),
            rows: (0..20).map(|at| vector(at, (at < most).then_some(at..at + 2))).collect(),
            numbers: (1..30).map(|number| number as f32).collect(),
        };
        for (most, expected) in [(20, false), (10, true)] {
            engine.against = Some(compare_in_order(&set(20), &set(most)));
            assert_eq!(engine.metric("cosine_min").map(|cosine| cosine > 0.999), Some(true));
            assert_eq!(crossed("cosine_min<0.9", &engine), Some(expected));
            assert_eq!(crossed("missing>10", &engine), Some(false));
        }
        engine.failures.inputs = 2;
        let failed = parsed("failed>0");
        assert_eq!(
            failed.check_engine(&engine, true).unwrap(),
            EngineChecked { engine: "e".into(), crossed: Some(true), found: "2".into(), doubt: None }
        );
        engine.outcome = EngineOutcome::NotAsked;
        assert_eq!(threshold.check_engine(&engine, true).unwrap().crossed, Some(true));
    }
}
