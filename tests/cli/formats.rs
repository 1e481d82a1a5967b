//! Formats: ids and texts out of JSON lines, CSV, TSV and NUL-separated input; JSON, CSV and npy as output.

use std::fs;
use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;

use crate::run::embed;

fn file(name: &str, content: &str) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, content).unwrap();
    (dir, path)
}

/// The same texts as plain lines.
fn lines(texts: &[&str]) -> Vec<Vec<f32>> {
    embed([] as [&str; 0]).stdin(texts.join("\n") + "\n").run().well().vectors()
}

#[test]
fn jsonl_by_its_extension() {
    let text = "{\"id\":\"x\",\"text\":\"one\"}\n\n{\"text\":\"two\",\"id\":12}\n\"three\"\n";
    let (_dir, path) = file("texts.jsonl", text);
    let ran = embed([path]).run().well();
    let rows = ran.rows();
    assert_eq!(rows.len(), 3);
    assert_eq!((&rows[0]["id"], &rows[1]["id"], rows[2].get("id")), (&json!("x"), &json!(12), None));
    assert_eq!(ran.vectors(), lines(&["one", "two", "three"]));
}

#[test]
fn fields_by_name() {
    let (_dir, path) = file("texts.ndjson", "{\"key\":1,\"body\":\"one\",\"text\":\"no\"}\n");
    let ran = embed(["--field", "body", "--id-field", "key"]).arg(path).run().well();
    assert_eq!(ran.rows()[0]["id"], json!(1));
    assert_eq!(ran.vectors(), lines(&["one"]));
}

#[test]
fn csv_and_tsv_by_their_extension() {
    let (_dir, path) = file("texts.csv", "id,text\n1,\"one, two\"\nb,\"say \"\"three\"\"\"\n");
    let ran = embed([path]).run().well();
    assert_eq!(ran.rows().iter().map(|row| row["id"].clone()).collect::<Vec<_>>(), [json!("1"), json!("b")]);
    assert_eq!(ran.vectors(), lines(&["one, two", "say \"three\""]));
    let (_dir, path) = file("texts.tsv", "key\tbody\n1\tone, two\n");
    let ran = embed(["--field", "body", "--id-field", "key"]).arg(path).run().well();
    assert_eq!(ran.rows()[0]["id"], json!("1"));
    assert_eq!(ran.vectors(), lines(&["one, two"]));
}

#[test]
fn nul_keeps_newlines_in_texts() {
    let ran = embed(["--input-format", "nul"]).stdin("one\ntwo\0three\0").run().well();
    assert_eq!(ran.rows().len(), 2);
    assert_eq!(ran.vectors()[1], lines(&["three"])[0]);
}

#[test]
fn the_flag_goes_over_the_extension() {
    let (_dir, path) = file("texts.csv", "id,text\n1,one\n");
    let ran = embed(["--input-format", "lines"]).arg(path).run().well();
    assert_eq!(ran.rows().len(), 2);
}

#[test]
fn json_is_one_array_of_the_same_objects() {
    let text = "a\nb\n";
    let array = embed(["--format", "json"]).stdin(text).run().well();
    let rows = embed([] as [&str; 0]).stdin(text).run().well().rows();
    assert_eq!(serde_json::from_slice::<Vec<serde_json::Value>>(&array.out).unwrap(), rows);
}

#[test]
fn csv_has_a_column_a_number() {
    let input = "{\"id\":\"a,b\",\"text\":\"one\"}\n{}\n";
    let ran = embed(["--format", "csv", "--input-format", "jsonl"]).stdin(input).run().status(1);
    let lines: Vec<&str> = ran.text().lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("index,id,tokens,truncated,error,e0,e1,") && lines[0].ends_with(",e47"));
    assert!(lines[1].starts_with("0,\"a,b\",3,false,,"), "{}", lines[1]);
    assert!(lines[2].starts_with("1,,,,\"stdin:2: "), "{}", lines[2]);
    let numbers: Vec<f32> = lines[1].split(',').skip(6).map(|n| n.parse().unwrap()).collect();
    assert_eq!(numbers, self::lines(&["one"])[0]);
    assert!(lines[2].ends_with(&",".repeat(48)), "{}", lines[2]);
}

/// Shape and numbers of a .npy file.
fn npy(bytes: &[u8]) -> (usize, usize, Vec<f32>) {
    assert_eq!(&bytes[..8], b"\x93NUMPY\x01\x00");
    let head = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    assert_eq!(head % 64, 0);
    let text = std::str::from_utf8(&bytes[10..head]).unwrap();
    let shape = text.strip_prefix("{'descr': '<f4', 'fortran_order': False, 'shape': (").unwrap();
    let (shape, rest) = shape.split_once("), }").unwrap();
    assert!(rest.ends_with('\n') && rest.trim().is_empty());
    let (rows, columns) = shape.split_once(", ").unwrap();
    let numbers = bytes[head..].chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
    (rows.parse().unwrap(), columns.parse().unwrap(), numbers)
}

#[test]
fn npy_to_stdout_and_to_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.npy");
    let expected = lines(&["one", "two"]).concat();
    let ran = embed(["--format", "npy"]).stdin("one\ntwo\n").run().well();
    assert_eq!(npy(&ran.out), (2, 48, expected));
    embed(["--format", "npy", "-o"]).arg(&path).stdin("one\ntwo\n").run().well();
    assert_eq!(fs::read(&path).unwrap(), ran.out);
    let none = embed(["--format", "npy"]).run().status(0).says(&["warning: stdin: holds no texts"]);
    assert_eq!(npy(&none.out), (0, 48, Vec::new()));
}

#[test]
fn a_failed_text_is_nan_in_npy() {
    let ran = embed(["--format", "npy"]).stdin(b"one\n\xff\ntwo\n").run().status(1).says(&["stdin:2"]);
    let (rows, columns, numbers) = npy(&ran.out);
    assert_eq!((rows, columns), (3, 48));
    assert_eq!(numbers[..48], lines(&["one"])[0]);
    assert!(numbers[48..96].iter().all(|n| n.is_nan()));
    assert_eq!(numbers[96..], lines(&["two"])[0]);
}

#[test]
fn an_output_file_takes_the_place_of_the_old_one() {
    let (dir, path) = file("out.jsonl", "old");
    let ran = embed(["-o"]).arg(&path).stdin("one\n").run().well();
    assert!(ran.out.is_empty());
    let expected = embed([] as [&str; 0]).stdin("one\n").run().well();
    assert_eq!(fs::read(&path).unwrap(), expected.out);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "something was left beside the output");
}

/// `text` of a number, in at most four digits after the point.
fn short(text: &str) -> bool {
    let digits = text.split_once('.').map(|(_, digits)| digits);
    digits.is_some_and(|digits| (1..=4).contains(&digits.len()) && (digits == "0" || !digits.ends_with('0')))
}

#[test]
fn precision_limits_the_digits_of_text() {
    let exact = lines(&["one"]).remove(0);
    let near = |vector: &[f32]| {
        let distance = |(a, b): (&f32, &f32)| (a - b).abs();
        assert_eq!(vector.len(), exact.len());
        let most = vector.iter().zip(&exact).map(distance).fold(0.0, f32::max);
        assert!(most > 0.0 && most <= 0.500_1e-4, "max |Δ| = {most:e}");
    };
    for format in ["jsonl", "json"] {
        let ran = embed(["--precision", "4", "--format", format]).stdin("one\n").run().well();
        let rows: Vec<serde_json::Value> = match format {
            "json" => serde_json::from_slice(&ran.out).unwrap(),
            _ => ran.rows(),
        };
        near(&crate::support::floats(&rows[0]["embedding"]));
        let text = ran.text();
        let array = &text[text.find("\"embedding\":[").unwrap() + 13..text.find("],").unwrap()];
        assert!(array.split(',').all(short), "{array}");
    }
    let ran = embed(["--format", "csv"]).env("INFA_PRECISION", "4").stdin("one\n").run().well();
    let fields: Vec<&str> = ran.text().lines().nth(1).unwrap().split(',').skip(5).collect();
    assert!(fields.iter().copied().all(short), "{fields:?}");
    near(&fields.iter().map(|field| field.parse().unwrap()).collect::<Vec<f32>>());
    let whole = embed(["--precision", "0"]).stdin("one\n").run().well();
    assert!(!whole.text().contains('.'), "{}", whole.text());
}

#[test]
fn precision_it_cannot_have() {
    for wrong in ["11", "-1", "many", "256"] {
        embed([format!("--precision={wrong}")]).run().refuses(2, &["--precision", wrong, "0 to 10"]);
    }
    let ran = embed(["--format", "npy", "--precision", "4"]).stdin("one\n").run();
    ran.refuses(2, &["--precision", "--format npy", "jsonl"]);
}
