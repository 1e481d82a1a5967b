//! `/rerank` and `/ranking` as each dialect's clients send requests and read replies.

use serde_json::{Value as Json, json};

use crate::running::{Server, fixture};

const MODEL: &str = "architectures/bert-rerank";
const DOCUMENTS: [&str; 3] = ["red tree", "the cold river", "a boat"];

fn server() -> Server {
    Server::start(&["--model-id", &fixture(MODEL), "--threads", "1"])
}

fn rerank(server: &Server, path: &str, body: &Json) -> Json {
    let (status, reply) = server.ask(path, body);
    assert_eq!(status, 200, "{path} {body}: {reply}");
    reply
}

fn refused(server: &Server, path: &str, body: &Json, field: &str) {
    let (status, reply) = server.ask(path, body);
    assert_eq!((status, &reply["error"]["param"]), (400, &json!(field)), "{path} {body}: {reply}");
}

#[test]
fn one_request_in_every_shape_of_text() {
    let server = server();
    let expected =
        rerank(&server, "/rerank", &json!({"query": "cold river", "documents": DOCUMENTS}))["results"].clone();
    let objects: Vec<Json> = DOCUMENTS.iter().map(|text| json!({"text": text, "id": 7})).collect();
    let parts: Vec<Json> = DOCUMENTS.iter().map(|text| json!([{"type": "text", "text": text}])).collect();
    let contents: Vec<Json> = parts.iter().map(|parts| json!({"content": parts})).collect();
    let mixed = json!([DOCUMENTS[0], {"text": DOCUMENTS[1]}, {"content": DOCUMENTS[2]}]);
    for query in [
        json!("cold river"),
        json!({"text": "cold river"}),
        json!({"content": [{"type": "text", "text": "cold river"}]}),
    ] {
        for documents in [json!(objects), json!(parts), json!(contents), mixed.clone()] {
            for path in ["/rerank", "/v1/rerank", "/v2/rerank"] {
                let reply = rerank(&server, path, &json!({"query": query, "documents": documents}));
                assert_eq!(reply["results"], expected, "{path} {query} {documents}");
            }
        }
    }
    // One alone.
    let one = rerank(&server, "/v1/rerank", &json!({"query": "cold river", "documents": DOCUMENTS[0]}));
    assert_eq!(one["results"].as_array().unwrap().len(), 1);
    let picture = json!([{"image": "https://example.org/a.png"}]);
    let (status, reply) = server.ask("/v1/rerank", &json!({"query": "a", "documents": picture}));
    assert!(status == 400 && reply.to_string().contains("documents[0].image"), "{reply}");
}

#[test]
fn a_document_is_what_the_clients_of_the_path_read() {
    let server = server();
    let body = json!({"query": "cold river", "documents": DOCUMENTS, "return_documents": true, "top_n": 1.0});
    let kinds = |path: &str, body: &Json| {
        let reply = rerank(&server, path, body);
        let results = reply["results"].as_array().unwrap();
        assert_eq!(results.len(), 1);
        results[0]["document"].clone()
    };
    let text = kinds("/rerank", &body);
    assert!(text.is_string(), "{text}");
    for path in ["/v1/rerank", "/v2/rerank"] {
        assert_eq!(kinds(path, &body), json!({"text": text}), "{path}");
    }
    for path in ["/rerank", "/v1/rerank", "/v2/rerank"] {
        let reply = rerank(&server, path, &json!({"query": "a", "documents": ["b"], "return_documents": null}));
        assert!(reply["results"][0].get("document").is_none(), "{reply}");
    }
}

#[test]
fn top_k_is_voyages_and_so_is_the_reply() {
    let server = server();
    let results =
        rerank(&server, "/v1/rerank", &json!({"query": "cold river", "documents": DOCUMENTS}))["results"].clone();
    for path in ["/rerank", "/v1/rerank"] {
        // As Voyage's client sends it.
        let mut body = json!({"query": "cold river", "documents": DOCUMENTS, "model": "rerank-2", "top_k": null,
            "truncation": true});
        let reply = rerank(&server, path, &body);
        assert_eq!((&reply["object"], &reply["data"]), (&json!("list"), &results), "{reply}");
        assert!(reply["usage"]["total_tokens"].as_u64().unwrap() > 0 && reply.get("results").is_none());
        body["top_k"] = 2.into();
        body["return_documents"] = true.into();
        let reply = rerank(&server, path, &body);
        let data = reply["data"].as_array().unwrap();
        assert!(data.len() == 2 && data[0]["document"].is_string(), "{reply}");
    }
    refused(&server, "/v1/rerank", &json!({"query": "a", "documents": ["b"], "top_k": 0}), "top_k");
    refused(&server, "/v1/rerank", &json!({"query": "a", "documents": ["b"], "top_k": 1, "top_n": 2}), "top_k");
    let long = "b ".repeat(300);
    let (status, reply) =
        server.ask("/v1/rerank", &json!({"query": "a", "documents": ["b", long], "top_k": 2, "truncation": false}));
    assert!(status == 400 && reply["detail"].as_str().unwrap().contains("documents[1]"), "{reply}");
}

#[test]
fn limits_that_cannot_be_kept_are_refused() {
    let server = server();
    let max: u64 = server.get("/models").json::<Json>().unwrap()["data"][0]["max_model_len"].as_u64().unwrap();
    for field in
        ["max_tokens_per_doc", "max_tokens_per_query", "truncate_prompt_tokens", "max_doc_length", "max_query_length"]
    {
        for (limit, taken) in [
            (json!(max), true),
            (json!(max + 1), true),
            (json!(0), true),
            (json!(-1), true),
            (json!(null), true),
            (json!(max - 1), false),
            (json!(1), false),
            (json!(-2), false),
        ] {
            let body = json!({"query": "a", "documents": ["b"], field: limit});
            match taken {
                true => drop(rerank(&server, "/v1/rerank", &body)),
                false => refused(&server, "/v1/rerank", &body, field),
            }
        }
    }
    // One chunk of a document is read: more make a difference only to a document that is too long.
    let long = "b ".repeat(300);
    let body =
        |chunks: u64, document: &str| json!({"query": "a", "documents": ["b", document], "max_chunks_per_doc": chunks});
    rerank(&server, "/v1/rerank", &body(10, "c"));
    rerank(&server, "/v1/rerank", &body(1, &long));
    refused(&server, "/v1/rerank", &body(10, &long), "max_chunks_per_doc");
    refused(&server, "/v1/rerank", &body(0, "c"), "max_chunks_per_doc");
    refused(
        &server,
        "/rerank",
        &json!({"query": "a", "documents": ["b"], "rank_fields": ["title", "text"]}),
        "rank_fields",
    );
    refused(
        &server,
        "/rerank",
        &json!({"query": "a", "documents": ["b"], "raw_scores": true, "use_activation": true}),
        "use_activation",
    );
    let raw = rerank(&server, "/v1/rerank", &json!({"query": "a", "documents": ["b"], "raw_scores": true}));
    let same = rerank(&server, "/v1/rerank", &json!({"query": "a", "documents": ["b"], "use_activation": false}));
    assert_eq!(raw["results"], same["results"]);
}

#[test]
fn every_error_to_texts_has_teis_shape() {
    let server = server();
    let send = |kind: Option<&str>, body: &str| {
        let mut request = server.client.post(format!("{}/rerank", server.url)).body(body.to_owned());
        if let Some(kind) = kind {
            request = request.header("Content-Type", kind);
        }
        let reply = request.send().unwrap();
        (reply.status().as_u16(), reply.json::<Json>().unwrap())
    };
    let json_type = Some("application/json");
    for (kind, body, status) in [
        (json_type, r#"{"query": "q", "texts": ["a"], "truncation_direction": "AAA"}"#, 400),
        (json_type, r#"{"texts": ["a"]}"#, 422),
        (json_type, r#"{"query": 7, "texts": ["a"]}"#, 422),
        (json_type, r#"{"query": "q", "texts": "a"}"#, 422),
        (json_type, r#"{"query": "q", "texts": ["a", 1]}"#, 422),
        (json_type, r#"{"query": "q", "texts": ["a"], x"#, 422),
        (json_type, r#"{"query": "q", "texts": [], "top_n": 1}"#, 400),
        (json_type, r#"{"query": "q", "texts": ["a"], "top_n": 0}"#, 400),
        (json_type, r#"{"query": "q", "texts": ["a"], "instruct": "x"}"#, 400),
        (json_type, r#"{"query": "q", "texts": ["a"], "max_doc_length": 1}"#, 400),
        (Some("text/plain"), r#"{"query": "q", "texts": ["a"]}"#, 415),
        (None, r#"{"query": "q", "texts": ["a"]}"#, 415),
    ] {
        let (got, reply) = send(kind, body);
        assert_eq!(got, status, "{body}: {reply}");
        assert!(reply["error"].is_string() && reply["error_type"].is_string(), "{body}: {reply}");
    }
    for (kind, body, status) in [
        (json_type, r#"{"query": "q", "documents": ["a"], "top_n": "x"}"#, 422),
        (json_type, r#"{"query": "q"}"#, 422),
        (json_type, r#"{"query": "q", "documents": ["a"], "texts": ["a"]}"#, 422),
        (json_type, "", 422),
        (None, r#"{"query": "q", "documents": ["a"]}"#, 415),
    ] {
        let (got, reply) = send(kind, body);
        assert!(got == status && reply["error"]["message"].is_string(), "{body}: {got} {reply}");
    }
}

#[test]
fn nims_rankings_have_logits() {
    let server = Server::start(&["-m", &fixture(MODEL), "--served-model-name", "nvidia/r", "--threads", "1"]);
    let passages: Vec<Json> = DOCUMENTS.iter().map(|text| json!({"text": text})).collect();
    let body = json!({"model": "nvidia/r", "query": {"text": "cold river"}, "passages": passages, "truncate": "END"});
    let raw = rerank(&server, "/rerank", &json!({"query": "cold river", "documents": DOCUMENTS, "raw_scores": true}));
    for path in ["/v1/ranking", "/ranking", "/v1/retrieval/nvidia/r/reranking", "/v1/retrieval/other/reranking"] {
        let reply = rerank(&server, path, &body);
        let rankings = reply["rankings"].as_array().unwrap();
        assert_eq!(rankings.len(), 3);
        for (ranking, result) in rankings.iter().zip(raw["results"].as_array().unwrap()) {
            assert_eq!((&ranking["index"], &ranking["logit"]), (&result["index"], &result["relevance_score"]));
        }
        assert_eq!(reply["usage"], raw["usage"]);
    }
    let mut cut = body.clone();
    cut["top_k"] = 1.into();
    assert_eq!(rerank(&server, "/v1/ranking", &cut)["rankings"].as_array().unwrap().len(), 1);
    assert_eq!(server.ask("/v1/retrieval/nvidia/r/nothing", &body).0, 404);
    let mut long = body;
    long["passages"] = json!([{"text": "b ".repeat(300)}]);
    long["truncate"] = "NONE".into();
    let (status, reply) = server.ask("/v1/ranking", &long);
    assert!(status == 400 && reply["error"]["param"] == "passages[0]", "{reply}");

    // With several models the name in the path chooses, and one in the body goes before it.
    let several = Server::start(&["-m", &fixture("bert-tiny"), "-m", &fixture(MODEL), "--served-model-name", "e;n/r"]);
    let request = json!({"query": {"text": "cold river"}, "passages": passages});
    let logits = |path: &str, request: &Json| rerank(&several, path, request)["rankings"].clone();
    let by_path = logits("/v1/retrieval/n/r/reranking", &request);
    assert_eq!(logits("/v1/ranking", &request), by_path);
    assert_ne!(logits("/v1/retrieval/e/reranking", &request), by_path);
    assert_eq!(several.ask("/v1/retrieval/x/reranking", &request).0, 404);
}

#[test]
fn fields_about_truncation_must_agree() {
    let server = server();
    let document = "red tree ".repeat(100) + &"cold river ".repeat(100);
    let body = |key: &str, more: &Json| {
        let mut body = json!({"query": "cold river", key: [document]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let score =
        |more: Json| rerank(&server, "/rerank", &body("documents", &more))["results"][0]["relevance_score"].clone();
    let (right, left) = (score(json!({"truncate": "right"})), score(json!({"truncate": "left"})));
    assert_ne!(right, left);
    for more in [
        json!({"truncate": "END", "truncation": true, "truncation_direction": "Right", "truncation_side": "right"}),
        json!({"truncate": true, "truncation": true, "truncation_side": "right"}),
    ] {
        assert_eq!(score(more.clone()), right, "{more}");
    }
    for more in [
        json!({"truncate": "START", "truncation": true}),
        json!({"truncate": true, "truncation_direction": "Left"}),
        json!({"truncation_direction": "Left", "truncation_side": "left"}),
    ] {
        assert_eq!(score(more.clone()), left, "{more}");
    }
    for (more, field) in [
        (json!({"truncate": true, "truncation": false}), "truncation"),
        (json!({"truncate": "none", "truncation": true}), "truncation"),
        (json!({"truncate": "left", "truncation": false}), "truncation"),
        (json!({"truncate": "right", "truncation_direction": "Left"}), "truncation_direction"),
        (json!({"truncate": "START", "truncation_side": "right"}), "truncation_side"),
        (json!({"truncation_direction": "Left", "truncation_side": "right"}), "truncation_side"),
        (json!({"raw_scores": true, "use_activation": true}), "use_activation"),
    ] {
        refused(&server, "/rerank", &body("documents", &more), field);
        let (status, reply) = server.ask("/rerank", &body("texts", &more));
        let message = reply["error"].as_str().unwrap_or_else(|| panic!("{reply}"));
        assert!(status == 400 && message.starts_with(&format!("{field}: ")), "{more}: {reply}");
    }
    for more in [json!({"truncate": false, "truncation_direction": "Left"}), json!({"truncation": false})] {
        refused(&server, "/rerank", &body("documents", &more), "documents[0]");
    }
}

#[test]
fn large_documents_come_back_whole_in_every_shape() {
    let server = server();
    let documents: Vec<String> = (0..4).map(|i| format!("{i} red é \"tree\" ").repeat(3000)).collect();
    assert!(documents.iter().map(String::len).sum::<usize>() > 1 << 17);
    let (list, plain) = (json!({"top_k": null}), json!({}));
    for (path, key, more, results, text) in [
        ("/rerank", "documents", &plain, "/results", "/document"),
        ("/v2/rerank", "documents", &plain, "/results", "/document/text"),
        ("/v1/rerank", "documents", &list, "/data", "/document"),
        ("/rerank", "texts", &json!({"return_text": true}), "", "/text"),
    ] {
        let mut body = json!({"query": "cold river", key: documents});
        if key == "documents" {
            body["return_documents"] = true.into();
        }
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reply = server.post(path, &body);
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.headers()["content-type"], "application/json");
        let reply: Json = reply.json().unwrap();
        let results = reply.pointer(results).unwrap().as_array().unwrap();
        assert_eq!(results.len(), 4);
        for result in results {
            let index = result["index"].as_u64().unwrap() as usize;
            assert!(result.pointer(text).unwrap() == &json!(documents[index]), "{path} {key}");
        }
    }
}

#[test]
fn the_query_counts_with_each_of_teis_texts() {
    let server = server();
    for (query, texts) in [("café", vec!["a", "日本"]), ("q", vec!["abc"; 40])] {
        let reply = server.post("/rerank", &json!({"query": query, "texts": texts}));
        let expected: usize = texts.iter().map(|text| query.chars().count() + text.chars().count()).sum();
        assert_eq!(reply.headers()["x-compute-characters"].to_str().unwrap(), expected.to_string());
    }
}
