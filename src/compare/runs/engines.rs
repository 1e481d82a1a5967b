//! Each engine and metric: what has changed, and how sure that is.

use std::collections::{BTreeMap, BTreeSet};

use super::metric::{Better, METRICS, Metric, Scale};
use super::read::Run;
use super::report::{Basis, Change, EngineComparison, Level, Mean, MetricComparison, Verdict};
use crate::bench::report::{EngineReport, EngineState, Report};
use crate::stats::estimate::{Centre, Estimate, MEDIAN_FROM};
use crate::stats::quantiles::median;

/// Changes below it are rounding, of logarithms as of shares.
pub(super) const ROUNDING: f64 = 1e-9;
/// Cosines and correlations of float32 numbers may differ by this much for no reason.
pub(super) const AGREEMENT: f64 = 1e-6;

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
    let other_samples = base.iter().chain(new).filter_map(sampled).collect::<BTreeSet<_>>().len() > 1;
    let (name, baseline) = (name.to_owned(), baseline.map(str::to_owned));
    EngineComparison { name, baseline, failed, other_samples, metrics, lost }
}

/// The texts that the cosines or rankings of a part are of. If the report does not identify them, no two parts match:
/// the file's own start and name stand for it.
fn sampled<'a>((report, engine): &Part<'a>) -> Option<(&'a str, &'a str)> {
    let fidelity = engine.fidelity.as_ref()?;
    let sample = match (&fidelity.vectors, &fidelity.ranking) {
        (Some(vectors), _) => &vectors.sample,
        (None, Some(ranking)) => &ranking.sample,
        (None, None) => return None,
    };
    Some(sample.as_deref().map_or((report.started.as_str(), engine.name.as_str()), |sample| (sample, "")))
}

/// A metric's values on one side.
struct Side {
    /// Values as they are compared (logarithms where by ratios), with their rounds.
    values: Vec<(usize, f64)>,
    /// The figure that stands for the side.
    level: f64,
}

impl Side {
    /// `None` without values.
    fn of(of: &Metric, parts: &[Part<'_>], basis: Basis) -> Option<Self> {
        let scaled = |value: f64| if of.scale == Scale::Ratio { value.ln() } else { value };
        let mut runs: Vec<Vec<(usize, f64)>> = parts.iter().map(|(report, engine)| of.values(report, engine)).collect();
        runs.retain(|values| !values.is_empty());
        let middles: Vec<f64> = runs.iter().filter_map(|values| middle(of, values)).collect();
        let level = match (of.scale, basis) {
            (Scale::Ratio, Basis::Runs) => geometric_mean(&middles)?,
            (Scale::Difference, Basis::Runs) if of.has_rounds() => mean(&middles)?,
            (Scale::Difference, _) if !of.has_rounds() => middles.iter().copied().reduce(match of.better {
                Better::Higher => f64::min,
                Better::Lower => f64::max,
            })?,
            _ => *middles.last()?,
        };
        let values: Vec<(usize, f64)> = match basis {
            Basis::Runs => middles.iter().map(|value| scaled(*value)).enumerate().collect(),
            Basis::Rounds | Basis::PairedRounds => {
                runs.pop()?.into_iter().map(|(round, value)| (round, scaled(value))).collect()
            }
        };
        (!values.is_empty() && level.is_finite()).then_some(Self { values, level })
    }

    /// The figure with its interval. `single`: whether it comes from the rounds of one run of several that might be.
    fn level(&self, of: &Metric, centre: Centre, single: bool) -> Level {
        let numbers = self.numbers();
        // Values may be held against limits: those of shares and of what is measured once are what they are.
        let estimate = centre.of(&numbers).filter(|_| of.scale == Scale::Ratio);
        let estimate =
            estimate.map(|estimate| if single { estimate.between_single_runs(&[&numbers]) } else { estimate });
        let half = estimate.map(|estimate| (estimate.interval.1 - estimate.interval.0) / 2.0);
        let interval = half.map(|half| (self.level * (-half).exp(), self.level * half.exp()));
        let interval = interval.filter(|(low, high)| low.is_finite() && high.is_finite());
        Level { value: self.level, interval, count: numbers.len(), estimate, joint: None }
    }

    fn numbers(&self) -> Vec<f64> {
        self.values.iter().map(|(_, value)| *value).collect()
    }

    /// Differences to the other side in the rounds that both have.
    fn pairs(&self, base: &Self) -> Vec<f64> {
        let base: BTreeMap<usize, f64> = base.values.iter().copied().collect();
        self.values.iter().filter_map(|(round, value)| Some(value - base.get(round)?)).collect()
    }
}

/// The figure of one run: the median of its rounds as `infa bench` reports it, of shares their mean. Requests of nearly
/// half the rounds may fail without moving a median.
fn middle(of: &Metric, values: &[(usize, f64)]) -> Option<f64> {
    let values: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
    if of.scale == Scale::Difference { mean(&values) } else { median(&values) }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn geometric_mean(values: &[f64]) -> Option<f64> {
    match values {
        // Unchanged: a logarithm there and back would change its last digit.
        [one] => Some(*one),
        _ => mean(&values.iter().map(|value| value.ln()).collect::<Vec<_>>()).map(f64::exp),
    }
}

/// The method for this number of rounds.
fn centre(of: &Metric, rounds: usize) -> Centre {
    if of.scale == Scale::Ratio && of.has_rounds() && rounds >= MEDIAN_FROM { Centre::Median } else { Centre::Mean }
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
        // Figures measured once have no rounds.
        (Basis::Rounds | Basis::PairedRounds, _) if !of.has_rounds() => None,
        (Basis::Rounds, Centre::Mean) => Estimate::between(&before, &after),
        (Basis::Rounds, Centre::Median) => Estimate::of_medians(Some(&before), &after),
        (Basis::PairedRounds, Centre::Mean) => Estimate::of_pairs(&pairs),
        (Basis::PairedRounds, Centre::Median) => Estimate::of_medians(None, &pairs),
        // Cosines of the same texts have no noise, and their worst is what is compared.
        (Basis::Runs, _) if of.scale == Scale::Difference && !of.has_rounds() => None,
        (Basis::Runs, _) => Estimate::between_runs(&before, &after),
    };
    // Engines of one run have its state of the machine in common.
    let single = basis == Basis::Rounds;
    let estimate = if single { estimate.map(|one| one.between_single_runs(&[&before, &after])) } else { estimate };
    let out = |value: f64| if of.scale == Scale::Ratio { value.exp() } else { value };
    let plain = match of.scale {
        Scale::Ratio => new.level / base.level,
        Scale::Difference => new.level - base.level,
    };
    let value = estimate.map_or(plain, |estimate| out(estimate.value));
    let sound = |estimate: &Estimate| {
        let (low, high) = estimate.interval;
        out(low).is_finite() && out(high).is_finite() && estimate.whole_error().is_finite()
    };
    let estimate = estimate.filter(sound);
    let interval = estimate.map(|estimate| (out(estimate.interval.0), out(estimate.interval.1)));
    let change = Change { scale: of.scale, value, interval, joint: None, floor: None, detectable: None };
    value.is_finite().then_some(MetricComparison {
        metric: of.name,
        unit: of.unit,
        better: of.better,
        base: base.level(of, centre, single),
        new: new.level(of, centre, single),
        change,
        // The verdict over all tests together follows (`family`).
        verdict: Verdict::CannotTell,
        estimate,
        of,
    })
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
        let estimate = estimates.and_then(|estimates| Estimate::mean(&estimates));
        let interval = estimate.map(|mean| (mean.interval.0.exp(), mean.interval.1.exp()));
        let interval = interval.filter(|(low, high)| low.is_finite() && high.is_finite());
        let estimate = estimate.filter(|_| interval.is_some());
        let (count, verdict) = (metrics.len(), Verdict::CannotTell);
        ratio.is_finite().then_some(Mean { metric: of.name, count, ratio, interval, joint: None, verdict, estimate })
    };
    METRICS.iter().filter(|of| of.scale == Scale::Ratio).filter_map(mean).collect()
}
