//! Files that cannot be compared: each is refused by name, with exit status 2 and nothing on stdout.

use serde_json::json;

use crate::{Files, compare, noisy, report, run};

#[track_caller]
fn refused(name: &str, bytes: &[u8], words: &[&str]) {
    let files = Files::temporary();
    let (good, bad) = (files.report("good.json", &report(&noisy(1000.0))), files.write(name, bytes));
    for pair in [[&good, &bad], [&bad, &good]] {
        compare(&pair).run().refuses(2, words).says(&[name]);
    }
}

#[test]
fn files_that_are_not_reports() {
    refused("empty.json", b"", &["the file is empty", "hint: infa bench --export-json"]);
    refused("blank.json", b"\xef\xbb\xbf \n", &["the file is empty"]);
    refused("null.json", b"null", &["not a report of infa bench", "no schema_version"]);
    refused("other.json", b"{\"results\": []}", &["not a report of infa bench", "no schema_version"]);
    refused("page.json", b"<html>", &["not a report of infa bench", "not JSON", "line 1"]);
    refused("vectors.npy", b"\x93NUMPY\x01\x00v\x00{", &["not a report of infa bench, but saved vectors"]);
    refused("vectors.jsonl", b"{\"embedding\":[1]}\n{\"embedding\":[2]}\n", &["not a report of infa bench, but saved"]);
    refused("words.txt", b"what do cats eat\n", &["but texts", "infa compare engines --engines onnx,onnx:int8 "]);
    refused("binary", b"\x7fELF\0\xff", &["not a report of infa bench", "UTF-8"]);
    refused("vectors.csv", b"id,x\n1,2\n", &["not a report of infa bench"]);
    refused("fields.json", b"{\"schema_version\": 1}", &["not a report of infa bench", "missing field"]);
}

#[test]
fn another_version_of_the_format() {
    let mut newer = report(&noisy(1000.0));
    newer["schema_version"] = json!(2);
    refused("newer.json", newer.to_string().as_bytes(), &["schema_version 2", "reads 1", "a newer infa reads it"]);
    newer["schema_version"] = json!(0);
    refused("older.json", newer.to_string().as_bytes(), &["schema_version 0", "measure again"]);
}

#[test]
fn a_file_that_is_not_whole() {
    let whole = report(&noisy(1000.0)).to_string();
    for part in [1, whole.len() / 2, whole.len() - 1] {
        refused("half.json", &whole.as_bytes()[..part], &["ends too early", "hint: the disk may have been full"]);
    }
}

#[test]
fn no_file() {
    let files = Files::temporary();
    let good = files.report("good.json", &report(&noisy(1000.0)));
    compare(&[&good, &files.path("none.json")])
        .run()
        .refuses(2, &["none.json", "No such file", "hint: check the path"]);
    compare(&[&good, &files.path("")]).run().refuses(2, &["directory"]);
    run::infa(["compare"]).run().refuses(2, &["FILE"]);
    compare(&[&good]).run().refuses(2, &["good.json", "one engine", "hint: name a second file"]);
}

#[test]
fn nothing_in_common() {
    let files = Files::temporary();
    let base = report(&noisy(1000.0));
    let good = files.report("good.json", &base);
    let mut other = base.clone();
    other["workload"]["task"] = json!("rerank");
    let rerank = files.report("rerank.json", &other);
    compare(&[&good, &rerank]).run().refuses(2, &["good.json measured embedding, ", "rerank.json measured reranking"]);
    other = base;
    let mut engine = other["engines"][0].clone();
    (other["engines"][0]["name"], other["engines"][0]["spec"]) = (json!("torch"), json!("torch"));
    (engine["name"], engine["spec"]) = (json!("tei"), json!("tei"));
    other["engines"].as_array_mut().unwrap().push(engine);
    let torch = files.report("torch.json", &other);
    compare(&[&good, &torch])
        .run()
        .refuses(2, &["no engine is both in", "(onnx)", "(torch, tei)", "hint: engines are matched"]);
    compare(&[&good, &torch]).args(["--baseline", "onnx"]).run().refuses(2, &["--baseline", "single file"]);
}

#[test]
fn differences_stand_before_the_numbers() {
    let files = Files::temporary();
    let mut new = report(&noisy(1000.0));
    let base = files.report("base.json", &new);
    new["machine"]["cpu"] = json!("Another\u{1b}[2J one");
    new["model"]["files"][0]["sha256"] = json!("11");
    new["workload"]["dataset"] = json!("code");
    let new = files.report("new.json", &new);
    let ran = compare(&[&base, &new]).run().status(0);
    let words = [
        "warning: machine: processor: A processor in ",
        "warning: model: not the same files",
        "not comparable, the workloads differ (--force compares them all the same): dataset",
    ];
    let ran = ran.says(&words);
    let (warning, number) = (ran.text().find("processor").unwrap(), ran.text().find("tokens/s").unwrap());
    assert!(warning < number && !ran.text().contains('\u{1b}'), "{}", ran.text());
    // With --quiet they are still in the table.
    let quiet = compare(&[&base, &new]).arg("-q").run().status(0);
    assert!(quiet.err.is_empty() && quiet.text().contains("Warning     machine"), "{}", quiet.text());
}

#[test]
fn one_file_comes_from_stdin() {
    let files = Files::temporary();
    let text = report(&noisy(1000.0)).to_string();
    let good = files.write("good.json", &text);
    compare(&[good.as_os_str(), "-".as_ref()]).stdin(text).run().status(0);
    compare(&[good.as_os_str(), "-".as_ref()]).run().refuses(2, &["stdin: the file is empty"]);
}
