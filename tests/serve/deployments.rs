//! Names of models in the path (Azure, OpenAI's first clients), and vLLM's `/pooling`.

use serde_json::{Value as Json, json};

use crate::running::{Server, fixture};
use crate::support;

fn same(a: &Json, b: &Json) -> bool {
    support::max_difference(&support::floats(a), &support::floats(b)) <= 1e-6
}

fn ask(server: &Server, path: &str, body: &Json) -> Json {
    let (status, reply) = server.ask(path, body);
    assert_eq!(status, 200, "{path}: {reply}");
    reply
}

#[test]
fn the_name_in_the_path_wins() {
    let (tiny, plain) = (fixture("bert-tiny"), fixture("bert-plain"));
    let names = ["--served-model-name", "org/tiny", "--served-model-name", "plain"];
    let server = Server::start(&[&["-m", &tiny, "-m", &plain], &names[..]].concat());
    let of = |name: &str| {
        ask(&server, "/v1/embeddings", &json!({"input": "a cold river", "model": name}))["data"][0].clone()
    };
    for (path, name) in [
        ("/openai/deployments/org%2Ftiny/embeddings?api-version=2024-10-21", "org/tiny"),
        ("/openai/deployments/org/tiny/embeddings", "org/tiny"),
        ("/openai/deployments/plain/embeddings?api-version=2024-10-21", "plain"),
        ("/v1/engines/org%2Ftiny/embeddings", "org/tiny"),
        ("/v1/engines/plain/embeddings", "plain"),
        ("/engines/plain/embeddings", "plain"),
    ] {
        let reply = ask(&server, path, &json!({"input": "a cold river", "model": "text-embedding-ada-002"}));
        assert_eq!(reply["model"], name, "{path}");
        assert!(same(&reply["data"][0]["embedding"], &of(name)["embedding"]), "{path}");
    }
    let reply = ask(&server, "/openai/v1/embeddings", &json!({"input": "a cold river", "model": "plain"}));
    assert_eq!(reply["model"], "plain");
    for path in ["/openai/models?api-version=2024-10-21", "/openai/v1/models"] {
        assert_eq!(server.get(path).json::<Json>().unwrap()["data"][0]["id"], "org/tiny", "{path}");
    }
    for (path, code) in [
        ("/openai/deployments/nobody/embeddings", "model_not_found"),
        ("/v1/engines/nobody/embeddings", "model_not_found"),
        ("/openai/deployments/plain/chat/completions", "unknown_url"),
        ("/openai/deployments/embeddings", "unknown_url"),
    ] {
        let (status, reply) = server.ask(path, &json!({"input": "a"}));
        assert_eq!((status, &reply["error"]["code"]), (404, &json!(code)), "{path}: {reply}");
    }
}

#[test]
fn azures_header_carries_the_key() {
    let server = Server::start(&["-m", &fixture("bert-tiny"), "--served-model-name", "tiny", "--api-key", "right"]);
    let url = format!("{}/openai/deployments/tiny/embeddings?api-version=2024-10-21", server.url);
    let ask = |headers: &[(&str, &str)]| {
        let request =
            headers.iter().fold(server.client.post(&url), |request, (name, value)| request.header(*name, *value));
        request.json(&json!({"input": "a"})).send().unwrap().status().as_u16()
    };
    assert_eq!(ask(&[("api-key", "right")]), 200);
    assert_eq!(ask(&[("Api-Key", "right")]), 200);
    assert_eq!(ask(&[("authorization", "Bearer right")]), 200);
    for wrong in [&[("api-key", "wrong")][..], &[("api-key", "")], &[("api-key", "Bearer right")], &[]] {
        assert_eq!(ask(wrong), 401, "{wrong:?}");
    }
    // With both, the first one counts.
    assert_eq!(ask(&[("authorization", "Bearer wrong"), ("api-key", "right")]), 401);
}

#[test]
fn pooling_gives_vectors_of_texts_and_of_tokens() {
    let server = Server::start(&["-m", &fixture("bert-tiny")]);
    let texts = json!(["a cold river", "b"]);
    let vectors = ask(&server, "/v1/embeddings", &json!({"input": texts}));
    for body in [json!({"input": texts}), json!({"input": texts, "task": "embed"})] {
        for path in ["/pooling", "/v1/pooling"] {
            let reply = ask(&server, path, &body);
            for i in 0..2 {
                let item = &reply["data"][i];
                assert_eq!((&item["index"], &item["object"]), (&json!(i), &json!("pooling")));
                assert!(same(&item["data"], &vectors["data"][i]["embedding"]), "{item}");
            }
            assert_eq!(reply["usage"], vectors["usage"]);
        }
    }
    let raw = ask(&server, "/embed_all", &json!({"inputs": texts}));
    let tokens = ask(&server, "/pooling", &json!({"input": texts, "task": "token_embed", "use_activation": false}));
    assert_eq!(tokens["data"][0]["data"], raw[0]);
    let unit = ask(&server, "/pooling", &json!({"input": texts, "task": "token_embed"}));
    for (row, scaled) in raw[0].as_array().unwrap().iter().zip(unit["data"][0]["data"].as_array().unwrap()) {
        let row = support::floats(row);
        let length = row.iter().map(|x| x * x).sum::<f32>().sqrt();
        let expected: Vec<f32> = row.iter().map(|x| x / length).collect();
        assert!(support::max_difference(&support::floats(scaled), &expected) < 1e-6);
    }
    let base64 = ask(&server, "/pooling", &json!({"input": "b", "task": "token_embed", "encoding_format": "base64"}));
    assert!(base64["data"][0]["data"].is_string());
    for (more, field) in [
        (json!({"task": "classify"}), "task"),
        (json!({"task": "nonsense"}), "task"),
        (json!({"task": "token_embed", "dimensions": 8}), "dimensions"),
    ] {
        let mut body = json!({"input": "a"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (status, reply) = server.ask("/pooling", &body);
        assert_eq!((status, &reply["error"]["param"]), (400, &json!(field)), "{reply}");
    }
    let colbert = Server::start(&["-m", &fixture("architectures/colbert-native")]);
    let all = ask(&colbert, "/embed_all", &json!({"inputs": texts}));
    for body in [json!({"input": texts}), json!({"input": texts, "task": "token_embed"})] {
        assert_eq!(ask(&colbert, "/pooling", &body)["data"][1]["data"], all[1]);
    }
    assert_eq!(colbert.ask("/pooling", &json!({"input": texts, "task": "embed"})).0, 400);
}
