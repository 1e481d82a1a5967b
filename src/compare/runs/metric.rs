//! The comparable metrics: every figure of a report by its name, with its unit and its better direction.

use schemars::JsonSchema;
use serde::Serialize;

use crate::bench::report::{EngineReport, Report, RoundReport};
use crate::report::numbers::{bytes, cosine, number, percent};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// More is better.
    Higher,
    /// Less is better.
    Lower,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A number a second.
    PerSecond,
    Milliseconds,
    Seconds,
    Bytes,
    /// A share of all, from 0 to 1.
    Share,
    /// A cosine or a correlation, at most 1.
    Agreement,
    /// Dollars for a million tokens.
    Dollars,
    /// Joules for a million tokens.
    Joules,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scale {
    /// New over base. Speed and latency differ by factors, and so does their noise.
    Ratio,
    /// New minus base: shares and cosines, which may be 0.
    Difference,
}

/// The place of a metric's values in a report.
#[derive(Clone, Copy)]
pub(super) enum Source {
    Rounds(fn(&Report, &RoundReport) -> Option<f64>),
    /// One a run.
    Once(fn(&EngineReport) -> Option<f64>),
}

pub struct Metric {
    /// Its name here: `tokens_per_s`.
    pub name: &'static str,
    /// Its name in reports of `infa bench`.
    pub field: &'static str,
    /// Its heading in tables: `tokens/s`.
    pub label: &'static str,
    pub unit: Unit,
    pub better: Better,
    pub scale: Scale,
    /// True if tables show it by default.
    pub main: bool,
    pub(super) source: Source,
}

/// All of them, in the order of tables.
pub(crate) static METRICS: &[Metric] = &[
    rate("tokens_per_s", "tokens_per_second", "tokens/s", |_, round| round.tokens_per_second),
    rate("inputs_per_s", "inputs_per_second", "inputs/s", |_, round| round.inputs_per_second),
    rate("requests_per_s", "requests_per_second", "requests/s", |_, round| round.requests_per_second),
    latency("mean", "mean_ms", "mean ms", |_, round| round.mean_ms),
    latency("p50", "p50_ms", "p50 ms", |_, round| round.p50_ms),
    latency("p90", "p90_ms", "p90 ms", |_, round| round.p90_ms),
    latency("p95", "p95_ms", "p95 ms", |_, round| round.p95_ms),
    latency("p99", "p99_ms", "p99 ms", |_, round| round.p99_ms),
    latency("max", "max_ms", "max ms", |_, round| round.max_ms),
    once("peak_requests_per_s", "curve.best", "peak requests/s", Unit::PerSecond, Better::Higher, |engine| {
        let curve = engine.curve.as_ref()?;
        curve.steps.get(curve.best?)?.requests_per_second
    }),
    once("held_requests_per_s", "curve.held", "held requests/s", Unit::PerSecond, Better::Higher, |engine| {
        engine.curve.as_ref()?.held?.holds
    }),
    Metric {
        name: "errors",
        field: "failures",
        label: "errors",
        unit: Unit::Share,
        better: Better::Lower,
        scale: Scale::Difference,
        main: true,
        source: Source::Rounds(|_, round| {
            let all = round.requests.checked_add(round.failed).filter(|&all| all > 0)?;
            Some(round.failed as f64 / all as f64)
        }),
    },
    once("memory", "peak_memory_bytes", "memory", Unit::Bytes, Better::Lower, |engine| {
        engine.resources.peak_memory_bytes.map(|bytes| bytes as f64)
    }),
    once("gpu_memory", "peak_gpu_memory_bytes", "GPU memory", Unit::Bytes, Better::Lower, |engine| {
        engine.resources.peak_gpu_memory_bytes.map(|bytes| bytes as f64)
    }),
    besides("load", "load_seconds", "load s", |engine| engine.load_seconds),
    besides("first_answer", "first_answer_seconds", "first answer s", |engine| engine.first_answer_seconds),
    agreement("cosine_min", "cosine min", true, |engine| Some(vectors(engine)?.cosine_min)),
    agreement("cosine_p1", "cosine p1", false, |engine| Some(vectors(engine)?.cosine_p1)),
    agreement("cosine_mean", "cosine mean", false, |engine| Some(vectors(engine)?.cosine_mean)),
    agreement("tau_min", "τ-b min", false, |engine| ranking(engine)?.tau_min),
    agreement("tau_mean", "τ-b mean", true, |engine| ranking(engine)?.tau_mean),
    agreement("overlap_min", "overlap min", false, |engine| ranking(engine)?.overlap_min),
    agreement("overlap_mean", "overlap mean", false, |engine| ranking(engine)?.overlap_mean),
    cost("dollars", "dollars_per_million_tokens", "$/1M tokens", Unit::Dollars, |report, round| {
        Some(report.machine_cost_per_hour? / 3600.0 * 1e6 / round.tokens_per_second?)
    }),
    cost("joules", "joules_per_million_tokens", "J/1M tokens", Unit::Joules, |_, round| {
        Some(round.joules? / (round.tokens_per_second? * round.seconds) * 1e6)
    }),
];

type OfRound = fn(&Report, &RoundReport) -> Option<f64>;
type OfEngine = fn(&EngineReport) -> Option<f64>;

const fn rate(name: &'static str, field: &'static str, label: &'static str, of: OfRound) -> Metric {
    let (unit, better, source) = (Unit::PerSecond, Better::Higher, Source::Rounds(of));
    Metric { name, field, label, unit, better, scale: Scale::Ratio, main: true, source }
}

const fn latency(name: &'static str, field: &'static str, label: &'static str, of: OfRound) -> Metric {
    let (unit, better, source) = (Unit::Milliseconds, Better::Lower, Source::Rounds(of));
    // The median and one of the tail say most.
    let main = matches!(field.as_bytes(), b"p50_ms" | b"p99_ms");
    Metric { name, field, label, unit, better, scale: Scale::Ratio, main, source }
}

const fn cost(name: &'static str, field: &'static str, label: &'static str, unit: Unit, of: OfRound) -> Metric {
    let (better, source) = (Better::Lower, Source::Rounds(of));
    Metric { name, field, label, unit, better, scale: Scale::Ratio, main: false, source }
}

const fn once(
    name: &'static str,
    field: &'static str,
    label: &'static str,
    unit: Unit,
    better: Better,
    of: OfEngine,
) -> Metric {
    Metric { name, field, label, unit, better, scale: Scale::Ratio, main: true, source: Source::Once(of) }
}

const fn besides(name: &'static str, field: &'static str, label: &'static str, of: OfEngine) -> Metric {
    let (unit, better, source) = (Unit::Seconds, Better::Lower, Source::Once(of));
    Metric { name, field, label, unit, better, scale: Scale::Ratio, main: false, source }
}

const fn agreement(name: &'static str, label: &'static str, main: bool, of: OfEngine) -> Metric {
    let (unit, better, source) = (Unit::Agreement, Better::Higher, Source::Once(of));
    Metric { name, field: name, label, unit, better, scale: Scale::Difference, main, source }
}

fn vectors(engine: &EngineReport) -> Option<crate::stats::fidelity::Agreement> {
    engine.fidelity.as_ref()?.vectors.as_ref()?.agreement
}

fn ranking(engine: &EngineReport) -> Option<&crate::stats::fidelity::RankingReport> {
    engine.fidelity.as_ref()?.ranking.as_ref()
}

impl Metric {
    /// Its values in an engine's part of a report, with their rounds; one a run has the round 0. None that is not
    /// finite, and of those compared by ratios none that is not above 0.
    pub(super) fn values(&self, report: &Report, engine: &EngineReport) -> Vec<(usize, f64)> {
        let mut values: Vec<(usize, f64)> = match self.source {
            Source::Rounds(of) => {
                engine.rounds.iter().filter_map(|round| Some((round.round, of(report, round)?))).collect()
            }
            Source::Once(of) => of(engine).map(|value| (0, value)).into_iter().collect(),
        };
        values.retain(|(_, value)| value.is_finite() && (self.scale == Scale::Difference || *value > 0.0));
        values
    }

    /// True if one value is all there is to know: it is what happened to these very requests, or to this very sample.
    pub(super) fn is_fact(&self) -> bool {
        self.scale == Scale::Difference || matches!(self.source, Source::Once(_))
    }

    /// True if it is measured every round.
    pub(super) fn has_rounds(&self) -> bool {
        matches!(self.source, Source::Rounds(_))
    }

    /// True if it is about speed: better is faster.
    pub(super) fn is_speed(&self) -> bool {
        matches!(self.unit, Unit::PerSecond | Unit::Milliseconds | Unit::Seconds)
    }

    /// A value for reading.
    pub(super) fn write(&self, value: f64) -> String {
        match self.unit {
            Unit::Bytes => bytes(value.max(0.0) as u64),
            Unit::Share => percent(value),
            Unit::Agreement => cosine(value),
            Unit::PerSecond | Unit::Milliseconds | Unit::Seconds | Unit::Dollars | Unit::Joules => number(value),
        }
    }
}

/// There is one of each name.
impl PartialEq for Metric {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// The metric of that name, or of that name in reports of `infa bench`.
pub(crate) fn metric(name: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.name == name || metric.field == name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::bench::report::sample;

    #[test]
    fn metrics_are_found_by_both_names() {
        for known in METRICS {
            assert_eq!(metric(known.name).unwrap().name, known.name);
            assert_eq!(metric(known.field).unwrap().name, known.name);
        }
        assert_eq!(metric("p99_ms").unwrap().name, "p99");
    }

    #[test]
    fn values_are_those_of_the_report() {
        let report = sample::of(vec![sample::engine("onnx", 8000.0)]);
        let of = |name: &str| metric(name).unwrap().values(&report, &report.engines[0]);
        assert_eq!(of("tokens_per_s"), [(0, 8000.0), (1, 8000.0), (2, 8000.0)]);
        assert_eq!(of("p99"), [(0, 25.0), (1, 25.0), (2, 25.0)]);
        assert_eq!(of("errors"), [(0, 0.0), (1, 0.0), (2, 0.0)]);
        assert_eq!(of("memory"), [(0, f64::from(400 << 20))]);
        assert_eq!(of("cosine_min"), [(0, 0.999_75)]);
        assert_eq!(of("tau_mean"), []);
        assert_eq!(of("dollars").len(), 3);
        // 0.25 $/h at 8,000 tokens/s.
        assert!((of("dollars")[0].1 - 0.25 / 3600.0 / 8000.0 * 1e6).abs() < 1e-12);
    }

    #[test]
    fn metrics_without_a_ratio_are_left_out() {
        let mut report = sample::of(vec![sample::engine("onnx", 8000.0)]);
        let rounds = &mut report.engines[0].rounds;
        (rounds[0].tokens_per_second, rounds[1].tokens_per_second) = (Some(0.0), Some(f64::NAN));
        (rounds[0].requests, rounds[1].failed) = (0, u64::MAX);
        let of = |name: &str| metric(name).unwrap().values(&report, &report.engines[0]);
        assert_eq!(of("tokens_per_s"), [(2, 8000.0)]);
        assert_eq!(of("errors"), [(2, 0.0)]);
    }
}
