//! Cohere's embed, of both versions of its API, beside TEI's on the same path.

use serde_json::{Value as Json, json};

use crate::running::{Server, fixture};
use crate::support;

fn server() -> Server {
    Server::start(&["--model-id", &fixture("bert-tiny")])
}

fn ask(server: &Server, path: &str, body: &Json) -> Json {
    let (status, reply) = server.ask(path, body);
    assert_eq!(status, 200, "{body}: {reply}");
    reply
}

/// The vectors of `/embeddings`, with these further fields.
fn expected(server: &Server, texts: &Json, more: &Json) -> Json {
    let mut body = json!({"input": texts});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let (status, reply) = server.ask("/embeddings", &body);
    assert_eq!(status, 200, "{reply}");
    reply["data"].as_array().unwrap().iter().map(|each| each["embedding"].clone()).collect()
}

fn same(a: &Json, b: &Json) -> bool {
    let (a, b) = (a.as_array().unwrap(), b.as_array().unwrap());
    let near = |(a, b)| support::max_difference(&support::floats(a), &support::floats(b)) <= 1e-6;
    a.len() == b.len() && a.iter().zip(b).all(near)
}

#[test]
fn the_second_version_has_vectors_by_type() {
    let server = server();
    let texts = json!(["a cold river", "b"]);
    let reply = ask(&server, "/v2/embed", &json!({"model": "", "texts": texts, "input_type": "search_query"}));
    assert!(
        same(&reply["embeddings"]["float"], &expected(&server, &texts, &json!({"prompt_name": "query"}))),
        "{reply}"
    );
    assert_eq!(reply["embeddings"].as_object().unwrap().len(), 1);
    assert_eq!(reply["response_type"], "embeddings_by_type");
    assert_eq!(reply["texts"], texts);
    assert_eq!(reply["meta"]["api_version"]["version"], "2");
    assert!(reply["meta"]["billed_units"]["input_tokens"].as_u64().unwrap() > 4, "{reply}");
    assert!(reply["id"].is_string());

    let types = ["float", "int8", "uint8", "binary", "ubinary", "base64"];
    let reply = ask(
        &server,
        "/v2/embed",
        &json!({"texts": texts, "input_type": "search_document", "embedding_types": types, "truncate": "END"}),
    );
    for name in types {
        let more = json!({"input_type": "document", "embedding_type": name});
        assert_eq!(reply["embeddings"][name], expected(&server, &texts, &more), "{name}");
    }
    let cut = ask(&server, "/v2/embed", &json!({"texts": texts, "output_dimension": 16.0}));
    assert!(same(&cut["embeddings"]["float"], &expected(&server, &texts, &json!({"dimensions": 16}))));
    // Content parts.
    let inputs =
        json!([{"content": [{"type": "text", "text": "a cold river"}]}, {"content": [{"type": "text", "text": "b"}]}]);
    let reply = ask(&server, "/v2/embed", &json!({"inputs": inputs}));
    assert!(same(&reply["embeddings"]["float"], &expected(&server, &texts, &json!({}))));
    assert!(reply.get("texts").is_none(), "{reply}");
}

#[test]
fn the_first_version_has_a_list_unless_types_are_named() {
    let server = server();
    let texts = json!(["a cold river", "b"]);
    for path in ["/v1/embed", "/embed"] {
        let reply = ask(&server, path, &json!({"texts": texts, "input_type": "search_document"}));
        assert!(same(&reply["embeddings"], &expected(&server, &texts, &json!({"prompt_name": "document"}))), "{reply}");
        assert_eq!((&reply["response_type"], &reply["texts"]), (&json!("embeddings_floats"), &texts));
        assert_eq!(reply["meta"]["api_version"]["version"], "1");
    }
    let reply = ask(&server, "/v1/embed", &json!({"texts": texts, "embedding_types": ["int8", "float"]}));
    assert_eq!(reply["response_type"], "embeddings_by_type");
    assert_eq!(reply["embeddings"]["int8"], expected(&server, &texts, &json!({"embedding_dtype": "int8"})));
    // On the same path TEI's.
    let tei = ask(&server, "/v1/embed", &json!({"inputs": texts}));
    assert!(same(&tei, &expected(&server, &texts, &json!({}))), "{tei}");
    for (body, status) in [(json!({"inputs": "a", "texts": ["a"]}), 422), (json!({}), 422), (json!({"texts": []}), 400)]
    {
        let (got, reply) = server.ask("/v1/embed", &body);
        assert_eq!(got, status, "{body}: {reply}");
        let (text, key) = if body.get("texts") == Some(&json!([])) {
            (&reply["message"], "id")
        } else {
            (&reply["error"], "error_type")
        };
        assert!(text.is_string() && reply[key].is_string(), "{reply}");
    }
}

#[test]
fn errors_are_coheres_and_name_the_field() {
    let server = server();
    let long = "word ".repeat(1000);
    for (body, status, words) in [
        (json!({}), 422, "texts"),
        (json!({"texts": ["a"], "inputs": [{"content": "b"}]}), 422, "exclude each other"),
        (json!({"texts": []}), 400, "texts"),
        (json!({"texts": "a"}), 422, "texts"),
        (json!({"texts": ["a", 1]}), 422, "texts[1]"),
        (json!({"images": ["data:image/png;base64,AAAA"]}), 400, "images"),
        (
            json!({"inputs": [{"content": [{"type": "image_url", "image_url": {"url": "a"}}]}]}),
            400,
            "inputs[0].content[0].image_url",
        ),
        (json!({"inputs": [{"content": [{"text": "a"}, {"text": "b"}]}]}), 400, "inputs[0].content"),
        (json!({"inputs": [{"content": []}]}), 400, "inputs[0].content"),
        (json!({"inputs": [{}]}), 422, "inputs[0]"),
        (json!({"texts": ["a"], "input_type": "image"}), 400, "input_type"),
        (json!({"texts": ["a"], "input_type": "clustering"}), 400, "input_type"),
        (json!({"texts": ["a"], "embedding_types": ["int4"]}), 400, "embedding_types[0]"),
        (json!({"texts": ["a", long], "truncate": "NONE"}), 400, "texts[1]"),
        (json!({"texts": ["a", long], "max_tokens": 16}), 400, "max_tokens"),
        (json!({"texts": ["a"], "output_dimension": 4096}), 400, "output_dimension"),
        (json!({"texts": vec!["a"; 5000]}), 413, "texts"),
    ] {
        let (got, reply) = server.ask("/v2/embed", &body);
        let message = reply["message"].as_str().unwrap_or_else(|| panic!("{reply}"));
        assert_eq!(got, status, "{message}");
        assert!(message.contains(words) && reply["id"].is_string(), "{words}: {reply}");
    }
    let keyed = Server::start(&["--model-id", &fixture("bert-tiny"), "--api-key", "right"]);
    let (status, reply) = keyed.ask("/v2/embed", &json!({"texts": ["a"]}));
    assert!(status == 401 && reply["message"].is_string(), "{reply}");
}

#[test]
fn both_ends_can_be_cut() {
    let server = server();
    let text = "word ".repeat(100) + &"other ".repeat(100);
    for (word, side) in [("START", "left"), ("END", "right"), ("start", "left")] {
        let reply = ask(&server, "/v2/embed", &json!({"texts": [text], "truncate": word}));
        let expected = expected(&server, &json!([text]), &json!({"truncate": side}));
        assert!(same(&reply["embeddings"]["float"], &expected), "{word}");
    }
}

#[test]
fn vectors_of_tokens_are_not_coheres() {
    let server = Server::start(&["--model-id", &fixture("architectures/colbert-native")]);
    let (status, reply) = server.ask("/v2/embed", &json!({"texts": ["a"]}));
    assert_eq!(status, 400, "{reply}");
    assert!(reply["message"].as_str().unwrap().contains("one vector per token"), "{reply}");
}
