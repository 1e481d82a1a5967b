//! What people type first: texts as arguments, flags of other programs, a query without its flag. It works, or the error
//! prints the command that does.

use std::fs;

use crate::run::{embed, infa};
use crate::support::fixture;

#[test]
fn texts_on_the_command_line() {
    let expected = embed([] as [&str; 0]).stdin("what do cats eat\n-- dashes\n").run().well();
    let ran = embed(["--text", "what do cats eat", "--text", "-- dashes"]).run().well();
    assert_eq!(ran.text(), expected.text());
    assert_eq!(embed([] as [&str; 0]).env("INFA_TEXT", "what do cats eat").run().well().rows().len(), 1);
    // Newlines belong to the text, and stdin is not read.
    assert_eq!(embed(["--text", "a\nb"]).stdin("c\n").run().well().rows().len(), 1);
    embed(["--text", "a", "b.txt"]).run().refuses(2, &["--text", "cannot be used with"]);
    embed(["--text", "a", "--field", "b"]).run().refuses(2, &["--text", "cannot be used with"]);
    let bad = embed(["--truncate", "none", "--text", "fine", "--text", &"word ".repeat(100)]).run().status(1);
    assert_eq!(bad.says(&["--text:2: "]).rows().len(), 2);

    let classify = infa(["classify", "--text", "a day", "-m"]).arg(fixture("architectures/bert-classify"));
    assert!(classify.run().status(0).rows()[0]["labels"].is_array());
    let rerank = infa(["rerank", "--query", "q", "--text", "a", "--text", "b", "-m"]);
    assert_eq!(rerank.arg(fixture("architectures/bert-rerank")).run().status(0).rows().len(), 2);
}

#[test]
fn the_typed_source_of_texts_goes_over_the_environment() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.txt");
    fs::write(&path, "a\nb\n").unwrap();
    assert_eq!(embed(["--text", "a"]).env("INFA_FILES", &path).run().well().rows().len(), 1);
    assert_eq!(embed([&path]).env("INFA_TEXT", "a").run().well().rows().len(), 2);
}

#[test]
fn a_text_where_a_file_is_expected() {
    embed(["what do cats eat"]).run().refuses(2, &["hint: infa embed --text 'what do cats eat'"]);
    embed(["what", "do", "cats", "eat"]).run().refuses(2, &["hint: infa embed --text 'what do cats eat'"]);
    embed(["it's a text"]).run().refuses(2, &["hint: infa embed --text \"it's a text\""]);
    let ran = infa(["classify", "-m", "some/model", "what a day"]).run();
    ran.refuses(2, &["hint: infa classify -m some/model --text 'what a day'"]);
    embed(["nowhere.txt"]).run().refuses(2, &["nowhere.txt: no such file", "hint: check the path"]);
}

#[test]
fn a_query_without_its_flag() {
    let dir = tempfile::tempdir().unwrap();
    let docs = dir.path().join("docs.txt");
    fs::write(&docs, "fish\n").unwrap();
    let path = docs.to_str().unwrap();
    let hint = format!("hint: infa rerank --query 'what do cats eat' {path}");
    for flags in [&[][..], &["-q"]] {
        let ran = infa(["rerank"]).args(flags).args(["what do cats eat", path]).run();
        ran.refuses(2, &["--query: is missing", "what do cats eat is not a file", &hint]);
    }
    infa(["rerank", "cats", path]).run().refuses(2, &[&format!("hint: infa rerank --query 'cats' {path}")]);
    infa(["rerank", path]).run().refuses(2, &["--query: is missing", "holds none", &hint]);
    infa(["rerank", "--text", "cats", "--text", "fish"]).run().refuses(2, &["--query 'cats' --text 'fish'"]);
    infa(["rerank"]).run().refuses(2, &["--query: is missing", "hint: infa rerank --query"]);
    let ran = infa(["rerank", "--query", "q", "fish and birds"]).run();
    ran.refuses(2, &["hint: infa rerank --query 'q' --text 'fish and birds'"]);
}

#[test]
fn flags_by_the_names_others_give_them() {
    let tiny = fixture("bert-tiny");
    let ran = infa(["embed", "--text", "a", "--output-format", "csv", "--model"]).arg(&tiny).run().well();
    assert!(ran.text().starts_with("index,"));
    let rerank = infa(["rerank", "--query", "q", "--text", "a", "--text", "b", "--top-k", "1", "--model"]);
    assert_eq!(rerank.arg(fixture("architectures/bert-rerank")).run().status(0).rows().len(), 1);
    let classify =
        infa(["classify", "--text", "a", "--top-n", "1", "--model"]).arg(fixture("architectures/bert-classify"));
    assert_eq!(classify.run().status(0).rows()[0]["labels"].as_array().unwrap().len(), 1);
}

#[test]
fn where_no_flag_means_the_same_the_tip_says_what_there_is() {
    for flag in ["--batch-size", "--batch-size=8"] {
        let ran = infa(["embed", flag, "8"]).run().refuses(2, &["--batch-size", "--batch-tokens", "--request-batch"]);
        assert!(!ran.err.contains("similar argument"), "{}", ran.err);
    }
    infa(["rerank", "--documents", "a.txt"]).run().refuses(2, &["--documents", "--text"]);
    infa(["embed", "--modle-id", "x"]).run().refuses(2, &["--model-id"]);
}

#[test]
fn a_classifier_is_named_by_example() {
    let ran = infa(["classify", "notes.txt"]).run();
    ran.refuses(2, &["--model-id: is missing", "hint: infa classify -m SamLowe/roberta-base-go_emotions notes.txt"]);
    let ran = infa(["classify", "--text", "what a day"]).run();
    ran.refuses(2, &["go_emotions --text 'what a day'"]);
}

#[test]
fn json_by_one_name_everywhere() {
    let tiny = fixture("bert-tiny").into_os_string();
    let json = |ran: crate::run::Ran| serde_json::from_slice::<serde_json::Value>(&ran.out).unwrap();
    for flags in [&["--json"][..], &["--format", "json"], &["--output-format", "json"]] {
        assert!(json(infa(["engines"]).args(flags).run().status(0)).is_array());
        assert_eq!(json(infa(["model", "inspect"]).arg(&tiny).args(flags).run().status(0))["dimensions"], 48);
        let doctor = infa(["doctor"]).args(flags).env("XDG_CACHE_HOME", "/nonexistent").run();
        let report = json(doctor.status(3));
        assert_eq!(report["infa"], env!("CARGO_PKG_VERSION"));
        assert!(report["onnxruntime"]["version"].is_string() && report["missing"].as_array().unwrap().len() == 1);
        assert!(json(infa(["model", "list"]).args(flags).run().status(0)).is_array());
    }
    assert!(json(infa(["engines"]).env("INFA_JSON", "1").run().status(0)).is_array());
    // The variable for vectors is not one for reports.
    assert!(infa(["doctor"]).env("INFA_FORMAT", "npy").run().text().starts_with("infa "));
}

#[test]
fn without_a_home_a_model_and_a_library_are_enough() {
    let run = || embed(["--text", "boat"]).without("HOME").without("XDG_CACHE_HOME").without("HF_HOME");
    let ran = run().run().status(0);
    assert_eq!(ran.rows()[0]["index"], 0);
    assert_eq!(run().env("HOME", "").run().status(0).rows().len(), 1);
}

#[test]
fn the_short_help_is_short_and_the_long_one_has_all() {
    for command in ["embed", "rerank", "classify"] {
        let help = |flag: &str| infa([command, flag]).env("COLUMNS", "80").run().status(0).text().to_owned();
        let (short, long) = (help("-h"), help("--help"));
        assert!(short.lines().count() <= 25, "{command}: {} lines", short.lines().count());
        assert!(short.contains("--model-id") && short.contains("--text") && short.contains("Examples:"), "{short}");
        assert!(
            !short.contains("--retries") && long.contains("--retries") && long.contains("Exit status"),
            "{command}"
        );
    }
}

#[test]
fn the_model_is_a_flag_of_every_command_that_takes_one() {
    let tiny = fixture("bert-tiny");
    for flag in ["--model", "--model-id", "-m"] {
        let ran =
            infa(["model", "inspect", "--json", flag]).arg(&tiny).env("INFA_MODEL_ID", "/nowhere").run().status(0);
        assert!(ran.text().contains("\"dimensions\": 48"), "{flag}: {}", ran.text());
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("m.onnx");
        infa(["model", "export", flag]).arg(&tiny).arg("-o").arg(&file).run().status(0);
        assert!(file.exists());
        infa(["model", "remove", "--yes", flag, "no/such"]).run().refuses(2, &["no/such"]);
        infa(["--offline", "model", "pull", flag, "no/such"]).run().refuses(3, &["no/such"]);
    }
    infa(["model", "inspect", "a", "--model", "b"]).run().refuses(2, &["cannot be used with"]);
    infa(["model", "pull"]).run().refuses(2, &["<ID>"]);
}

#[test]
fn tips_depend_on_the_command() {
    infa(["bench", "--batch-size", "3"]).run().refuses(2, &["tip: --batch N"]);
    infa(["model", "export", "--query", "x"]).run().refuses(2, &["--query is a flag of infa rerank"]);
    infa(["pull", "some/model"]).run().refuses(2, &["infa model pull ID"]);
    infa(["rank", "cats"]).run().refuses(2, &["infa rerank --query TEXT FILE"]);
    infa(["similar", "cats"]).run().refuses(2, &["infa search TEXT FILE"]);
    let ran = infa(["serve", "notes.txt"]).run().refuses(2, &["notes.txt", "--model-id names a model"]);
    assert!(!ran.err.contains("v2"), "{}", ran.err);
}

#[test]
fn one_is_no_plural() {
    embed(["--text", "a"]).run().status(0).says(&["Embedded 1 input ("]);
    embed(["--text", "a", "--text", "b"]).run().status(0).says(&["Embedded 2 inputs ("]);
    let rerank = infa(["rerank", "--query", "q", "--text", "a", "-m"]).arg(fixture("architectures/bert-rerank"));
    rerank.run().status(0).says(&["Scored 1 document ("]);
}

#[test]
fn hints_name_similar_words() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("my notes");
    fs::create_dir(&folder).unwrap();
    let hint = format!("as in '{}'/*", folder.display());
    embed([&folder]).run().refuses(2, &["is a directory", &hint]);
    infa(["embed", "--engine", "http://127.0.0.1:9", "--text", "a"]).run().refuses(2, &["openai=http://127.0.0.1:9"]);
    let page = dir.path().join("page.html");
    fs::write(&page, "<p>cats</p>\n").unwrap();
    let ran = embed([&page]).run().status(0).says(&["page.html: each line is read as a text, markup included"]);
    assert_eq!(ran.rows().len(), 1);
    let ran = embed([&page]).args(["--input-format", "lines"]).run().status(0);
    assert!(!ran.err.contains("markup included"), "{}", ran.err);
    let csv = dir.path().join("b.csv");
    fs::write(&csv, "ID,Text\n7,cats\n").unwrap();
    assert_eq!(embed([&csv]).run().status(0).rows()[0]["id"], "7");
    let out = dir.path().join("v.csv");
    let ran = embed(["--text", "a", "--format", "npy", "-o"]).arg(&out).run().status(0);
    ran.says(&["warning: ", "npy is written to a file whose name ends in .csv"]);
    let ran = infa(["compare", "/nowhere.json", "--export-json", "x.html"]).run().status(2);
    ran.says(&["json is written to a file whose name ends in .html"]);
}
