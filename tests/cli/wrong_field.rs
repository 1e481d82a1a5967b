//! A field that no record has: the job stops early, and a file that is there stays.

use std::fs;

use crate::run::{embed, infa};

/// Lines of JSON with a body and no text.
fn bodies(count: usize) -> String {
    (0..count).map(|i| format!("{{\"id\":{i},\"body\":\"b\"}}\n")).collect()
}

#[test]
fn a_file_is_refused_before_the_work_begins() {
    let dir = tempfile::tempdir().unwrap();
    let (out, path) = (dir.path().join("out.jsonl"), dir.path().join("t.jsonl"));
    fs::write(&out, "old").unwrap();
    for (count, words) in
        [(1, "the only record"), (5, "none of the 5 records"), (20_000, "none of the first 100 records")]
    {
        fs::write(&path, bodies(count)).unwrap();
        let ran = embed(["-o"]).arg(&out).arg(&path).run();
        let ran = ran
            .refuses(2, &["t.jsonl", words, "field \"text\"", "\"id\", \"body\"", "hint: name the field with --field"]);
        assert_eq!(ran.err.lines().count(), 2, "{}", ran.err);
        embed(["--field", "nope"]).arg(&path).run().refuses(2, &["field \"nope\""]);
    }
    fs::write(&path, format!("[{}]", vec!["{\"body\":\"b\"}"; 300].join(","))).unwrap();
    embed([&path]).run().refuses(2, &["none of the first 100 records has", "\"text\""]);
    assert_eq!(fs::read_to_string(&out).unwrap(), "old");
    let good = embed(["--field", "body"]).arg(&path).run().well();
    assert_eq!(good.rows().len(), 300);
}

#[test]
fn one_good_record_among_the_first_is_enough() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.jsonl");
    fs::write(&path, format!("{}{{\"text\":\"a\"}}\n{}", bodies(99), bodies(200))).unwrap();
    let ran = embed([&path]).run().status(1);
    let rows = ran.rows();
    assert_eq!(rows.len(), 300);
    assert!(rows[99]["embedding"].is_array());
}

#[test]
fn a_stream_ends_after_a_hundred() {
    let ran = embed(["--input-format", "jsonl"]).stdin(bodies(5000)).run().status(2);
    assert_eq!(ran.rows().len(), 100);
    ran.says(&["stdin: none of the first 100 records", "\"body\"", "--field"]);
    let ran = embed(["--input-format", "jsonl"]).stdin(bodies(3)).run().status(1);
    assert_eq!(ran.rows().len(), 3);
}

#[test]
fn where_nothing_succeeds_the_old_file_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (out, none) = (dir.path().join("out.jsonl"), dir.path().join("none.csv"));
    fs::write(&out, "old").unwrap();
    let ran = embed(["-o"]).arg(&out).stdin(b"\xff\n\xfe\n").run().status(1);
    ran.says(&["no input succeeded: ", "out.jsonl is left as it was"]);
    assert_eq!(fs::read_to_string(&out).unwrap(), "old");
    embed(["-o"]).arg(&none).stdin(b"\xff\n").run().status(1).says(&["none.csv is not written"]);
    assert!(!none.exists());
    // Nothing to do is no failure.
    embed(["-o"]).arg(&out).run().status(0).says(&["warning: stdin: holds no texts", "Embedded 0 inputs"]);
    assert_eq!(fs::read_to_string(&out).unwrap(), "");
}

#[test]
fn hints_can_be_followed() {
    let dir = tempfile::tempdir().unwrap();
    let csv = dir.path().join("body.csv");
    fs::write(&csv, "Body,ID\nthe cat,1\n").unwrap();
    let dataset = format!("file={}", csv.display());
    let bench = || infa(["bench", "--engines", "onnx", "--dry-run", "--dataset", &dataset]);
    bench().run().status(2).says(&["body.csv", "\"text\"", "\"Body\"", "name the field with --field"]);
    bench().args(["--field", "Body"]).run().status(0);
    let json = dir.path().join("t.jsonl");
    fs::write(&json, "{\"Text\":\"a\"}\n{\"Text\":\"b\"}\n").unwrap();
    embed([&json]).run().refuses(2, &["did you mean --field Text?"]);
    assert_eq!(embed(["--field", "Text"]).arg(&json).run().well().rows().len(), 2);
}
