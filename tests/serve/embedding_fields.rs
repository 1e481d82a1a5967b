//! The fields of `/embeddings` in the words of Jina, Voyage, NIM, Cohere, vLLM and Infinity: each is followed or refused.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::running::{Server, fixture};
use crate::support;

fn server(model: &str) -> Server {
    Server::start(&["--model-id", &fixture(model)])
}

/// The body with further fields.
fn with(body: &Json, more: &Json) -> Json {
    let mut body = body.clone();
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn reply(server: &Server, body: &Json) -> Json {
    let (status, reply) = server.ask("/v1/embeddings", body);
    assert_eq!(status, 200, "{body}: {reply}");
    reply
}

fn first(server: &Server, body: &Json) -> Json {
    reply(server, body)["data"][0]["embedding"].clone()
}

fn same(a: &Json, b: &Json) -> bool {
    support::max_difference(&support::floats(a), &support::floats(b)) <= 1e-6
}

/// 400 for this field.
fn refused(server: &Server, body: &Json, field: &str) {
    let (status, reply) = server.ask("/v1/embeddings", body);
    assert_eq!((status, &reply["error"]["param"]), (400, &json!(field)), "{body}: {reply}");
}

#[test]
fn zero_dimensions_are_all_and_whole_numbers_may_be_floats() {
    let server = server("bert-tiny");
    // As the constructors of infinity_client send it.
    let all = first(&server, &json!({"input": ["hello"], "model": "", "dimensions": 0, "modality": "text"}));
    assert_eq!(all.as_array().unwrap().len(), 48);
    for body in [json!({"dimensions": null}), json!({"output_dimension": 0}), json!({"dimensions": 48.0})] {
        assert!(same(&first(&server, &with(&json!({"input": ["hello"]}), &body)), &all), "{body}");
    }
    let cut = first(&server, &json!({"input": "hello", "dimensions": 16}));
    for body in [
        json!({"dimensions": 16.0}),
        json!({"output_dimension": 16}),
        json!({"output_dimension": 1.6e1, "dimensions": 16}),
        json!({"output_dimension": 16, "dimensions": 0}),
    ] {
        assert!(same(&first(&server, &with(&json!({"input": "hello"}), &body)), &cut), "{body}");
    }
    refused(&server, &json!({"input": "a", "dimensions": 16, "output_dimension": 8}), "output_dimension");
    refused(&server, &json!({"input": "a", "output_dimension": 49}), "output_dimension");
    refused(&server, &json!({"input": "a", "dimensions": 49.0}), "dimensions");
}

#[test]
fn the_use_of_texts_chooses_the_prompt_that_means_it() {
    let server = server("bert-tiny");
    let body = json!({"input": ["cold river"]});
    let plain = first(&server, &body);
    let query = first(&server, &with(&body, &json!({"prompt": "query: "})));
    let document = first(&server, &with(&body, &json!({"prompt": "passage text: "})));
    assert!(!same(&plain, &query) && !same(&query, &document));
    for word in ["query", "search_query", "retrieval.query", "RETRIEVAL_QUERY", "Query"] {
        for field in ["task", "input_type"] {
            assert!(same(&first(&server, &with(&body, &json!({field: word}))), &query), "{field} {word}");
        }
    }
    for word in ["document", "passage", "search_document", "retrieval.passage", "retrieval.document"] {
        for field in ["task", "input_type"] {
            assert!(same(&first(&server, &with(&body, &json!({field: word}))), &document), "{field} {word}");
        }
    }
    for open in [json!({"input_type": null}), json!({"task": null}), json!({"input_type": "text"})] {
        assert!(same(&first(&server, &with(&body, &open)), &plain), "{open}");
    }
    // The model has prompts, but none of these.
    for word in ["classification", "clustering", "text-matching", "separation", "code.query", "image", "nonsense"] {
        refused(&server, &with(&body, &json!({"task": word})), "task");
        refused(&server, &with(&body, &json!({"input_type": word})), "input_type");
    }
    refused(&server, &with(&body, &json!({"task": "query", "input_type": "query"})), "input_type");
    refused(&server, &with(&body, &json!({"task": "query", "prompt": "a"})), "prompt");
    refused(&server, &with(&body, &json!({"input_type": "query", "prompt_name": "query"})), "prompt_name");
    // NIM's suffix of the name.
    let name = reply(&server, &body)["model"].as_str().unwrap().to_owned();
    for (suffix, expected) in [("", &plain), ("-query", &query), ("-passage", &document)] {
        assert!(
            same(&first(&server, &with(&body, &json!({"model": format!("{name}{suffix}")}))), expected),
            "{suffix}"
        );
    }
}

#[test]
fn names_of_prompts_mean_the_same_whatever_their_style() {
    for (model, query, document) in [
        ("architectures/nomic-v1.5", "search_query: ", Some("search_document: ")),
        ("architectures/xlm-roberta-embed", "query: ", Some("passage: ")),
        // A prompt for queries alone: documents have none.
        ("architectures/qwen2-gte", "Instruct: Given a question, find the text that answers it\nQuery: ", None),
    ] {
        let server = server(model);
        let body = json!({"input": ["a river in the cold"]});
        let ask = |more: &Json| first(&server, &with(&body, more));
        assert!(same(&ask(&json!({"task": "retrieval.query"})), &ask(&json!({"prompt": query}))), "{model}");
        assert!(same(&ask(&json!({"input_type": "query"})), &ask(&json!({"prompt": query}))), "{model}");
        let expected = document.map_or(ask(&json!({})), |document| ask(&json!({"prompt": document})));
        assert!(same(&ask(&json!({"input_type": "passage"})), &expected), "{model}");
        assert!(same(&ask(&json!({"input_type": "search_document"})), &expected), "{model}");
    }
    // A model without prompts makes no difference between uses.
    let server = server("bert-plain");
    let body = json!({"input": ["a river in the cold"]});
    let plain = first(&server, &body);
    for word in ["query", "search_document", "classification", "clustering", "text-matching"] {
        assert!(same(&first(&server, &with(&body, &json!({"input_type": word}))), &plain), "{word}");
    }
    refused(&server, &with(&body, &json!({"input_type": "nonsense"})), "input_type");
    // Unknown names are accepted like any other, and similar ones are not guessed.
    let server = self::server("bert-odd");
    let ask = |more: &Json| first(&server, &with(&body, more));
    assert!(same(&ask(&json!({"task": "short"})), &ask(&json!({"prompt": "Q "}))));
    refused(&server, &with(&body, &json!({"task": "retrieval.query"})), "task");
}

#[test]
fn adapters_are_for_one_task() {
    let server =
        Server::start(&["--model-id", &fixture("architectures/jina-v3-lora"), "--prompt-name", "retrieval.query"]);
    let body = json!({"input": ["a river in the cold"]});
    let query = first(&server, &with(&body, &json!({"prompt_name": "retrieval.query"})));
    assert!(same(&first(&server, &with(&body, &json!({"task": "retrieval.query"}))), &query));
    refused(&server, &with(&body, &json!({"task": "retrieval.passage"})), "task");
    refused(&server, &with(&body, &json!({"task": "text-matching"})), "task");
}

#[test]
fn truncation_in_everybodys_words() {
    let server = server("bert-tiny");
    let text = "word ".repeat(100) + &"other ".repeat(100);
    let body = json!({"input": ["a", text]});
    let ask = |more: &Json| reply(&server, &with(&body, more))["data"][1]["embedding"].clone();
    let (right, left) = (ask(&json!({"truncate": "right"})), ask(&json!({"truncate": "left"})));
    assert!(!same(&right, &left));
    for more in [
        json!({}),
        json!({"truncate": "END"}),
        json!({"truncate": "Right"}),
        json!({"truncate": true}),
        json!({"truncation": true}),
        json!({"truncation": null, "truncate": null}),
        json!({"truncation_side": "right"}),
        json!({"truncate": "END", "truncation": true}),
        json!({"truncate": "right", "truncation": true, "truncation_side": "right", "truncation_direction": "Right"}),
        json!({"truncate_prompt_tokens": -1}),
        json!({"truncate_prompt_tokens": 100_000}),
    ] {
        assert!(same(&ask(&more), &right), "{more}");
    }
    for more in [
        json!({"truncate": "START"}),
        json!({"truncate": "start"}),
        json!({"truncate": "LEFT"}),
        json!({"truncation_side": "left"}),
        json!({"truncation_side": "left", "truncate_prompt_tokens": -1.0}),
        json!({"truncate": true, "truncation_direction": "Left"}),
        json!({"truncate": "START", "truncation_side": "left"}),
        json!({"truncation": true, "truncation_side": "left"}),
    ] {
        assert!(same(&ask(&more), &left), "{more}");
    }
    for more in [
        json!({"truncate": "NONE"}),
        json!({"truncate": false}),
        json!({"truncation": false}),
        json!({"truncate": false, "truncation_side": "left"}),
    ] {
        refused(&server, &with(&body, &more), "input[1]");
    }
    for (more, field) in [
        (json!({"truncate": true, "truncation": false}), "truncation"),
        (json!({"truncate": "START", "truncation": false}), "truncation"),
        (json!({"truncate": "NONE", "truncation": true}), "truncation"),
        (json!({"truncate": "END", "truncation_side": "left"}), "truncation_side"),
        (json!({"truncate": "left", "truncation_direction": "Right"}), "truncation_direction"),
        (json!({"truncation_side": "left", "truncation_direction": "Right"}), "truncation_direction"),
    ] {
        refused(&server, &with(&body, &more), field);
    }
    // A client's own length is followed for texts that need no cut, otherwise refused.
    let short = json!({"input": ["a", "b"], "truncate_prompt_tokens": 8});
    assert!(same(&first(&server, &short), &first(&server, &json!({"input": "a"}))));
    refused(&server, &with(&body, &json!({"truncate_prompt_tokens": 8})), "truncate_prompt_tokens");
    for wrong in [0, -2] {
        refused(&server, &json!({"input": "a", "truncate_prompt_tokens": wrong}), "truncate_prompt_tokens");
    }
}

#[test]
fn normalisation_in_everybodys_words() {
    let server = server("bert-tiny");
    let body = json!({"input": "a cold river"});
    let (unit, raw) = (first(&server, &body), first(&server, &with(&body, &json!({"normalize": false}))));
    assert!(!same(&unit, &raw));
    for field in ["normalize", "normalized", "use_activation"] {
        assert!(same(&first(&server, &with(&body, &json!({field: true}))), &unit), "{field}");
        assert!(same(&first(&server, &with(&body, &json!({field: false}))), &raw), "{field}");
        assert!(same(&first(&server, &with(&body, &json!({field: null}))), &unit), "{field}");
    }
    assert!(same(&first(&server, &with(&body, &json!({"normalize": false, "normalized": false}))), &raw));
    refused(&server, &with(&body, &json!({"normalize": true, "normalized": false})), "normalized");
    refused(&server, &with(&body, &json!({"normalize": true, "use_activation": false})), "use_activation");
}

#[test]
fn types_of_vectors_in_everybodys_words() {
    let server = server("bert-tiny");
    let body = json!({"input": "a cold river"});
    let ask = |more: &Json| first(&server, &with(&body, more));
    let floats = ask(&json!({}));
    let bytes = |embedding: &Json| STANDARD.decode(embedding.as_str().unwrap()).unwrap();
    let base64 = ask(&json!({"encoding_format": "base64"}));
    for field in ["embedding_type", "embedding_types", "encoding_type", "output_dtype", "embedding_dtype"] {
        assert_eq!(ask(&json!({field: "float"})), floats, "{field}");
        assert_eq!(ask(&json!({field: ["float"]})), floats, "{field}");
        assert_eq!(ask(&json!({field: null, "encoding_format": null})), floats, "{field}");
        assert_eq!(ask(&json!({field: "base64"})), base64, "{field}");
        for dtype in ["int8", "uint8", "binary", "ubinary"] {
            let numbers = ask(&json!({"embedding_dtype": dtype}));
            assert_ne!(numbers, floats);
            assert_eq!(ask(&json!({field: dtype})), numbers, "{field} {dtype}");
            // As Voyage's client sends it, which reads the bytes of that type.
            let packed = bytes(&ask(&json!({field: dtype, "encoding_format": "base64"})));
            let number = |byte: &u8| if dtype.starts_with('u') { i16::from(*byte) } else { i16::from(*byte as i8) };
            assert_eq!(json!(packed.iter().map(number).collect::<Vec<i16>>()), numbers, "{field} {dtype}");
        }
        // Several types: an object with each.
        let all = ask(&json!({field: ["float", "ubinary", "base64", "float"]}));
        let expected =
            json!({"float": floats, "ubinary": ask(&json!({"embedding_dtype": "ubinary"})), "base64": base64});
        assert_eq!(all, expected, "{field}");
        refused(&server, &with(&body, &json!({field: "int4"})), field);
    }
    assert_eq!(
        ask(&json!({"embedding_type": "int8", "output_dtype": "int8"})),
        ask(&json!({"embedding_type": "int8"}))
    );
    refused(&server, &with(&body, &json!({"embedding_type": "int8", "output_dtype": "float"})), "output_dtype");
    // int8 is of the vector of length 1, beside a float that is not.
    let several = ask(&json!({"embedding_type": ["int8", "float"], "normalize": false}));
    assert_eq!(several["int8"], ask(&json!({"embedding_type": "int8"})));
    assert_eq!(several["float"], ask(&json!({"normalize": false})));
}

#[test]
fn unsupported_fields_are_refused_by_name() {
    let server = server("bert-tiny");
    let body = json!({"input": "a cold river"});
    for (more, field) in [
        (json!({"late_chunking": true}), "late_chunking"),
        (json!({"return_multivector": true}), "return_multivector"),
        (json!({"messages": [{"role": "user", "content": "a"}]}), "messages"),
        (json!({"instruction": "Find it"}), "instruction"),
        (json!({"images": ["data:image/png;base64,AAAA"]}), "images"),
        (json!({"add_special_tokens": false}), "add_special_tokens"),
        (json!({"embed_dtype": "float16"}), "embed_dtype"),
        (json!({"endianness": "big"}), "endianness"),
        (json!({"encoding_format": "bytes"}), "encoding_format"),
        (json!({"modality": "image"}), "modality"),
        (json!({"modality": ["text", "image"]}), "modality[1]"),
        (json!({"input": [{"text": "a"}, {"image": "https://a/b.png"}]}), "input[1].image"),
        (json!({"input": [{"type": "image_url", "image_url": {"url": "a"}}]}), "input[0].image_url"),
        (json!({"input": [{"role": "user", "content": "a"}]}), "input[0].role"),
    ] {
        refused(&server, &with(&body, &more), field);
    }
    let (status, reply) = server.ask("/v1/embeddings", &json!({"messages": [{"role": "user", "content": "a"}]}));
    assert_eq!((status, &reply["error"]["param"]), (400, &json!("messages")), "{reply}");
    let plain = first(&server, &body);
    for more in [
        json!({"late_chunking": false, "return_multivector": false, "messages": null, "images": null}),
        json!({"add_special_tokens": true, "embed_dtype": "float32", "endianness": "little"}),
        json!({"user": "a", "priority": 5, "request_id": "b", "cache_salt": "c", "padding": true}),
        json!({"modality": ["text"]}),
    ] {
        assert!(same(&first(&server, &with(&body, &more)), &plain), "{more}");
    }
    for path in ["/embeddings_image", "/v1/embeddings_audio"] {
        let (status, reply) = server.ask(path, &json!({"input": ["https://a/b"], "model": "clip"}));
        assert_eq!((status, &reply["error"]["param"]), (400, &json!("input")), "{reply}");
    }
}

#[test]
fn inputs_of_every_shape_may_be_mixed() {
    let server = server("bert-tiny");
    let text = "a cold river";
    let (_, tokens) = server.ask("/tokenize", &json!({"inputs": text}));
    let ids: Vec<f64> = tokens[0].as_array().unwrap().iter().map(|token| token["id"].as_f64().unwrap()).collect();
    let expected = first(&server, &json!({"input": text}));
    let inputs = json!([text, {"text": text}, ids, {"text": text, "image": null, "id": 5}]);
    let mixed = reply(&server, &json!({"input": inputs}));
    for (i, input) in inputs.as_array().unwrap().iter().enumerate() {
        assert!(same(&mixed["data"][i]["embedding"], &expected), "{input}");
        assert!(same(&first(&server, &json!({"input": [input, "other"]})), &expected), "{input}");
        assert!(same(&first(&server, &json!({"input": input})), &expected), "{input}");
    }
}

#[test]
fn foreign_token_ids_are_warned_about_once() {
    let server = server("bert-tiny");
    let (_, tokens) = server.ask("/tokenize", &json!({"inputs": "a cold river"}));
    let ids: Vec<&Json> = tokens[0].as_array().unwrap().iter().map(|token| &token["id"]).collect();
    assert_eq!(server.ask("/v1/embeddings", &json!({"input": [ids]})).0, 200);
    let warnings = || server.stderr().matches("tokenizer").count();
    assert_eq!(warnings(), 0, "{}", server.stderr());
    for _ in 0..3 {
        assert_eq!(server.ask("/v1/embeddings", &json!({"input": [[100], [101, 102]]})).0, 200);
    }
    server.wait_for("the warning", || warnings() == 1);
    assert_eq!(warnings(), 1, "{}", server.stderr());
}

#[test]
fn a_colbert_model_gives_a_list_of_vectors_for_each_text() {
    let server = server("architectures/colbert-native");
    let texts = json!(["a river in the cold", "b"]);
    let (status, all) = server.ask("/embed_all", &json!({"inputs": texts}));
    assert_eq!(status, 200, "{all}");
    let reply = reply(&server, &json!({"input": texts, "model": ""}));
    let width = all[0][0].as_array().unwrap().len();
    for i in 0..2 {
        assert_eq!(reply["data"][i]["embedding"], all[i], "{i}");
        assert_eq!((&reply["data"][i]["index"], &reply["data"][i]["object"]), (&json!(i), &json!("embedding")));
    }
    assert!(reply["usage"]["total_tokens"].as_u64().unwrap() > 2);
    // In base64 the numbers follow one another: the client knows the width.
    let flat = self::reply(&server, &json!({"input": texts, "encoding_format": "base64"}));
    let bytes = STANDARD.decode(flat["data"][0]["embedding"].as_str().unwrap()).unwrap();
    let numbers: Vec<f32> = bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    let rows: Vec<f32> = all[0].as_array().unwrap().iter().flat_map(support::floats).collect();
    assert_eq!(numbers, rows);
    let binary = first(&server, &json!({"input": texts, "embedding_type": "ubinary"}));
    assert_eq!(binary.as_array().unwrap().len(), all[0].as_array().unwrap().len());
    assert_eq!(binary[0].as_array().unwrap().len(), width.div_ceil(8));
    // A query is not embedded as a document.
    let query = first(&server, &json!({"input": texts, "input_type": "query"}));
    assert_ne!(query, all[0]);
    refused(&server, &json!({"input": "a", "dimensions": width - 1}), "dimensions");
    refused(&server, &json!({"input": "a", "normalize": false}), "normalize");
    refused(&server, &json!({"input": "a", "return_multivector": false}), "return_multivector");
}

#[test]
fn replies_with_vectors_of_tokens_are_bounded() {
    let limit = ["--reply-limit", "65536"];
    let text = "a river in the cold ".repeat(20);
    for (model, path, more) in [
        ("architectures/colbert-native", "/embeddings", json!({})),
        ("architectures/colbert-native", "/pooling", json!({})),
        ("bert-tiny", "/pooling", json!({"task": "token_embed"})),
    ] {
        let server = Server::start(&[&["-m", &fixture(model)], &limit[..]].concat());
        let ask = |texts: &[&str]| server.ask(path, &with(&json!({"input": texts}), &more));
        assert_eq!(ask(&["a"]).0, 200, "{model} {path}");
        let (status, reply) = ask(&[text.as_str(); 500]);
        assert_eq!((status, &reply["error"]["code"]), (413, &json!("reply_too_large")), "{model} {path}: {reply}");
        assert_eq!(ask(&["a"]).0, 200, "{model} {path}");
    }
}

/// A value for each field of the table in docs/serve.md that shows its treatment. If a field is followed, the value
/// changes the response; a word may have a condition of its own.
fn sample(field: &str) -> Json {
    match field {
        "input" => json!("another text"),
        "model" => json!("tiny-query"),
        "encoding_format" | "embedding_type" | "encoding_type" | "output_dtype" => json!("base64"),
        "embedding_types" => json!(["float", "int8"]),
        "embedding_dtype" => json!("int8"),
        "dimensions" | "output_dimension" => json!(16),
        "task" | "input_type" | "prompt_name" => json!("query"),
        "prompt" => json!("before: "),
        "truncate" => json!("left"),
        "truncation_side" | "truncation_direction" => json!("Left"),
        "normalize" | "normalized" | "use_activation" => json!(false),
        other => panic!("{other} has no sample"),
    }
}

/// Values that are followed without a change, and refused values.
fn bounds(field: &str) -> (Json, Json) {
    match field {
        "truncation" => (json!(true), json!(false)),
        "truncate_prompt_tokens" => (json!(-1), json!(8)),
        "return_multivector" | "late_chunking" => (json!(false), json!(true)),
        "modality" => (json!("text"), json!("audio")),
        "embed_dtype" => (json!("float32"), json!("bfloat16")),
        "endianness" => (json!("native"), json!("big")),
        "add_special_tokens" => (json!(true), json!(false)),
        other => panic!("{other} has no values"),
    }
}

#[test]
fn the_table_of_the_documentation_is_true() {
    let server = Server::start(&["-m", &fixture("bert-tiny"), "--served-model-name", "tiny"]);
    let document = include_str!("../../docs/serve.md");
    let (_, table) = document.split_once("checked by tests/serve/embedding_fields.rs. -->").unwrap();
    let (table, _) = table.split_once("\n\n`task`").unwrap();
    let body = json!({"input": "word ".repeat(100) + &"other ".repeat(100)});
    let plain = reply(&server, &body)["data"].clone();
    let mut listed = std::collections::BTreeSet::new();
    for row in table.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [fields, _, fate] = cells[..] else { panic!("{row}") };
        for field in fields.split('`').skip(1).step_by(2) {
            listed.insert(field.to_owned());
            let ask = |value: Json| with(&body, &json!({field: value}));
            if fate.starts_with("ignored, harmless") {
                let value = if field == "user" { json!("a") } else { json!({"a": 1}) };
                assert_eq!(reply(&server, &ask(value))["data"], plain, "{field}");
            } else if fate.starts_with("refused") {
                refused(&server, &ask(json!(["a"])), field);
                assert_eq!(reply(&server, &ask(json!(null)))["data"], plain, "{field}");
            } else if fate.contains("refused") && !["encoding_format"].contains(&field) || field == "truncation" {
                assert!(fate.starts_with("followed"), "{row}");
                let (good, bad) = bounds(field);
                assert_eq!(reply(&server, &ask(good))["data"], plain, "{field}");
                let status = server.ask("/v1/embeddings", &ask(bad)).0;
                assert_eq!(status, 400, "{field}");
            } else {
                assert!(fate.starts_with("followed"), "{row}");
                assert_ne!(reply(&server, &ask(sample(field)))["data"], plain, "{field}");
                if field != "input" {
                    assert_eq!(reply(&server, &ask(json!(null)))["data"], plain, "{field}");
                }
            }
        }
    }
    // Every field that the server knows is in the table.
    let openapi: Json = server.get("/openapi.json").json().unwrap();
    let known = openapi["components"]["schemas"]["EmbeddingsRequest"]["properties"].as_object().unwrap();
    assert!(known.len() >= 25, "{known:?}");
    let missing: Vec<&String> = known.keys().filter(|name| !listed.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
