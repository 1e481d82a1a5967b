//! The native routes of text-embeddings-inference.

use serde_json::{Value as Json, json};

use crate::running::{Server, fixture};
use crate::support;

fn numbers(json: &Json) -> Vec<f64> {
    json.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn near(a: &Json, b: &Json) -> bool {
    let (a, b) = (numbers(a), numbers(b));
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5)
}

#[test]
fn vectors() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny")]);
    let (status, one) = server.ask("/embed", &json!({"inputs": "hello world"}));
    assert_eq!(status, 200, "{one}");
    assert_eq!(one.as_array().unwrap().len(), 1);
    assert!((numbers(&one[0]).iter().map(|x| x * x).sum::<f64>() - 1.0).abs() < 1e-5);
    let (_, two) = server.ask("/v1/embed", &json!({"inputs": ["other", "hello world"], "truncate": true}));
    assert!(near(&two[1], &one[0]) && !near(&two[0], &one[0]), "{two}");

    // Token ids are the text's, specials included.
    let (_, tokens) = server.ask("/tokenize", &json!({"inputs": "hello world"}));
    let ids: Vec<u64> = tokens[0].as_array().unwrap().iter().map(|t| t["id"].as_u64().unwrap()).collect();
    let (_, by_ids) = server.ask("/embed", &json!({"inputs": ids}));
    assert!(near(&by_ids[0], &one[0]), "{by_ids}");

    let (_, cut) = server.ask("/embed", &json!({"inputs": "hello world", "dimensions": 8}));
    let head = &numbers(&one[0])[..8];
    let length = head.iter().map(|x| x * x).sum::<f64>().sqrt();
    assert!(near(&cut[0], &json!(head.iter().map(|x| x / length).collect::<Vec<_>>())), "{cut}");

    let (_, raw) = server.ask("/embed", &json!({"inputs": "hello world", "normalize": false}));
    assert!(!near(&raw[0], &one[0]), "{raw}");

    let (_, alike) = server.ask(
        "/similarity",
        &json!({"inputs": {"source_sentence": "hello world", "sentences": ["other", "hello world"]}}),
    );
    let dot = numbers(&two[0]).iter().zip(numbers(&one[0])).map(|(a, b)| a * b).sum::<f64>();
    assert!(near(&alike, &json!([dot, 1.0])), "{alike}");

    let (status, tokens) = server.ask("/embed_all", &json!({"inputs": ["hello world", "hello"]}));
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(tokens[0].as_array().unwrap().len(), ids.len());
    assert_eq!(tokens[0][0].as_array().unwrap().len(), numbers(&one[0]).len());

    for path in ["/", "/invocations"] {
        assert!(near(&server.ask(path, &json!({"inputs": "hello world"})).1[0], &one[0]), "{path}");
    }
    let (_, vertex) = server.ask("/vertex", &json!({"instances": [{"inputs": "other"}, {"inputs": "hello world"}]}));
    assert!(near(&vertex["predictions"][1][0], &one[0]), "{vertex}");
    assert_eq!(server.get("/ping").status(), 200);
}

#[test]
fn headers_have_the_cost_of_the_response() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny")]);
    let reply = server.post("/embed", &json!({"inputs": ["héllo", "a"]}));
    let header = |name: &str| reply.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("x-compute-characters"), "6");
    let names = ["compute-time", "total-time", "tokenization-time", "queue-time", "inference-time", "compute-tokens"];
    for name in names {
        assert!(header(&format!("x-{name}")).parse::<u64>().is_ok(), "{name}");
    }
    let tokens: u64 = header("x-compute-tokens").parse().unwrap();
    let (_, pieces) = server.ask("/tokenize", &json!({"inputs": ["héllo", "a"]}));
    let count: usize = pieces.as_array().unwrap().iter().map(|text| text.as_array().unwrap().len()).sum();
    assert_eq!(tokens, count as u64);
}

#[test]
fn a_text_that_is_too_long() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny")]);
    let long = format!("first {} last", "word ".repeat(100));
    let embed = |options: Json| {
        let mut request = json!({"inputs": ["short", long]});
        request.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
        server.ask("/embed", &request)
    };
    let (status, right) = embed(json!({}));
    assert_eq!(status, 200, "{right}");
    assert!(near(&embed(json!({"truncate": true, "truncation_direction": "Right"})).1[1], &right[1]));
    let (_, left) = embed(json!({"truncate": true, "truncation_direction": "Left"}));
    assert!(!near(&left[1], &right[1]) && near(&left[0], &right[0]));
    let (status, refused) = embed(json!({"truncate": false}));
    assert_eq!(status, 413, "{refused}");
    assert_eq!(refused["error_type"], "Validation");
    assert!(refused["error"].as_str().unwrap().starts_with("inputs[1]: "), "{refused}");
}

#[test]
fn lexical_weights() {
    let server = Server::start(&["--model-id", &fixture("architectures/bert-splade")]);
    let (status, sparse) = server.ask("/embed_sparse", &json!({"inputs": ["hello world", "other"]}));
    assert_eq!(status, 200, "{sparse}");
    let weights = sparse[0].as_array().unwrap();
    assert!(!weights.is_empty());
    assert!(weights.iter().all(|w| w["index"].is_u64() && w["value"].as_f64().unwrap() > 0.0), "{sparse}");
    assert_eq!(server.ask("/", &json!({"inputs": ["hello world", "other"]})).1, sparse);
    let info = server.get("/info").json::<Json>().unwrap();
    assert_eq!(info["model_type"]["embedding"]["pooling"], "splade");
}

#[test]
fn labels() {
    let server = Server::start(&["--model-id", &fixture("architectures/bert-nli")]);
    let (status, pair) = server.ask("/predict", &json!({"inputs": ["a man sleeps", "a man is awake"]}));
    assert_eq!(status, 200, "{pair}");
    let scores: Vec<f64> = pair.as_array().unwrap().iter().map(|p| p["score"].as_f64().unwrap()).collect();
    assert!((scores.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{pair}");
    assert!(scores.is_sorted_by(|a, b| a >= b), "{pair}");
    assert!(pair[0]["label"].is_string());
    let (_, text) = server.ask("/predict", &json!({"inputs": "a man sleeps"}));
    assert_ne!(text, pair);
    let (_, batch) = server.ask("/predict", &json!({"inputs": [["a man sleeps"], ["a man sleeps", "a man is awake"]]}));
    assert_eq!(batch.as_array().unwrap().len(), 2);
    for (alone, in_batch) in [(&text, &batch[0]), (&pair, &batch[1])] {
        for (a, b) in alone.as_array().unwrap().iter().zip(in_batch.as_array().unwrap()) {
            assert!((a["score"].as_f64().unwrap() - b["score"].as_f64().unwrap()).abs() < 1e-5, "{a} {b}");
        }
    }
    let (_, raw) = server.ask("/predict", &json!({"inputs": "a man sleeps", "raw_scores": true}));
    assert_eq!(raw[0]["label"], text[0]["label"]);
    assert_ne!(raw[0]["score"], text[0]["score"]);
    let info = server.get("/info").json::<Json>().unwrap();
    assert!(info["model_type"]["classifier"]["id2label"].is_object(), "{info}");
    // Unsupported operations.
    let (status, refused) = server.ask("/embed", &json!({"inputs": "a"}));
    assert_eq!((status, &refused["error_type"]), (424, &json!("Backend")), "{refused}");
}

#[test]
fn a_cross_encoder_at_the_root_ranks() {
    let server = Server::start(&["--model-id", &fixture("architectures/bert-rerank")]);
    let request = json!({"query": "hello", "texts": ["a", "b", "c"]});
    let (status, ranks) = server.ask("/", &request);
    assert_eq!(status, 200, "{ranks}");
    assert_eq!(ranks, server.ask("/rerank", &request).1);
    let info = server.get("/info").json::<Json>().unwrap();
    assert!(info["model_type"]["reranker"].is_object(), "{info}");
    let (_, label) = server.ask("/predict", &json!({"inputs": ["hello", "a"]}));
    let first = ranks.as_array().unwrap().iter().find(|rank| rank["index"] == 0).unwrap();
    assert!((label[0]["score"].as_f64().unwrap() - first["score"].as_f64().unwrap()).abs() < 1e-5, "{label} {first}");
}

#[test]
fn tokens_and_texts() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny")]);
    let cases: Vec<Json> = serde_json::from_slice(&std::fs::read(support::fixture("pieces.json")).unwrap()).unwrap();
    let cases: Vec<&Json> = cases.iter().filter(|case| case["model"] == "bert-tiny").collect();
    let texts: Vec<&Json> = cases.iter().map(|case| &case["text"]).collect();
    let (status, tokens) = server.ask("/tokenize", &json!({"inputs": texts}));
    assert_eq!(status, 200, "{tokens}");
    for (case, tokens) in cases.iter().zip(tokens.as_array().unwrap()) {
        let text: Vec<char> = case["text"].as_str().unwrap().chars().collect();
        for (i, token) in tokens.as_array().unwrap().iter().enumerate() {
            assert_eq!(token["id"], case["ids"][i]);
            assert_eq!(token["special"], case["special"][i]);
            if token["special"] == true {
                assert_eq!((&token["start"], &token["stop"]), (&Json::Null, &Json::Null));
            } else {
                assert_eq!(json!([token["start"], token["stop"]]), case["spans"][i], "{token}");
                let (start, stop) = (token["start"].as_u64().unwrap(), token["stop"].as_u64().unwrap());
                let part: String = text[start as usize..stop as usize].iter().collect();
                assert_eq!(token["text"], part);
            }
        }
        assert_eq!(tokens.as_array().unwrap().len(), case["ids"].as_array().unwrap().len());
    }
    let (_, bare) = server.ask("/tokenize", &json!({"inputs": texts[0], "add_special_tokens": false}));
    assert_eq!(bare[0].as_array().unwrap().len(), cases[0]["bare"].as_array().unwrap().len());

    let ids: Vec<&Json> = cases.iter().map(|case| &case["ids"]).collect();
    let expected: Vec<&Json> = cases.iter().map(|case| &case["skipped"]).collect();
    assert_eq!(server.ask("/decode", &json!({"ids": ids})).1, json!(expected));
    let (_, whole) = server.ask("/decode", &json!({"ids": ids[0], "skip_special_tokens": false}));
    assert_eq!(whole, json!([cases[0]["decoded"]]));
    // Ids that are not the model's are no text: another model's tokenizer made them.
    let (status, refused) = server.ask("/decode", &json!({"ids": [[u32::MAX]]}));
    assert_eq!((status, &refused["error_type"]), (422, &json!("Tokenizer")), "{refused}");
}

#[test]
fn info() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny")]);
    let info = server.get("/info").json::<Json>().unwrap();
    assert_eq!(info["model_id"], fixture("bert-tiny"));
    assert_eq!(info["model_type"], json!({"embedding": {"pooling": "mean"}}));
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    let numbers = ["max_input_length", "max_batch_tokens", "max_client_batch_size", "max_concurrent_requests"];
    for name in [&numbers[..], &["tokenization_workers"]].concat() {
        assert!(info[name].as_u64().unwrap() > 0, "{name}: {info}");
    }
    for name in ["model_sha", "model_dtype", "max_batch_requests", "auto_truncate", "sha", "docker_label"] {
        assert!(info.get(name).is_some(), "{name}: {info}");
    }
}

#[test]
fn bad_requests_are_refused_in_teis_shape() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny"), "--strict-model-names"]);
    let many = vec!["a"; 10_000];
    for (path, request, status, kind) in [
        ("/embed", json!({"inputs": []}), 400, "Empty"),
        ("/embed", json!({"inputs": many}), 413, "Validation"),
        ("/embed", json!({"inputs": [1, "a"]}), 422, "Validation"),
        ("/embed", json!({"inputs": {"a": 1}}), 422, "Validation"),
        ("/embed", json!({"input": "a"}), 422, "Validation"),
        ("/embed", json!({"inputs": "a", "normalize": "yes"}), 422, "Validation"),
        ("/embed", json!({"inputs": "a", "truncation_direction": "Up"}), 400, "Validation"),
        ("/embed", json!({"inputs": "a", "dimensions": 0}), 400, "Validation"),
        ("/embed", json!({"inputs": "a", "dimensions": 1_000_000}), 400, "Validation"),
        ("/embed", json!({"inputs": "a", "prompt_name": "nobody"}), 400, "Validation"),
        ("/embed", json!({"inputs": "a", "model": "nobody"}), 404, "Validation"),
        ("/embed", json!({"inputs": [[1, u32::MAX]]}), 422, "Tokenizer"),
        // That no text may be cut does not make another fault one of length.
        ("/embed", json!({"inputs": [[1, u32::MAX]], "truncate": false}), 422, "Tokenizer"),
        ("/embed", json!({"inputs": "a ".repeat(500), "truncate": false}), 413, "Validation"),
        ("/embed", json!({"inputs": vec![2; 500], "truncate": false}), 413, "Validation"),
        ("/embed_sparse", json!({"inputs": "a"}), 424, "Backend"),
        ("/predict", json!({"inputs": "a"}), 424, "Backend"),
        ("/predict", json!({"inputs": ["a", "b", "c"]}), 422, "Validation"),
        ("/predict", json!({"inputs": []}), 400, "Empty"),
        ("/similarity", json!({"inputs": {"source_sentence": "a", "sentences": []}}), 400, "Empty"),
        ("/tokenize", json!({"inputs": [1]}), 422, "Validation"),
        ("/tokenize", json!({"inputs": "a", "prompt_name": "nobody"}), 400, "Validation"),
        ("/decode", json!({"ids": "a"}), 422, "Validation"),
        ("/decode", json!({"ids": [-1]}), 400, "Validation"),
        ("/", json!([1]), 422, "Validation"),
        ("/vertex", json!({"instances": [{"inputs": "a"}, {"inputs": 7}]}), 422, "Validation"),
    ] {
        let (got, error) = server.ask(path, &request);
        let shown = request.to_string().chars().take(100).collect::<String>();
        assert_eq!((got, error["error_type"].as_str()), (status, Some(kind)), "{path} {shown}: {error}");
        assert!(error["error"].as_str().is_some_and(|message| !message.is_empty()), "{path} {shown}");
        assert_eq!(error.as_object().unwrap().len(), 2, "{error}");
        // Flags and files are only for the log.
        let message = error["error"].as_str().unwrap_or_default();
        assert!(!message.contains("--output-type") && !message.contains("/tests/"), "{path} {shown}: {message}");
        assert!(path != "/embed_sparse" || message.contains("neither a masked-LM head"), "{message}");
    }
    assert_eq!(server.ask("/embed", &json!({"inputs": "a"})).0, 200);
}
