//! `/score`, as vLLM's clients use it: one with one, one with many, each with its own.

use serde_json::{Value as Json, json};

use crate::running::{Server, fixture};

const DOCUMENTS: [&str; 3] = ["red tree", "the cold river", "a boat"];

fn scores(server: &Server, body: &Json) -> Vec<f64> {
    let (status, reply) = server.ask("/v1/score", body);
    assert_eq!(status, 200, "{body}: {reply}");
    assert_eq!(reply["object"], "list");
    let data = reply["data"].as_array().unwrap();
    for (index, score) in data.iter().enumerate() {
        assert_eq!((&score["index"], &score["object"]), (&json!(index), &json!("score")));
    }
    assert!(reply["usage"]["total_tokens"].as_u64().unwrap() > 0);
    data.iter().map(|score| score["score"].as_f64().unwrap()).collect()
}

/// Scores by `/rerank`, in the order of the documents.
fn expected(server: &Server, query: &str, documents: &[&str]) -> Vec<f64> {
    let (status, reply) = server.ask("/rerank", &json!({"query": query, "documents": documents}));
    assert_eq!(status, 200, "{reply}");
    let mut scores = vec![0.0; documents.len()];
    for result in reply["results"].as_array().unwrap() {
        scores[result["index"].as_u64().unwrap() as usize] = result["relevance_score"].as_f64().unwrap();
    }
    scores
}

#[test]
fn pairs_in_every_wording() {
    for model in ["architectures/bert-rerank", "bert-tiny", "architectures/colbert-native", "architectures/bert-splade"]
    {
        let server = Server::start(&["-m", &fixture(model), "--threads", "1"]);
        let close = |a: Vec<f64>, b: &[f64]| {
            let near = a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
            assert!(near, "{model}: {a:?} {b:?}");
        };
        let many = expected(&server, "cold river", &DOCUMENTS);
        for (first, second) in
            [("queries", "documents"), ("queries", "items"), ("data_1", "data_2"), ("text_1", "text_2")]
        {
            close(scores(&server, &json!({first: "cold river", second: DOCUMENTS})), &many);
            close(scores(&server, &json!({first: ["cold river"], second: DOCUMENTS})), &many);
            close(scores(&server, &json!({first: "cold river", second: DOCUMENTS[1]})), &many[1..2]);
            let queries = ["cold river", "a boat", "cold river"];
            let paired = [many[0], expected(&server, "a boat", &DOCUMENTS[1..2])[0], many[2]];
            close(scores(&server, &json!({first: queries, second: DOCUMENTS})), &paired);
        }
        let parts =
            json!([{"content": [{"type": "text", "text": DOCUMENTS[0]}]}, {"text": DOCUMENTS[1]}, DOCUMENTS[2]]);
        close(scores(&server, &json!({"queries": {"content": "cold river"}, "documents": parts})), &many);
    }
}

#[test]
fn score_refuses_lists_that_do_not_match() {
    let server = Server::start(&["-m", &fixture("architectures/bert-rerank"), "--threads", "1"]);
    for (body, status, field) in [
        (json!({"queries": ["a", "b"], "documents": ["c"]}), 400, "queries"),
        (json!({"queries": ["a", "b"], "documents": ["c", "d", "e"]}), 400, "queries"),
        (json!({"text_1": ["a", "b"], "text_2": "c"}), 400, "text_1"),
        (json!({"queries": [], "documents": ["c"]}), 400, "queries"),
        (json!({"queries": "a", "documents": []}), 400, "documents"),
        (json!({"queries": "a"}), 422, "documents"),
        (json!({"documents": ["a"]}), 422, "queries"),
        (json!({"queries": "a", "text_2": ["b"]}), 422, "text_2"),
        (json!({"queries": "a", "documents": ["b"], "text_2": ["b"]}), 422, "text_2"),
        // SGLang's.
        (json!({"query": "a", "items": ["b"], "label_token_ids": [1, 2]}), 400, "label_token_ids"),
        (json!({"queries": "a", "documents": ["b"], "max_tokens_per_doc": 1}), 400, "max_tokens_per_doc"),
        (
            json!({"queries": "a", "documents": ["b"], "raw_scores": false, "use_activation": false}),
            400,
            "use_activation",
        ),
        (json!({"queries": ["a", "b"], "documents": ["c", "d ".repeat(300)], "truncate": "none"}), 400, "documents[1]"),
        (json!({"queries": "a", "documents": vec!["b"; 3000]}), 413, "documents"),
        // By the names that the client sent.
        (json!({"queries": "a", "items": ["c", "d ".repeat(300)], "truncate": "none"}), 400, "items[1]"),
        (json!({"data_1": ["a", "b"], "data_2": ["c", "d ".repeat(300)], "truncate": false}), 400, "data_2[1]"),
        (json!({"text_1": "a", "text_2": "d ".repeat(300), "truncate": "none"}), 400, "text_2[0]"),
        (
            json!({"queries": "a", "documents": ["b"], "truncate": "left", "truncation_side": "right"}),
            400,
            "truncation_side",
        ),
    ] {
        let (got, reply) = server.ask("/score", &body);
        let shown: String = body.to_string().chars().take(120).collect();
        assert_eq!((got, &reply["error"]["param"]), (status, &json!(field)), "{shown}: {reply}");
    }
    let agreed = json!({"queries": "a", "documents": ["b"], "truncate": "END", "truncation_side": "right"});
    assert_eq!(scores(&server, &agreed), scores(&server, &json!({"queries": "a", "documents": ["b"]})));
    let raw = scores(&server, &json!({"queries": "a", "documents": DOCUMENTS, "use_activation": false}));
    let squeezed = scores(&server, &json!({"queries": "a", "documents": DOCUMENTS}));
    for (raw, squeezed) in raw.iter().zip(squeezed) {
        assert!((1.0 / (1.0 + (-raw).exp()) - squeezed).abs() < 1e-9);
    }
}

#[test]
fn pairs_with_queries_of_their_own_are_one_request() {
    for model in ["architectures/bert-rerank", "bert-tiny", "architectures/colbert-native", "architectures/bert-splade"]
    {
        let args = ["-m", &fixture(model), "--threads", "1", "--no-model-warmup", "--max-client-batch-size", "60"];
        let server = Server::start(&args);
        let counted = || -> f64 {
            let metrics = server.get("/metrics").text().unwrap();
            let lines = metrics.lines().filter(|line| line.starts_with("infa_model_requests_total{"));
            lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
        };
        // Some queries are there several times, and not one after the other.
        let words = ["red tree", "cold river", "boat", "the cat", "seven", "bridge of stone", "x"];
        let queries: Vec<String> = (0..60).map(|i| format!("{} {}", words[i % 7], words[(i * 3) % 5])).collect();
        let documents: Vec<String> = (0..60).map(|i| format!("{} and {i}", words[(i * i) % 7])).collect();
        let all = scores(&server, &json!({"queries": queries, "documents": documents}));
        assert_eq!(counted(), 1.0, "{model}");
        for i in 0..60 {
            let alone = expected(&server, &queries[i], &[&documents[i]])[0];
            assert!((all[i] - alone).abs() < 1e-6, "{model}: pair {i}: {} {alone}", all[i]);
        }
        let before = counted();
        let (status, reply) = server.ask("/score", &json!({"queries": vec!["a"; 61], "documents": vec!["b"; 61]}));
        assert_eq!((status, &reply["error"]["code"]), (413, &json!("batch_too_large")), "{reply}");
        let mut long = queries.clone();
        long[7] = "word ".repeat(600);
        let (status, reply) =
            server.ask("/score", &json!({"queries": long, "documents": documents, "truncate": "none"}));
        let text = reply.to_string();
        // The client's own index, not that among the distinct queries.
        let named = if model.ends_with("rerank") { "documents[7]" } else { "queries[7]" };
        assert!(status == 400 && text.contains(named), "{model}: {reply}");
        // The second request reached the model and counts once.
        assert_eq!(counted() - before, 1.0, "{model}");
    }
}
