//! How texts are spread over requests, and what rows say of what nobody tells.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::json;

use crate::fake::{Answer, Fake};
use crate::run::infa;

#[test]
fn requests_of_so_many_texts_in_order() {
    let fake = Fake::tei(|_| None);
    let lines: String = (0..10).map(|i| format!("{}\n", "x".repeat(i))).collect();
    let ran = fake.embed(["--request-batch", "4"], &lines).run().status(0);
    let lengths: Vec<f32> = ran.vectors().iter().map(|vector| vector[0]).collect();
    assert_eq!(lengths, (0..10).map(|i| i as f32).collect::<Vec<_>>());
    let mut sizes: Vec<usize> = fake.batches().iter().map(Vec::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [2, 4, 4]);
}

#[test]
fn so_many_requests_at_once() {
    // Nobody is answered before two are there, and never are there three.
    let state = Arc::new((Mutex::new((0_usize, 0_usize)), Condvar::new()));
    let shared = Arc::clone(&state);
    let fake = Fake::tei(move |texts| {
        if texts[0] == "infa" {
            return None;
        }
        let (counts, changed) = &*shared;
        let mut now = counts.lock().unwrap();
        now.0 += 1;
        now.1 = now.1.max(now.0);
        changed.notify_all();
        let (mut now, patience) = changed.wait_timeout_while(now, Duration::from_secs(60), |now| now.1 < 2).unwrap();
        assert!(!patience.timed_out());
        now.0 -= 1;
        None
    });
    let lines: String = (0..12).map(|i| format!("text {i}\n")).collect();
    let args = ["--request-batch", "1", "--concurrency", "2"];
    assert_eq!(fake.embed(args, &lines).run().status(0).rows().len(), 12);
    assert_eq!(state.0.lock().unwrap().1, 2);
}

#[test]
fn any_number_of_requests_at_once_may_be_allowed() {
    let fake = Fake::tei(|_| None);
    let most = usize::MAX.to_string();
    let args = ["--request-batch", "1", "--concurrency", most.as_str()];
    assert_eq!(fake.embed(args, "a\nb\n").run().status(0).rows().len(), 2);
}

#[test]
fn connections_are_kept() {
    let fake = Fake::tei(|_| None);
    let lines: String = (0..40).map(|i| format!("text {i}\n")).collect();
    fake.embed(["--request-batch", "1", "--concurrency", "1"], &lines).run().status(0);
    assert_eq!(fake.batches().len(), 40);
    // A connection is free again a moment after its reply is read: the next request may miss it now and then.
    assert!(fake.connections() < 20, "{} connections", fake.connections());
}

#[test]
fn unreported_fields_are_left_out() {
    let fake = Fake::tei(|texts| (texts[0] == "bad").then(|| Answer::status(400, "no")));
    let embed = |format: &str| fake.embed(["--format", format, "--request-batch", "1"], "a\nbad\n").run().status(1);
    let ran = embed("jsonl");
    assert_eq!(ran.text().lines().next(), Some(r#"{"index":0,"embedding":[1.0,1.0]}"#));
    assert!(ran.err.contains("Embedded 1 of 2 inputs (1 failed) in "), "{}", ran.err);
    assert!(ran.err.contains("first reply in") && !ran.err.contains("tokens"), "{}", ran.err);
    let csv = embed("csv");
    let lines: Vec<&str> = csv.text().lines().collect();
    assert_eq!(lines[..2], ["index,id,tokens,truncated,error,e0,e1", "0,,,,,1.0,1.0"]);
    assert!(lines[2].starts_with("1,,,,"), "{}", lines[2]);
    assert!(embed("npy").out.starts_with(b"\x93NUMPY"));
    let none = fake.embed([], "").run().status(0);
    assert!(none.out.is_empty());
}

#[test]
fn documents_of_a_query_go_together() {
    let fake = Fake::new(|seen| match seen.line.as_str() {
        "POST /rerank" => {
            let texts = seen.body["texts"].as_array().unwrap();
            let rank = |(index, text): (usize, &serde_json::Value)| json!({"index": index, "score": text.as_str().unwrap().len() as f64 / 8.0});
            Answer::json(&json!(texts.iter().enumerate().map(rank).rev().collect::<Vec<_>>()))
        }
        _ => Answer::status(404, "not here"),
    });
    let engine = format!("tei={}", fake.url);
    let queries =
        concat!(r#"{"query":"q1","documents":["a","bb","ccc"]}"#, "\n", r#"{"query":"q2","documents":["dddd"]}"#, "\n");
    let ran = infa(["rerank", "--engine", &engine, "--request-batch", "2", "--prompt", "p: "]).stdin(queries).run();
    let rows = ran.status(0).rows();
    let best = |row: usize| rows[row]["results"][0].clone();
    assert_eq!((best(0), best(1)), (json!({"index": 2, "score": 0.375}), json!({"index": 0, "score": 0.5})));
    let asked: Vec<_> = fake.seen().into_iter().filter(|seen| seen.line == "POST /rerank").skip(1).collect();
    let mut asked: Vec<_> = asked.iter().map(|seen| (seen.body["query"].clone(), seen.body["texts"].clone())).collect();
    asked.sort_by_key(|(_, texts)| texts.to_string());
    let expected = [("p: q1", json!(["a", "bb"])), ("p: q1", json!(["ccc"])), ("p: q2", json!(["dddd"]))];
    assert_eq!(asked, expected.map(|(query, texts)| (json!(query), texts)));
}
