//! `infa bench`, the whole binary: on tiny models, against `infa serve`, and against servers that behave badly.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../remote/fake.rs"]
#[allow(dead_code)]
mod fake;
#[path = "../cli/run.rs"]
#[allow(dead_code)]
mod run;
#[path = "../serve/running.rs"]
#[allow(dead_code)]
mod running;

mod exports;
mod failures;
mod interruption;
mod runs;
mod usage;

use std::path::Path;

use infa::parts::bench::report::{EngineReport, Report, parse};
use run::{Infa, Ran};

/// A short run on the smallest model: 8 texts of 12 tokens in requests of 4, two rounds of 6 requests by two clients.
pub(crate) fn bench<'a>(engines: &'a str, args: impl IntoIterator<Item = &'a str>) -> Infa {
    let mut all = vec!["bench", "--engines", engines, "--threads", "2"];
    let args: Vec<&str> = args.into_iter().collect();
    // A sweep has no rounds.
    let rising = args.iter().any(|arg| arg.starts_with("sweep") || arg.starts_with("search"));
    let given = |names: &[&str]| args.iter().any(|arg| names.contains(arg)) || (rising && names == ["--rounds"]);
    let usual: [(&[&str], [&'a str; 2]); 6] = [
        (&["--dataset"], ["--dataset", "fixed:12x8"]),
        (&["--batch"], ["--batch", "4"]),
        (&["--load", "--rate", "--concurrency"], ["--concurrency", "2"]),
        (&["--requests", "--duration"], ["--requests", "6"]),
        (&["--rounds"], ["--rounds", "2"]),
        (&["--warm-up"], ["--warm-up", "0s"]),
    ];
    all.extend(usual.iter().filter(|(names, _)| !given(names)).flat_map(|(_, usual)| usual));
    run::infa(all).args(args).arg("-m").arg(support::fixture("bert-tiny"))
}

/// Runs it with an exported report, and reads that.
#[track_caller]
pub(crate) fn report(infa: Infa) -> (Ran, Report) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("report.json");
    let ran = infa.arg("--export-json").arg(&path).run();
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{e}: {}", ran.err));
    (ran, parse(&text).unwrap())
}

/// The part of this engine in the report.
#[track_caller]
pub(crate) fn engine<'r>(report: &'r Report, name: &str) -> &'r EngineReport {
    report.engines.iter().find(|engine| engine.name == name).unwrap_or_else(|| panic!("no {name} in {report:?}"))
}

#[track_caller]
pub(crate) fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}
