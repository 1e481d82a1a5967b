//! `/rerank` in the shapes of Infinity, Cohere, Jina and TEI, against the scores of sentence-transformers.

use serde_json::{Value as Json, json};

use crate::running::{Server, fixture};
use crate::support;

const MODEL: &str = "architectures/bert-rerank";

fn server() -> Server {
    Server::start(&["--model-id", &fixture(MODEL), "--strict-model-names"])
}

/// Pairs of the reference with one query among them: query, documents, scores, logits, tokens.
fn expected() -> (String, Vec<String>, Vec<f64>, Vec<f64>, u64) {
    let expected = support::json(support::fixture(MODEL).join("expected.json"));
    let pairs = expected["pairs"].as_array().unwrap();
    let query = pairs[0]["query"].as_str().unwrap();
    let pairs: Vec<&Json> = pairs.iter().filter(|pair| pair["query"] == query).collect();
    assert!(pairs.len() > 1);
    let number = |pair: &Json, field: &str| pair[field][0].as_f64().unwrap();
    (
        query.to_owned(),
        pairs.iter().map(|pair| pair["document"].as_str().unwrap().to_owned()).collect(),
        pairs.iter().map(|pair| number(pair, "scores")).collect(),
        pairs.iter().map(|pair| number(pair, "logits")).collect(),
        pairs.iter().map(|pair| pair["tokens"].as_u64().unwrap()).sum(),
    )
}

/// Indices by falling score.
fn order(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    order
}

fn rerank(server: &Server, path: &str, body: &Json) -> Json {
    let (status, reply) = server.ask(path, body);
    assert_eq!(status, 200, "{reply}");
    reply
}

fn check(results: &Json, field: &str, scores: &[f64]) {
    let results = results.as_array().unwrap();
    let indices: Vec<usize> = results.iter().map(|result| result["index"].as_u64().unwrap() as usize).collect();
    assert_eq!(indices, &order(scores)[..results.len()]);
    for (result, &index) in results.iter().zip(&indices) {
        assert!((result[field].as_f64().unwrap() - scores[index]).abs() < 1e-5, "{result}");
    }
}

#[test]
fn documents_are_ordered_by_the_scores_of_sentence_transformers() {
    let (server, (query, documents, scores, logits, tokens)) = (server(), expected());
    for path in ["/rerank", "/v1/rerank", "/v2/rerank"] {
        let body = json!({"query": query, "documents": documents, "model": "default/not-specified",
            "max_chunks_per_doc": 10, "rank_fields": ["text"]});
        let reply = rerank(&server, path, &body);
        check(&reply["results"], "relevance_score", &scores);
        assert_eq!(reply["results"].as_array().unwrap().len(), documents.len());
        assert_eq!(reply["object"], "rerank");
        assert_eq!(reply["usage"], json!({"prompt_tokens": tokens, "total_tokens": tokens}));
        assert_eq!(reply["meta"]["tokens"]["input_tokens"], tokens);
        assert!(reply["id"].as_str().unwrap().starts_with("infa-") && reply["created"].is_u64());
        // Not even null, which not every client reads.
        assert!(reply["results"].as_array().unwrap().iter().all(|result| result.get("document").is_none()));
    }
    let body = json!({"query": query, "documents": documents, "raw_scores": true, "top_n": 1});
    let reply = rerank(&server, "/rerank", &body);
    check(&reply["results"], "relevance_score", &logits);
    assert_eq!(reply["results"].as_array().unwrap().len(), 1);
}

#[test]
fn equal_scores_are_in_the_order_of_the_documents() {
    let server = server();
    let reply = rerank(&server, "/rerank", &json!({"query": "a", "documents": ["b", "b", "b", "b"], "top_n": 9}));
    let indices: Vec<&Json> = reply["results"].as_array().unwrap().iter().map(|result| &result["index"]).collect();
    assert_eq!(indices, [0, 1, 2, 3]);
}

#[test]
fn documents_come_back_as_the_client_of_the_route_knows_them() {
    let (server, (query, documents, scores, ..)) = (server(), expected());
    let best = &documents[order(&scores)[0]];
    let objects: Vec<Json> = documents.iter().map(|text| json!({"text": text, "title": "of no consequence"})).collect();
    let strings = json!({"query": query, "documents": documents, "return_documents": true});
    let as_objects = json!({"query": query, "documents": objects, "return_documents": true});
    for (path, body, expected) in [
        ("/rerank", &strings, json!(best)),
        ("/v1/rerank", &strings, json!({"text": best})),
        ("/v2/rerank", &strings, json!({"text": best})),
        ("/rerank", &as_objects, json!({"text": best})),
        ("/v1/rerank", &as_objects, json!({"text": best})),
    ] {
        let reply = rerank(&server, path, body);
        check(&reply["results"], "relevance_score", &scores);
        assert_eq!(reply["results"][0]["document"], expected, "{path} {body}");
    }
}

#[test]
fn texts_are_answered_as_tei_does() {
    let (server, (query, documents, scores, logits, tokens)) = (server(), expected());
    let reply = server.post("/rerank", &json!({"query": query, "texts": documents}));
    assert_eq!(reply.headers()["x-compute-tokens"], tokens.to_string().as_str());
    let reply: Json = reply.json().unwrap();
    check(&reply, "score", &scores);
    assert!(reply[0].get("text").is_none());
    let body = json!({"query": query, "texts": documents, "return_text": true, "raw_scores": true,
        "truncate": true, "truncation_direction": "Right"});
    let reply = rerank(&server, "/rerank", &body);
    check(&reply, "score", &logits);
    assert_eq!(reply[0]["text"], json!(documents[order(&scores)[0]]));

    for (body, status, word) in [
        (json!({"query": "a", "texts": []}), 400, "Empty"),
        (json!({"query": "a", "texts": ["b"], "top_n": 0}), 400, "Validation"),
        (json!({"query": "a", "texts": ["b", "b ".repeat(100)], "truncate": false}), 413, "Validation"),
        (json!({"query": "a", "texts": ["b"], "model": "no/such"}), 404, "Validation"),
        (json!({"query": "a", "texts": vec!["b"; 3000]}), 413, "Validation"),
    ] {
        let (got, reply) = server.ask("/rerank", &body);
        assert_eq!((got, &reply["error_type"]), (status, &json!(word)), "{reply}");
        assert!(reply["error"].is_string());
    }
    let (_, reply) = server.ask("/rerank", &json!({"query": "a", "texts": ["b", "b ".repeat(100)], "truncate": false}));
    assert!(reply["error"].as_str().unwrap().starts_with("texts[1]: "), "{reply}");
}

#[test]
fn an_embedding_model_orders_by_its_similarity() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny")]);
    let documents = ["Hello world", "The quick brown fox", "Hello"];
    let reply = rerank(&server, "/rerank", &json!({"query": "Hello world", "documents": documents}));
    let embed = |text: &str, role: &str| {
        let reply = rerank(&server, "/embeddings", &json!({"input": text, "prompt_name": role}));
        support::floats(&reply["data"][0]["embedding"])
    };
    let query = embed("Hello world", "query");
    let dot = |text: &&str| embed(text, "document").iter().zip(&query).map(|(a, b)| f64::from(a * b)).sum();
    check(&reply["results"], "relevance_score", &documents.iter().map(dot).collect::<Vec<f64>>());
}
