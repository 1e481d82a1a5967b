//! Inputs that are not there, not text, too long, or not what they say.

use std::fs;

use serde_json::json;

use crate::run::embed;

#[test]
fn unreadable_inputs_are_named_before_the_work_begins() {
    let dir = tempfile::tempdir().unwrap();
    let (good, none) = (dir.path().join("good.txt"), dir.path().join("none.txt"));
    fs::write(&good, "a\n").unwrap();
    embed([&good, &none]).run().refuses(2, &[none.to_str().unwrap(), "no such file", "hint: "]);
    let empty = tempfile::tempdir().unwrap();
    embed([empty.path()]).run().refuses(2, &[empty.path().to_str().unwrap(), "is a directory", "hint: "]);
    embed(["some text to embed"])
        .run()
        .refuses(2, &["some text to embed: no such file", "hint: infa embed --text 'some text to embed'"]);
}

#[test]
fn invalid_utf8_fails_its_row_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("latin1.txt");
    fs::write(&path, b"one\ncaf\xe9\nthree\n").unwrap();
    let place = format!("{}:2: invalid UTF-8", path.display());
    let ran = embed([&path]).run().status(1).says(&[&place]);
    let rows = ran.rows();
    assert_eq!(rows.len(), 3);
    assert!(rows[1]["error"].as_str().unwrap().starts_with(&place));
    assert!(rows[0]["embedding"].is_array() && rows[2]["embedding"].is_array());
    assert_eq!(rows[2]["index"], json!(2));
}

#[test]
fn a_malformed_json_line_fails_its_row_and_no_other() {
    let text = "{\"id\":1,\"text\":\"a\"}\n{\"id\":2,\"text\":\n{\"id\":3}\n{\"id\":4,\"text\":\"b\"}\n";
    let ran = embed(["--input-format", "jsonl"]).stdin(text).run().status(1);
    let ran = ran.says(&["stdin:2: malformed JSON", "stdin:3: there is no field \"text\""]);
    let rows = ran.rows();
    assert_eq!(rows.len(), 4);
    assert_eq!((&rows[2]["id"], &rows[3]["id"]), (&json!(3), &json!(4)));
    assert!(rows[3]["embedding"].is_array());
}

#[test]
fn a_csv_without_the_column_lists_those_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.csv");
    fs::write(&path, "name,body\n1,a\n").unwrap();
    let file = path.to_str().unwrap();
    embed([file]).run().refuses(2, &[file, "\"text\"", "\"name\", \"body\"", "--field"]);
    embed([file, "--field", "nope"]).run().refuses(2, &["\"nope\"", "\"name\", \"body\""]);
    embed([file, "--field", "body", "--id-field", "id"]).run().refuses(2, &["\"id\"", "--id-field"]);
    embed(["--input-format", "csv"]).stdin("name,body\n1,a\n").run().refuses(2, &["stdin", "\"text\""]);
    fs::write(&path, "").unwrap();
    embed([file]).run().refuses(2, &[file, "header", "hint: "]);
}

#[test]
fn a_ragged_csv_row_fails_alone() {
    let ran = embed(["--input-format", "csv"]).stdin("id,text\n1,a\n2,b,c\n3,d\n").run().status(1);
    let rows = ran.says(&["stdin:3: the row has 3 fields where the header has 2"]).rows();
    assert_eq!(rows.len(), 3);
    assert!(rows[2]["embedding"].is_array());
}

#[test]
fn many_failures_are_counted_and_not_all_printed() {
    let ran = embed([] as [&str; 0]).stdin(b"\xff\n".repeat(500)).run().status(1);
    assert!(ran.err.lines().count() < 15, "{}", ran.err);
    assert_eq!(ran.rows().len(), 500);
    ran.says(&["490 more inputs failed", "Embedded 0 of 500 inputs (0 tokens, 0 truncated, 500 failed)"]);
}

#[test]
fn ten_megabytes_in_one_line() {
    for line in ["a".repeat(10 << 20), "many words ".repeat(1 << 20)] {
        let ran = embed([] as [&str; 0]).stdin(format!("one\n{line}\ntwo\n")).run().status(0);
        let rows = ran.rows();
        assert_eq!(rows.len(), 3);
        assert_eq!(rows[1]["truncated"], json!(!line.starts_with("aa")), "{}", ran.err);
        assert!(rows[1]["tokens"].as_u64().unwrap() <= 32);
    }
    let line = "many words ".repeat(1 << 20);
    let ran = embed(["--truncate", "none"]).stdin(format!("one\n{line}\ntwo\n")).run().status(1);
    let rows = ran.says(&["stdin:2: ", "truncation is off"]).rows();
    assert!(rows.len() == 3 && rows[1]["error"].is_string());
}

#[test]
fn no_record_is_read_beyond_a_limit() {
    let line = vec![b'x'; (16 << 20) + 1];
    let ran = embed([] as [&str; 0]).stdin([b"one\n", &line[..], b"\ntwo\n"].concat()).run().status(1);
    let rows = ran.says(&["stdin:2: the record is longer than 16 MiB"]).rows();
    assert_eq!(rows.len(), 3);
    assert!(rows[2]["embedding"].is_array());
}

#[test]
fn odd_bytes_are_text_too() {
    let text = "\u{feff}bom\r\n\u{0}nul inside\n\u{202e}rtl\u{1b}[31m\n\u{1f469}\u{200d}\u{1f680}\n   \t \n";
    let rows = embed([] as [&str; 0]).stdin(text).run().well().rows();
    assert_eq!(rows.len(), 5);
}

#[test]
fn a_stdin_that_cannot_be_read() {
    embed([] as [&str; 0]).run_in_shell("\"$@\" <&-").status(2).says(&["stdin: cannot be opened: it is closed"]);
    let dir = tempfile::tempdir().unwrap();
    let script = format!("\"$@\" 0>'{}'", dir.path().join("written").display());
    embed([] as [&str; 0]).run_in_shell(&script).status(1).says(&["stdin:1: reading failed"]);
    embed(["--text", "a"]).run_in_shell("\"$@\" <&-").status(0);
}

#[test]
fn a_file_that_vanishes_or_a_stdin_that_is_a_directory() {
    embed([] as [&str; 0]).run_in_shell("\"$@\" < /").status(1).says(&["stdin:1: reading failed", "irectory"]);
}
