//! Servers that are not there, refuse, fail, or answer nonsense: named, in time, and with the right exit status.

use std::io::{BufRead, Write};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::fake::{Answer, Fake, vector};
use crate::run::{Ran, infa};

/// What `infa embed` says of a server that answers every request so.
fn answered(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Ran {
    let fake = Fake::tei(move |_| Some(answer()));
    let ran = fake.embed(["--request-timeout", "5s"], "a\n").run();
    // Whatever is wrong, the message says with whom.
    assert!(ran.err.contains(&format!("error: tei={}: ", fake.url)), "{}", ran.err);
    ran
}

#[test]
fn no_server_is_there() {
    for command in [&["embed"][..], &["rerank", "--query", "q"]] {
        let engine = ["--engine", "tei=http://127.0.0.1:9"];
        let ran = infa(command.iter().chain(&engine)).stdin("a\n").run();
        ran.refuses(4, &["tei=http://127.0.0.1:9: no connection", "hint: is the server running"]);
    }
    let ran = infa(["embed", "--engine", "openai=http://nowhere.invalid/v1"]).stdin("a\n").run();
    ran.refuses(4, &["openai=http://nowhere.invalid/v1: no connection"]);
}

#[test]
fn statuses_at_the_start() {
    let status = |code, message: &'static str| answered(move || Answer::status(code, message));
    status(404, "no such route").refuses(4, &["HTTP 404: no such route", "speak tei's API"]);
    status(500, "out of memory").refuses(4, &["HTTP 500: out of memory"]);
    status(401, "who are you").refuses(4, &["HTTP 401: who are you", "hint: put the server's key into TEI_API_KEY"]);
    status(503, "loading").refuses(4, &["HTTP 503", "--retries"]);
    status(422, "unknown prompt").refuses(4, &["HTTP 422: unknown prompt"]);
}

#[test]
fn an_output_file_does_not_appear() {
    let fake = Fake::tei(|_| Some(Answer::status(500, "no")));
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out.jsonl");
    fake.embed(["-o", out.to_str().unwrap()], "a\n").run().refuses(4, &["HTTP 500"]);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn nonsense_at_the_start() {
    let raw = |text: &'static str| answered(move || Answer::Raw(text.into()));
    let body = |text: &'static str| answered(move || Answer::Reply(200, Vec::new(), text.into()));
    raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n[[1,").refuses(4, &["the connection broke"]);
    raw("").refuses(4, &["the connection broke"]);
    raw("SSH-2.0-OpenSSH_9.6\r\n").refuses(4, &["the connection broke"]);
    body("<html>welcome</html>").refuses(4, &["the reply cannot be read: it is not JSON", "speak tei's API"]);
    body("").refuses(4, &["the reply cannot be read"]);
    body("{\"data\":[]}").refuses(4, &["the reply does not fit"]);
    body("[]").refuses(4, &["0 vectors for 1 texts"]);
    body("[[1,2],[1,2]]").refuses(4, &["2 vectors for 1 texts"]);
    body("[[]]").refuses(4, &["a vector has no numbers"]);
    body("[[0,0]]").refuses(4, &["zero vector"]);
    body("[[1,null]]").refuses(4, &["NaN"]);
    body("[[1,NaN]]").refuses(4, &["NaN"]);
    body("[[1,1e39]]").refuses(4, &["infinite"]);
}

#[test]
fn a_reply_without_end() {
    answered(|| Answer::Endless).refuses(4, &["the reply is larger than 2097152 bytes"]);
}

#[test]
fn replies_that_take_too_long() {
    for drip in [false, true] {
        let fake = Fake::tei(move |_| Some(if drip { Answer::Drip } else { Answer::Never }));
        let ran = fake.embed(["--request-timeout", "0.2"], "a\n").run();
        ran.refuses(4, &["no complete reply within 200ms", "--request-timeout"]);
    }
}

#[test]
fn retries_only_where_asked_for() {
    let busy = |times: usize| {
        let left = AtomicUsize::new(times);
        Fake::tei(move |_| {
            let again = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok();
            let headers = vec![("retry-after", "0".to_owned())];
            again.then(|| Answer::Reply(429, headers, b"{\"error\":\"Model is overloaded\"}".to_vec()))
        })
    };
    let requests = |fake: &Fake| fake.seen().iter().filter(|seen| seen.line == "POST /embed").count();
    let fake = busy(2);
    fake.embed([], "a\n").run().refuses(4, &["HTTP 429: Model is overloaded", "--retries"]);
    assert_eq!(requests(&fake), 1);
    let fake = busy(2);
    fake.embed(["--retries", "1"], "a\n").run().refuses(4, &["HTTP 429"]);
    assert_eq!(requests(&fake), 2);
    let fake = busy(2);
    assert_eq!(fake.embed(["--retries", "2"], "a\n").run().status(0).vectors(), [[1.0, 1.0]]);
    assert_eq!(requests(&fake), 4);
    // A connection that breaks is no different.
    let first = AtomicUsize::new(0);
    let fake =
        Fake::tei(move |_| (first.fetch_add(1, Ordering::SeqCst) == 0).then(|| Answer::Raw(b"HTTP/1.1 2".to_vec())));
    assert_eq!(fake.embed(["--retries", "1"], "a\n").run().status(0).vectors(), [[1.0, 1.0]]);
    // A server that asks for an hour is not waited for.
    let later = Fake::tei(|_| Some(Answer::Reply(503, vec![("retry-after", "3600".into())], Vec::new())));
    later.embed(["--retries", "9"], "a\n").run().refuses(4, &["HTTP 503"]);
    assert_eq!(requests(&later), 1);
}

#[test]
fn a_request_that_fails_costs_its_own_texts_alone() {
    let has = |texts: &[String], text: &str| texts.iter().any(|t| t == text);
    let fake = Fake::tei(move |texts| {
        if has(texts, "boom") {
            Some(Answer::status(500, "boom"))
        } else if has(texts, "short") {
            Some(Answer::json(&json!([[1.0, 2.0]])))
        } else if has(texts, "wide") {
            Some(Answer::json(&json!([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])))
        } else {
            let vectors = texts.iter().map(|text| if text == "nan" { json!([null, 1]) } else { json!(vector(text)) });
            Some(Answer::json(&json!(vectors.collect::<Vec<_>>())))
        }
    });
    let lines = "a\nboom\nbb\nccc\nshort\nd\nwide\ne\nnan\nf\n";
    let ran = fake.embed(["--request-batch", "2"], lines).run().status(1);
    let rows = ran.rows();
    let failed = |row: &serde_json::Value| row["error"].as_str().map(str::to_owned);
    let errors: Vec<Option<String>> = rows.iter().map(failed).collect();
    for (row, words) in [
        (0, "HTTP 500: boom"),
        (1, "HTTP 500: boom"),
        (4, "1 vectors for 2 texts"),
        (5, "1 vectors for 2 texts"),
        (6, "vectors of 3 dimensions, and before of 2"),
        (7, "vectors of 3 dimensions, and before of 2"),
        (8, "NaN"),
    ] {
        let error = errors[row].as_ref().unwrap();
        assert!(error.contains(words) && error.contains(&fake.url), "{row}: {error}");
    }
    for row in [2, 3, 9] {
        assert_eq!(errors[row], None, "{row}");
    }
    ran.says(&["stdin:2: tei=", "7 failed"]);
}

#[test]
fn a_text_that_the_server_refuses_costs_its_neighbours_nothing() {
    let fake = Fake::tei(|texts| {
        let bad = texts.iter().position(|text| text == "bad")?;
        Some(Answer::status(413, &format!("inputs[{bad}] is too long")))
    });
    let lines: String = (0..13).map(|i| if i == 6 { "bad\n".to_owned() } else { format!("text {i}\n") }).collect();
    let ran = fake.embed([], &lines).run().status(1);
    for (i, row) in ran.rows().iter().enumerate() {
        assert_eq!(row.get("error").is_some(), i == 6, "{row}");
        assert_eq!(row["index"], i);
    }
    assert!(ran.rows()[6]["error"].as_str().unwrap().contains("HTTP 413: inputs[0] is too long"));
    // Halves, and halves of halves.
    let sizes: Vec<usize> = fake.batches().iter().map(Vec::len).collect();
    assert_eq!(sizes, [13, 6, 7, 3, 1, 2, 4], "{:?}", fake.batches());
}

#[test]
fn a_server_that_takes_fewer_texts_gets_fewer() {
    let fake = Fake::tei(|texts| (texts.len() > 2).then(|| Answer::status(422, "batch size > maximum allowed")));
    let ran = fake.embed([], "a\nbb\nccc\ndddd\neeeee\n").run().status(0);
    assert_eq!(ran.vectors(), [1.0, 2.0, 3.0, 4.0, 5.0].map(|length| vec![length, 1.0]));
}

#[test]
fn a_redirect_is_not_followed_and_no_key_goes_elsewhere() {
    let other = Fake::tei(|_| None);
    let target = format!("{}/embed?token=hidden", other.url);
    let fake = Fake::new(move |_| Answer::Reply(307, vec![("location", target.clone())], Vec::new()));
    let ran = fake.embed([], "a\n").env("TEI_API_KEY", "secret").run();
    ran.refuses(4, &["redirects to", &other.url, "hint: write the URL"]);
    assert_eq!(fake.seen()[0].header("authorization"), Some("Bearer secret"));
    assert!(other.seen().is_empty());
}

#[test]
fn ctrl_c_ends_waiting() {
    let start = Fake::new(|_| Answer::Never);
    let running = start.embed([], "a\n").spawn();
    start.wait_for(1);
    running.signal(libc::SIGINT);
    assert_eq!(running.end().status, 130);

    // In the middle of a job, too, whose first row is out.
    let later = Fake::tei(|texts| (texts[0] == "hang").then_some(Answer::Never));
    let mut running = later.embed(["--request-batch", "1"], "").spawn();
    let mut stdin = running.0.stdin.take().unwrap();
    stdin.write_all(b"a\n").unwrap();
    let mut row = String::new();
    std::io::BufReader::new(running.0.stdout.as_mut().unwrap()).read_line(&mut row).unwrap();
    assert_eq!(row, "{\"index\":0,\"embedding\":[1.0,1.0]}\n");
    stdin.write_all(b"hang\n").unwrap();
    later.wait_for(4);
    running.signal(libc::SIGINT);
    running.end().status(130).says(&["Stopped after 1 input in "]);
}
