//! The choice of the model: by name, by route, and by the models' outputs.

use serde_json::{Value as Json, json};

use crate::running::{Server, command, fixture, run};

const EMBEDDER: &str = "bert-tiny";
const RERANKER: &str = "architectures/bert-rerank";
const CLASSIFIER: &str = "architectures/bert-classify";
const COLBERT: &str = "architectures/colbert-native";
const SPLADE: &str = "architectures/bert-splade";

/// A server of these models, by name.
fn serve(models: &[(&str, &str)], args: &[&str]) -> Server {
    let dirs: Vec<String> = models.iter().map(|(_, dir)| fixture(dir)).collect();
    let mut all = vec!["--threads", "1"];
    for ((name, _), dir) in models.iter().zip(&dirs) {
        all.extend(["-m", dir, "--served-model-name", name]);
    }
    Server::start(&[&all[..], args].concat())
}

fn answered(server: &Server, path: &str, body: &Json) -> Json {
    let (status, reply) = server.ask(path, body);
    assert_eq!(status, 200, "{path} {body}: {reply}");
    reply
}

/// A request to each route of the API without a model's name.
fn requests() -> Vec<(&'static str, Json)> {
    vec![
        ("/embeddings", json!({"input": "a boat"})),
        ("/rerank", json!({"query": "a boat", "documents": ["a sea", "a boat"]})),
        ("/v2/rerank", json!({"query": "a boat", "documents": ["a sea", "a boat"]})),
        ("/rerank", json!({"query": "a boat", "texts": ["a sea", "a boat"]})),
        ("/classify", json!({"input": ["a boat"]})),
        ("/embed", json!({"inputs": "a boat"})),
        ("/embed_all", json!({"inputs": "a boat"})),
        ("/embed_sparse", json!({"inputs": "a boat"})),
        ("/similarity", json!({"inputs": {"source_sentence": "a boat", "sentences": ["a sea"]}})),
        ("/predict", json!({"inputs": "a boat"})),
        ("/", json!({"query": "a boat", "texts": ["a sea", "a boat"]})),
        ("/", json!({"inputs": {"source_sentence": "a boat", "sentences": ["a sea"]}, "parameters": {}})),
    ]
}

/// Without the fields that differ between equal responses.
fn lasting(mut reply: Json) -> Json {
    if let Some(reply) = reply.as_object_mut() {
        reply.remove("id");
        reply.remove("created");
    }
    reply
}

#[test]
fn each_route_without_a_name_goes_to_the_model_made_for_it() {
    let all = [("l", CLASSIFIER), ("s", SPLADE), ("c", COLBERT), ("e", EMBEDDER), ("r", RERANKER)];
    let forth = serve(&all, &[]);
    let mut reversed = all;
    reversed.reverse();
    let back = serve(&reversed, &[]);
    for (path, body) in requests() {
        let made_for_it = match path {
            "/rerank" | "/v2/rerank" => "r",
            "/classify" | "/predict" => "l",
            "/embed_sparse" => "s",
            // Both are.
            "/embed_all" => continue,
            "/" if body.get("texts").is_some() => "r",
            _ => "e",
        };
        let mut named = body.clone();
        named["model"] = made_for_it.into();
        let expected = lasting(answered(&forth, path, &named));
        for server in [&forth, &back] {
            for model in [None, Some(Json::Null), Some("".into()), Some("default/not-specified".into())] {
                let mut body = body.clone();
                if let Some(model) = model {
                    body["model"] = model;
                }
                assert_eq!(lasting(answered(server, path, &body)), expected, "{path} {body}");
            }
        }
    }
    let colbert = serve(&[("c", COLBERT), ("e", EMBEDDER)], &[]);
    let body = json!({"inputs": "a boat"});
    let named = answered(&colbert, "/embed_all", &json!({"inputs": "a boat", "model": "c"}));
    assert_eq!(answered(&colbert, "/embed_all", &body), named);
}

#[test]
fn a_model_that_left_memory_is_chosen_as_one_that_is_there() {
    let server = serve(&[("e", EMBEDDER), ("r", RERANKER)], &["--unload-after", "50ms"]);
    let left = || server.stderr().matches("unloaded until the next request").count();
    server.wait_for("both models to leave", || left() >= 2);
    let reply = answered(&server, "/rerank", &json!({"query": "a", "documents": ["b"]}));
    assert_eq!(reply["model"], "r");
}

#[test]
fn one_model_answers_to_any_name_and_several_do_not() {
    let one = serve(&[("e", EMBEDDER)], &[]);
    for (path, mut body) in requests() {
        if ["/classify", "/predict", "/embed_sparse"].contains(&path) {
            continue;
        }
        let expected = lasting(answered(&one, path, &body));
        for name in ["text-embedding-ada-002", "text-embeddings-inference", "sentence-transformers/all-MiniLM-L6-v2"] {
            body["model"] = name.into();
            assert_eq!(lasting(answered(&one, path, &body)), expected, "{path} {body}");
        }
    }
    assert_eq!(one.get("/info?model=any").status(), 200);
    assert_eq!(answered(&one, "/tokenize", &json!({"inputs": "a", "model": "any"})).as_array().unwrap().len(), 1);
    // Names in paths are exact.
    for path in ["/v1/models/any", "/v2/models/any", "/v2/models/any/ready"] {
        assert_eq!(one.get(path).status(), 404, "{path}");
    }

    let strict = serve(&[("e", EMBEDDER)], &["--strict-model-names"]);
    let several = serve(&[("e", EMBEDDER), ("r", RERANKER)], &[]);
    for (server, are) in [(&strict, "the model is e"), (&several, "the models are e, r")] {
        for (path, mut body) in requests() {
            body["model"] = "text-embedding-ada-002".into();
            let (status, reply) = server.ask(path, &body);
            assert_eq!(status, 404, "{path}: {reply}");
            let message = format!("there is no model \\\"text-embedding-ada-002\\\" here; {are}");
            assert!(reply.to_string().contains(&message), "{reply}");
        }
        assert_eq!(server.get("/info?model=any").status(), 404);
    }
    let variable = {
        let mut command = command(&["-m", &fixture(EMBEDDER)]);
        command.env("INFA_STRICT_MODEL_NAMES", "true");
        let server = Server::spawn(command);
        server.wait_until_ready();
        server
    };
    assert_eq!(variable.ask("/embeddings", &json!({"input": "a", "model": "any"})).0, 404);
}

#[test]
fn a_model_may_have_several_names() {
    let server = serve(&[("e, text-embedding-ada-002,org/e", EMBEDDER), ("r,rr", RERANKER)], &[]);
    for name in ["e", "text-embedding-ada-002", "org/e"] {
        let reply = answered(&server, "/embeddings", &json!({"input": "a", "model": name}));
        assert_eq!(reply["model"], "e", "{name}");
        let model: Json = server.get(&format!("/v1/models/{name}")).json().unwrap();
        assert_eq!((&model["id"], &model["root"]), (&json!(name), &json!("e")));
        assert_eq!(server.get(&format!("/v2/models/{name}/ready")).status(), 200);
        let info: Json = server.get(&format!("/info?model={name}")).json().unwrap();
        assert_eq!(info["served_model_name"], name);
    }
    assert_eq!(answered(&server, "/rerank", &json!({"query": "a", "documents": ["b"], "model": "rr"}))["model"], "r");
    let list: Json = server.get("/models").json().unwrap();
    let ids: Vec<&str> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["e", "text-embedding-ada-002", "org/e", "r", "rr"]);
    let bert = fixture(EMBEDDER);
    let (status, err) = run(&["-m", &bert, "-m", &fixture(RERANKER), "--served-model-name", "a,b;c,b"]);
    assert!(
        status == 2 && err.contains("--served-model-name") && err.contains("would both have the name \"b\""),
        "{err}"
    );
    let (status, err) = run(&["-m", &bert, "--served-model-name", ","]);
    assert!(status == 2 && err.contains("--served-model-name") && err.contains("no name"), "{err}");
}

#[test]
fn a_model_that_cannot_do_it_names_those_that_can() {
    let server = serve(&[("e", EMBEDDER), ("r", RERANKER), ("l", CLASSIFIER), ("f", EMBEDDER)], &[]);
    for (path, body, says) in [
        ("/embeddings", json!({"input": "a", "model": "r"}), "r gives no vectors; name a model that does: e, f"),
        ("/rerank", json!({"query": "a", "documents": ["b"], "model": "l"}), "a model that does: e, r, f"),
        ("/classify", json!({"input": ["a"], "model": "e"}), "e gives no labels; name a model that does: r, l"),
    ] {
        let (status, reply) = server.ask(path, &body);
        assert_eq!(
            (status, &reply["error"]["code"], &reply["error"]["param"]),
            (400, &json!("unsupported"), &json!("model"))
        );
        assert!(reply["error"]["message"].as_str().unwrap().ends_with(says), "{reply}");
    }
    let (status, reply) = server.ask("/embed", &json!({"inputs": "a", "model": "r"}));
    assert_eq!((status, &reply["error_type"]), (424, &json!("Backend")));
    assert_eq!(reply["error"], "r gives no vectors; name a model that does: e, f");
    let none = serve(&[("e", EMBEDDER), ("f", EMBEDDER)], &[]);
    let (status, reply) = none.ask("/classify", &json!({"input": ["a"]}));
    assert!(status == 400 && reply["error"]["message"].as_str().unwrap().contains("gives no labels"), "{reply}");
}

#[test]
fn models_tell_their_longest_text() {
    let server = serve(&[("e", EMBEDDER), ("r", RERANKER)], &[]);
    let list: Json = server.get("/v1/models").json().unwrap();
    for (model, name) in list["data"].as_array().unwrap().iter().zip(["e", "r"]) {
        let info: Json = server.get(&format!("/info?model={name}")).json().unwrap();
        assert_eq!(info["served_model_name"], name);
        assert_eq!(model["max_model_len"], info["max_input_length"], "{model}");
        assert!(model["max_model_len"].as_u64().unwrap() > 0);
    }
}
