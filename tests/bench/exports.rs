//! Exports of the report.

use serde_json::Value as Json;

use crate::{bench, read, run};

#[test]
fn all_formats_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let readme = path("README.md");
    std::fs::write(&readme, "before\n<!-- infa bench: quick -->\nold\n<!-- infa bench end -->\nafter\n").unwrap();
    let (json, csv, markdown, html) = (path("r.json"), path("r.csv"), path("r.md"), path("r.html"));
    let files = ["--export-json", &json, "--export-csv", &csv, "--export-markdown", &markdown, "--export-html", &html];
    bench("onnx", ["--rounds", "1"]).args(files).args(["--splice", &readme]).run().status(0);
    let document: Json = serde_json::from_str(&read(&json)).unwrap();
    let schema: Json = serde_json::from_str(include_str!("../../docs/bench-report.schema.json")).unwrap();
    assert!(jsonschema::is_valid(&schema, &document));
    assert_eq!(document["engines"][0]["answered"], 6);
    let mut rows = csv::Reader::from_path(&csv).unwrap();
    assert!(rows.headers().unwrap().iter().any(|name| name.contains("tokens_per_second")));
    assert_eq!(rows.records().count(), 1);
    let table = read(&markdown);
    assert!(table.contains("| onnx"), "{table}");
    let page = read(&html);
    assert!(page.starts_with("<!") && page.contains("onnx"), "{page}");
    let spliced = read(&readme);
    assert!(spliced.starts_with("before\n") && spliced.ends_with("after\n") && spliced.contains("| onnx"), "{spliced}");
    assert!(!spliced.contains("\nold\n"));
}

#[test]
fn stdout_can_be_the_document() {
    let ran = bench("onnx", ["--rounds", "1", "--export-json", "-"]).run().status(0);
    let document: Json = serde_json::from_slice(&ran.out).unwrap();
    assert_eq!(document["schema_version"], 1);
    assert!(ran.err.contains("tokens/s"), "{}", ran.err);
    let both = bench("onnx", ["--export-json", "-", "--export-csv", "-"]).run().status(2);
    assert!(both.err.contains("stdout"), "{}", both.err);
}

/// The table has eight columns and a verdict; all columns are there on request, without another measurement.
#[test]
fn a_run_is_drawn_again() {
    let dir = tempfile::tempdir().unwrap();
    let (json, html, markdown) = (dir.path().join("r.json"), dir.path().join("r.html"), dir.path().join("r.md"));
    let ran = bench("plain=onnx,small=onnx:int8", []).arg("--export-json").arg(&json).run().status(0);
    let table = ran.text().to_owned();
    // Wide intervals push the last columns into a table of their own.
    let heads = table.lines().filter(|line| line.starts_with("Engine "));
    let heads: Vec<&str> = heads.flat_map(|line| line.split_whitespace().skip(1)).collect();
    assert_eq!(heads.join(" "), "tokens/s speed-up p50 ms p99 ms cosine min memory errors");
    let sentence = table.trim_end().rsplit("\n\n").next().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        sentence.starts_with("Verdict ") && sentence.contains("plain") && sentence.contains("smallest cosine"),
        "{table}"
    );
    // The first line is the duration.
    assert!(
        ran.err
            .lines()
            .next()
            .unwrap()
            .starts_with("quick: takes as long as the engines need for 2 rounds of 6 requests"),
        "{}",
        ran.err
    );
    let again = || run::infa(["bench", "--from"]).arg(&json);
    assert_eq!(again().run().status(0).text(), table);
    let all = again().args(["--all-columns", "--export-html"]).arg(&html).arg("--export-markdown").arg(&markdown).run();
    let all = all.status(0);
    assert!(all.text().contains("requests/s") && all.text().contains("GFLOP/s"), "{}", all.text());
    assert!(read(&html).starts_with("<!doctype html>") && read(&markdown).contains("| load s |"));
    again().arg("--export-json").arg(&json).run().refuses(2, &["--export-json", "read from this file"]);
    run::infa(["bench", "--from", "/nonexistent/r.json"]).run().refuses(2, &["/nonexistent/r.json"]);
    for flags in [&["--engines", "onnx"][..], &["--rounds", "3"], &["-m", "x"], &["--copy-weights"]] {
        again().args(flags).run().refuses(2, &["--from measures nothing"]);
    }
    // Variables of the environment are ignored.
    assert_eq!(again().env("INFA_ENGINES", "torch").env("INFA_MODEL_ID", "x").run().status(0).text(), table);
    run::infa(["bench", "quick", "--from", "r.json"]).run().refuses(2, &["cannot be used with"]);
    // Names identify the baseline, the reference, and the engines of comparisons.
    let compared = run::infa(["compare"]).arg(&json).args(["--baseline", "small"]).run().status(0);
    assert!(compared.text().contains("plain / small"), "{}", compared.text());
}

/// The place of a table has the name of the config that was run, independent of the report's file.
#[test]
fn a_report_knows_its_config() {
    let dir = tempfile::tempdir().unwrap();
    let (json, config, document) =
        (dir.path().join("r.json"), dir.path().join("nightly.toml"), dir.path().join("d.md"));
    std::fs::write(&config, "engines = ['onnx']\n").unwrap();
    std::fs::write(&document, "<!-- infa bench: nightly -->\n<!-- infa bench end -->\n").unwrap();
    bench("onnx", ["--rounds", "1"]).arg(&config).arg("--export-json").arg(&json).run().status(0);
    let again = || run::infa(["bench", "--from"]).arg(&json).arg("--splice").arg(&document).run();
    again().status(0);
    assert!(read(&document).contains("| onnx"), "{}", read(&document));
    // Without a config (reports of earlier versions) it is the name of the file.
    let mut report: Json = serde_json::from_str(&read(&json)).unwrap();
    assert_eq!(report.as_object_mut().unwrap().remove("config"), Some("nightly".into()));
    std::fs::write(&json, report.to_string()).unwrap();
    again().refuses(2, &["<!-- infa bench: r -->"]);
}
