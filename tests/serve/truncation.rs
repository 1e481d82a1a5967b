//! Fields that turn truncation on, on a server that does not truncate: in all dialects, on all routes.

use serde_json::{Value as Json, json};

use crate::running::{Server, fixture};

/// Longer than each of the models allows.
fn long() -> String {
    "word ".repeat(600)
}

/// `body` with the field inside the object at `place`.
fn with(body: &Json, place: &str, field: &str, value: &Json) -> Json {
    let mut body = body.clone();
    body.pointer_mut(place).unwrap()[field] = value.clone();
    body
}

#[test]
fn a_request_truncates_where_the_server_does_not() {
    let models = format!(
        "{};{};{}",
        fixture("bert-tiny"),
        fixture("architectures/bert-rerank"),
        fixture("architectures/bert-nli")
    );
    let flags = ["-m", &models, "--served-model-name", "e;r;c", "--truncate", "none"];
    let server = Server::start(&flags);
    let long = long();
    let on = json!(true);
    let inside = json!({"model": "e", "inputs": {"source_sentence": "a", "sentences": [long]}, "parameters": {}});
    let embeddings = json!({"model": "e", "input": [long]});
    let documents = json!({"query": "a", "documents": [long]});
    for (path, body, place, fields) in [
        ("/v1/embeddings", &embeddings, "", &["truncate", "truncation"][..]),
        ("/pooling", &json!({"model": "e", "task": "token_embed", "input": [long]}), "", &["truncate"]),
        ("/v2/embed", &json!({"model": "e", "texts": [long]}), "", &["truncate"]),
        ("/v1/embed", &json!({"model": "e", "texts": [long]}), "", &["truncate"]),
        ("/api/embed", &json!({"model": "e", "input": long}), "", &["truncate"]),
        ("/embed", &json!({"model": "e", "inputs": long}), "", &["truncate"]),
        ("/embed_all", &json!({"model": "e", "inputs": long}), "", &["truncate"]),
        ("/invocations", &json!({"model": "e", "inputs": long}), "", &["truncate"]),
        ("/similarity", &inside, "/parameters", &["truncate"]),
        ("/vertex", &json!({"instances": [{"model": "e", "inputs": long}]}), "/instances/0", &["truncate"]),
        ("/predict", &json!({"model": "c", "inputs": long}), "", &["truncate"]),
        ("/classify", &json!({"model": "c", "input": [long]}), "", &["truncate", "truncation"]),
        ("/rerank", &json!({"query": "a", "texts": [long]}), "", &["truncate"]),
        ("/v1/rerank", &documents, "", &["truncate", "truncation"]),
        ("/v2/rerank", &documents, "", &["truncate"]),
        ("/ranking", &json!({"query": {"text": "a"}, "passages": [{"text": long}]}), "", &["truncate"]),
        ("/score", &json!({"queries": "a", "documents": long}), "", &["truncate", "truncation"]),
    ] {
        let (status, refused) = server.ask(path, body);
        assert!(matches!(status, 400 | 413) && refused.to_string().contains("truncation is off"), "{path}: {refused}");
        for field in fields {
            let (status, reply) = server.ask(path, &with(body, place, field, &on));
            assert_eq!(status, 200, "{path} {field}: {reply}");
            let (status, _) = server.ask(path, &with(body, place, field, &json!(false)));
            assert!(matches!(status, 400 | 413), "{path} {field}");
        }
    }
    // KServe's parameter has no true: the end is named.
    let tensor = json!([{"name": "text", "shape": [1], "datatype": "BYTES", "data": [long]}]);
    for (end, expected) in [("right", 200), ("left", 200), ("none", 400)] {
        let body = json!({"inputs": tensor, "parameters": {"truncate": end}});
        assert_eq!(server.ask("/v2/models/e/infer", &body).0, expected, "{end}");
    }
    // vLLM's: -1 is the model's own limit.
    for (path, body) in [
        ("/v1/embeddings", &embeddings),
        ("/v1/rerank", &documents),
        ("/score", &json!({"queries": "a", "documents": long})),
        ("/classify", &json!({"model": "c", "input": [long]})),
    ] {
        let body = with(body, "", "truncate_prompt_tokens", &json!(-1));
        assert_eq!(server.ask(path, &body).0, 200, "{path}");
        assert_eq!(server.ask(path, &with(&body, "", "truncate", &json!(false))).0, 400, "{path}");
    }
    // The end is that of the model's tokenizer, which is not the other one.
    let vector = |truncate: Json| {
        let text = format!("first {long} last");
        server.ask("/v1/embeddings", &json!({"model": "e", "input": text, "truncate": truncate})).1["data"].clone()
    };
    assert_eq!(vector(json!(true)), vector(json!("right")));
    assert_ne!(vector(json!(true)), vector(json!("left")));
}

#[test]
fn a_request_keeps_the_end_of_the_server() {
    let server = Server::start(&["-m", &fixture("bert-tiny"), "--truncate", "left"]);
    let text = format!("first {} last", long());
    for (path, body) in [
        ("/v1/embeddings", json!({"input": text})),
        ("/embed", json!({"inputs": text})),
        ("/api/embed", json!({"input": text})),
    ] {
        let vectors = |truncate: Json| {
            let (status, mut reply) = server.ask(path, &with(&body, "", "truncate", &truncate));
            assert_eq!(status, 200, "{path}: {reply}");
            let vectors = ["data", "embeddings"].into_iter().find_map(|field| reply.get(field).cloned());
            vectors.unwrap_or_else(|| reply.take())
        };
        assert_eq!(vectors(json!(true)), vectors(Json::Null), "{path}");
    }
}
