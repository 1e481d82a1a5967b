//! Mistakes that are easily made: each is named, and the hint is the next step.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::run::{embed, infa};
use crate::support::{copy, fixture};

fn file(dir: &TempDir, name: &str, content: &str) -> PathBuf {
    let path = dir.path().join(name);
    fs::write(&path, content).unwrap();
    path
}

#[test]
fn no_row_is_lost_by_an_open_quote_without_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let csv = file(&dir, "u.csv", "text\nfine\n\"unclosed quote here\nrow 1\nrow 2\n");
    let ran = embed([&csv]).run().status(1);
    assert_eq!(ran.rows().len(), 2);
    ran.says(&[
        "u.csv:3: the quote that opens here is not closed: lines 3 to 5 became one row",
        "Embedded 1 of 2 inputs",
    ]);
    let two = file(&dir, "two.csv", "text,id\n\"unclosed,1\nb,2\nc,3\n");
    embed([&two]).run().status(1).says(&["two.csv:2: the quote that opens here", "lines 2 to 4"]);
    let tsv = file(&dir, "u.tsv", "text\tid\na\t1\nb\t\"2\nc\t3\n");
    embed([&tsv]).run().status(1).says(&["u.tsv:3: the quote that opens here", "lines 3 to 4"]);
    let header = file(&dir, "h.csv", "\"text,id\na,1\n");
    embed([&header]).run().refuses(2, &["h.csv: the quote that opens on line 1, in the header row, is not closed"]);
}

#[test]
fn a_misspelt_field_is_suggested() {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in [
        ("t.jsonl", "{\"body\":\"b\",\"key\":1}\n"),
        ("t.json", "[{\"body\":\"b\",\"key\":1}]"),
        ("t.csv", "body,key\nb,1\n"),
    ] {
        let path = file(&dir, name, content);
        embed(["--field", "boody"]).arg(&path).run().refuses(2, &["hint: did you mean --field body?"]);
        let ran = embed(["--field", "body", "--id-field", "keey"]).arg(&path).run();
        ran.refuses(2, &["hint: did you mean --id-field key?"]);
        embed(["--field", "zzz"]).arg(&path).run().refuses(2, &["hint: --field takes one of the names"]);
    }
    let pairs = file(&dir, "p.jsonl", "{\"premise\":\"a\",\"hypothesis\":\"b\"}\n");
    let classify = infa(["classify", "--field", "premise", "--pair-field", "hypotesis", "-m"]);
    let ran = classify.arg(fixture("architectures/bert-classify")).arg(&pairs).run();
    ran.refuses(2, &["hint: did you mean --pair-field hypothesis?"]);
}

#[test]
fn a_query_beside_lines_with_queries_is_one_too_many() {
    let dir = tempfile::tempdir().unwrap();
    let line = "{\"id\":1,\"query\":\"q\",\"documents\":[\"a\",\"b\"]}\n";
    let path = file(&dir, "queries.jsonl", line);
    let rerank = || infa(["rerank", "--query", "q", "-m"]).arg(fixture("architectures/bert-rerank"));
    let hint = format!("hint: leave --query out, as each line has a query of its own: infa rerank {}", path.display());
    rerank().arg(&path).run().refuses(2, &[&hint]);
    rerank().args(["--input-format", "jsonl"]).stdin(line).run().refuses(2, &["hint: leave --query out"]);
}

#[test]
fn a_wrong_value_is_that_of_the_variable() {
    let run = |name: &str, value: &str| embed(["--text", "a"]).env(name, value).run();
    run("INFA_BATCH_TOKENS", "x").refuses(2, &["error: INFA_BATCH_TOKENS (--batch-tokens): x is not a whole number"]);
    run("INFA_FORMAT", "xx").refuses(2, &["invalid value 'xx' for 'INFA_FORMAT (--format)'"]);
    run("INFA_REQUEST_TIMEOUT", "soon")
        .refuses(2, &["invalid value 'soon' for 'INFA_REQUEST_TIMEOUT (--request-timeout)'"]);
    // A flag that is typed goes by its own name.
    let ran = embed(["--text", "a", "--batch-tokens", "y"]).env("INFA_BATCH_TOKENS", "x").run();
    ran.refuses(2, &["error: --batch-tokens: y is not a whole number"]);
    // Values that only the command can judge.
    run("INFA_MAX_LENGTH", "100000")
        .refuses(2, &["--max-length", "hint: the variable INFA_MAX_LENGTH sets --max-length"]);
    let dir = tempfile::tempdir().unwrap();
    let ran = infa(["embed", "--text", "a"]).env("INFA_MODEL_ID", dir.path()).run();
    ran.refuses(3, &["holds no model", "the variable INFA_MODEL_ID sets --model-id"]);
    let typed = infa(["embed", "--text", "a", "-m"]).arg(dir.path()).env("INFA_MODEL_ID", dir.path()).run();
    assert!(!typed.refuses(3, &["holds no model"]).err.contains("variable"));
}

#[test]
fn a_file_without_texts_is_a_warning() {
    let dir = tempfile::tempdir().unwrap();
    let (empty, header) = (file(&dir, "empty.txt", ""), file(&dir, "header.csv", "text\n"));
    let full = file(&dir, "full.txt", "a\n");
    let ran = embed([&empty, &full, &header]).run().status(0);
    assert_eq!(ran.rows().len(), 1);
    ran.says(&["empty.txt: holds no texts", "header.csv: holds no texts", "Embedded 1 input "]);
    let quiet = embed(["-q"]).arg(&empty).run().status(0);
    assert_eq!(quiet.err, "");
}

#[test]
fn flags_that_exclude_each_other() {
    let ran = embed(["--text", "hi", "notes.txt"]).run();
    let ran = ran.refuses(2, &["cannot be used with", "tip: leave one of them out"]);
    assert!(!ran.err.contains("Usage:"), "{}", ran.err);
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let blocked = file(&dir, "file", "").join("cache");
    let ran = embed(["--text", "a", "--cache-dir"]).arg(&blocked).without("ORT_DYLIB_PATH").env("PATH", "/nonexistent");
    let ran =
        ran.run().refuses(3, &["cannot be installed in infa's cache", &blocked.display().to_string(), "--cache-dir"]);
    assert!(!ran.err.contains("pip"), "{}", ran.err);
    let offline = embed(["--text", "a", "--offline", "--cache-dir"]).arg(dir.path()).without("ORT_DYLIB_PATH");
    let ran =
        offline.env("PATH", "/nonexistent").run().refuses(3, &["error: ONNX Runtime ", "is not cached and --offline"]);
    assert!(!ran.err.contains("installed"), "{}", ran.err);
}

#[test]
fn an_exported_file_needs_its_neighbours() {
    let dir = tempfile::tempdir().unwrap();
    let model = copy("bert-tiny");
    let export = |to: PathBuf| infa(["model", "export"]).arg(model.path()).arg("-o").arg(to).run().status(0);
    let away = dir.path().join("model.onnx");
    export(away.clone()).says(&["tokenizer.json", &model.path().display().to_string()]);
    // Beside the model's files, and below them, it can run.
    for place in ["model.onnx", "onnx/model.onnx"] {
        let file = model.path().join(place);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        assert!(!export(file.clone()).err.contains("tokenizer.json"), "{place}");
        infa(["embed", "--text", "a", "-m"]).arg(&file).run().status(0);
    }
    // Of the files around it only the model's are listed, and what is missing is said once.
    fs::write(dir.path().join("notes.jsonl"), "{}").unwrap();
    fs::write(dir.path().join("results.json"), "{}").unwrap();
    let inspect = |file: &PathBuf| infa(["model", "inspect"]).arg(file).run();
    let ran = inspect(&away).status(3);
    assert_eq!(ran.text().matches("not supported").count(), 1, "{}", ran.text());
    assert!(ran.text().contains("model.onnx") && !ran.text().contains("notes.jsonl"), "{}", ran.text());
    assert!(!ran.text().contains("results.json"), "{}", ran.text());
    fs::write(model.path().join("notes.txt"), "x").unwrap();
    let ran = inspect(&model.path().join("onnx/model.onnx")).status(0);
    assert!(ran.text().contains("onnx/model.onnx") && ran.text().contains("tokenizer.json"), "{}", ran.text());
    assert!(!ran.text().contains("notes.txt") && !ran.text().contains("model.safetensors"), "{}", ran.text());
}

#[test]
fn help_is_even_and_names_what_works() {
    for command in ["embed", "rerank", "classify"] {
        let ran = infa([command, "--help"]).run().status(0);
        let examples = ran.text().split("Examples:").nth(1).unwrap().trim_start_matches('\n');
        let lines: Vec<&str> = examples.lines().take_while(|line| !line.is_empty()).collect();
        assert!(lines.len() > 3 && lines.iter().all(|line| line.starts_with("  infa ")), "{command}: {lines:?}");
        assert!(!ran.text().contains("onnx@cuda"), "{command}");
    }
    for command in ["pull", "remove"] {
        let ran = infa(["model", command, "--help"]).run().status(0);
        assert!(ran.text().contains(&format!("Usage: infa model {command} [OPTIONS] <ID>")), "{}", ran.text());
    }
}

#[test]
fn a_length_beyond_the_positions_of_the_model() {
    let ran = embed(["--max-length", "100000", "--text", "a"]).run();
    ran.refuses(2, &["--max-length: 100000 is not between", "positions", "its files advise 32"]);
}
