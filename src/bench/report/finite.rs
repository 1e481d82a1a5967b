//! Numbers that are not finite count as unknown: JSON has no NaN and no infinity, and charts have no place for them.

use super::{Curve, EngineReport, EngineState, Figures, LatencyPoint, Report, RoundReport};
use crate::report::Figure;
use crate::stats::fidelity::{InvarianceReport, RankingReport, VectorReport};

/// The report with finite numbers only. A figure with a part that is not finite is dropped as a whole, as is a point of
/// a curve; required numbers become 0.
pub(super) fn finite(report: &Report) -> Report {
    let mut report = report.clone();
    required(&mut report.seconds);
    optional(&mut report.machine_cost_per_hour);
    optional(&mut report.machine.gemm_gflops);
    report.machine.load_average = report.machine.load_average.filter(|loads| loads.iter().all(|load| load.is_finite()));
    optional(&mut report.model.flop_per_token);
    optional(&mut report.model.attention_flop_per_token_and_position);
    required(&mut report.workload.stable);
    if let Some(lengths) = &mut report.workload.lengths {
        required(&mut lengths.mean);
    }
    report.engines.iter_mut().for_each(engine);
    report
}

fn engine(engine: &mut EngineReport) {
    match &mut engine.state {
        EngineState::Stable { half_width } if !half_width.is_finite() => {
            engine.state = EngineState::Unstable { half_width: None };
        }
        EngineState::Unstable { half_width } => optional(half_width),
        EngineState::Stable { .. } | EngineState::Once | EngineState::NotMeasured | EngineState::Failed { .. } => {}
    }
    optional(&mut engine.load_seconds);
    optional(&mut engine.first_answer_seconds);
    figures(&mut engine.figures);
    engine.rounds.iter_mut().for_each(round);
    engine.latencies.retain(|LatencyPoint { quantile, ms }| quantile.is_finite() && ms.is_finite());
    optional(&mut engine.resources.cpu_cores);
    if let Some(fidelity) = &mut engine.fidelity {
        fidelity.vectors.iter_mut().for_each(vectors);
        fidelity.ranking.iter_mut().for_each(ranking);
        fidelity.invariance.iter_mut().for_each(|InvarianceReport { max_difference, cosine_min, .. }| {
            optional(max_difference);
            optional(cosine_min);
        });
    }
    engine.curve.iter_mut().for_each(curve);
}

fn figures(figures: &mut Figures) {
    for (_, figure) in figures.all_mut() {
        *figure = figure.filter(|Figure { median, min, max, .. }| [median, min, max].iter().all(|x| x.is_finite()));
        if let Some(Figure { interval, .. }) = figure {
            *interval = interval.filter(|(low, high)| low.is_finite() && high.is_finite());
        }
    }
}

fn round(round: &mut RoundReport) {
    let RoundReport {
        round: _,
        seconds,
        requests: _,
        failed: _,
        requests_per_second,
        inputs_per_second,
        tokens_per_second,
        window: _,
        mean_ms,
        p50_ms,
        p90_ms,
        p95_ms,
        p99_ms,
        max_ms,
        lateness_p99_ms,
        joules,
    } = round;
    required(seconds);
    for value in [requests_per_second, inputs_per_second, tokens_per_second, mean_ms, p50_ms, p90_ms, p95_ms] {
        optional(value);
    }
    [p99_ms, max_ms, lateness_p99_ms, joules].into_iter().for_each(optional);
}

fn vectors(vectors: &mut VectorReport) {
    vectors.agreement = vectors.agreement.filter(|agreement| {
        let differences = [agreement.max_difference, agreement.norm_drift_max, agreement.norm_drift_mean];
        let cosines = [agreement.cosine_min, agreement.cosine_p1, agreement.cosine_mean];
        cosines.iter().chain(&differences).all(|value| value.is_finite())
    });
    vectors.norms = vectors.norms.filter(|norms| norms.deviation_max.is_finite() && norms.deviation_mean.is_finite());
}

fn ranking(ranking: &mut RankingReport) {
    let RankingReport { tau, tau_mean, tau_min, overlap_mean, overlap_min, max_difference, .. } = ranking;
    tau.iter_mut().for_each(optional);
    [tau_mean, tau_min, overlap_mean, overlap_min, max_difference].into_iter().for_each(optional);
}

fn curve(curve: &mut Curve) {
    let sound = |step: &super::CurveStep| step.load.is_finite();
    // Indices of steps decrease with each dropped step before them.
    curve.best = curve
        .best
        .filter(|&best| curve.steps.get(best).is_some_and(sound))
        .map(|best| curve.steps[..best].iter().filter(|step| sound(step)).count());
    curve.steps.retain(sound);
    for step in &mut curve.steps {
        required(&mut step.failure_rate);
        let rates = [&mut step.requests_per_second, &mut step.inputs_per_second, &mut step.tokens_per_second];
        rates.into_iter().chain([&mut step.p50_ms, &mut step.p99_ms, &mut step.max_ms]).for_each(optional);
    }
    curve.held = curve.held.filter(|held| held.quantile.is_finite() && held.latency_ms.is_finite());
    if let Some(held) = &mut curve.held {
        optional(&mut held.holds);
        optional(&mut held.fails);
    }
}

fn optional(value: &mut Option<f64>) {
    *value = value.filter(|value| value.is_finite());
}

fn required(value: &mut f64) {
    if !value.is_finite() {
        *value = 0.0;
    }
}
