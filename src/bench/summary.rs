//! From recordings to reports: figures over rounds, with their intervals.

use super::load::Load;
use super::recorder::{Basis, Failures, Recording};
use super::report::ratio;
use super::report::{
    Curve, CurveKind, CurveStep, EngineState, FailureReport, Figures, HeldRate, LatencyPoint, RoundReport,
};
use super::search::{Goal, HighestRate, Step, Stop, Swept};
use super::target::Failure;
use crate::report::Figure;
use crate::stats::fidelity::{
    Invariance, InvarianceReport, RankingFidelity, RankingReport, VectorFidelity, VectorReport,
};
use crate::stats::latencies::Latencies;
use crate::stats::spread::Spread;

/// Factors that turn tokens a second into other figures; `None` if unknown.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Rates {
    /// Floating-point operations of the model for a token of this dataset, attention included.
    pub flop_per_token: Option<f64>,
    /// The machine's speed of float32 matrix products, in GFLOP/s.
    pub gemm_gflops: Option<f64>,
    pub dollars_per_hour: Option<f64>,
}

const MILLION: f64 = 1e6;
const SECONDS_PER_HOUR: f64 = 3600.0;

fn quantile_ms(latencies: &Latencies, quantile: f64) -> Option<f64> {
    latencies.quantile(quantile).map(|latency| latency.as_secs_f64() * 1e3)
}

/// The report of a round. `joules`: the machine's energy in that time.
pub(crate) fn round(round: usize, recording: &Recording, joules: Option<f64>) -> RoundReport {
    let Recording { done, failures, dropped, latency, lateness, throughput, elapsed, .. } = recording;
    RoundReport {
        round,
        seconds: elapsed.as_secs_f64(),
        requests: done.requests,
        failed: failures.total() + dropped,
        requests_per_second: throughput.requests_per_second(),
        inputs_per_second: throughput.inputs_per_second(),
        tokens_per_second: throughput.tokens_per_second(),
        window: throughput.basis == Basis::Window,
        mean_ms: latency.mean().map(|mean| mean.as_secs_f64() * 1e3),
        p50_ms: quantile_ms(latency, 0.5),
        p90_ms: quantile_ms(latency, 0.9),
        p95_ms: quantile_ms(latency, 0.95),
        p99_ms: quantile_ms(latency, 0.99),
        max_ms: latency.max().map(|max| max.as_secs_f64() * 1e3),
        lateness_p99_ms: quantile_ms(lateness, 0.99),
        joules,
    }
}

/// The engine that speed is compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Baseline<'a> {
    pub rounds: &'a [RoundReport],
    /// The number of engines that are compared with it.
    pub engines: usize,
}

/// Figures over rounds. Speed is compared by tokens a second if both engines have them, else by inputs, else by
/// requests.
pub(crate) fn figures(rounds: &[RoundReport], baseline: Option<Baseline<'_>>, rates: Rates) -> Figures {
    let figure = |of: &dyn Fn(&RoundReport) -> Option<f64>| -> Option<Figure> {
        let values: Vec<f64> = rounds.iter().filter_map(of).filter(|value| value.is_finite()).collect();
        Spread::of(&values).map(Figure::from)
    };
    let by_tokens =
        |of: fn(f64) -> f64, factor: Option<f64>| figure(&|round| Some(of(round.tokens_per_second?) * factor?));
    let gigaflop = rates.flop_per_token.map(|flop| flop / 1e9);
    let dollars = rates.dollars_per_hour.map(|dollars| dollars / SECONDS_PER_HOUR * MILLION);
    Figures {
        seconds: figure(&|round| Some(round.seconds)),
        requests_per_second: figure(&|round| round.requests_per_second),
        inputs_per_second: figure(&|round| round.inputs_per_second),
        tokens_per_second: figure(&|round| round.tokens_per_second),
        mean_ms: figure(&|round| round.mean_ms),
        p50_ms: figure(&|round| round.p50_ms),
        p90_ms: figure(&|round| round.p90_ms),
        p95_ms: figure(&|round| round.p95_ms),
        p99_ms: figure(&|round| round.p99_ms),
        max_ms: figure(&|round| round.max_ms),
        speed_up: baseline
            .and_then(|baseline| ratio::of_rates(rounds, baseline.rounds, baseline.engines))
            .map(Figure::from),
        gflops: by_tokens(|rate| rate, gigaflop),
        gemm_share: by_tokens(|rate| rate, gigaflop.zip(rates.gemm_gflops).map(|(flop, gemm)| flop / gemm)),
        dollars_per_million_tokens: by_tokens(f64::recip, dollars),
        joules_per_million_tokens: figure(&|round| {
            Some(round.joules? / (round.tokens_per_second? * round.seconds) * MILLION)
        }),
    }
}

/// Quantiles as in HdrHistogram's plots: ever finer towards the longest latency.
pub(crate) fn latencies(latencies: &Latencies) -> Vec<LatencyPoint> {
    let count = latencies.count();
    let mut points = Vec::new();
    let mut rest = 1.0;
    // Fewer than one request in `count` is longer: only the longest is left.
    while rest * count as f64 >= 1.0 {
        for tenth in [1.0, 0.8, 0.65, 0.5] {
            let quantile = 1.0 - rest * tenth;
            points.extend(quantile_ms(latencies, quantile).map(|ms| LatencyPoint { quantile, ms }));
        }
        rest /= 4.0;
    }
    points.extend(quantile_ms(latencies, 1.0).map(|ms| LatencyPoint { quantile: 1.0, ms }));
    points
}

pub(crate) fn failures(failures: &Failures) -> Vec<FailureReport> {
    let report = |(kind, failed): (super::target::FailureKind, &super::recorder::Failed)| FailureReport {
        kind: kind.to_string(),
        count: failed.count,
        example: failed.example.clone(),
    };
    failures.iter().map(report).collect()
}

pub(crate) fn failed(stage: impl ToString, Failure { kind, message }: &Failure) -> EngineState {
    EngineState::Failed { stage: stage.to_string(), kind: kind.to_string(), message: message.clone() }
}

fn stop(stop: Stop) -> String {
    match stop {
        Stop::Found => "found",
        Stop::Limit => "limit",
        Stop::Failed => "failed",
        Stop::Cancelled => "cancelled",
    }
    .to_owned()
}

fn step(step: &Step) -> CurveStep {
    let load = match step.load {
        Load::Closed { concurrency } => concurrency as f64,
        Load::Constant { rate } | Load::Poisson { rate } | Load::Ramp { to: rate, .. } => rate,
        Load::Offline => 0.0,
    };
    let RoundReport { requests_per_second, inputs_per_second, tokens_per_second, p50_ms, p99_ms, max_ms, .. } =
        round(0, &step.recording, None);
    let failure_rate = step.recording.failure_rate();
    CurveStep { load, requests_per_second, inputs_per_second, tokens_per_second, p50_ms, p99_ms, max_ms, failure_rate }
}

pub(crate) fn swept(kind: CurveKind, swept: &Swept) -> Curve {
    let steps = swept.steps.iter().map(step).collect();
    Curve { kind, steps, best: swept.best, held: None, stop: stop(swept.stop) }
}

pub(crate) fn searched(goal: Goal, found: &HighestRate) -> Curve {
    let HighestRate { holds, fails, steps, stop: why } = found;
    let steps: Vec<CurveStep> = steps.iter().map(step).collect();
    // Faster steps miss the goal.
    let best = found.steps.iter().zip(&steps).rposition(|(taken, step)| {
        Some(step.load) == *holds && goal.met(&taken.recording) && step.requests_per_second.is_some()
    });
    let latency_ms = goal.latency.as_secs_f64() * 1e3;
    let held = HeldRate { quantile: goal.quantile, latency_ms, holds: *holds, fails: *fails };
    Curve { kind: CurveKind::Search, steps, best, held: Some(held), stop: stop(*why) }
}

/// Vectors against the reference's of the same texts; `None` if they share no text.
pub(crate) fn vectors_beside(
    sample: &super::collect::Results,
    reference: &super::collect::Results,
) -> Option<VectorReport> {
    let mut fidelity = VectorFidelity::default();
    let mut texts = Vec::new();
    for (text, _, vector) in sample.clone().into_results() {
        if let Some(right) = reference.get(text) {
            fidelity.push(&vector, right);
            texts.push(text);
        }
    }
    let fingerprint = sample.fingerprint(&texts);
    (!texts.is_empty()).then(|| VectorReport { sample: Some(fingerprint), ..fidelity.report() })
}

/// The number of best documents that are compared as a set.
const TOP: usize = 10;

/// Scores of documents against the reference's of the same queries; `None` if they share no query.
pub(crate) fn scores_beside(
    sample: &super::collect::Results,
    reference: &super::collect::Results,
) -> Option<RankingReport> {
    let mut fidelity = RankingFidelity::new(TOP);
    let mut queries = Vec::new();
    for (query, _, scores) in sample.clone().into_results() {
        if let Some(right) = reference.get(query) {
            fidelity.push(&scores, right);
            queries.push(query);
        }
    }
    let fingerprint = sample.fingerprint(&queries);
    (!queries.is_empty()).then(|| RankingReport { sample: Some(fingerprint), ..fidelity.report() })
}

/// Pairs of vectors of the same text, alone and under load; `None` if there are none.
pub(crate) fn invariance(pairs: &[(Vec<f32>, Vec<f32>)]) -> Option<InvarianceReport> {
    let mut invariance = Invariance::default();
    pairs.iter().for_each(|(alone, loaded)| invariance.push(alone, loaded));
    (!pairs.is_empty()).then(|| invariance.report())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::collect::Results;
    use crate::bench::recorder::{Ending, Recorder, Sample};
    use crate::bench::target::Answer;

    fn rounds(rates: &[f64]) -> Vec<RoundReport> {
        let round = |(round, &rate): (usize, &f64)| RoundReport {
            round,
            seconds: 2.0,
            tokens_per_second: Some(rate),
            joules: Some(60.0),
            ..RoundReport::default()
        };
        rates.iter().enumerate().map(round).collect()
    }

    #[test]
    fn figures_are_medians_over_rounds() {
        let (fast, slow) = (rounds(&[1000.0, 3000.0, 2000.0]), rounds(&[500.0, 1000.0, 2000.0]));
        let rates = Rates { flop_per_token: Some(1e9), gemm_gflops: Some(4000.0), dollars_per_hour: Some(3.6) };
        let figures = figures(&fast, Some(Baseline { rounds: &slow, engines: 1 }), rates);
        let tokens = figures.tokens_per_second.unwrap();
        assert_eq!((tokens.median, tokens.min, tokens.max, tokens.count), (2000.0, 1000.0, 3000.0, 3));
        // Ratios of rounds that ran one after the other: 2, 3 and 1.
        assert_eq!(figures.speed_up.unwrap().median, 2.0);
        assert_eq!(figures.gflops.unwrap().median, 2000.0);
        assert_eq!(figures.gemm_share.unwrap().median, 0.5);
        // 3.6 dollars an hour are 0.001 a second, in which there are 2,000 tokens.
        assert!((figures.dollars_per_million_tokens.unwrap().median - 0.5).abs() < 1e-12);
        assert_eq!(figures.joules_per_million_tokens.unwrap().median, 60.0 / 4000.0 * 1e6);
        assert_eq!((figures.p50_ms, figures.requests_per_second), (None, None));
    }

    /// JSON has no other numbers, and charts have no place for them.
    #[test]
    fn figures_are_finite() {
        let (steady, disturbed) = (rounds(&[1e3, 1e-300, 1e300]), rounds(&[1e-300, 1e300, 1e3]));
        let rates = Rates { flop_per_token: Some(1e9), gemm_gflops: Some(0.0), dollars_per_hour: Some(1e300) };
        let figures = figures(&disturbed, Some(Baseline { rounds: &steady, engines: 30 }), rates);
        assert_eq!((figures.gemm_share, figures.speed_up.unwrap().interval), (None, None));
        for (name, figure) in figures.all() {
            let Some(Figure { median, min, max, interval, .. }) = figure else { continue };
            let (low, high) = interval.unwrap_or_default();
            assert!([median, min, max, low, high].iter().all(|value| value.is_finite()), "{name}: {figure:?}");
        }
    }

    #[test]
    fn speed_is_compared_by_requests_where_tokens_are_unknown() {
        let of = |rate| vec![RoundReport { requests_per_second: Some(rate), ..RoundReport::default() }];
        let figures = figures(&of(3.0), Some(Baseline { rounds: &of(2.0), engines: 1 }), Rates::default());
        assert_eq!(figures.speed_up.map(|figure| figure.median), Some(1.5));
    }

    /// The table shows the figures of the highest rate that holds, not of a faster one that misses the goal.
    #[test]
    fn the_best_step_of_a_search_holds() {
        let step = |rate: f64, late: u64| {
            let mut recorder = Recorder::of_open_loop(Duration::from_secs(1));
            for at in (0..rate as u64).map(|number| Duration::from_secs_f64(number as f64 / rate)) {
                let done = at + Duration::from_millis(late);
                let answer = Answer { inputs: 1, ..Answer::default() };
                recorder.finished(&Sample { index: 0, scheduled: at, sent: at, done, outcome: Ok(answer) });
            }
            Step { load: Load::Constant { rate }, recording: recorder.into_recording(Ending::Complete, 0) }
        };
        let goal = Goal { quantile: 0.99, latency: Duration::from_millis(100), failures: 0.001 };
        let steps =
            vec![step(20.0, 5), step(40.0, 300), step(30.0, 110), step(30.0, 90), step(30.0, 90), step(35.0, 110)];
        let found = HighestRate { holds: Some(30.0), fails: Some(35.0), steps, stop: Stop::Found };
        assert_eq!(searched(goal, &found).best, Some(4));
        let none = HighestRate { holds: None, fails: Some(40.0), steps: vec![step(40.0, 300)], stop: Stop::Limit };
        assert_eq!(searched(goal, &none).best, None);
    }

    #[test]
    fn quantiles_reach_the_longest() {
        let mut recorded = Latencies::default();
        assert_eq!(latencies(&recorded), []);
        (1..=100).for_each(|ms| recorded.record(Duration::from_millis(ms)));
        let points = latencies(&recorded);
        assert!(points.windows(2).all(|pair| pair[0].quantile < pair[1].quantile && pair[0].ms <= pair[1].ms));
        let (first, last) = (points[0], points[points.len() - 1]);
        assert_eq!((first.quantile, first.ms, last.quantile, last.ms), (0.0, 1.0, 1.0, 100.0));
        let half = points.iter().find(|point| point.quantile == 0.5).unwrap();
        assert!((half.ms - 50.0).abs() < 0.1, "{half:?}");
    }

    #[test]
    fn the_same_texts_are_compared() {
        let sample = |texts: &[(usize, f32)]| {
            let mut sample = Results::new(0, 9);
            texts.iter().for_each(|&(text, x)| sample.offer(1, text, vec![1.0, x]));
            sample
        };
        let (one, two) = (sample(&[(0, 0.0), (1, 1.0), (2, 5.0)]), sample(&[(0, 0.0), (1, 1.0)]));
        let report = vectors_beside(&one, &two).unwrap();
        assert_eq!((report.pairs, report.agreement.unwrap().max_difference), (2, 0.0));
        assert_eq!(vectors_beside(&one, &sample(&[])), None);
        assert_eq!(scores_beside(&one, &two).unwrap().queries, 2);
        assert_eq!(invariance(&[]), None);
        assert_eq!(invariance(&[(vec![1.0], vec![1.0])]).unwrap().identical, 1);
    }
}
