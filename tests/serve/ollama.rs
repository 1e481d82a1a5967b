//! Ollama's routes.

use serde_json::{Value as Json, json};

use crate::running::{Server, fixture};
use crate::support;

fn server() -> Server {
    Server::start(&["--model-id", &fixture("bert-tiny"), "--served-model-name", "tiny"])
}

fn ask(server: &Server, path: &str, body: &Json) -> Json {
    let (status, reply) = server.ask(path, body);
    assert_eq!(status, 200, "{body}: {reply}");
    reply
}

fn expected(server: &Server, body: &Json) -> Vec<f32> {
    support::floats(&ask(server, "/embeddings", body)["data"][0]["embedding"])
}

fn same(a: &Json, b: &[f32]) -> bool {
    support::max_difference(&support::floats(a), b) <= 1e-6
}

#[test]
fn vectors_have_length_one_and_the_reply_is_ollamas() {
    let server = server();
    let plain = expected(&server, &json!({"input": "a cold river"}));
    let body = json!({"model": "tiny:latest", "input": ["b", "a cold river"], "options": {}, "keep_alive": "5m"});
    let reply = ask(&server, "/api/embed", &body);
    assert_eq!((&reply["model"], reply["embeddings"].as_array().unwrap().len()), (&json!("tiny"), 2));
    assert!(same(&reply["embeddings"][1], &plain));
    let total = reply["total_duration"].as_u64().unwrap();
    assert!(total > 0 && reply["load_duration"].as_u64().unwrap() <= total, "{reply}");
    assert!(reply["prompt_eval_count"].as_u64().unwrap() > 4, "{reply}");

    let one = ask(&server, "/api/embed", &json!({"model": "tiny", "input": "a cold river", "dimensions": 0}));
    assert!(same(&one["embeddings"][0], &plain));
    let cut = ask(&server, "/api/embed", &json!({"input": "a cold river", "dimensions": 16}));
    assert!(same(&cut["embeddings"][0], &expected(&server, &json!({"input": "a cold river", "dimensions": 16}))));
    for empty in [json!(""), json!([]), json!(null)] {
        let reply = ask(&server, "/api/embed", &json!({"model": "tiny", "input": empty}));
        assert_eq!((&reply["embeddings"], &reply["prompt_eval_count"]), (&json!([]), &json!(0)));
    }
    // A list has a vector for each of its texts, empty or not.
    for list in [json!([""]), json!(["a"]), json!(["", ""]), json!(["", "a"]), json!([{"text": ""}])] {
        let reply = ask(&server, "/api/embed", &json!({"input": list}));
        assert_eq!(reply["embeddings"].as_array().unwrap().len(), list.as_array().unwrap().len(), "{list}");
    }
    let empty = ask(&server, "/api/embed", &json!({"input": [""]}));
    assert!(same(&empty["embeddings"][0], &expected(&server, &json!({"input": [""]}))));
}

#[test]
fn the_older_route_does_not_scale() {
    let server = server();
    let raw = expected(&server, &json!({"input": "a cold river", "normalize": false}));
    let reply = ask(&server, "/api/embeddings", &json!({"model": "tiny", "prompt": "a cold river", "keep_alive": -1}));
    assert!(same(&reply["embedding"], &raw), "{reply}");
    assert_eq!(ask(&server, "/api/embeddings", &json!({"model": "tiny", "prompt": ""}))["embedding"], json!([]));
    assert_eq!(ask(&server, "/api/embeddings", &json!({"model": "tiny"}))["embedding"], json!([]));
}

#[test]
fn errors_are_texts() {
    let server = server();
    let long = "word ".repeat(1000);
    for (path, body, status, words) in [
        ("/api/embed", json!({"input": ["a", long], "truncate": false}), 400, "input[1]"),
        ("/api/embed", json!({"input": ["a", long], "options": {"num_ctx": 16}}), 400, "options.num_ctx"),
        ("/api/embed", json!({"input": 1.5}), 422, "input"),
        ("/api/embed", json!({"input": "a", "dimensions": 99}), 400, "dimensions"),
        ("/api/embed", json!({"input": vec!["a"; 5000]}), 413, "input"),
        ("/api/embeddings", json!({"prompt": ["a"]}), 422, "prompt"),
        ("/api/embeddings", json!({"prompt": long, "options": {"num_ctx": 16}}), 400, "options.num_ctx"),
    ] {
        let (got, reply) = server.ask(path, &body);
        let message = reply["error"].as_str().unwrap_or_else(|| panic!("{reply}"));
        assert!(got == status && message.contains(words), "{path}: {got} {reply}");
    }
    // Texts cut at the model's own length are accepted.
    let cut = ask(&server, "/api/embed", &json!({"input": long, "options": {"num_ctx": 4096, "temperature": 0.5}}));
    assert!(same(&cut["embeddings"][0], &expected(&server, &json!({"input": long}))));
    let keyed = Server::start(&["--model-id", &fixture("bert-tiny"), "--api-key", "right"]);
    let (status, reply) = keyed.ask("/api/embed", &json!({"input": "a"}));
    assert!(status == 401 && reply["error"].is_string(), "{reply}");
    let (status, reply) = (server.get("/api/generate").status(), server.get("/api/generate").json::<Json>().unwrap());
    assert!(status == 404 && reply["error"].is_string(), "{reply}");
}

#[test]
fn models_are_listed_and_shown() {
    let server = server();
    for path in ["/api/tags", "/api/ps"] {
        let list: Json = server.get(path).json().unwrap();
        let model = &list["models"][0];
        assert_eq!((&model["name"], &model["model"]), (&json!("tiny"), &json!("tiny")), "{list}");
        assert_eq!((&model["capabilities"], &model["details"]["family"]), (&json!(["embedding"]), &json!("bert")));
        assert!(model["modified_at"].as_str().unwrap().ends_with('Z') && model["digest"].as_str().unwrap().len() == 64);
    }
    for body in [json!({"model": "tiny"}), json!({"name": "tiny:latest"})] {
        let shown = ask(&server, "/api/show", &body);
        assert_eq!(shown["model_info"]["general.architecture"], "bert");
        assert_eq!(shown["model_info"]["bert.embedding_length"], 48);
        assert!(shown["model_info"]["bert.context_length"].as_u64().unwrap() > 8);
        assert_eq!(shown["capabilities"], json!(["embedding"]));
    }
    assert_eq!(server.get("/api/version").json::<Json>().unwrap()["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_size_of_a_model_is_that_of_its_files() {
    let server = server();
    let dir = crate::support::fixture("bert-tiny");
    let size = |name: &str| std::fs::metadata(dir.join(name)).unwrap().len();
    for path in ["/api/tags", "/api/ps"] {
        let reply: Json = server.get(path).json().unwrap();
        let shown = reply["models"][0]["size"].as_u64().unwrap();
        let weights = size("model.safetensors");
        assert!(shown > weights && shown < weights + (1 << 20), "{path}: {shown}, weights {weights}");
        assert!(shown >= weights + size("tokenizer.json") + size("config.json"), "{path}: {shown}");
    }
}
