//! Runs made by hand, for tests.
#![allow(clippy::unwrap_used)]

use std::sync::LazyLock;

use super::*;
use crate::bench::report::{EngineState, Report, RoundReport, sample};
use crate::compare::threshold::{Kind, Threshold};

/// Rounds at this rate, in tokens a second, with 1 % of normal noise from the seed.
pub(crate) fn noisy(rounds: usize, rate: f64, seed: u64) -> Report {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut report = sample::of(vec![sample::engine("onnx", rate)]);
    report.started = format!("2026-11-21T20:00:{:02}Z", seed % 60);
    with_noise(&mut report, rounds, &mut rng);
    report
}

/// Gives each engine this number of rounds at its rate, with noise of their own.
pub(crate) fn with_noise(report: &mut Report, rounds: usize, rng: &mut fastrand::Rng) {
    for engine in &mut report.engines {
        let Some(rate) = engine.figures.tokens_per_second.map(|figure| figure.median) else { continue };
        let mut round = |round| {
            // Twelve uniform numbers are as good as a normal one.
            let noise = 1.0 + 0.01 * ((0..12).map(|_| rng.f64()).sum::<f64>() - 6.0);
            let mut one = sample::engine("", rate * noise).rounds[0].clone();
            one.round = round;
            one
        };
        engine.rounds = (0..rounds).map(&mut round).collect::<Vec<RoundReport>>();
    }
}

/// One round.
pub(crate) fn one(rate: f64) -> Report {
    noisy(1, rate, 0)
}

pub(crate) fn run(file: &str, report: &Report) -> Run {
    Run { file: file.to_owned(), report: report.clone() }
}

/// `base.json` against `new.json`.
pub(crate) fn two(base: &Report, new: &Report) -> RunsReport {
    compare(&Plan::Each(run("base.json", base), vec![run("new.json", new)]), false).unwrap()
}

/// Eight engines as on a CPU: one slower than before, one faster, one lost and one failed.
pub(crate) static ENGINES: LazyLock<RunsReport> = LazyLock::new(engines);

fn engines() -> RunsReport {
    let mut base = sample::engines();
    let mut new = base.clone();
    base.engines[7].state = EngineState::Stable { half_width: 0.01 };
    base.engines[7] = crate::bench::report::EngineReport { name: "tei".to_owned(), ..sample::engine("tei", 6000.0) };
    let mut rng = fastrand::Rng::with_seed(3);
    with_noise(&mut base, 5, &mut rng);
    new.engines[1] = sample::engine("onnx", 8700.0 * 0.91);
    new.engines[2] = crate::bench::report::EngineReport {
        fidelity: base.engines[2].fidelity.clone(),
        ..sample::engine("onnx:int8", 22_100.0 * 1.06)
    };
    new.engines.remove(5);
    new.infa = "0.2.0".to_owned();
    new.machine.gemm_gflops = Some(430.0);
    new.started = "2026-11-22T20:00:00Z".to_owned();
    with_noise(&mut new, 5, &mut rng);
    let mut report = two(&base, &new);
    let thresholds =
        ["tokens_per_s<-5%", "p99>+25%", "memory>+10%"].map(|text| Threshold::parse(text, Kind::Runs).unwrap());
    report.thresholds = check(&thresholds, &report).unwrap();
    report
}

/// Reports of every kind.
pub(crate) static REPORTS: LazyLock<Vec<RunsReport>> = LazyLock::new(reports);

fn reports() -> Vec<RunsReport> {
    let (a, b) = (noisy(5, 8000.0, 1), noisy(5, 7900.0, 2));
    let mut other = noisy(5, 100.0, 3);
    other.workload.dataset = "queries".to_owned();
    let sides = Plan::Sides(
        vec![run("a.json", &a), run("b.json", &b), run("q.json", &other)],
        vec![run("c.json", &a), run("r.json", &other)],
    );
    let mut wild = noisy(3, 8000.0, 4);
    wild.engines[0].rounds[0].tokens_per_second = Some(1e308);
    wild.engines[0].rounds[1].tokens_per_second = Some(1e-308);
    wild.engines[0].rounds[2].p99_ms = Some(f64::NAN);
    let within = Plan::Engines(run("a.json", &sample::engines()), None);
    let mut reports = vec![ENGINES.clone(), two(&one(1.0), &one(2.0)), two(&a, &wild), two(&wild, &wild)];
    reports.extend([compare(&sides, false).unwrap(), compare(&within, false).unwrap()]);
    reports.push(two(&sample::sweep(), &sample::sweep()));
    reports.push(two(&sample::rerank(), &sample::rerank()));
    reports.push(two(&sample::hostile(), &sample::hostile()));
    reports
}

/// Compares with the file of that name below `tests/fixtures/compare-report`, or writes it if `INFA_UPDATE_SNAPSHOTS` is
/// set.
pub(crate) fn snapshot(name: &str, found: &str) {
    crate::report::snapshots::compare_in("compare-report", name, found);
}
