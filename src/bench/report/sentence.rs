//! The result of a run in a sentence: "onnx:int8 is 2.2 times as fast as onnx (±20%), smallest cosine 0.9970".

use super::ratio::{of_latencies, of_rates};
use super::{Curve, CurveKind, EngineReport, EngineState, Report};
use crate::report::Figure;
use crate::report::numbers::{VAGUE, cosine, half_width, is_vague, number, plus_minus, several};
use crate::stats::estimate::MEDIAN_FROM;

/// Intervals that reach farther to one side are written with both ends.
const WIDE: f64 = 0.5;

/// The result; `None` if nothing was measured. Ratios and their intervals are computed from the rounds, as `infa
/// compare` does with the same report, so that both agree.
pub(crate) fn sentence(report: &Report) -> Option<String> {
    let sound: Vec<&EngineReport> =
        report.engines.iter().filter(|engine| !matches!(engine.state, EngineState::Failed { .. })).collect();
    let text = if sound.iter().any(|engine| engine.curve.is_some()) {
        curves(&sound)
    } else if report.workload.is_open_loop() {
        latencies(report, &sound)
    } else {
        speeds(report, &sound)
    };
    text.map(|text| text + ".")
}

/// The number of engines that `infa compare` compares with the baseline.
fn compared(report: &Report) -> usize {
    report.engines.iter().filter(|engine| !engine.rounds.is_empty()).count().saturating_sub(1)
}

/// Throughput: the fastest beside the baseline, or the baseline beside the next.
fn speeds(report: &Report, sound: &[&EngineReport]) -> Option<String> {
    let base = sound.iter().find(|engine| report.baseline.as_ref() == Some(&engine.name));
    let ratio = |engine: &EngineReport| {
        let ratio = of_rates(&engine.rounds, &base?.rounds, compared(report))?;
        Some(Figure::from(ratio)).filter(|ratio| ratio.median > 0.0)
    };
    let others = sound.iter().filter(|engine| report.baseline.as_ref() != Some(&engine.name));
    let fastest = others
        .filter_map(|engine| Some((engine, ratio(engine)?)))
        .max_by(|(_, a), (_, b)| a.median.total_cmp(&b.median));
    let (Some(base), Some((fastest, ratio))) = (base, fastest) else { return alone(sound) };
    let (first, second, ratio) = match ratio.median >= 1.0 {
        true => (*fastest, *base, ratio),
        false => (*base, *fastest, inverted(ratio)),
    };
    let (name, other) = (&first.name, &second.name);
    let (interval, times) = (uncertainty(&ratio), times(ratio.median));
    let text = match Certainty::of(&ratio) {
        Certainty::Certain => format!("{name} is {times} times as fast as {other} ({interval})"),
        Certainty::TooFew(rounds) => {
            format!(
                "{name} is {times} times as fast as {other} in {rounds}, too few to be sure{}",
                bracketed(&interval)
            )
        }
        Certainty::Noise => {
            format!("{name} and {other} cannot be distinguished: {name} is {times} times as fast ({interval})")
        }
    };
    Some(text + &fidelity(report, first, second))
}

/// The certainty of a difference, by the rules of `infa compare`.
enum Certainty {
    /// The difference is no noise.
    Certain,
    /// The difference may be noise.
    Noise,
    /// It may be noise, and there are too few rounds, named here.
    TooFew(String),
}

impl Certainty {
    fn of(ratio: &Figure) -> Self {
        match ratio.interval {
            Some((low, high)) if low > 1.0 || high < 1.0 => Self::Certain,
            _ if ratio.count < MEDIAN_FROM || ratio.interval.is_none() => {
                Self::TooFew(several(ratio.count as u64, "round", "rounds"))
            }
            _ => Self::Noise,
        }
    }
}

fn bracketed(interval: &str) -> String {
    if interval.is_empty() { String::new() } else { format!(" ({interval})") }
}

/// A single engine with its own figures.
fn alone(sound: &[&EngineReport]) -> Option<String> {
    let rate = |engine: &EngineReport| {
        let figures = &engine.figures;
        let rates = [
            (figures.tokens_per_second, "tokens/s"),
            (figures.inputs_per_second, "inputs/s"),
            (figures.requests_per_second, "requests/s"),
        ];
        rates.into_iter().find_map(|(figure, unit)| Some((figure?, unit)))
    };
    let (engine, (figure, unit)) = sound.iter().find_map(|engine| Some((engine, rate(engine)?)))?;
    let half = match engine.state {
        EngineState::Stable { half_width } | EngineState::Unstable { half_width: Some(half_width) } => Some(half_width),
        _ => None,
    };
    let interval =
        half.filter(|&half| !is_vague(half)).map(|half| format!(" ({})", plus_minus(half))).unwrap_or_default();
    let latency = engine.figures.p99_ms.map(|p99| format!(", 99 of 100 requests within {} ms", number(p99.median)));
    let name = &engine.name;
    Some(format!("{name}: {} {unit}{interval}{}", number(figure.median), latency.unwrap_or_default()))
}

/// Latency in an open loop, where the load decides throughput: the fastest beside the baseline, or the baseline beside
/// the next.
fn latencies(report: &Report, sound: &[&EngineReport]) -> Option<String> {
    let p50 = |engine: &EngineReport| engine.figures.p50_ms.map(|p50| p50.median).filter(|&p50| p50 > 0.0);
    let mut known: Vec<(&EngineReport, f64)> =
        sound.iter().filter_map(|&engine| Some((engine, p50(engine)?))).collect();
    known.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    let (first, p50) = *known.first()?;
    let name = &first.name;
    let others = known.get(1..).unwrap_or_default();
    let base = others.iter().find(|(engine, _)| report.baseline.as_ref() == Some(&engine.name)).or(others.first());
    let beside = base.map(|(other, slower)| {
        let ratio = of_latencies(&first.rounds, &other.rounds, compared(report)).map(Figure::from);
        let (other_name, slower) = (&other.name, number(*slower));
        let text = match ratio.map(|ratio| (Certainty::of(&ratio), times(ratio.median), uncertainty(&ratio))) {
            Some((Certainty::Certain, times, interval)) => {
                format!(", {times} times as quick as {other_name} ({slower} ms, {interval})")
            }
            Some((Certainty::TooFew(rounds), times, interval)) => {
                let interval = bracketed(&interval);
                format!(
                    ", {times} times as quick as {other_name} ({slower} ms) in {rounds}, too few to be sure{interval}"
                )
            }
            Some((Certainty::Noise, _, interval)) => {
                format!(", and {other_name} within {slower} ms: they cannot be distinguished ({interval})")
            }
            None => format!(", {other_name} within {slower} ms"),
        };
        text + &fidelity(report, first, other)
    });
    Some(format!("{name} answers half of the requests within {} ms{}", number(p50), beside.unwrap_or_default()))
}

/// The highest throughput, or the highest rate that keeps the latency.
fn curves(sound: &[&EngineReport]) -> Option<String> {
    let rate = |curve: &Curve| {
        let rate = match curve.kind {
            CurveKind::Search => curve.held?.holds?,
            _ => curve.steps.get(curve.best?)?.requests_per_second?,
        };
        (rate > 0.0).then_some(rate)
    };
    let of = |curve| rate(curve).map(|rate| (curve, rate));
    let mut known: Vec<(&EngineReport, &Curve, f64)> = Vec::new();
    for &engine in sound {
        known.extend(engine.curve.as_ref().and_then(of).map(|(curve, rate)| (engine, curve, rate)));
    }
    known.sort_by(|(.., a), (.., b)| b.total_cmp(a));
    let (first, curve, rate) = *known.first()?;
    let what = if curve.kind == CurveKind::Search { "keeps the latency up to" } else { "answers up to" };
    let beside = known.get(1).filter(|(_, other, _)| other.kind == curve.kind);
    let beside = beside.map(|(other, _, less)| {
        format!(", {} times as many as {}, each measured once", times(rate / less), other.name)
    });
    Some(format!("{} {what} {} requests/s{}", first.name, number(rate), beside.unwrap_or_default()))
}

/// The fidelity of the first; of the second if the first is the reference.
fn fidelity(report: &Report, first: &EngineReport, second: &EngineReport) -> String {
    let is_reference = |engine: &EngineReport| report.reference.as_ref() == Some(&engine.name);
    let of = |engine: &EngineReport| {
        let fidelity = engine.fidelity.as_ref()?;
        let vectors = fidelity.vectors.as_ref().and_then(|vectors| Some(("cosine", vectors.agreement?.cosine_min)));
        vectors.or_else(|| Some(("Kendall's τ-b", fidelity.ranking.as_ref()?.tau_min?)))
    };
    let (engine, whose) = match is_reference(first) {
        true => (second, format!(" of {}", second.name)),
        false => (first, String::new()),
    };
    of(engine).map(|(what, least)| format!(", smallest {what}{whose} {}", cosine(least))).unwrap_or_default()
}

/// `2.2`, `11.1`, `1.02` near 1.
fn times(ratio: f64) -> String {
    match ratio {
        near if near < 1.1 => format!("{near:.2}"),
        small if small < 9.95 => format!("{small:.1}"),
        large => number(large),
    }
}

fn inverted(Figure { median, min, max, interval, count }: Figure) -> Figure {
    let interval = interval.map(|(low, high)| (high.recip(), low.recip()));
    Figure { median: median.recip(), min: max.recip(), max: min.recip(), interval, count }
}

/// `±20%`, or both ends of a wide interval; empty if it is unknown.
fn uncertainty(figure: &Figure) -> String {
    match (half_width(figure), figure.interval) {
        (Some(half), _) if half <= WIDE => plus_minus(half),
        // Two rounds that disagree may give any factor.
        (_, Some((low, high))) if high / low <= VAGUE => format!("{} to {} times", times(low), times(high)),
        (_, _) => String::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{RoundReport, sample};
    use super::*;
    use crate::stats::spread::Spread;

    fn of(engines: Vec<EngineReport>) -> Option<String> {
        sentence(&sample::of(engines))
    }

    /// An engine with these rates in tokens a second, one a round.
    fn engine(name: &str, rates: &[f64]) -> EngineReport {
        let mut engine = sample::engine(name, rates[0]);
        let round = engine.rounds[0].clone();
        let of = |(round_number, &rate): (usize, &f64)| RoundReport {
            round: round_number,
            tokens_per_second: Some(rate),
            p50_ms: Some(50_000.0 / rate),
            ..round.clone()
        };
        engine.rounds = rates.iter().enumerate().map(of).collect();
        engine.figures.p50_ms =
            Spread::of(&rates.iter().map(|rate| 50_000.0 / rate).collect::<Vec<_>>()).map(Figure::from);
        engine
    }

    fn base() -> EngineReport {
        engine("onnx", &[2000.0; 5])
    }

    /// An engine with these times 2,000 tokens a second, with noise of 1 %.
    fn times_as_fast(name: &str, ratio: f64) -> EngineReport {
        engine(name, &[0.99, 1.01, 1.0, 0.995, 1.005].map(|noise| 2000.0 * ratio * noise))
    }

    #[test]
    fn the_fastest_beside_the_baseline() {
        let int8 = times_as_fast("onnx:int8", 2.2);
        let expected = "onnx:int8 is 2.2 times as fast as onnx (±2%), smallest cosine 0.9997.";
        assert_eq!(of(vec![base(), int8.clone()]).unwrap(), expected);
        let torch = times_as_fast("torch", 0.5);
        assert_eq!(of(vec![base(), torch.clone(), int8]).unwrap(), expected);
        // The baseline is the reference as well.
        assert_eq!(
            of(vec![base(), torch]).unwrap(),
            "onnx is 2.0 times as fast as torch (±2%), smallest cosine of torch 0.9997."
        );
        let near = of(vec![base(), times_as_fast("b", 1.01)]).unwrap();
        assert!(near.starts_with("b and onnx cannot be distinguished: b is 1.01 times as fast (±2%)"), "{near}");
    }

    #[test]
    fn few_rounds_are_said_to_be_few() {
        let two = of(vec![engine("onnx", &[2000.0, 2000.0]), engine("b", &[4900.0, 4700.0])]).unwrap();
        // The error is half of the difference of logarithms, 2.1 %, and t(1) is 25.45 for 2.5 %.
        assert!(two.starts_with("b is 2.4 times as fast as onnx (1.4 to 4.1 times), smallest"), "{two}");
        let noisy = of(vec![engine("onnx", &[2000.0, 2000.0]), engine("b", &[5400.0, 4200.0])]).unwrap();
        let expected = "b is 2.4 times as fast as onnx in 2 rounds, too few to be sure (0.10 to 58.3 times), smallest";
        assert!(noisy.starts_with(expected), "{noisy}");
        let wild = of(vec![engine("onnx", &[2000.0, 2000.0]), engine("b", &[9000.0, 2000.0])]).unwrap();
        assert!(wild.contains("times as fast as onnx in 2 rounds, too few to be sure, smallest"), "{wild}");
        let once = of(vec![engine("onnx", &[2000.0]), engine("b", &[4000.0])]).unwrap();
        assert!(once.starts_with("b is 2.0 times as fast as onnx in 1 round, too few to be sure, smallest"), "{once}");
    }

    #[test]
    fn one_engine_none_and_failures() {
        assert_eq!(of(vec![base()]).unwrap(), "onnx: 2,000 tokens/s (±1%), 99 of 100 requests within 100 ms.");
        assert_eq!(of(vec![]), None);
        let mut failed = base();
        failed.state = EngineState::Failed { stage: "start".into(), kind: "timeout".into(), message: "late".into() };
        assert_eq!(of(vec![failed.clone()]), None);
        assert!(of(vec![failed, engine("b", &[4000.0; 3])]).unwrap().starts_with("b: 4,000 tokens/s"));
    }

    #[test]
    fn rising_and_open_loads() {
        let sweep = sentence(&sample::sweep()).unwrap();
        assert_eq!(sweep, "onnx answers up to 61.0 requests/s.");
        let open = |engines: Vec<EngineReport>| {
            let mut report = sample::of(engines);
            report.workload.load = "poisson:5".to_owned();
            sentence(&report).unwrap()
        };
        assert_eq!(
            open(vec![base(), times_as_fast("b", 2.0)]),
            "b answers half of the requests within 12.5 ms, 2.0 times as quick as onnx (25.0 ms, ±2%), smallest cosine 0.9997."
        );
        let near = open(vec![base(), times_as_fast("b", 1.01)]);
        assert!(near.contains("and onnx within 25.0 ms: they cannot be distinguished (±2%)"), "{near}");
        let few = open(vec![engine("onnx", &[2000.0]), engine("b", &[4000.0])]);
        assert!(few.contains("2.0 times as quick as onnx (25.0 ms) in 1 round, too few to be sure, smallest"), "{few}");
        let rerank = sentence(&sample::rerank()).unwrap();
        assert!(rerank.contains("smallest Kendall's τ-b"), "{rerank}");
    }
}
