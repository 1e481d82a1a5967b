//! `/classify`, against the scores of transformers.

use serde_json::{Value as Json, json};

use crate::running::{Server, fixture};
use crate::support;

const MODEL: &str = "architectures/bert-classify";

/// By label.
fn scores(labels: &Json) -> Vec<(String, f64)> {
    let label = |label: &Json| (label["label"].as_str().unwrap().to_owned(), label["score"].as_f64().unwrap());
    labels.as_array().unwrap().iter().map(label).collect()
}

#[test]
fn labels_are_those_of_transformers_best_first() {
    let server = Server::start(&["--model-id", &fixture(MODEL)]);
    let (expected, config) = (
        support::json(support::fixture(MODEL).join("expected.json")),
        support::json(support::fixture(MODEL).join("config.json")),
    );
    let cases = expected["classify"].as_array().unwrap();
    let texts: Vec<&Json> = cases.iter().map(|case| &case["text"]).collect();
    for (path, raw, field) in [("/classify", false, "scores"), ("/v1/classify", true, "logits")] {
        let (status, reply) = server.ask(path, &json!({"input": texts, "raw_scores": raw}));
        assert_eq!(status, 200, "{reply}");
        assert_eq!(reply["object"], "classify");
        for (case, labels) in cases.iter().zip(reply["data"].as_array().unwrap()) {
            let got = scores(labels);
            assert!(got.windows(2).all(|two| two[0].1 >= two[1].1), "{labels}");
            let numbers = case[field].as_array().unwrap();
            assert_eq!(got.len(), numbers.len());
            for (i, number) in numbers.iter().enumerate() {
                let name = config["id2label"][i.to_string()].as_str().unwrap();
                let (_, score) = got.iter().find(|(label, _)| label == name).unwrap();
                assert!((score - number.as_f64().unwrap()).abs() < 1e-4, "{}: {name}", case["name"]);
            }
        }
        let tokens: usize = cases.iter().map(|case| case["ids"].as_array().unwrap().len()).sum();
        assert_eq!(reply["usage"], json!({"prompt_tokens": tokens, "total_tokens": tokens}));
        assert!(reply["id"].as_str().unwrap().starts_with("infa-") && reply["created"].is_u64());
    }
    let models: Json = server.get("/models").json().unwrap();
    assert_eq!(models["data"][0]["capabilities"], json!(["classify"]));
}

#[test]
fn unsupported_operations_are_a_clear_400() {
    let classifier = Server::start(&["--model-id", &fixture(MODEL)]);
    let embedder = Server::start(&["--model-id", &fixture("bert-tiny")]);
    for (server, path, body) in [
        (&classifier, "/embeddings", json!({"input": "a"})),
        (&classifier, "/rerank", json!({"query": "a", "documents": ["b"]})),
        (&embedder, "/classify", json!({"input": ["a"]})),
    ] {
        let (status, reply) = server.ask(path, &body);
        assert_eq!((status, &reply["error"]["code"]), (400, &json!("unsupported")), "{path}: {reply}");
        assert_eq!(reply["error"]["param"], "model");
    }
}

#[test]
fn fields_about_truncation_must_agree() {
    let server = Server::start(&["--model-id", &fixture(MODEL)]);
    let text = "red tree ".repeat(200) + &"cold river ".repeat(200);
    let ask = |truncate: Json, side: Json| {
        server.ask("/classify", &json!({"input": [text], "truncate": truncate, "truncation_side": side}))
    };
    let left = ask(json!("left"), json!(null)).1["data"].clone();
    assert_ne!(left, ask(json!("right"), json!(null)).1["data"]);
    assert_eq!(left, ask(json!("START"), json!("left")).1["data"]);
    assert_eq!(left, ask(json!(true), json!("left")).1["data"]);
    for (truncate, side) in [("left", "right"), ("END", "left")] {
        let (status, reply) = ask(json!(truncate), json!(side));
        assert_eq!((status, &reply["error"]["param"]), (400, &json!("truncation_side")), "{reply}");
    }
}
