//! The verdicts of a report together: of 100 reports on the same server measured twice, at most 5 have any verdict, for
//! any number of engines and metrics.
//!
//! Each change is tested by itself, and the tests share the 5 % (weighted Bonferroni: C. Genovese, K. Roeder and L.
//! Wasserman, False discovery control with p-value weighting, Biometrika 93, 2006). Shares are fixed in advance, not by
//! the results: half is for the metric that decides (throughput; p50 in an open loop), two fifths are for the others
//! that tables show, a tenth is for all the rest. Within a share all tests have the same part. Intervals of all changes
//! then hold together, and verdict, interval and noise floor agree: there is a verdict exactly if the change is beyond
//! the floor, and only then its interval excludes "no change".

use super::engines::{AGREEMENT, ROUNDING};
use super::metric::{Better, METRICS, Metric, Scale, Unit};
use super::report::{Change, Comparison, EngineComparison, Level, Mean, MetricComparison, RunsReport, Verdict};
use super::text::says_most;
use crate::stats::estimate::{DECISIVE_SHARE, Estimate, RESOLUTION};
use crate::stats::spread::CONFIDENCE;
use crate::stats::student_t::critical_value;

/// The shares: of the metric that decides, of the others that tables show, of the rest.
const SHARES: [f64; 3] = [DECISIVE_SHARE, 0.4, 0.1];
/// Metrics that decide, by falling worth; the first that has a test does.
const DECISIVE: [&str; 5] =
    ["tokens_per_s", "inputs_per_s", "requests_per_s", "held_requests_per_s", "peak_requests_per_s"];

/// Number of tests in each share.
#[derive(Default)]
struct Family([usize; 3]);

impl Family {
    fn add(&mut self, share: usize) {
        if let Some(tests) = self.0.get_mut(share) {
            *tests += 1;
        }
    }

    /// The number of standard errors that a change of this share must exceed.
    fn critical(&self, share: usize, freedom: f64) -> f64 {
        // A share without tests goes to the others.
        let all: f64 = SHARES.iter().zip(self.0).filter(|(_, tests)| *tests > 0).map(|(share, _)| share).sum();
        let (Some(part), Some(tests)) = (SHARES.get(share), self.0.get(share)) else { return f64::INFINITY };
        let probability = (1.0 - CONFIDENCE) * part / all.max(*part) / (*tests).max(1) as f64;
        critical_value(probability, freedom)
    }
}

/// Gives every change and every mean its verdict.
pub(super) fn judge(report: &mut RunsReport) {
    let mut family = Family::default();
    let decisive = report
        .comparisons
        .iter()
        .find_map(|comparison| comparison.engines.iter().find_map(|engine| decisive(engine, comparison.open_loop)));
    for comparison in &report.comparisons {
        for engine in &comparison.engines {
            for found in engine.metrics.iter().filter(|found| tested(comparison, found)) {
                family.add(share(engine, found, comparison.open_loop));
            }
        }
        let tested = comparison.means.iter().filter(|mean| comparison.is_comparable() && mean.estimate.is_some());
        tested.for_each(|mean| family.add(share_of_mean(mean, decisive)));
    }
    let tested = report.means.iter().filter(|mean| mean.estimate.is_some());
    tested.for_each(|mean| family.add(share_of_mean(mean, decisive)));

    for comparison in &mut report.comparisons {
        let (comparable, open_loop) = (comparison.is_comparable(), comparison.open_loop);
        for engine in &mut comparison.engines {
            let shares: Vec<usize> = engine.metrics.iter().map(|found| share(engine, found, open_loop)).collect();
            for (found, share) in engine.metrics.iter_mut().zip(shares) {
                let other_texts = engine.other_samples && found.change.value.abs() > AGREEMENT;
                let no_agreement = found.unit == Unit::Agreement && (comparison.other_reference || other_texts);
                if !comparable || no_agreement {
                    found.verdict = Verdict::NotComparable;
                    found.change =
                        Change { interval: None, joint: None, floor: None, detectable: None, ..found.change };
                    found.estimate = None;
                } else {
                    settle(found, &|freedom| family.critical(share, freedom));
                }
                widen(&mut found.new, found.of, &|freedom| family.critical(share, freedom));
            }
        }
        for mean in &mut comparison.means {
            if comparable {
                let share = share_of_mean(mean, decisive);
                settle_mean(mean, &|freedom| family.critical(share, freedom));
            } else {
                (mean.verdict, mean.interval, mean.joint) = (Verdict::NotComparable, None, None);
            }
        }
    }
    for mean in &mut report.means {
        let share = share_of_mean(mean, decisive);
        settle_mean(mean, &|freedom| family.critical(share, freedom));
    }
}

/// True if its change is a test: what is the same on both sides without any noise can be no false alarm.
fn tested(comparison: &Comparison, found: &MetricComparison) -> bool {
    let noisy = |estimate: &Estimate| estimate.whole_error() > ROUNDING || estimate.value.abs() > ROUNDING;
    comparison.is_comparable() && found.estimate.as_ref().is_some_and(noisy)
}

fn decisive(engine: &EngineComparison, open_loop: bool) -> Option<&'static str> {
    let has = |name: &str| engine.metrics.iter().any(|found| found.metric == name && found.estimate.is_some());
    let p50 = "p50";
    if open_loop && has(p50) { Some(p50) } else { DECISIVE.into_iter().find(|name| has(name)) }
}

fn share(engine: &EngineComparison, found: &MetricComparison, open_loop: bool) -> usize {
    if decisive(engine, open_loop) == Some(found.metric) {
        return 0;
    }
    if says_most(found, &engine.metrics) { 1 } else { 2 }
}

fn share_of_mean(mean: &Mean, decisive: Option<&'static str>) -> usize {
    let of = METRICS.iter().find(|of| of.name == mean.metric);
    match of {
        _ if decisive == Some(mean.metric) => 0,
        Some(of) if of.main && !DECISIVE.contains(&of.name) => 1,
        _ => 2,
    }
}

fn settle(found: &mut MetricComparison, critical: &dyn Fn(f64) -> f64) {
    let of = found.of;
    if of.scale == Scale::Difference && !of.has_rounds() {
        found.verdict = verdict(of, found.change.value, AGREEMENT);
        return;
    }
    let Some((estimate, half)) = found.estimate.and_then(|estimate| half_width(of, &estimate, critical)) else {
        found.verdict = Verdict::CannotTell;
        return;
    };
    found.verdict = verdict(of, estimate.value, half);
    found.change.joint = Some(outward(of, (estimate.value - half, estimate.value + half)));
    found.change.floor = Some(share_of(of, half, estimate.value < 0.0));
    found.change.detectable = Some(share_of(of, estimate.detectable(half), false));
}

fn settle_mean(mean: &mut Mean, critical: &dyn Fn(f64) -> f64) {
    let of = METRICS.iter().find(|of| of.name == mean.metric);
    let found = of.and_then(|of| Some((of, half_width(of, &mean.estimate?, critical)?)));
    let Some((of, (estimate, half))) = found else {
        mean.verdict = Verdict::CannotTell;
        return;
    };
    mean.verdict = verdict(of, estimate.value, half);
    mean.joint = Some(outward(of, (estimate.value - half, estimate.value + half)));
}

/// The interval of a level that holds together with those of all changes: values are held against limits by it.
fn widen(level: &mut Level, of: &Metric, critical: &dyn Fn(f64) -> f64) {
    let Some((estimate, half)) = level.estimate.and_then(|estimate| half_width(of, &estimate, critical)) else {
        return;
    };
    // Around the figure that is shown.
    let middle = if of.scale == Scale::Ratio { level.value.ln() } else { level.value };
    let ends = outward(of, (middle - half, middle + half));
    level.joint = Some(ends).filter(|(low, high)| low.is_finite() && high.is_finite() && estimate.value.is_finite());
}

/// Half the width of a change's interval; `None` if it is not finite.
fn half_width(of: &Metric, estimate: &Estimate, critical: &dyn Fn(f64) -> f64) -> Option<(Estimate, f64)> {
    let least = if of.scale == Scale::Ratio { RESOLUTION } else { ROUNDING };
    let half = (critical(estimate.freedom) * estimate.whole_error()).max(least);
    let farthest = estimate.value.abs() + estimate.detectable(half);
    outward(of, (-farthest, farthest)).1.is_finite().then_some((*estimate, half))
}

/// From logarithms to ratios, where the metric is compared by them.
fn outward(of: &Metric, (low, high): (f64, f64)) -> (f64, f64) {
    if of.scale == Scale::Ratio { (low.exp(), high.exp()) } else { (low, high) }
}

/// A half-width as a share of the base, to the side on which the change lies.
fn share_of(of: &Metric, half: f64, below: bool) -> f64 {
    match of.scale {
        Scale::Ratio if below => -(-half).exp_m1(),
        Scale::Ratio => half.exp_m1(),
        Scale::Difference => half,
    }
}

fn verdict(of: &Metric, change: f64, floor: f64) -> Verdict {
    if change.abs() <= floor || change.is_nan() {
        return Verdict::Indistinguishable;
    }
    match ((change > 0.0) == (of.better == Better::Higher), of.is_speed()) {
        (true, true) => Verdict::Faster,
        (false, true) => Verdict::Slower,
        (true, false) => Verdict::Better,
        (false, false) => Verdict::Worse,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::sample::{noisy, run, two};
    use super::super::{Plan, compare};
    use super::*;
    use crate::bench::report::ratio::of_rates;
    use crate::bench::report::{EngineReport, Report, RoundReport, sample};
    use crate::stats::student_t::whole_critical_value;

    /// The noise of a server's figures.
    #[derive(Clone, Copy)]
    struct Noise {
        /// Standard deviation of throughput from round to round.
        rounds: f64,
        /// Correlation of a round's deviation with the next one's.
        correlation: f64,
        /// Standard deviation from run to run, which all engines and rounds of a run have in common.
        runs: f64,
        /// Share of the rounds that something else disturbs, by up to 10 %.
        disturbed: f64,
    }

    const QUIET: Noise = Noise { rounds: 0.01, correlation: 0.0, runs: 0.0, disturbed: 0.0 };

    fn normal(rng: &mut fastrand::Rng) -> f64 {
        (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0
    }

    /// Deviations of the rounds of a run, each with a part of the one before.
    fn deviations(rounds: usize, noise: Noise, rng: &mut fastrand::Rng) -> Vec<f64> {
        let mut last = normal(rng);
        let mut next = || {
            let now = last;
            last = noise.correlation * last + (1.0 - noise.correlation.powi(2)).sqrt() * normal(rng);
            now
        };
        (0..rounds).map(|_| next()).collect()
    }

    /// A run of engines that are `faster` than others: throughput, and latencies that follow it and have noise of their own,
    /// the more the farther they are in the tail.
    fn measured(engines: usize, rounds: usize, faster: f64, noise: Noise, rng: &mut fastrand::Rng) -> Report {
        let drift = noise.runs * normal(rng);
        let common = deviations(rounds, noise, rng);
        let engine = |at: usize, rng: &mut fastrand::Rng| {
            let own = deviations(rounds, noise, rng);
            let round = |round: usize, rng: &mut fastrand::Rng| {
                let disturbed = if rng.f64() < noise.disturbed { 0.1 * rng.f64() } else { 0.0 };
                // Half of the noise is the machine's, and hits all engines of the round.
                let both = (common[round] + own[round]) * std::f64::consts::FRAC_1_SQRT_2;
                let slow = drift + noise.rounds * both + disturbed - faster.ln_1p();
                let mut latency =
                    |middle: f64, more: f64| Some(middle * (slow + more * noise.rounds * normal(rng)).exp());
                RoundReport {
                    round,
                    seconds: 10.0,
                    requests: 200,
                    mean_ms: latency(7.0, 0.2),
                    p50_ms: latency(6.0, 0.4),
                    p90_ms: latency(12.0, 0.6),
                    p95_ms: latency(14.0, 0.8),
                    p99_ms: latency(23.0, 1.5),
                    max_ms: latency(46.0, 3.0),
                    tokens_per_second: Some(8700.0 * (-slow).exp()),
                    inputs_per_second: Some(544.0 * (-slow).exp()),
                    requests_per_second: Some(54.4 * (-slow).exp()),
                    ..RoundReport::default()
                }
            };
            let rounds = (0..rounds).map(|at| round(at, rng)).collect();
            EngineReport { rounds, ..sample::engine(&format!("engine {at}"), 8700.0) }
        };
        sample::of((0..engines).map(|at| engine(at, rng)).collect())
    }

    fn verdicts(report: &RunsReport) -> impl Iterator<Item = Verdict> {
        let engines = report.comparisons.iter().flat_map(|comparison| &comparison.engines);
        let means = report.comparisons.iter().flat_map(|comparison| &comparison.means);
        let metrics = engines.flat_map(|engine| &engine.metrics).map(|found| found.verdict);
        metrics.chain(means.map(|mean| mean.verdict))
    }

    fn alarms(report: &RunsReport) -> bool {
        verdicts(report).any(|verdict| !matches!(verdict, Verdict::Indistinguishable | Verdict::CannotTell))
    }

    /// Runs of each side, rounds of each, engines.
    type Shape = (usize, usize, usize);

    fn compared((runs, rounds, engines): Shape, faster: f64, noise: Noise, rng: &mut fastrand::Rng) -> RunsReport {
        let mut side = |name: &str, faster: f64| -> Vec<super::super::Run> {
            let one = |at: usize, rng: &mut fastrand::Rng| {
                run(&format!("{name}-{at}.json"), &measured(engines, rounds, faster, noise, rng))
            };
            (0..runs).map(|at| one(at, rng)).collect()
        };
        let (mut base, mut new) = (side("base", 0.0), side("new", faster));
        match runs {
            1 => compare(&Plan::Each(base.remove(0), vec![new.remove(0)]), false).unwrap(),
            _ => compare(&Plan::Sides(base, new), false).unwrap(),
        }
    }

    /// Number of `tries` simulated comparisons whose report fulfils `holds`.
    fn count(shape: Shape, faster: f64, noise: Noise, tries: usize, holds: impl Fn(&RunsReport) -> bool) -> usize {
        let mut rng = fastrand::Rng::with_seed(15);
        (0..tries).filter(|_| holds(&compared(shape, faster, noise, &mut rng))).count()
    }

    const SHAPES: [Shape; 8] =
        [(1, 2, 1), (1, 3, 1), (1, 5, 1), (1, 10, 1), (1, 5, 3), (1, 20, 2), (3, 3, 1), (4, 5, 3)];

    /// The promise: of comparisons of the same server with itself at most 5 % have any verdict, over all metrics, engines
    /// and means together; with noise as machines have it, not only as textbooks do.
    #[test]
    fn cosines_of_other_texts_have_no_verdict() {
        let with = |text: Option<&str>, change: f64| {
            let mut report = noisy(5, 8000.0, 1);
            report.started = format!("2026-11-21T20:00:00Z {change}");
            let vectors = report.engines[0].fidelity.as_mut().unwrap().vectors.as_mut().unwrap();
            vectors.sample = text.map(str::to_owned);
            let agreement = vectors.agreement.as_mut().unwrap();
            (agreement.cosine_min, agreement.cosine_mean) = (0.997 + change, 0.9984 - change);
            report
        };
        let of = |report: &RunsReport, name: &str| {
            report.comparisons[0].engines[0].metrics.iter().find(|found| found.metric == name).unwrap().verdict
        };
        let base = with(Some("a"), 0.0);
        let same = two(&base, &with(Some("a"), 0.0005));
        assert_eq!((of(&same, "cosine_min"), of(&same, "cosine_mean")), (Verdict::Better, Verdict::Worse));
        // Other texts, and texts that one report or neither of them names.
        for (base, new) in [(Some("a"), Some("b")), (Some("a"), None), (None, Some("b")), (None, None)] {
            let report = two(&with(base, 0.0), &with(new, 0.0005));
            for name in ["cosine_min", "cosine_p1", "cosine_mean"] {
                let verdict = of(&report, name);
                assert!(matches!(verdict, Verdict::NotComparable | Verdict::Indistinguishable), "{name}: {verdict:?}");
            }
            assert_eq!(of(&report, "cosine_mean"), Verdict::NotComparable);
            assert_ne!(of(&report, "tokens_per_s"), Verdict::NotComparable);
            let warnings = report.comparisons[0].warnings.join("; ");
            assert!(warnings.contains("onnx are of other texts"), "{warnings}");
        }
        assert!(!same.comparisons[0].warnings.join("; ").contains("other texts"));
        let runs = (run("a", &base), run("b", &with(Some("b"), 0.0005)));
        let forced = compare(&Plan::Each(runs.0, vec![runs.1]), true).unwrap();
        assert_eq!(of(&forced, "cosine_min"), Verdict::Better);
    }

    #[test]
    fn the_same_server_measured_twice_raises_few_false_alarms() {
        const TRIES: usize = 60;
        let noises = [
            QUIET,
            // Rounds that follow one another are alike.
            Noise { correlation: 0.5, ..QUIET },
            // Runs differ as much as rounds do.
            Noise { runs: 0.01, ..QUIET },
            // All of it, on a restless machine.
            Noise { rounds: 0.06, correlation: 0.3, runs: 0.05, disturbed: 0.1 },
        ];
        let (mut found, mut all) = (0, 0);
        for shape in SHAPES {
            for noise in noises {
                let found_here = count(shape, 0.0, noise, TRIES, alarms);
                // By chance, one time in a thousand, 10 of 60 where 5 % are expected; two wrong tests find 20.
                assert!(found_here <= 9, "{shape:?}: {found_here} of {TRIES}");
                (found, all) = (found + found_here, all + TRIES);
            }
        }
        assert!(found * 20 <= all, "{found} of {all}");
    }

    /// Planted: 5 % at a noise of 1 % is found, from the rounds of one run a side and from several runs.
    #[test]
    fn five_per_cent_are_found() {
        let found = |report: &RunsReport| {
            let engine = &report.comparisons[0].engines[0];
            let tokens = engine.metrics.iter().find(|found| found.metric == "tokens_per_s").unwrap();
            tokens.verdict == Verdict::Slower
        };
        for (shape, least) in [((1, 10, 1), 85), ((1, 20, 1), 90), ((3, 5, 1), 70), ((5, 5, 1), 95)] {
            let noise = if shape.0 > 1 { Noise { runs: 0.01, ..QUIET } } else { QUIET };
            let found = count(shape, -0.05, noise, 100, found);
            assert!(found >= least, "{shape:?}: {found}");
        }
    }

    /// Verdict, interval and noise floor agree for all figures.
    #[test]
    fn verdict_interval_and_floor_agree() {
        let mut rng = fastrand::Rng::with_seed(3);
        let noise = Noise { rounds: 0.03, correlation: 0.3, runs: 0.03, disturbed: 0.1 };
        let (mut loud, mut quiet) = (0, 0);
        for at in 0..60 {
            let shape = SHAPES[at % SHAPES.len()];
            let report = compared(shape, [0.0, -0.1, 0.3][at % 3], noise, &mut rng);
            for found in report.comparisons.iter().flat_map(|comparison| &comparison.engines).flat_map(|e| &e.metrics) {
                let (Some((low, high)), Some(floor)) = (found.change.joint, found.change.floor) else { continue };
                let none = if found.change.scale == Scale::Ratio { 1.0 } else { 0.0 };
                let certain = found.verdict != Verdict::Indistinguishable;
                let near = (found.change.value - none).abs() - floor;
                // On the edge itself rounding decides.
                if near.abs() > 1e-9 {
                    assert_eq!(certain, near > 0.0, "{found:?}");
                    assert_eq!(certain, low > none || high < none, "{found:?}");
                }
                assert!(found.change.detectable.unwrap() >= floor, "{found:?}");
                *if certain { &mut loud } else { &mut quiet } += 1;
            }
        }
        assert!(loud > 50 && quiet > 50, "{loud} {quiet}");
    }

    /// More engines make each verdict harder, so that all together are wrong no more often.
    #[test]
    fn tests_share_what_may_go_wrong() {
        let floor = |engines: usize| {
            let mut rng = fastrand::Rng::with_seed(1);
            let report = compared((1, 5, engines), 0.0, QUIET, &mut rng);
            // From the same figures for any number of engines.
            let mut family = Family::default();
            for _ in 0..engines {
                (0..3).for_each(|share| family.add(share));
            }
            assert_eq!(report.comparisons[0].engines.len(), engines);
            family.critical(0, 8.0)
        };
        assert!(floor(1) < floor(4) && floor(4) < floor(16));
        let of = |tests: [usize; 3], share| Family(tests).critical(share, 8.0);
        // Half of 5 %, or all of it where there is nothing else.
        assert!((of([1, 4, 6], 0) - whole_critical_value(0.025, 8)).abs() < 1e-9);
        assert!((of([1, 0, 0], 0) - whole_critical_value(0.05, 8)).abs() < 1e-9);
        // By numerical integration 3.5747; between whole numbers it is a little more, not less.
        assert!((3.5747..3.64).contains(&Family([1, 0, 0]).critical(0, 2.5)));
        assert!((of([1, 4, 0], 1) - whole_critical_value(0.05 * 4.0 / 9.0 / 4.0, 8)).abs() < 1e-9);
    }

    /// Values that are equal on both sides cannot be a false alarm, and use up no share.
    #[test]
    fn facts_are_no_tests() {
        let report = sample::of(vec![sample::engine("onnx", 8700.0)]);
        let report = two(&report, &report);
        let comparison = &report.comparisons[0];
        assert!(!comparison.engines[0].metrics.iter().any(|found| tested(comparison, found)));
        assert!(!alarms(&report));
    }

    /// In an open loop the load decides the throughput.
    #[test]
    fn latency_decides_in_an_open_loop() {
        let mut rng = fastrand::Rng::with_seed(1);
        let report = compared((1, 5, 1), 0.0, QUIET, &mut rng);
        let engine = &report.comparisons[0].engines[0];
        assert_eq!((decisive(engine, false), decisive(engine, true)), (Some("tokens_per_s"), Some("p50")));
    }

    /// The sentence below the table of a run, and the comparison of its engines: whenever the one says without reserve
    /// that an engine is faster, the other does, with the same interval, and the other way round.
    #[test]
    fn the_sentence_of_a_run_and_its_comparison_agree() {
        let mut rng = fastrand::Rng::with_seed(4);
        let noise = Noise { rounds: 0.05, correlation: 0.3, runs: 0.05, disturbed: 0.1 };
        let (mut sure, mut unsure) = (0, 0);
        for at in 0..400 {
            let (engines, rounds) = (2 + at % 3, [1, 2, 3, 4, 5, 6, 10][at % 7]);
            let mut report = measured(engines, rounds, 0.0, noise, &mut rng);
            let faster = [0.0, 0.05, 0.15, 1.4, -0.4][at % 5];
            for round in report.engines.iter_mut().skip(1).flat_map(|engine| &mut engine.rounds) {
                for rate in [&mut round.tokens_per_second, &mut round.inputs_per_second] {
                    *rate = rate.map(|rate| rate * (1.0 + faster));
                }
                round.p50_ms = round.p50_ms.map(|p50| p50 / (1.0 + faster));
            }
            let open = at % 4 == 0;
            if open {
                report.workload.load = "poisson:5".to_owned();
            }
            for engine in &mut report.engines {
                let p50: Vec<f64> = engine.rounds.iter().filter_map(|round| round.p50_ms).collect();
                engine.figures.p50_ms = crate::stats::spread::Spread::of(&p50).map(Into::into);
            }
            report.baseline = Some("engine 0".to_owned());
            let said = crate::bench::report::sentence::sentence(&report).unwrap();
            let compared = compare(&Plan::Engines(run("a.json", &report), None), false).unwrap();
            let certain = !said.contains("too few to be sure") && !said.contains("cannot be distinguished");
            // The pair is the baseline and one other engine.
            let other = |engine: &&EngineComparison| said.contains(&engine.name);
            let engine = compared.comparisons[0].engines.iter().find(other).unwrap();
            let name = if open { "p50" } else { "tokens_per_s" };
            let found = engine.metrics.iter().find(|found| found.metric == name).unwrap();
            let first = said.starts_with(&engine.name);
            let expected = match (certain, first) {
                (true, true) => Verdict::Faster,
                (true, false) => Verdict::Slower,
                (false, _) if rounds == 1 => Verdict::CannotTell,
                (false, _) => Verdict::Indistinguishable,
            };
            assert_eq!(found.verdict, expected, "{said}\n{found:?}");
            let [base, new] = ["engine 0", &engine.name]
                .map(|name| report.engines.iter().find(|engine| engine.name == name).unwrap().rounds.as_slice());
            if let (false, Some((low, high))) = (open, found.change.joint) {
                let (lower, higher) = of_rates(new, base, engines - 1).unwrap().interval.unwrap();
                assert!((low - lower).abs() < 1e-9 && (high - higher).abs() < 1e-9, "{low} {lower} {high} {higher}");
            }
            *if certain { &mut sure } else { &mut unsure } += 1;
        }
        assert!(sure > 80 && unsure > 80, "{sure} {unsure}");
    }
}
