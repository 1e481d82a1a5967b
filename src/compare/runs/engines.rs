//! Each engine and metric: what has changed, how sure that is, and in a word.

use std::collections::BTreeMap;

use super::estimate::{Centre, ENOUGH, Estimate};
use super::metric::{Better, METRICS, Metric, Scale};
use super::read::Run;
use super::report::{Basis, Change, EngineComparison, Level, Mean, MetricComparison, Verdict};
use crate::bench::report::{EngineReport, EngineState, Report};

/// Changes below it are rounding, of logarithms as of shares.
const ROUNDING: f64 = 1e-9;
/// Cosines and correlations of float32 numbers may differ by this much for no reason.
const AGREEMENT: f64 = 1e-6;

/// An engine's part of a run.
pub(super) type Part<'a> = (&'a Report, &'a EngineReport);

/// The parts of the engine of that name.
pub(super) fn parts<'a>(runs: &[&'a Run], name: &str) -> Vec<Part<'a>> {
    let of = |run: &&'a Run| {
        let report = &run.report;
        Some((report, report.engines.iter().find(|engine| engine.name == name)?))
    };
    runs.iter().filter_map(of).collect()
}

/// The engine of both sides; `baseline`: what the other one is called, where it has another name.
pub(super) fn engine(
    name: &str,
    baseline: Option<&str>,
    base: &[Part<'_>],
    new: &[Part<'_>],
    basis: Basis,
) -> EngineComparison {
    let failed = new.iter().find_map(|(_, engine)| match &engine.state {
        EngineState::Failed { stage, kind, .. } => Some(format!("failed at {stage}: {kind}")),
        _ => None,
    });
    let (mut metrics, mut lost) = (Vec::new(), Vec::new());
    for of in METRICS {
        let sides = (Side::of(of, base, basis), Side::of(of, new, basis));
        match sides {
            (Some(base), Some(new)) => metrics.extend(compared(of, &base, &new, basis)),
            (Some(_), None) => lost.push(of.name),
            (None, _) => {}
        }
    }
    EngineComparison { name: name.to_owned(), baseline: baseline.map(str::to_owned), failed, metrics, lost }
}

/// What one side has of a metric: values as they are compared (logarithms where by ratios), with their rounds.
struct Side(Vec<(usize, f64)>);

impl Side {
    /// `None` without values.
    fn of(of: &Metric, parts: &[Part<'_>], basis: Basis) -> Option<Self> {
        let scaled = |value: f64| if of.scale == Scale::Ratio { value.ln() } else { value };
        let mut runs: Vec<Vec<(usize, f64)>> = Vec::new();
        for (report, engine) in parts {
            let values = of.values(report, engine);
            if !values.is_empty() {
                runs.push(values.into_iter().map(|(round, value)| (round, scaled(value))).collect());
            }
        }
        let values = match basis {
            Basis::Runs => {
                let middle = |values: &Vec<(usize, f64)>| {
                    let values: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
                    Some(centre(of, values.len()).of(&values)?.0)
                };
                runs.iter().filter_map(middle).enumerate().collect()
            }
            Basis::Rounds | Basis::PairedRounds => runs.pop()?,
        };
        (!values.is_empty()).then_some(Self(values))
    }

    /// `None` where it is no finite number.
    fn level(&self, of: &Metric, centre: Centre) -> Option<Level> {
        let numbers = self.numbers();
        let (middle, interval) = centre.of(&numbers)?;
        let (value, interval) = match of.scale {
            Scale::Ratio => (middle.exp(), interval.map(|(low, high)| (low.exp(), high.exp()))),
            Scale::Difference if of.has_rounds() => (middle, None),
            Scale::Difference => {
                let worst = match of.better {
                    Better::Higher => numbers.iter().copied().fold(f64::INFINITY, f64::min),
                    Better::Lower => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
                };
                (worst, None)
            }
        };
        let interval = interval.filter(|(low, high)| low.is_finite() && high.is_finite());
        value.is_finite().then_some(Level { value, interval, count: numbers.len() })
    }

    fn numbers(&self) -> Vec<f64> {
        self.0.iter().map(|(_, value)| *value).collect()
    }

    /// Differences to the other side in the rounds that both have.
    fn pairs(&self, base: &Self) -> Vec<f64> {
        let base: BTreeMap<usize, f64> = base.0.iter().copied().collect();
        self.0.iter().filter_map(|(round, value)| Some(value - base.get(round)?)).collect()
    }
}

/// How so many rounds are compared.
fn centre(of: &Metric, rounds: usize) -> Centre {
    // Shares are not: requests of nearly half the rounds may fail without moving a median.
    if of.scale == Scale::Ratio && of.has_rounds() && rounds >= ENOUGH { Centre::Median } else { Centre::Mean }
}

/// `None` where the change is no finite number.
fn compared(of: &'static Metric, base: &Side, new: &Side, basis: Basis) -> Option<MetricComparison> {
    let (before, after, pairs) = (base.numbers(), new.numbers(), new.pairs(base));
    let centre = match basis {
        Basis::Rounds => centre(of, before.len().min(after.len())),
        Basis::PairedRounds => centre(of, pairs.len()),
        Basis::Runs => Centre::Mean,
    };
    let estimate = match (basis, centre) {
        // What is measured once has no rounds.
        (Basis::Rounds | Basis::PairedRounds, _) if !of.has_rounds() => None,
        (Basis::Rounds, Centre::Mean) => Estimate::between(&before, &after),
        (Basis::Rounds, Centre::Median) => Estimate::of_medians(Some(&before), &after),
        (Basis::PairedRounds, Centre::Mean) => Estimate::of_pairs(&pairs),
        (Basis::PairedRounds, Centre::Median) => Estimate::of_medians(None, &pairs),
        // Cosines of the same texts have no noise, and their worst is what is compared.
        (Basis::Runs, _) if of.scale == Scale::Difference && !of.has_rounds() => None,
        (Basis::Runs, _) => Estimate::between_runs(&before, &after),
    };
    let (base, new) = (base.level(of, centre)?, new.level(of, centre)?);
    let out = |value: f64| if of.scale == Scale::Ratio { value.exp() } else { value };
    let plain = match of.scale {
        Scale::Ratio => (new.value.ln() - base.value.ln()).exp(),
        Scale::Difference => new.value - base.value,
    };
    let value = estimate.map_or(plain, |estimate| out(estimate.value));
    let sound = |estimate: &Estimate| {
        let (low, high) = estimate.interval;
        out(low).is_finite() && out(high).is_finite() && estimate.detectable().exp().is_finite()
    };
    let estimate = estimate.filter(sound);
    let interval = estimate.map(|estimate| estimate.interval);
    let detectable = estimate.map(|estimate| match of.scale {
        Scale::Ratio => estimate.detectable().exp_m1(),
        Scale::Difference => estimate.detectable(),
    });
    let verdict = if of.scale == Scale::Difference && !of.has_rounds() {
        verdict(of, Some((plain, plain)), AGREEMENT)
    } else {
        verdict(of, interval, ROUNDING)
    };
    let interval = interval.map(|(low, high)| (out(low), out(high)));
    let change = Change { scale: of.scale, value, interval, detectable };
    value.is_finite().then_some(MetricComparison {
        metric: of.name,
        unit: of.unit,
        better: of.better,
        base,
        new,
        change,
        verdict,
        estimate,
        of,
    })
}

/// `interval` is of the difference, or of the logarithm of the ratio.
fn verdict(of: &Metric, interval: Option<(f64, f64)>, rounding: f64) -> Verdict {
    let Some((low, high)) = interval else { return Verdict::CannotTell };
    let more = low > rounding;
    if !more && high >= -rounding {
        return Verdict::Indistinguishable;
    }
    match (more == (of.better == Better::Higher), of.is_speed()) {
        (true, true) => Verdict::Faster,
        (false, true) => Verdict::Slower,
        (true, false) => Verdict::Better,
        (false, false) => Verdict::Worse,
    }
}

/// Geometric means over engines, of each metric that is compared by ratios and that two of them have.
pub(super) fn means<'a>(engines: impl Iterator<Item = &'a EngineComparison> + Clone) -> Vec<Mean> {
    let mean = |of: &Metric| {
        let metrics: Vec<&MetricComparison> =
            engines.clone().flat_map(|engine| &engine.metrics).filter(|metric| metric.metric == of.name).collect();
        if metrics.len() < 2 {
            return None;
        }
        let logarithms = metrics.iter().map(|metric| metric.change.value.ln()).sum::<f64>();
        let ratio = (logarithms / metrics.len() as f64).exp();
        let estimates: Option<Vec<Estimate>> = metrics.iter().map(|metric| metric.estimate).collect();
        let interval = estimates.and_then(|estimates| Estimate::mean(&estimates)).map(|mean| mean.interval);
        let verdict = verdict(of, interval, ROUNDING);
        let interval = interval.map(|(low, high)| (low.exp(), high.exp()));
        let interval = interval.filter(|(low, high)| low.is_finite() && high.is_finite());
        ratio.is_finite().then_some(Mean { metric: of.name, count: metrics.len(), ratio, interval, verdict })
    };
    METRICS.iter().filter(|of| of.scale == Scale::Ratio).filter_map(mean).collect()
}
