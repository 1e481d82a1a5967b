//! `infa rerank`: one query or many, in every format, and what is refused.

use std::fs;

use serde_json::{Value as Json, json};

use crate::run::{Infa, infa};
use crate::support::{copy, fixture, json as read, patch};

const QUERY: &str = "what do cats eat";

fn rerank<'a>(model: &str, args: impl IntoIterator<Item = &'a str>) -> Infa {
    infa(["rerank", "--threads", "2", "-m"]).arg(fixture(model)).args(args)
}

fn cross_encoder<'a>(args: impl IntoIterator<Item = &'a str>) -> Infa {
    rerank("architectures/bert-rerank", args)
}

/// The pairs of the reference that fit on a line, as (query, document, score, logit).
fn pairs() -> Vec<(String, String, f64, f64)> {
    let expected = read(fixture("architectures/bert-rerank/expected.json"));
    let text = |case: &Json, key: &str| case[key].as_str().unwrap().to_owned();
    let number = |case: &Json, key: &str| case[key][0].as_f64().unwrap();
    let pairs = expected["pairs"].as_array().unwrap().iter();
    pairs.map(|c| (text(c, "query"), text(c, "document"), number(c, "scores"), number(c, "logits"))).collect()
}

fn scores(rows: &[Json]) -> Vec<f64> {
    rows.iter().map(|row| row["score"].as_f64().unwrap()).collect()
}

#[test]
fn scores_are_those_of_the_reference() {
    for (query, document, score, logit) in pairs() {
        let found = |flags: &[&str]| {
            let ran = cross_encoder(["--query", &query]).args(flags).stdin(document.clone()).run().status(0);
            let rows = ran.rows();
            assert_eq!(rows.len(), 1);
            scores(&rows)[0]
        };
        assert!((found(&[]) - score).abs() < 1e-4, "{query}");
        assert!((found(&["--raw-scores"]) - logit).abs() < 1e-4, "{query}");
    }
}

#[test]
fn best_first_and_in_input_order_where_alike() {
    let text = "the bridge\nfish\nthe bridge\ncats eat birds\nfish\n";
    let ran = cross_encoder(["--query", QUERY]).stdin(text).run().status(0);
    let rows = ran.rows();
    assert!(ran.err.starts_with("Scored 5 documents ("), "{}", ran.err);
    assert!(scores(&rows).windows(2).all(|w| w[0] >= w[1]));
    let places: Vec<u64> = rows.iter().map(|row| row["index"].as_u64().unwrap()).collect();
    let place = |index: u64| places.iter().position(|&i| i == index).unwrap();
    assert!(place(0) + 1 == place(2) && place(1) + 1 == place(4), "{places:?}");
    assert!(rows.iter().all(|row| row.as_object().unwrap().len() == 2), "{}", ran.text());
    for _ in 0..3 {
        assert_eq!(cross_encoder(["--query", QUERY]).stdin(text).run().status(0).out, ran.out);
    }
    let top = cross_encoder(["--query", QUERY, "--top-n", "2"]).stdin(text).run().status(0);
    assert_eq!(top.rows(), rows[..2]);
    let all = cross_encoder(["--query", QUERY, "--top-n", "99"]).stdin(text).run().status(0);
    assert_eq!(all.rows(), rows);
}

#[test]
fn ids_and_documents() {
    let text = "{\"id\":\"x\",\"body\":\"fish\"}\n{\"id\":7,\"body\":\"the bridge\"}\n";
    let flags = ["--query", QUERY, "--input-format", "jsonl", "--field", "body", "--return-documents"];
    let mut rows = cross_encoder(flags).stdin(text).run().status(0).rows();
    rows.sort_by_key(|row| row["index"].as_u64());
    assert_eq!((&rows[0]["id"], &rows[0]["document"]), (&json!("x"), &json!("fish")));
    assert_eq!((&rows[1]["id"], &rows[1]["document"]), (&json!(7), &json!("the bridge")));
}

#[test]
fn every_format() {
    let text = "fish\nthe bridge, \"old\"\n";
    let rows = cross_encoder(["--query", QUERY]).stdin(text).run().status(0).rows();
    let array = cross_encoder(["--query", QUERY, "--format", "json"]).stdin(text).run().status(0);
    assert_eq!(serde_json::from_slice::<Vec<Json>>(&array.out).unwrap(), rows);
    let csv = cross_encoder(["--query", QUERY, "--format", "csv", "--return-documents"]).stdin(text).run().status(0);
    let lines: Vec<&str> = csv.text().lines().collect();
    assert_eq!(lines[0], "rank,index,id,score,error,document");
    assert!(lines[1].starts_with(&format!("1,{},,{}", rows[0]["index"], rows[0]["score"])), "{}", lines[1]);
    assert!(csv.text().contains("\"the bridge, \"\"old\"\"\""), "{}", csv.text());
    let table = cross_encoder(["--query", QUERY, "--format", "table"]).stdin(text).run().status(0);
    let lines: Vec<&str> = table.text().lines().collect();
    assert_eq!(lines.len(), 3);
    let words: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(words, ["rank", "score", "index", "document"]);
    assert!(lines[1].split_whitespace().next() == Some("1"), "{}", table.text());
    let (dir, out) = (tempfile::tempdir().unwrap(), "ranked.jsonl");
    let path = dir.path().join(out);
    let ran = cross_encoder(["--query", QUERY, "-o"]).arg(&path).stdin(text).run().status(0);
    assert!(ran.out.is_empty());
    let written = fs::read_to_string(&path).unwrap();
    assert_eq!(written.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Json>>(), rows);
}

#[test]
fn a_document_that_fails_harms_no_other() {
    let text = b"fish\n\xff\nthe bridge\n";
    let ran = cross_encoder(["--query", QUERY]).stdin(text).run().status(1).says(&["stdin:2", "UTF-8"]);
    let rows = ran.rows();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[2]["index"], 1);
    assert!(rows[2]["error"].as_str().unwrap().starts_with("stdin:2: ") && rows[2].get("score").is_none());
    let long = "word ".repeat(100);
    let flags = ["--query", QUERY, "--truncate", "none", "--top-n", "1", "--format", "csv"];
    let ran =
        cross_encoder(flags).stdin(format!("fish\n{long}\nthe bridge\n")).run().status(1).says(&["truncation is off"]);
    let lines: Vec<&str> = ran.text().lines().collect();
    assert_eq!(lines.len(), 3, "the best and the one that failed");
    assert!(lines[2].starts_with(",1,,,\"stdin:2: ") || lines[2].starts_with(",1,,,stdin:2: "), "{}", lines[2]);
    let ran = cross_encoder(["--query", QUERY]).stdin(format!("{long}\n")).run().status(0);
    assert!(ran.err.contains("1 truncated"), "{}", ran.err);
}

#[test]
fn many_queries_in_one_run() {
    let (a, b) = (["fish", "the bridge", "cats eat birds"], ["stone", "a river"]);
    let input = format!(
        "{}\n\n{}\n{}\n{}\n",
        json!({"query": QUERY, "documents": a}),
        json!({"id": "q2", "query": "rivers", "documents": [{"id": 5, "text": b[0]}, b[1]]}),
        json!({"id": "q3", "query": "x", "documents": []}),
        json!({"query": "the last", "documents": ["one"]}),
    );
    let ran = cross_encoder(["--return-documents"]).stdin(input.clone()).run().status(1);
    let ran = ran.says(&["stdin:4: the list of documents is empty", "Reranked 3 of 4 queries (6 documents, "]);
    let rows = ran.rows();
    assert_eq!(rows.iter().map(|row| row["index"].as_u64().unwrap()).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!((&rows[1]["id"], &rows[2]["id"]), (&json!("q2"), &json!("q3")));
    assert!(rows[2]["error"].as_str().unwrap().contains("empty") && rows[2].get("results").is_none());
    // Each as if it were alone.
    let alone = cross_encoder(["--query", QUERY, "--return-documents"]).stdin(a.join("\n")).run().status(0).rows();
    assert_eq!(rows[0]["results"], json!(alone));
    let alone = cross_encoder(["--query", "rivers"]).stdin(b.join("\n")).run().status(0).rows();
    let results = rows[1]["results"].as_array().unwrap();
    assert_eq!(scores(results), scores(&alone));
    let five = results.iter().find(|hit| hit["index"] == 0).unwrap();
    assert_eq!((&five["id"], &five["document"]), (&json!(5), &json!("stone")));

    let top = cross_encoder(["--top-n", "1"]).stdin(input.clone()).run().status(1).rows();
    assert_eq!(top[0]["results"].as_array().unwrap().len(), 1);
    let csv = cross_encoder(["--format", "csv"]).stdin(input.clone()).run().status(1);
    assert_eq!(csv.text().lines().next(), Some("query,query_id,rank,index,id,score,error"));
    assert_eq!(csv.text().lines().count(), 1 + 3 + 2 + 1 + 1);
    assert!(csv.text().lines().all(|line| line.split(',').count() == 7), "{}", csv.text());
    let table = cross_encoder(["--format", "table"]).stdin(input).run().status(1);
    assert!(table.text().starts_with(&format!("query 0: {QUERY}\n")), "{}", table.text());
    assert!(table.text().contains("query q3: failed: "), "{}", table.text());
}

#[test]
fn documents_that_fail_among_many_queries() {
    let long = "word ".repeat(100);
    let input = json!({"id": 1, "query": "q", "documents": ["fish", long, "a"]}).to_string();
    let ran = cross_encoder(["--truncate", "none"]).stdin(input).run().status(1).says(&["stdin:1: document 1: "]);
    let results = ran.rows()[0]["results"].clone();
    assert_eq!(results.as_array().unwrap().len(), 3);
    assert_eq!(results[2]["index"], 1);
    assert!(results[2]["error"].as_str().unwrap().starts_with("document 1: "));
}

#[test]
fn a_file_of_queries_is_read_without_a_flag() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("queries.jsonl");
    let lines: String =
        (0..300).map(|i| format!("{}\n", json!({"id": i, "query": "q", "documents": ["a", "b"]}))).collect();
    fs::write(&path, lines).unwrap();
    let rows = cross_encoder([]).arg(&path).run().status(0).rows();
    assert_eq!(rows.len(), 300);
    assert!(rows.iter().enumerate().all(|(i, row)| row["id"] == i && row["results"] == rows[0]["results"]));
}

#[test]
fn without_a_query_or_documents() {
    for query in ["", "  "] {
        cross_encoder(["--query", query]).stdin("a\n").run().refuses(2, &["--query", "empty"]);
    }
    // An empty variable counts as unset.
    cross_encoder([]).env("INFA_QUERY", "").stdin("a\n").run().refuses(2, &["--query", "is missing", "stdin:1"]);
    cross_encoder([]).stdin("{\"text\":\"a\"}\n").run().refuses(2, &["--query", "is missing", "\"query\""]);
    cross_encoder([]).run().refuses(2, &["--query", "no input"]);
    cross_encoder(["--input-format", "csv"]).stdin("a\n").run().refuses(2, &["--query", "--input-format"]);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("docs.txt");
    fs::write(&path, "a\n").unwrap();
    cross_encoder([]).arg(&path).run().refuses(2, &["--query", "docs.txt"]);
    cross_encoder(["--query", QUERY]).run().refuses(2, &["there are no documents", "hint: "]);
    cross_encoder(["--query", QUERY, "--top-n", "0"]).stdin("a\n").run().refuses(2, &["--top-n", "at least 1"]);
    cross_encoder(["--query", QUERY, "--top-n", "x"]).stdin("a\n").run().refuses(2, &["--top-n"]);
    let ran = cross_encoder([]).env("INFA_QUERY", QUERY).env("INFA_TOP_N", "1").stdin("a\nb\n").run().status(0);
    assert_eq!(ran.rows().len(), 1);
}

#[test]
fn an_embedding_model_compares_vectors_and_says_so() {
    let ran = rerank("bert-tiny", ["--query", QUERY]).stdin("fish\nthe bridge\n").run().status(0);
    let notice = ran.err.lines().next().unwrap();
    assert!(notice.contains("embedding model") && notice.contains("cosine"), "{notice}");
    assert_eq!(ran.err.lines().count(), 2);
    assert!(scores(&ran.rows()).iter().all(|score| (-1.0..=1.0).contains(score)));
    let quiet = rerank("bert-tiny", ["-q", "--query", QUERY]).stdin("fish\nthe bridge\n").run().status(0);
    assert_eq!((quiet.err.as_str(), &quiet.out), ("", &ran.out));
    let many = json!({"query": QUERY, "documents": ["fish", "the bridge"]}).to_string();
    assert_eq!(rerank("bert-tiny", []).stdin(many).run().status(0).rows()[0]["results"], json!(ran.rows()));
    let long = "word ".repeat(600);
    let ran = rerank("bert-tiny", ["--truncate", "none", "--query", &long]).stdin("a\nb\n").run().status(1);
    assert!(ran.says(&["stdin:1: the query: "]).rows().iter().all(|row| row["error"].is_string()));
}

#[test]
fn a_prompt_of_the_users_is_for_the_query_alone() {
    let one = |flags: &[&str], query: &str| {
        let ran = rerank("bert-tiny", ["--query", query]).args(flags).stdin("fish\n").run().status(0);
        scores(&ran.rows())[0]
    };
    // The model's own: "query: " before queries, another before documents.
    let own = one(&[], QUERY);
    assert_eq!(one(&["--prompt", "query: "], QUERY), own);
    assert_eq!(one(&["--prompt", ""], &format!("query: {QUERY}")), own);
    assert_ne!(one(&["--prompt", ""], QUERY), own);
}

#[test]
fn other_encoders_say_how_they_score() {
    for (model, words) in [("colbert-pylate", "MaxSim"), ("splade-max", "dot product")] {
        let ran = rerank(&format!("architectures/{model}"), ["--query", QUERY]).stdin("fish\na bridge\n").run();
        assert_eq!(ran.status(0).says(&[words]).rows().len(), 2);
    }
}

#[test]
fn a_language_model_is_asked() {
    let expected = read(fixture("architectures/qwen3-reranker/expected.json"));
    for case in expected["pairs"].as_array().unwrap().iter().filter(|case| case["truncated"] == false) {
        let (query, document) = (case["query"].as_str().unwrap(), case["document"].as_str().unwrap());
        let input = json!({"query": query, "documents": [document]}).to_string();
        let ran = rerank("architectures/qwen3-reranker", []).stdin(input).run().status(0);
        let score = ran.rows()[0]["results"][0]["score"].as_f64().unwrap();
        assert!((score - case["scores"][0].as_f64().unwrap()).abs() < 1e-4, "{}", case["name"]);
    }
}

#[test]
fn models_that_are_something_else_say_what() {
    rerank("architectures/bert-classify", ["--query", QUERY])
        .stdin("a\n")
        .run()
        .refuses(3, &["a classifier with 4 labels", "hint: infa classify"]);
    for command in [&["embed"][..], &["embed", "--dimensions", "3"]] {
        let ran = infa(command).arg("-m").arg(fixture("architectures/bert-rerank")).stdin("a\n").run();
        ran.refuses(3, &["a cross-encoder", "hint: infa rerank"]);
    }
    let ran = infa(["embed", "--pooling", "cls", "-m"]).arg(fixture("architectures/bert-rerank")).stdin("a\n").run();
    assert_eq!(ran.well().vectors()[0].len(), 36);
}

#[test]
fn an_onnx_file_of_a_cross_encoder() {
    let fixture = fixture("architectures/bert-rerank-modules");
    let base = infa(["rerank", "--query", QUERY, "-m"]).arg(&fixture).stdin("fish\nthe bridge\n").run().status(0);
    let flags = ["rerank", "--query", QUERY, "--onnx-file", "onnx/model.onnx", "-m"];
    let ran = infa(flags).arg(&fixture).stdin("fish\nthe bridge\n").run().status(0);
    for (a, b) in scores(&base.rows()).iter().zip(scores(&ran.rows())) {
        assert!((a - b).abs() < 1e-5);
    }
    // Without a config.json its one output number tells what it is.
    let dir = copy("architectures/bert-rerank-modules");
    for file in ["config.json", "modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"] {
        fs::remove_file(dir.path().join(file)).unwrap();
    }
    fs::rename(dir.path().join("onnx/model.onnx"), dir.path().join("model.onnx")).unwrap();
    let pair = &read(fixture.join("expected.json"))["pairs"][0];
    let (query, document) = (pair["query"].as_str().unwrap(), pair["document"].as_str().unwrap().to_owned());
    let prompted = format!("the question is: {query}");
    let ran = infa(["rerank", "--raw-scores", "--query", &prompted, "-m"]).arg(dir.path().join("model.onnx"));
    let found = scores(&ran.stdin(document).run().status(0).rows())[0];
    // The tokenizer's class is named in its own file, so types are given.
    assert!((found - pair["logits"][0].as_f64().unwrap()).abs() < 1e-4);
}

#[test]
fn an_unknown_activation_function_is_refused_by_name() {
    let dir = copy("architectures/bert-rerank");
    patch(dir.path().join("config.json"), |config| {
        config["sentence_transformers"] = json!({"activation_fn": "mine.Own"});
    });
    let run =
        |flags: &[&str]| infa(["rerank", "--query", "a"]).args(flags).arg("-m").arg(dir.path()).stdin("b\n").run();
    run(&[]).refuses(3, &["mine.Own", "--raw-scores"]);
    run(&["--raw-scores"]).status(0);
}

#[test]
fn a_prompt_goes_before_the_query() {
    let pairs = read(fixture("architectures/bert-rerank-modules/expected.json"));
    let pair = &pairs["pairs"][0];
    let (query, document) = (pair["query"].as_str().unwrap(), pair["document"].as_str().unwrap());
    let run = |flags: &[&str]| {
        let ran = rerank("architectures/bert-rerank-modules", ["--query", query]).args(flags).stdin(document);
        scores(&ran.run().status(0).rows())[0]
    };
    assert!((run(&[]) - pair["scores"][0].as_f64().unwrap()).abs() < 1e-4);
    assert_eq!(run(&["--prompt-name", "search"]), run(&[]));
    assert_eq!(run(&["--prompt", "the question is: "]), run(&[]));
    assert!((run(&["--prompt-name", "none"]) - run(&[])).abs() > 1e-6);
    let ran = rerank("architectures/bert-rerank-modules", ["--query", query, "--prompt-name", "odd"]).stdin("a").run();
    ran.refuses(2, &["--prompt-name", "odd", "search"]);
}
