//! Engines that fail: each keeps its row with the reason, and the others go on.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use infa::parts::bench::report::EngineState;
use serde_json::json;

use crate::fake::{Answer, Fake};
use crate::{bench, engine, report};

/// Stage, kind and message of an engine that failed.
#[track_caller]
fn failed(state: &EngineState) -> (&str, &str, &str) {
    match state {
        EngineState::Failed { stage, kind, message } => (stage, kind, message),
        other => panic!("{other:?}"),
    }
}

/// Runs the real engine beside this one, and returns the failure of this one. The real one must have been measured, and
/// the exit status be 4.
#[track_caller]
fn beside(spec: &str, args: &[&str]) -> (String, String, String) {
    let (ran, report) = report(bench(&format!("onnx,{spec}"), args.iter().copied()));
    ran.status(4);
    assert_eq!(engine(&report, "onnx").answered, 12);
    let (stage, kind, message) = failed(&engine(&report, spec).state);
    (stage.to_owned(), kind.to_owned(), message.to_owned())
}

#[test]
fn no_server_listens() {
    let (stage, kind, message) = beside("openai=http://127.0.0.1:9", &[]);
    assert_eq!((stage.as_str(), kind.as_str()), ("start", "no connection"), "{message}");
}

#[test]
fn answers_that_are_wrong_from_the_first_on() {
    let nan = || Answer::Reply(200, Vec::new(), b"[[NaN, 1.0]]".to_vec());
    let never = || Answer::Never;
    for (what, answer) in [
        (
            "unreadable answer",
            Box::new(|| Answer::Raw(b"HTTP/1.1 200 OK\r\n\r\n<html>".to_vec()))
                as Box<dyn Fn() -> Answer + Send + Sync>,
        ),
        ("wrong shape", Box::new(|| Answer::json(&json!([[1.0], [2.0]])))),
        ("not finite", Box::new(nan)),
        ("overloaded (429)", Box::new(|| Answer::status(429, "slow down"))),
        ("status 500", Box::new(|| Answer::status(500, "oh"))),
        ("timeout", Box::new(|| Answer::Drip)),
        ("timeout", Box::new(never)),
    ] {
        let fake = Fake::tei(move |_| Some(answer()));
        let (stage, kind, message) = beside(&format!("tei={}", fake.url), &["--request-timeout", "1s"]);
        assert_eq!((stage.as_str(), kind.as_str()), ("first request", what), "{message}");
    }
}

/// The first answer and every third one are right.
#[test]
fn failed_requests_are_counted_and_are_no_fast_ones() {
    let count = AtomicUsize::new(0);
    let fake = Fake::tei(move |texts| match count.fetch_add(1, Ordering::SeqCst) % 3 {
        0 => None,
        1 => Some(Answer::status(429, "slow down")),
        _ => Some(Answer::json(&json!(texts.iter().skip(1).map(|_| [1.0, 1.0]).collect::<Vec<_>>()))),
    });
    let name = format!("tei={}", fake.url);
    let (ran, report) = report(bench(&name, ["--requests", "30", "--rounds", "1", "--concurrency", "1"]));
    ran.status(0);
    let engine = engine(&report, &name);
    let kinds: Vec<_> = engine.failures.iter().map(|failure| (failure.kind.as_str(), failure.count)).collect();
    assert_eq!((engine.answered, kinds), (10, vec![("overloaded (429)", 10), ("wrong shape", 10)]));
    assert_eq!((engine.rounds[0].requests, engine.rounds[0].failed), (10, 20));
    let (example, text) = (&engine.failures[0].example, &engine.failures[1].example);
    assert!(example.contains("slow down") && text.contains("3"), "{example} {text}");
}

#[test]
fn vectors_of_another_length_are_named() {
    let count = AtomicUsize::new(0);
    let fake = Fake::tei(move |texts| {
        let width = if count.fetch_add(1, Ordering::SeqCst) == 3 { 3 } else { 2 };
        Some(Answer::json(&json!(texts.iter().map(|_| vec![1.0; width]).collect::<Vec<_>>())))
    });
    let name = format!("tei={}", fake.url);
    let (ran, report) = report(bench(&format!("onnx,{name}"), ["--rounds", "1", "--concurrency", "1"]));
    ran.status(0);
    let engine = engine(&report, &name);
    assert_eq!((engine.failures[0].kind.as_str(), engine.failures[0].count), ("wrong shape", 1));
    let vectors = engine.fidelity.as_ref().unwrap().vectors.as_ref().unwrap();
    assert_eq!((vectors.dimension_mismatches, vectors.agreement), (8, None));
}

#[test]
fn a_server_that_goes_away_fails_in_its_round() {
    let count = AtomicUsize::new(0);
    let fake = Fake::tei(move |_| (count.fetch_add(1, Ordering::SeqCst) > 4).then(|| Answer::Raw(Vec::new())));
    let (stage, kind, message) = beside(&format!("tei={}", fake.url), &[]);
    assert_eq!((stage.as_str(), kind.as_str()), ("round 2", "broken connection"), "{message}");
}

/// A stall of a second is in the latencies of an open loop: of the requests that were due meanwhile, too.
#[test]
fn a_stall_shows_in_the_tail() {
    let count = AtomicUsize::new(0);
    let stalled = std::sync::Mutex::new(());
    let fake = Fake::tei(move |_| {
        // Requests that come while another one holds it wait, too.
        let _held = stalled.lock().unwrap();
        if count.fetch_add(1, Ordering::SeqCst) == 40 {
            std::thread::sleep(Duration::from_secs(1));
        }
        None
    });
    let name = format!("tei={}", fake.url);
    let args = ["--load", "constant:100", "--requests", "100", "--rounds", "1", "--batch", "1"];
    let (ran, report) = report(bench(&name, args));
    ran.status(0);
    let figures = &engine(&report, &name).figures;
    let (p99, max) = (figures.p99_ms.unwrap().median, figures.max_ms.unwrap().median);
    // Some ten requests were due in its first tenth of a second.
    assert!(max >= 1000.0 && p99 >= 900.0, "{p99} {max}");
}

#[test]
fn engines_that_are_not_installed_say_how_to_install_them() {
    let (stage, kind, message) = beside("torch", &["--python", "/bin/false"]);
    assert_eq!(stage, "start");
    assert!(!message.is_empty(), "{kind}");
    let (_, kind, message) = beside("tei", &[]);
    assert_eq!(kind, "not available");
    assert!(message.contains("text-embeddings-router"), "{message}");
}

/// With the fake libraries of tests/python, which end at the text "crash".
#[test]
fn a_worker_that_dies_in_a_round_leaves_the_others_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("texts.txt");
    std::fs::write(&path, "a sea\na harbour\ncrash\na ship\n").unwrap();
    let (python, dataset) = ("tests/python/bin/python", format!("file={}", path.display()));
    let args = ["--dataset", &dataset, "--batch", "1", "--concurrency", "1", "--requests", "4", "--python", python];
    let (ran, report) = report(bench("onnx,torch", args));
    ran.status(4);
    assert_eq!(engine(&report, "onnx").answered, 8);
    let torch = engine(&report, "torch");
    let (stage, kind, message) = failed(&torch.state);
    assert_eq!((stage, kind), ("round 1", "engine died"), "{message}");
    assert!(message.contains("exit status 3") && message.contains("the last words"), "{message}");
    assert_eq!((torch.rounds.len(), torch.version.as_deref()), (0, Some("sentence-transformers 5.9.9")));
    // The reference is an engine with answers.
    assert_eq!(report.reference.as_deref(), Some("onnx"));
}
