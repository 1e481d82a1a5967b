//! A whole run with a slow engine, one that fails now and then, a missing one, and one that dies; all results are known
//! exactly.

use std::fmt::Write;
use std::sync::Mutex;

use super::fake::{Fake, ms};
use super::load::{End, Load, Phase};
use super::observer::{Observer, Stage};
use super::recorder::Recording;
use super::rounds::{self, Plan, Row, State};
use super::target::{Failure, FailureKind};
use crate::fetch::Cancel;
use crate::stats::speed_up::speed_up;
use crate::stats::spread::Spread;

const NAMES: [&str; 5] = ["fast", "slow", "flaky", "absent", "dying"];

/// Records all calls.
#[derive(Default)]
struct Log(Mutex<String>);

impl Observer for Log {
    fn began(&self, target: usize, stage: Stage) {
        write!(self.0.lock().unwrap(), "{} {stage}: ", NAMES[target]).unwrap();
    }

    fn ended(&self, recording: &Recording) {
        writeln!(self.0.lock().unwrap(), "{} sent, {:?}", recording.offered, recording.ending).unwrap();
    }
}

fn throughput(row: &Row) -> Vec<(usize, f64)> {
    row.figures(|recording| recording.throughput.inputs_per_second())
}

fn row(row: &Row, baseline: &Row) -> String {
    let total = row.total();
    let values: Vec<f64> = throughput(row).into_iter().map(|(_, value)| value).collect();
    let mut text = format!("{} rounds", row.rounds.len());
    if let Some(Spread { median, min, max, .. }) = Spread::of(&values) {
        write!(text, ", {median:.1} inputs/s ({min:.1} to {max:.1})").unwrap();
    }
    if let Some(ratio) = speed_up(&throughput(row), &throughput(baseline), 1) {
        write!(text, ", {:.2} times", ratio.median).unwrap();
    }
    for quantile in [0.5, 0.99] {
        let latency = total.latency.quantile(quantile);
        write!(text, ", p{} {:?}", quantile * 100.0, latency.unwrap_or_default()).unwrap();
    }
    for (kind, failed) in total.failures.iter().chain(row.broken.iter().flat_map(|broken| broken.failures.iter())) {
        write!(text, ", {} × {kind} ({})", failed.count, failed.example).unwrap();
    }
    let state = match &row.state {
        State::Stable { .. } => "stable".to_owned(),
        State::Unstable { .. } => "unstable".to_owned(),
        State::NotMeasured => "not measured".to_owned(),
        State::Failed { stage, reason } => format!("failed in {stage}: {reason}"),
    };
    format!("{text}; {state}")
}

#[tokio::test(start_paused = true)]
async fn a_whole_run() {
    let refused = || Some(Failure::new(FailureKind::Connect, "connection refused"));
    let flaky = |n: usize| (n % 20 == 19).then(|| Failure::new(FailureKind::of_status(500), "out of memory"));
    let targets = [
        Fake::by(|n| ms(if n < 6 { 100 } else { 10 })).servers(2).target(),
        Fake::constant(ms(25)).servers(2).target(),
        Fake::constant(ms(10)).servers(2).failing(flaky).target(),
        Fake::constant(ms(1)).failing(move |_| refused()).target(),
        Fake::constant(ms(10)).servers(2).dies_at(150).target(),
    ];
    let phase = Phase::new(Load::Closed { concurrency: 4 }, End::After(ms(500))).unwrap();
    let plan = Plan { min_rounds: 3, max_rounds: 5, seed: 6, ..Plan::new(phase) };
    let log = Log::default();
    let run = rounds::run(&plan, &targets, &Cancel::new(), &log).await;
    let mut text = log.0.into_inner().unwrap();
    for (name, of) in NAMES.iter().zip(&run.rows) {
        writeln!(text, "{name}: {}", row(of, &run.rows[1])).unwrap();
    }
    assert_eq!(text, EXPECTED, "{text}");
}

// Fast: 2 servers of 10 ms, 2 inputs a request. Flaky: 5 of 96 requests in the window failed. Dying: 24 + 102 + 24 = 150.
const EXPECTED: &str = "\
fast warm-up: 32 sent, Complete
slow warm-up: 24 sent, Complete
flaky warm-up: 24 sent, Complete
absent warm-up: 8 sent, GaveUp
dying warm-up: 24 sent, Complete
slow round 1: 42 sent, Complete
flaky round 1: 102 sent, Complete
fast round 1: 102 sent, Complete
dying round 1: 102 sent, Complete
fast round 2: 102 sent, Complete
dying round 2: 28 sent, Died
slow round 2: 42 sent, Complete
flaky round 2: 102 sent, Complete
fast round 3: 102 sent, Complete
slow round 3: 42 sent, Complete
flaky round 3: 102 sent, Complete
fast: 3 rounds, 400.0 inputs/s (400.0 to 400.0), 2.50 times, p50 20ms, p99 20ms; stable
slow: 3 rounds, 160.0 inputs/s (160.0 to 160.0), 1.00 times, p50 50ms, p99 50ms; stable
flaky: 3 rounds, 379.2 inputs/s (379.2 to 379.2), 2.37 times, p50 20ms, p99 20ms, 15 × status 500 (out of memory); stable
absent: 0 rounds, p50 0ns, p99 0ns; failed in warm-up: no connection: connection refused
dying: 1 rounds, 400.0 inputs/s (400.0 to 400.0), 2.50 times, p50 20ms, p99 20ms, 4 × engine died (killed by signal 9); failed in round 2: engine died: killed by signal 9
";
