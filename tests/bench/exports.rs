//! Where the report goes.

use serde_json::Value as Json;

use crate::{bench, read};

#[test]
fn all_formats_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    let readme = path("README.md");
    std::fs::write(&readme, "before\n<!-- infa bench: engines -->\nold\n<!-- infa bench end -->\nafter\n").unwrap();
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
