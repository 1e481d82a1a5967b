//! Texts in, vectors out: rows, their order, where texts come from.

use std::fs;

use serde_json::{Value as Json, json};

use crate::run::{Ran, embed, infa};
use crate::support::{fixture, floats, json as read, max_difference};

const TOLERANCE: f32 = 1e-5;

fn cases() -> (Vec<String>, Vec<Json>) {
    let expected = read(fixture("bert-tiny/expected.json"));
    // One line a text.
    let plain = |case: &&Json| !case["text"].as_str().unwrap().contains(['\n', '\r']);
    let cases: Vec<Json> = expected["cases"].as_array().unwrap().iter().filter(plain).cloned().collect();
    (cases.iter().map(|case| case["text"].as_str().unwrap().to_owned()).collect(), cases)
}

/// Deterministic texts of mixed lengths, many of them twice and more.
fn many(count: usize) -> Vec<String> {
    const WORDS: [&str; 8] = ["sea", "a", "Harbour", "0", "the quick", "x?", "naïve", "unbelievably"];
    let mut state = 12345u32;
    let mut next = move |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    (0..count)
        .map(|_| {
            let words = next(12);
            (0..words).map(|_| WORDS[next(WORDS.len())]).collect::<Vec<_>>().join(" ")
        })
        .collect()
}

#[test]
fn rows_have_exactly_these_keys_in_this_order() {
    let ran = embed([] as [&str; 0]).stdin("hello\n").run().well();
    let row = &ran.rows()[0];
    let keys: Vec<&String> = row.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["index", "embedding", "tokens", "truncated"]);
    assert_eq!(ran.text().lines().count(), 1);
    assert!(ran.text().starts_with("{\"index\":0,\"embedding\":[") && ran.text().ends_with("}\n"));

    let ran = embed(["--input-format", "jsonl"]).stdin("{\"id\":7,\"text\":\"a\"}\n{\"id\":null}\n").run().status(1);
    let keys = |row: &Json| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(",");
    let rows = ran.rows();
    assert_eq!(keys(&rows[0]), "index,id,embedding,tokens,truncated");
    assert_eq!(keys(&rows[1]), "index,id,error");
}

#[test]
fn vectors_tokens_and_truncation_are_those_of_the_reference() {
    let (texts, cases) = cases();
    let ran = embed([] as [&str; 0]).stdin(texts.join("\n") + "\n").run().well();
    let rows = ran.rows();
    assert_eq!(rows.len(), cases.len());
    for (i, (row, case)) in rows.iter().zip(&cases).enumerate() {
        assert_eq!(row["index"], json!(i));
        assert_eq!((&row["tokens"], &row["truncated"]), (&case["tokens"], &case["truncated"]), "{}", case["name"]);
        let difference = max_difference(&floats(&row["embedding"]), &floats(&case["embedding"]));
        assert!(difference <= TOLERANCE, "{}: {difference:e}", case["name"]);
    }
}

#[test]
fn thousands_of_lines_keep_their_order_and_equal_texts_get_equal_vectors() {
    let texts = many(6000);
    let ran =
        infa(["embed", "--threads", "5", "-m"]).arg(fixture("bert-tiny")).stdin(texts.join("\n") + "\n").run().well();
    let rows = ran.rows();
    assert_eq!(rows.len(), texts.len());
    let alone = embed(["--batch-tokens", "1"]).stdin(texts[..300].join("\n") + "\n").run().well();
    let vectors = ran.vectors();
    let mut first = std::collections::HashMap::new();
    for (i, (text, vector)) in texts.iter().zip(&vectors).enumerate() {
        assert_eq!(rows[i]["index"], json!(i));
        let known: &mut &Vec<f32> = first.entry(text).or_insert(vector);
        assert!(max_difference(known, vector) <= TOLERANCE, "{text:?} at {i}");
    }
    assert!(first.len() < texts.len(), "no duplicates");
    for (together, alone) in vectors.iter().zip(alone.vectors()) {
        assert!(max_difference(together, &alone) <= TOLERANCE);
    }
}

#[test]
fn the_summary_counts_and_goes_to_stderr() {
    let long = "word ".repeat(100);
    let ran = embed([] as [&str; 0]).stdin(format!("a\n{long}\n\n")).run().well();
    let rows = ran.rows();
    let tokens: u64 = rows.iter().map(|row| row["tokens"].as_u64().unwrap()).sum();
    assert!(ran.err.starts_with(&format!("Embedded 3 inputs ({tokens} tokens, 1 truncated) in ")), "{}", ran.err);
    assert!(ran.err.contains("inputs/s") && ran.err.contains("tokens/s"), "{}", ran.err);
    let failed = embed(["--truncate", "none"]).stdin(format!("a\n{long}\n")).run().status(1);
    assert!(failed.err.contains("Embedded 1 of 2 inputs (") && failed.err.contains(", 1 failed)"), "{}", failed.err);
}

#[test]
fn quiet_says_nothing_but_errors() {
    let ran = embed(["-q"]).stdin("a\n").run().status(0);
    assert_eq!((ran.err.as_str(), ran.rows().len()), ("", 1));
    let ran = embed(["--quiet", "--truncate", "none"]).stdin("a\n".to_owned() + &"a ".repeat(99)).run().status(1);
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
    assert!(ran.err.starts_with("error: stdin:2: "), "{}", ran.err);
}

#[test]
fn verbose_shows_where_things_were_found() {
    let model = fixture("bert-tiny").display().to_string();
    embed(["-v"]).stdin("a\n").run().status(0).says(&["ONNX Runtime: ", &model]);
}

#[test]
fn several_files_and_stdin_between_them() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (dir.path().join("a.txt"), dir.path().join("b.txt"));
    fs::write(&a, "one\ntwo").unwrap();
    fs::write(&b, "four\n").unwrap();
    let files = [a.to_str().unwrap(), "-", b.to_str().unwrap()];
    let mixed = embed(files).stdin("three\n").run().well();
    let plain = embed([] as [&str; 0]).stdin("one\ntwo\nthree\nfour\n").run().well();
    assert_eq!(mixed.rows().len(), 4);
    assert_eq!(mixed.text(), plain.text());
}

#[test]
fn a_dash_is_stdin_but_once() {
    assert_eq!(embed(["-"]).stdin("a\nb\n").run().well().rows().len(), 2);
    embed(["-", "-"]).stdin("a\n").run().refuses(2, &["stdin", "more than once", "hint: "]);
}

#[test]
fn nothing_in_nothing_out() {
    let nothing = |ran: Ran| {
        let ran = ran.status(0);
        let lines: Vec<&str> = ran.err.lines().collect();
        assert!(
            matches!(lines[..], [warning, summary] if warning.starts_with("warning: ")
            && warning.ends_with(": holds no texts") && summary.starts_with("Embedded 0 inputs")),
            "{}",
            ran.err
        );
        ran
    };
    assert!(nothing(embed([] as [&str; 0]).run()).out.is_empty());
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("empty"), "").unwrap();
    assert!(nothing(embed([dir.path().join("empty")]).run()).out.is_empty());
    assert_eq!(nothing(embed(["--format", "json"]).run()).text(), "[]\n");
}

#[test]
fn an_empty_line_is_a_text_and_keeps_its_place() {
    let rows = embed([] as [&str; 0]).stdin("a\n\nb\n").run().well().rows();
    assert_eq!(rows.iter().map(|row| row["index"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(rows[1]["tokens"], json!(2));
}

#[test]
fn the_model_may_also_be_an_onnx_file() {
    let dir = crate::support::copy("bert-plain");
    fs::create_dir(dir.path().join("onnx")).unwrap();
    fs::copy(fixture("bert-plain.onnx"), dir.path().join("onnx/model.onnx")).unwrap();
    let run = |model: &std::path::Path, extra: &[&str]| {
        let ran = infa(["embed", "-q", "--pooling", "mean", "-m"]).arg(model).args(extra).stdin("a sea\n").run();
        ran.status(0).vectors().remove(0)
    };
    let built = run(dir.path(), &[]);
    let by_file = run(&dir.path().join("onnx/model.onnx"), &[]);
    let by_flag = run(dir.path(), &["--onnx-file", "onnx/model.onnx"]);
    let size = built.iter().fold(1f32, |m, x| m.max(x.abs()));
    assert!(max_difference(&built, &by_file) <= TOLERANCE * size);
    assert_eq!(by_file, by_flag);
}
