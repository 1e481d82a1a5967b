//! `infa classify`: labels by problem type, of texts and of pairs.

use serde_json::{Value as Json, json};

use crate::run::{Infa, Ran, infa};
use crate::support::{copy, fixture, json as read, patch};

fn classify<'a>(model: &str, args: impl IntoIterator<Item = &'a str>) -> Infa {
    infa(["classify", "--threads", "2", "-m"]).arg(fixture(&format!("architectures/{model}"))).args(args)
}

/// The scores of a row's labels, by name.
fn by_name(row: &Json, name: &str) -> f64 {
    let labels = row["labels"].as_array().unwrap();
    labels.iter().find(|label| label["label"] == name).unwrap()["score"].as_f64().unwrap()
}

fn well(ran: Ran) -> Ran {
    let ran = ran.status(0);
    assert!(ran.err.starts_with("Classified ") && ran.err.lines().count() == 1, "{}", ran.err);
    ran
}

#[test]
fn labels_are_those_of_the_reference() {
    for model in ["bert-classify", "distilbert-classify"] {
        let config = read(fixture(&format!("architectures/{model}/config.json")));
        let expected = read(fixture(&format!("architectures/{model}/expected.json")));
        let cases = expected["classify"].as_array().unwrap();
        let input: String = cases.iter().map(|case| format!("{}\n", json!({"text": case["text"]}))).collect();
        for (flag, key) in [(&[][..], "scores"), (&["--raw-scores"][..], "logits")] {
            let ran = well(classify(model, ["--input-format", "jsonl"]).args(flag).stdin(input.clone()).run());
            let rows = ran.rows();
            assert_eq!(rows.len(), cases.len());
            for (row, case) in rows.iter().zip(cases) {
                let labels = row["labels"].as_array().unwrap();
                assert_eq!(labels.len(), config["id2label"].as_object().unwrap().len());
                let scores: Vec<f64> = labels.iter().map(|label| label["score"].as_f64().unwrap()).collect();
                assert!(scores.windows(2).all(|w| w[0] >= w[1]), "{model}: best first");
                for (i, expected) in case[key].as_array().unwrap().iter().enumerate() {
                    let name = config["id2label"][i.to_string()].as_str().unwrap();
                    let difference = (by_name(row, name) - expected.as_f64().unwrap()).abs();
                    assert!(difference < 1e-4, "{model}, {}, {name}: {difference:e}", case["name"]);
                }
                assert_eq!(row["tokens"], case["ids"].as_array().unwrap().len());
            }
        }
    }
}

#[test]
fn only_the_best() {
    let all = well(classify("bert-classify", []).stdin("a sea\n").run()).rows();
    let top = well(classify("bert-classify", ["--top-k", "2"]).stdin("a sea\n").run()).rows();
    assert_eq!(top[0]["labels"].as_array().unwrap()[..], all[0]["labels"].as_array().unwrap()[..2]);
    let many = well(classify("bert-classify", []).env("INFA_TOP_K", "99").stdin("a sea\n").run()).rows();
    assert_eq!(many, all);
    classify("bert-classify", ["--top-k", "0"]).stdin("a\n").run().refuses(2, &["--top-k", "at least 1"]);
}

#[test]
fn every_format_and_a_text_that_fails() {
    let input = "{\"id\":\"a,b\",\"text\":\"one\"}\n{}\n";
    let flags = ["--input-format", "jsonl", "--top-k", "1"];
    let ran = classify("bert-classify", flags).stdin(input).run().status(1).says(&["stdin:2"]);
    let rows = ran.rows();
    assert_eq!((&rows[0]["id"], &rows[1]["index"]), (&json!("a,b"), &json!(1)));
    assert!(rows[1]["error"].as_str().unwrap().starts_with("stdin:2: "));
    let array = classify("bert-classify", flags).args(["--format", "json"]).stdin(input).run().status(1);
    assert_eq!(serde_json::from_slice::<Vec<Json>>(&array.out).unwrap(), rows);
    let csv = classify("bert-classify", flags).args(["--format", "csv"]).stdin(input).run().status(1);
    let lines: Vec<&str> = csv.text().lines().collect();
    assert_eq!(lines[0], "index,id,label,score,error");
    let label = &rows[0]["labels"][0];
    assert_eq!(lines[1], format!("0,\"a,b\",{},{},", label["label"].as_str().unwrap(), label["score"]));
    assert!(lines[2].starts_with("1,,,,\"stdin:2: "), "{}", lines[2]);
}

#[test]
fn pairs_of_two_fields() {
    let expected = read(fixture("architectures/bert-nli/expected.json"));
    let cases = expected["pairs"].as_array().unwrap();
    let input: String =
        cases.iter().map(|case| format!("{}\n", json!({"a": case["query"], "b": case["document"]}))).collect();
    let flags = ["--input-format", "jsonl", "--field", "a", "--pair-field", "b"];
    let rows = well(classify("bert-nli", flags).stdin(input).run()).rows();
    for (row, case) in rows.iter().zip(cases) {
        for (i, name) in ["contradiction", "entailment", "neutral"].iter().enumerate() {
            let expected = case["probabilities"][i].as_f64().unwrap();
            assert!((by_name(row, name) - expected).abs() < 1e-4, "{}", case["name"]);
        }
        assert_eq!(row["truncated"], case["truncated"]);
    }
    let csv = classify("bert-nli", ["--input-format", "csv", "--field", "a", "--pair-field", "b"]);
    assert_eq!(well(csv.stdin("a,b\nfish,cats\n").run()).rows().len(), 1);
    classify("bert-nli", ["--pair-field", "b"]).stdin("x\n").run().refuses(2, &["pairs", "--pair-field"]);
    let ran = classify("bert-nli", flags).stdin("{\"a\":\"x\"}\n").run().status(1);
    ran.says(&["no field \"b\""]);
}

#[test]
fn one_label() {
    let dir = copy("architectures/bert-rerank");
    let run = |dir: &std::path::Path| infa(["classify", "-m"]).arg(dir).stdin("fish\n").run();
    let plain = run(dir.path()).status(0).says(&["warning: ", "one label", "infa rerank"]).rows().remove(0);
    patch(dir.path().join("config.json"), |config| {
        config["problem_type"] = json!("regression");
        config["id2label"] = json!({"0": "quality"});
    });
    let quality = well(run(dir.path())).rows().remove(0);
    let logit = by_name(&quality, "quality");
    assert!((by_name(&plain, "LABEL_0") - 1.0 / (1.0 + (-logit).exp())).abs() < 1e-12);
    patch(dir.path().join("config.json"), |config| config["problem_type"] = json!("ranking"));
    run(dir.path()).refuses(3, &["problem_type = \"ranking\""]);
    // With the settings of a cross-encoder there is no doubt what it is.
    patch(dir.path().join("config.json"), |config| {
        config["problem_type"] = Json::Null;
        config["sentence_transformers"] = json!({"activation_fn": "torch.nn.modules.linear.Identity"});
    });
    run(dir.path()).refuses(3, &["a cross-encoder", "hint: infa rerank"]);
    let flags = ["classify", "--input-format", "jsonl", "--pair-field", "b", "-m"];
    let ran = infa(flags).arg(dir.path()).stdin("{\"text\":\"x\",\"b\":\"y\"}\n").run();
    assert_eq!(well(ran).rows()[0]["labels"].as_array().unwrap().len(), 1);
}

#[test]
fn models_that_are_something_else_say_what() {
    let run = |model: &str| infa(["classify", "-m"]).arg(fixture(model)).stdin("a\n").run();
    run("bert-tiny").refuses(3, &["an embedding model", "hint: infa embed"]);
    run("architectures/qwen3-reranker").refuses(3, &["a language model", "hint: infa rerank"]);
    infa(["classify"]).stdin("a\n").run().refuses(2, &["--model-id"]);
    let ran = infa(["embed", "-m"]).arg(fixture("architectures/bert-classify")).stdin("a\n").run();
    ran.refuses(3, &["a classifier with 4 labels", "hint: infa classify"]);
}

#[test]
fn labels_that_do_not_fit_the_weights() {
    let dir = copy("architectures/bert-classify");
    patch(dir.path().join("config.json"), |config| config["id2label"] = json!({"0": "a", "1": "b"}));
    let ran = infa(["classify", "-m"]).arg(dir.path()).stdin("a\n").run();
    ran.refuses(3, &["classifier.weight"]);
    patch(dir.path().join("config.json"), |config| {
        config["id2label"] = json!({"0": "a", "1": "b", "2": "c", "7": "d"});
    });
    infa(["classify", "-m"]).arg(dir.path()).stdin("a\n").run().refuses(3, &["config.json", "id2label", "number 3"]);
}
