//! `/embeddings` and `/models`, against the vectors of sentence-transformers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::running::{Server, fixture};
use crate::support;

fn server() -> Server {
    Server::start(&["--model-id", &fixture("bert-tiny")])
}

fn expected() -> Json {
    support::json(support::fixture("bert-tiny").join("expected.json"))
}

fn embed(server: &Server, body: &Json) -> Json {
    let (status, reply) = server.ask("/embeddings", body);
    assert_eq!(status, 200, "{reply}");
    reply
}

fn vectors(reply: &Json) -> Vec<Vec<f32>> {
    reply["data"].as_array().unwrap().iter().map(|object| support::floats(&object["embedding"])).collect()
}

fn vector(server: &Server, body: &Json) -> Vec<f32> {
    vectors(&embed(server, body)).remove(0)
}

fn near(a: &[f32], b: &[f32]) -> bool {
    support::max_difference(a, b) <= 1e-5
}

fn bytes(reply: &Json) -> Vec<u8> {
    STANDARD.decode(reply["data"][0]["embedding"].as_str().unwrap()).unwrap()
}

fn floats_of(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect()
}

#[test]
fn vectors_are_those_of_sentence_transformers_and_tokens_are_tokens() {
    let (server, expected) = (server(), expected());
    let cases = expected["cases"].as_array().unwrap();
    let texts: Vec<&str> = cases.iter().map(|case| case["text"].as_str().unwrap()).collect();
    let reply = embed(&server, &json!({"input": texts, "model": "default/not-specified", "user": "me"}));
    for (index, (case, vector)) in cases.iter().zip(vectors(&reply)).enumerate() {
        assert!(near(&vector, &support::floats(&case["embedding"])), "{}", case["name"]);
        assert_eq!(reply["data"][index]["index"], index);
        assert_eq!(reply["data"][index]["object"], "embedding");
    }
    let tokens: u64 = cases.iter().map(|case| case["tokens"].as_u64().unwrap()).sum();
    assert_eq!(reply["usage"], json!({"prompt_tokens": tokens, "total_tokens": tokens}));
    assert_eq!(reply["object"], "list");
    assert!(reply["id"].as_str().unwrap().starts_with("infa-"));
    assert!(reply["created"].as_u64().unwrap() > 1_700_000_000);
    assert_eq!(reply["data"].as_array().unwrap().len(), texts.len());

    // One text alone, bare or not, an empty one too, is the same.
    for (case, text) in cases.iter().zip(&texts).take(4) {
        let (status, reply) = server.ask("/v1/embeddings", &json!({"input": text}));
        assert_eq!((status, vectors(&reply).len()), (200, 1));
        assert!(near(&vectors(&reply)[0], &support::floats(&case["embedding"])), "{}", case["name"]);
    }
}

#[test]
fn base64_is_the_same_float32() {
    let server = server();
    let floats = vector(&server, &json!({"input": "Hello world"}));
    let base64 = embed(&server, &json!({"input": "Hello world", "encoding_format": "base64"}));
    assert_eq!(floats_of(&bytes(&base64)), floats, "shortest digits must read back as the same number");
    assert_eq!(vector(&server, &json!({"input": "Hello world", "encoding_format": "float"})), floats);
}

#[test]
fn a_large_reply_has_every_vector_where_it_belongs() {
    let server = server();
    let texts: Vec<String> = (0..1500).map(|i| format!("text number {i}")).collect();
    let all = vectors(&embed(&server, &json!({"input": texts})));
    assert_eq!(all.len(), texts.len());
    for i in [0, 7, 1499] {
        assert!(near(&all[i], &vector(&server, &json!({"input": texts[i]}))), "{i}");
    }
}

#[test]
fn dimensions_are_cut_and_then_normalised_again() {
    let (server, expected) = (server(), expected());
    let case = &expected["cases"][1];
    for field in ["dimensions", "output_dimension"] {
        let got = vector(&server, &json!({"input": case["text"], field: 16}));
        assert!(near(&got, &support::floats(&case["dim16"])), "{field}");
    }
    let raw = vector(&server, &json!({"input": case["text"], "dimensions": 16, "normalize": false}));
    assert!(near(&raw, &support::floats(&case["raw"]["mean"])[..16]));
}

#[test]
fn prompts_and_truncation_are_those_of_the_request() {
    let (server, expected) = (server(), expected());
    let cases = expected["cases"].as_array().unwrap();
    let case = &cases[1];
    let query = support::floats(&case["query"]["embedding"]);
    for prompt in [json!({"prompt_name": "query"}), json!({"prompt": "query: "})] {
        let mut body = json!({"input": case["text"]});
        body.as_object_mut().unwrap().extend(prompt.as_object().unwrap().clone());
        let reply = embed(&server, &body);
        assert!(near(&vectors(&reply)[0], &query), "{prompt}");
        assert_eq!(reply["usage"]["prompt_tokens"], case["query"]["tokens"]);
    }
    let long = cases.iter().find(|case| case["left"].is_object()).unwrap();
    let (text, left) = (&long["text"], support::floats(&long["left"]["embedding"]));
    assert!(near(&vector(&server, &json!({"input": text, "truncate": "left"})), &left));
    for truncate in [json!("right"), json!(true), json!(null)] {
        let got = vector(&server, &json!({"input": text, "truncate": truncate}));
        assert!(near(&got, &support::floats(&long["embedding"])), "{truncate}");
    }
    for truncate in [json!("none"), json!(false)] {
        let (status, reply) = server.ask("/embeddings", &json!({"input": ["short", text], "truncate": truncate}));
        assert_eq!((status, &reply["error"]["param"]), (400, &json!("input[1]")), "{reply}");
    }
}

#[test]
fn token_ids_are_taken_as_they_are() {
    let (server, expected) = (server(), expected());
    let cases = &expected["cases"].as_array().unwrap()[1..4];
    let ids: Vec<&Json> = cases.iter().map(|case| &case["ids"]).collect();
    let all = vectors(&embed(&server, &json!({"input": ids})));
    for (case, vector) in cases.iter().zip(&all) {
        assert!(near(vector, &support::floats(&case["embedding"])), "{}", case["name"]);
    }
    assert!(near(&vector(&server, &json!({"input": ids[0]})), &all[0]));
    for (input, param) in [(json!([[2, 3], []]), "input[1]"), (json!([2, 4_000_000_000_u32, 3]), "input[0]")] {
        let (status, reply) = server.ask("/embeddings", &json!({"input": input}));
        assert_eq!((status, &reply["error"]["param"]), (400, &json!(param)), "{reply}");
    }
}

#[test]
fn other_number_types_are_made_of_the_same_vector() {
    let server = server();
    let floats = vector(&server, &json!({"input": "Hello world"}));
    let ask = |dtype: &str, format: &str| {
        embed(&server, &json!({"input": "Hello world", "embedding_dtype": dtype, "encoding_format": format}))
    };
    let int8: Vec<f32> = floats.iter().map(|x| (x * 127.0).round()).collect();
    let uint8: Vec<f32> = int8.iter().map(|x| x + 128.0).collect();
    let bit = |(i, x): (usize, &f32)| if *x > 0.0 { 128 >> i } else { 0 };
    let ubinary: Vec<f32> =
        floats.chunks(8).map(|eight| eight.iter().enumerate().map(bit).sum::<i32>() as f32).collect();
    let binary: Vec<f32> = ubinary.iter().map(|x| x - 128.0).collect();
    for (dtype, expected) in [("int8", int8), ("uint8", uint8), ("binary", binary), ("ubinary", ubinary)] {
        assert_eq!(vectors(&ask(dtype, "float"))[0], expected, "{dtype}");
        let bytes = bytes(&ask(dtype, "base64"));
        let signed = dtype == "int8" || dtype == "binary";
        let number = |&byte: &u8| if signed { f32::from(byte as i8) } else { f32::from(byte) };
        assert_eq!(bytes.iter().map(number).collect::<Vec<f32>>(), expected, "{dtype}");
    }
    assert_eq!(vectors(&ask("float32", "float"))[0], floats);
}

#[test]
fn the_servers_number_type_holds_where_a_request_has_none() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny"), "--embedding-dtype", "int8"]);
    let floats = vector(&server, &json!({"input": "Hello world", "embedding_dtype": "float32"}));
    let int8: Vec<f32> = floats.iter().map(|x| (x * 127.0).round()).collect();
    assert_eq!(vector(&server, &json!({"input": "Hello world"})), int8);
    // A client that named no type reads base64 as float32.
    let base64 = embed(&server, &json!({"input": "Hello world", "encoding_format": "base64"}));
    assert_eq!(floats_of(&bytes(&base64)), int8);
}

#[test]
fn models_are_listed_and_found_by_name() {
    let server = server();
    for path in ["/models", "/v1/models"] {
        let list: Json = server.get(path).json().unwrap();
        let model = &list["data"][0];
        assert_eq!((&list["object"], &model["object"]), (&json!("list"), &json!("model")));
        assert!(model["capabilities"].as_array().unwrap().contains(&json!("embed")), "{model}");
        assert_eq!(model["stats"]["queue_absolute"], 0);
        assert_eq!(model["stats"]["queue_fraction"], 0.0);
        assert_eq!(model["stats"]["batch_size"], 512);
        let id = model["id"].as_str().unwrap();
        let one = server.get(&format!("{path}/{id}"));
        assert_eq!(one.status(), 200);
        assert_eq!(one.json::<Json>().unwrap()["id"], id);
        let none = server.get(&format!("{path}/no/such"));
        assert_eq!(none.status(), 404);
        let error = none.json::<Json>().unwrap();
        assert_eq!(error["error"]["code"], "model_not_found");
        assert!(error["error"]["message"].as_str().unwrap().contains(id), "{error}");
        // The model answers to its name.
        assert_eq!(server.ask("/embeddings", &json!({"input": "a", "model": id})).0, 200);
    }
    let not_utf8 = server.get("/models/%ff");
    assert_eq!(not_utf8.status(), 404);
    assert!(not_utf8.json::<Json>().unwrap()["error"]["message"].is_string());
}
