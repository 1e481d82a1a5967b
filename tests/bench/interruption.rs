//! Ctrl-C: results so far are printed and exported.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use infa::parts::bench::report::{EngineState, parse};

use crate::fake::Fake;
use crate::{bench, engine, read};

#[test]
fn measured_rounds_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("r.json");
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let fake = Fake::tei(move |_| {
        seen.fetch_add(1, Ordering::SeqCst);
        None
    });
    let name = format!("tei={}", fake.url);
    let args = ["--rounds", "10000", "--requests", "10", "--concurrency", "1"];
    let running = bench(&name, args).arg("--export-json").arg(&path).spawn();
    fake.wait_for(35);
    running.signal(libc::SIGINT);
    let ran = running.end().status(130);
    assert!(ran.text().contains("tokens/s") || ran.text().contains("requests/s"), "{}", ran.text());
    let report = parse(&read(&path)).unwrap();
    assert!(report.interrupted);
    let engine = engine(&report, &name);
    assert!(engine.rounds.len() >= 2, "{}", engine.rounds.len());
    assert!(matches!(engine.state, EngineState::Stable { .. } | EngineState::Unstable { .. }));
}
