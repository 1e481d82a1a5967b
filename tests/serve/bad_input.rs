//! Invalid requests: always a 4xx in the documented shape that names the field, and the next request succeeds.

use serde_json::{Value as Json, json};

use crate::running::{Server, fixture};

/// Status and JSON of the response to these bytes.
fn send(server: &Server, path: &str, content_type: Option<&str>, body: impl Into<Vec<u8>>) -> (u16, Json) {
    let mut request = server.client.post(format!("{}{path}", server.url)).body(body.into());
    if let Some(content_type) = content_type {
        request = request.header("Content-Type", content_type);
    }
    let reply = request.send().unwrap();
    let (status, kind) = (reply.status().as_u16(), reply.headers().get("Content-Type").cloned());
    assert_eq!(kind.unwrap(), "application/json");
    (status, reply.json().unwrap())
}

/// The message of an error in OpenAI's shape.
fn message(error: &Json) -> &str {
    let reply = error;
    let error = error["error"].as_object().unwrap_or_else(|| panic!("not an error: {error}"));
    assert_eq!(reply["message"], error["message"]);
    // Clients of Jina and Voyage read a text; Infinity's reads FastAPI's list where a body is malformed.
    let detail = match &reply["detail"] {
        Json::Array(all) => &all[0]["msg"],
        text => text,
    };
    assert_eq!(detail, &error["message"]);
    assert!(error["type"].is_string() && error.contains_key("param") && error.contains_key("code"), "{error:?}");
    let message = error["message"].as_str().unwrap();
    assert!(message.chars().count() < 400, "much of the client's is shown: {message}");
    message
}

/// A server, and its response to a valid request.
struct Witness {
    server: Server,
    path: &'static str,
    body: Json,
    reply: Json,
}

impl Witness {
    fn new(model: &str, path: &'static str, body: Json) -> Self {
        let server = Server::start(&["--model-id", &fixture(model), "--strict-model-names"]);
        let mut witness = Self { server, path, body, reply: Json::Null };
        witness.reply = witness.good();
        witness
    }

    fn embedder() -> Self {
        Self::new("bert-tiny", "/embeddings", json!({"input": ["Hello world", "", "a\0b"]}))
    }

    fn good(&self) -> Json {
        let (status, mut reply) = self.server.ask(self.path, &self.body);
        assert_eq!(status, 200, "{reply}");
        let reply = reply.as_object_mut().unwrap();
        reply.remove("id");
        reply.remove("created");
        json!(reply)
    }

    /// The next request has exactly the same response.
    fn still_answers(&self, after: &str) {
        assert!(self.good() == self.reply, "another answer after {after}");
    }

    /// `body` has this status, and all these words in its message.
    fn refuses(&self, body: impl Into<Vec<u8>>, status: u16, words: &[&str]) {
        let body: Vec<u8> = body.into();
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        let (got, reply) = send(&self.server, self.path, Some("application/json"), body);
        let message = message(&reply);
        assert_eq!(got, status, "{shown}: {message}");
        for word in words {
            assert!(message.contains(word), "{shown}: no \"{word}\" in \"{message}\"");
        }
        self.still_answers(&shown);
    }
}

/// A list nested in a number of lists.
fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[test]
fn bodies_that_are_not_json_objects_are_422() {
    let witness = Witness::embedder();
    for (body, words) in [
        (b"".as_slice(), ["empty", "object"]),
        (b"  \n", ["empty", "object"]),
        (b"null", ["must be", "object"]),
        (b"[\"a\"]", ["must be", "object"]),
        (b"\"a\"", ["must be", "object"]),
        (b"\xef\xbb\xbf{\"input\": \"a\"}", ["must be", "object"]),
        (b"{", ["not valid JSON", "line 1 column 1"]),
        (b"{\"input\": \"a\"", ["not valid JSON", "line 1 column 13"]),
        (b"{\"input\": \"a\"} {}", ["not valid JSON", "more after the end"]),
        (b"{\"input\": \"a\",}", ["not valid JSON", "a comma stands before"]),
        (b"{\"input\": [\"a\", \"b]}", ["input[1]", "it ends within a string"]),
        (b"{\"input\": [\"a\", \"\xff\xfe\"]}", ["input[1]", "not a Unicode character"]),
        (b"{\"input\": [\"a\", \"\\ud800\"]}", ["input[1]", "a \\u escape"]),
        (b"{\"input\": \"\\udc00 \\ud800\"}", ["input", "a \\u escape"]),
        (b"{\"input\": [\"a\", \"\x00\"]}", ["input[1]", "control character"]),
        (b"{\"input\": NaN}", ["input", "not a JSON value"]),
        (b"{\"input\": \"a\", \"dimensions\": 1e999}", ["dimensions", "a number is too large"]),
    ] {
        witness.refuses(body, 422, &words);
    }
    witness.refuses(nested(10_000), 422, &["object"]);
    witness.refuses(format!("{{\"input\": {}}}", nested(10_000)), 422, &["input[0][0]", "token id"]);
    witness.refuses("{\"input\": ".to_owned() + &"[".repeat(10_000), 422, &["input[0][0]"]);
    witness.refuses("{\"a\":".repeat(10_000), 422, &["a: it ends"]);
    let key = "k".repeat(1 << 20);
    witness.refuses(format!("{{\"{key}\": 1}}"), 422, &["input"]);
    witness.refuses(format!("{{\"{key}\": "), 422, &["it ends"]);
    witness.refuses(format!("{{\"input\": {{\"{key}\": 1}}}}"), 422, &["input"]);
}

#[test]
fn wrong_types_are_422_and_impossible_values_400() {
    let witness = Witness::embedder();
    for (body, status, words) in [
        (json!({}), 422, ["input", "missing"]),
        (json!({"inputs": "a"}), 422, ["input", "missing"]),
        (json!({"input": null}), 422, ["input", "null"]),
        (json!({"input": true}), 422, ["input", "a list of strings"]),
        (json!({"input": 1.5}), 422, ["input", "a string"]),
        (json!({"input": {"title": "a"}}), 422, ["input", "text"]),
        (json!({"input": [{"text": "a"}, {"text": "b", "image": "c"}]}), 400, ["input[1].image", "not supported"]),
        (json!({"input": {"role": "user", "content": "a"}}), 400, ["input.role", "chat messages"]),
        (json!({"input": ["a", "b", "c", 5]}), 422, ["input[3]", "a string"]),
        (json!({"input": ["a", null]}), 422, ["input[1]", "null"]),
        (json!({"input": ["a", ["b"]]}), 422, ["input[1][0]", "a token id"]),
        (json!({"input": [1, 2, "a"]}), 422, ["input[2]", "a token id"]),
        (json!({"input": [1, 2.5]}), 422, ["input[1]", "a token id"]),
        (json!({"input": [[1], 2]}), 422, ["input[1]", "a list of token ids"]),
        (json!({"input": [[1], [2, "a"]]}), 422, ["input[1][1]", "a token id"]),
        (json!({"input": [1, -2]}), 400, ["input[1]", "-2"]),
        (json!({"input": [[1, 4_294_967_296_u64]]}), 400, ["input[0][1]", "4294967296"]),
        (json!({"input": []}), 400, ["input", "empty"]),
        (json!({"input": "a", "model": 5}), 422, ["model", "a string"]),
        (json!({"input": "a", "model": "no/such"}), 404, ["no/such", "bert-tiny"]),
        (json!({"input": "a", "model": "x".repeat(100_000)}), 404, ["xxx…", "bert-tiny"]),
        (json!({"input": "a", "dimensions": 49}), 400, ["dimensions", "48"]),
        (json!({"input": "a", "dimensions": u64::MAX}), 400, ["dimensions", "48"]),
        (json!({"input": "a", "dimensions": -1}), 400, ["dimensions", "-1"]),
        (json!({"input": "a", "dimensions": 1.5}), 422, ["dimensions", "a whole number"]),
        (json!({"input": "a", "dimensions": "8"}), 422, ["dimensions", "a whole number"]),
        (json!({"input": "a", "dimensions": 8, "output_dimension": 9}), 400, ["output_dimension", "dimensions"]),
        (json!({"input": "a", "encoding_format": "float16"}), 400, ["encoding_format", "float16"]),
        (json!({"input": "a", "encoding_format": "z".repeat(100_000)}), 400, ["encoding_format", "base64"]),
        (json!({"input": "a", "encoding_format": 1}), 422, ["encoding_format", "line 1"]),
        (json!({"input": "a", "embedding_dtype": "int4"}), 400, ["embedding_dtype", "int4"]),
        (json!({"input": "a", "embedding_dtype": "int8", "normalize": false}), 400, ["normalize", "int8"]),
        (json!({"input": "a", "normalize": "yes"}), 422, ["normalize", "true or false"]),
        (json!({"input": "a", "truncate": "middle"}), 400, ["truncate", "middle"]),
        (json!({"input": "a", "truncate": 3}), 422, ["truncate", "left"]),
        (json!({"input": "a", "modality": "image"}), 400, ["modality", "text"]),
        (json!({"input": "data:audio/wav;base64,AAAA", "modality": "audio"}), 400, ["modality", "text"]),
        (json!({"input": "a", "modality": "smell"}), 400, ["modality", "smell"]),
        (json!({"input": "a", "prompt_name": "nonsense"}), 400, ["prompt_name", "nonsense"]),
        (json!({"input": "a", "prompt_name": "n".repeat(100_000)}), 400, ["prompt_name", "nnn…"]),
        (json!({"input": "a", "prompt": ["b"]}), 422, ["prompt", "a string"]),
        (json!({"input": "a", "user": 5}), 422, ["user", "a string"]),
        (json!({"input": ["a", "b ".repeat(5000)], "truncate": "none"}), 400, ["input[1]", "token"]),
        (json!({"input": vec![""; 100_000]}), 413, ["100000", "--max-client-batch-size"]),
        (json!({"input": vec![[2]; 100_000]}), 413, ["100000", "--max-client-batch-size"]),
        (json!({"input": vec![""; 2049]}), 413, ["2049", "2048"]),
    ] {
        witness.refuses(body.to_string(), status, &words);
    }
    witness.refuses(r#"{"input": "a", "input": "b"}"#, 422, &["input", "duplicate"]);
    witness.refuses(r#"{"input": "a", "dimensions": 99999999999999999999999}"#, 400, &["dimensions"]);
    let long = "x".repeat(1_000_000);
    witness.refuses(json!({"input": {"a": "b"}, "a": long}).to_string(), 422, &["input"]);
    witness.refuses(json!({"input": [[long]]}).to_string(), 422, &["input[0][0]", "xxx…", "a token id"]);
    witness.refuses(json!({"input": "a", "dimensions": long}).to_string(), 422, &["dimensions", "a whole number"]);
}

#[test]
fn the_field_is_named_for_programs_too() {
    let witness = Witness::embedder();
    for (body, param) in [
        (json!({}), "input"),
        (json!({"input": ["a", 5]}), "input[1]"),
        (json!({"input": []}), "input"),
        (json!({"input": vec![""; 3000]}), "input"),
        (json!({"input": "a", "dimensions": 49}), "dimensions"),
        (json!({"input": "a", "encoding_format": "x"}), "encoding_format"),
        (json!({"input": "a", "prompt_name": "x"}), "prompt_name"),
        (json!({"input": "a", "model": "x"}), "model"),
    ] {
        let (_, reply) = witness.server.ask("/embeddings", &body);
        assert_eq!(reply["error"]["param"], param, "{reply}");
    }
    let (_, reply) = witness.server.ask("/embeddings", &json!({"input": "a", "model": "x"}));
    let (kind, code) = (&reply["error"]["type"], &reply["error"]["code"]);
    assert_eq!((kind, code), (&json!("not_found_error"), &json!("model_not_found")));
}

#[test]
fn odd_but_valid_bodies_are_answered() {
    let witness = Witness::embedder();
    let plain = witness.server.ask("/embeddings", &json!({"input": "a"})).1["data"].clone();
    for body in [
        r#"{"input": "a", "unknown": {"deep": [1, 2]}, "another": null}"#.to_owned(),
        r#"{"input": ["a"], "dimensions": null, "encoding_format": null, "truncate": null, "user": null}"#.to_owned(),
        r#"{"input": "\u0061", "model": ""}"#.to_owned(),
        format!("  {{\"{}\": 1, \"input\": \"a\"}} \n", "k".repeat(1 << 20)),
        // Ignored fields may hold any value.
        format!("{{\"input\": \"a\", \"unknown\": {}}}", nested(10_000)),
    ] {
        let (status, reply) = send(&witness.server, "/embeddings", Some("application/json"), body);
        assert_eq!((status, &reply["data"]), (200, &plain));
    }
    for text in ["x".repeat(1_000_000), "word ".repeat(200_000), "\0".repeat(1000), "\u{ffff}\u{10ffff}\u{202e}".into()]
    {
        let (status, reply) = witness.server.ask("/embeddings", &json!({"input": [text, "a"]}));
        assert_eq!((status, &reply["data"][1]["embedding"]), (200, &plain[0]["embedding"]));
    }
    witness.still_answers("odd requests");
}

#[test]
fn only_json_is_taken() {
    let witness = Witness::embedder();
    let good = witness.body.to_string();
    for kind in ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.api+json"]
    {
        assert_eq!(send(&witness.server, "/embeddings", Some(kind), good.clone()).0, 200, "{kind}");
    }
    for kind in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("json"), Some("")] {
        let (status, reply) = send(&witness.server, "/embeddings", kind, good.clone());
        assert_eq!(status, 415, "{kind:?}");
        assert!(message(&reply).contains("application/json"), "{reply}");
    }
    witness.still_answers("other content types");
}

#[test]
fn a_body_over_the_limit_is_413() {
    let witness = Witness::embedder();
    let body = json!({"input": "x".repeat(33 << 20)}).to_string();
    // The server may close the connection before it has read all: then the client sees an error instead.
    let request = witness.server.client.post(format!("{}/embeddings", witness.server.url));
    if let Ok(reply) = request.header("Content-Type", "application/json").body(body).send() {
        assert_eq!(reply.status(), 413);
        let reply: Json = reply.json().unwrap();
        assert!(message(&reply).contains("--body-limit"), "{reply}");
    }
    witness.still_answers("a large body");
}

#[test]
fn rerank_names_the_document() {
    let body = json!({"query": "a", "documents": ["b", "a", "c\0"]});
    let witness = Witness::new("architectures/bert-rerank", "/rerank", body);
    for (body, status, words) in [
        (json!({}), 422, ["query", "missing"]),
        (json!({"query": "a"}), 422, ["documents", "texts"]),
        (json!({"query": "a", "documents": null}), 422, ["documents", "texts"]),
        (json!({"query": "a", "documents": ["b"], "texts": ["b"]}), 422, ["documents", "exclude each other"]),
        (json!({"query": ["a"], "documents": ["b"]}), 422, ["query[0]", "an object"]),
        (json!({"query": 5, "documents": ["b"]}), 422, ["query", "a string"]),
        (json!({"query": "a", "documents": 5}), 422, ["documents", "a list"]),
        (json!({"query": "a", "documents": []}), 400, ["documents", "empty"]),
        (json!({"query": "a", "documents": ["b", 1]}), 422, ["documents[1]", "a string"]),
        (json!({"query": "a", "documents": ["b", {}]}), 422, ["documents[1]", "text"]),
        (json!({"query": "a", "documents": [{"text": 5}]}), 422, ["documents[0].text", "a string"]),
        (json!({"query": "a", "documents": ["b"], "top_n": 0}), 400, ["top_n", "0"]),
        (json!({"query": "a", "documents": ["b"], "top_n": -1}), 400, ["top_n", "-1"]),
        (json!({"query": "a", "documents": ["b"], "top_n": "1"}), 422, ["top_n", "a whole number"]),
        (json!({"query": "a", "documents": ["b"], "return_documents": 1}), 422, ["return_documents", "true or false"]),
        (json!({"query": "a", "documents": ["b"], "raw_scores": "x"}), 422, ["raw_scores", "true or false"]),
        (
            json!({"query": "a", "documents": ["b", "b ".repeat(500)], "truncate": "none"}),
            400,
            ["documents[1]", "token"],
        ),
        (json!({"query": "a", "documents": vec!["b"; 100_000]}), 413, ["100000", "--max-client-batch-size"]),
        (json!({"query": "a", "documents": ["b"], "model": "no/such"}), 404, ["no/such", "bert-rerank"]),
    ] {
        witness.refuses(body.to_string(), status, &words);
    }
    witness.refuses(
        r#"{"query": "a", "documents": [{"text": "a", "text": "b"}]}"#,
        422,
        &["documents[0]", "duplicate"],
    );
    let long = json!({"query": "a ".repeat(500_000), "documents": ["b", "c ".repeat(500_000)]});
    assert_eq!(witness.server.ask("/rerank", &long).0, 200);
    witness.still_answers("a long query");
}

#[test]
fn classify_names_the_text() {
    let witness = Witness::new("architectures/bert-classify", "/classify", json!({"input": ["a", "b\0", ""]}));
    for (body, status, words) in [
        (json!({}), 422, ["input", "missing"]),
        (json!({"input": 5}), 422, ["input", "a list"]),
        (json!({"input": []}), 400, ["input", "empty"]),
        (json!({"input": ["a", {}]}), 422, ["input[1]", "text"]),
        (json!({"input": ["a"], "raw_scores": 1}), 422, ["raw_scores", "true or false"]),
        (json!({"input": ["a", "b ".repeat(500)], "truncate": "none"}), 400, ["input[1]", "token"]),
        (json!({"input": vec!["b"; 100_000]}), 413, ["100000", "--max-client-batch-size"]),
    ] {
        witness.refuses(body.to_string(), status, &words);
    }
}

/// A deterministic generator of pseudo-random numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) % limit as u64) as usize
    }
}

/// Valid bodies with bytes changed, removed, doubled and inserted.
#[test]
fn broken_bodies_are_never_the_servers_fault() {
    const PIECES: &[&str] = &[
        "null",
        "[]",
        "{}",
        "\"\"",
        "-1",
        "1e999",
        "true",
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "\"",
        "\\",
        "\\ud800",
        "\0",
        "é",
        "\"input\":",
        "\"dimensions\":0,",
        "99999999999999999999",
        "[[[[[[[[",
        "\u{fffd}",
        "0x10",
        "\"\\u0000\"",
    ];
    let bodies = [
        json!({"input": ["Hello world", "b"], "dimensions": 16, "encoding_format": "base64", "truncate": "left"}),
        json!({"input": [[2, 5, 3], [2, 3]], "embedding_dtype": "int8", "prompt": null, "model": ""}),
        json!({"query": "a", "documents": ["b", {"text": "c"}], "top_n": 1, "return_documents": true}),
        json!({"query": "a", "texts": ["b", "c"], "return_text": true, "truncation_direction": "Left"}),
    ];
    let witness = Witness::embedder();
    let mut random = Random(20_261_121);
    for round in 0..600 {
        let mut body = bodies[random.below(bodies.len())].to_string().into_bytes();
        for _ in 0..=random.below(3) {
            let at = random.below(body.len());
            match random.below(5) {
                0 => body[at] = random.below(256) as u8,
                1 => drop(body.remove(at)),
                2 => body.truncate(at.max(1)),
                3 => drop(body.splice(at..at, PIECES[random.below(PIECES.len())].bytes())),
                _ => {
                    let end = (at + random.below(12)).min(body.len());
                    let doubled = body[at..end].to_vec();
                    drop(body.splice(at..at, doubled));
                }
            }
        }
        let path = ["/embeddings", "/rerank", "/v2/rerank", "/classify"][random.below(4)];
        let shown = format!("round {round}: {path} {}", String::from_utf8_lossy(&body));
        let (status, reply) = send(&witness.server, path, Some("application/json"), body);
        assert!([200, 400, 404, 413, 422].contains(&status), "{status} for {shown}");
        if status != 200 && !reply["error"].is_string() {
            assert!(!message(&reply).is_empty(), "{shown}");
        }
        if round % 20 == 0 {
            witness.still_answers(&shown);
        }
    }
    witness.still_answers("all of them");
}

#[test]
fn details_are_as_the_clients_of_the_path_read_them() {
    let server = Server::start(&["-m", &fixture("bert-tiny"), "--strict-model-names"]);
    for path in ["/embeddings", "/classify"] {
        let (status, reply) = server.ask(path, &json!({"input": 7}));
        assert_eq!(status, 422);
        let detail = &reply["detail"][0];
        assert_eq!(detail["loc"], json!(["body", "input"]), "{reply}");
        assert!(detail["msg"].is_string() && detail["type"].is_string(), "{reply}");
        let (status, reply) = server.ask(&format!("/v1{path}"), &json!({"input": 7}));
        assert!(status == 422 && reply["detail"].as_str().unwrap().starts_with("input: "), "{reply}");
        for path in [path.to_owned(), format!("/v1{path}")] {
            let (status, reply) = server.ask(&path, &json!({"input": ["a"], "model": "no/such"}));
            assert!(status == 404 && reply["detail"] == reply["error"]["message"], "{reply}");
        }
    }
    let reply: Json = server.get("/v1/nothing").json().unwrap();
    assert!(reply["detail"].as_str().unwrap().contains("/v1/nothing"));
    // All kinds of malformed bodies, whichever part of the server refuses them.
    for body in [json!({"querry": "a"}), json!({"query": "a"}), json!({"query": "a", "passages": ["b"]}), json!([])] {
        let (status, reply) = server.ask("/rerank", &body);
        assert!(status == 422 && reply["detail"][0]["msg"] == reply["error"]["message"], "{body}: {reply}");
        let (status, reply) = server.ask("/v1/rerank", &body);
        assert!(status == 422 && reply["detail"] == reply["error"]["message"], "{body}: {reply}");
    }
}

#[test]
fn bodies_in_other_encodings_are_named() {
    let witness = Witness::embedder();
    let body = json!({"input": "a sea"}).to_string();
    let marked = [b"\xef\xbb\xbf", body.as_bytes()].concat();
    let (status, reply) = send(&witness.server, "/v1/embeddings", Some("application/json"), marked);
    assert!(status == 422 && message(&reply).contains("it begins with a byte order mark"), "{status} {reply}");
    let wide = |mark: &[u8], bytes: fn(u16) -> [u8; 2]| {
        [mark, &body.encode_utf16().flat_map(bytes).collect::<Vec<_>>()].concat()
    };
    for bytes in [
        wide(&[0xff, 0xfe], u16::to_le_bytes),
        wide(&[0xfe, 0xff], u16::to_be_bytes),
        wide(&[], u16::to_le_bytes),
        wide(&[], u16::to_be_bytes),
        body.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect(),
    ] {
        let (status, reply) = send(&witness.server, "/v1/embeddings", Some("application/json"), bytes);
        assert!(status == 422 && message(&reply).contains("UTF-8"), "{status} {reply}");
    }
    assert_eq!(witness.good(), witness.reply);
}

#[test]
fn a_word_of_the_wrong_type_must_be_a_string() {
    let witness = Witness::embedder();
    for (field, values) in [
        ("encoding_format", vec![json!(5), json!([]), json!(true), json!(-1.5)]),
        ("truncation_side", vec![json!(0), json!(["left"])]),
        ("embedding_dtype", vec![json!(7)]),
    ] {
        for value in values {
            let body = json!({"input": ["a"], field: value});
            let (status, reply) = witness.server.ask("/v1/embeddings", &body);
            let text = message(&reply);
            assert!(matches!(status, 400 | 422) && text.starts_with(&format!("{field}: must be ")), "{status} {text}");
            assert_eq!(reply["error"]["param"], *field, "{reply}");
        }
    }
    // Broken JSON in the same place stays broken JSON.
    let (status, reply) =
        send(&witness.server, "/v1/embeddings", Some("application/json"), r#"{"input": "a", "encoding_format": x}"#);
    assert!(status == 422 && message(&reply).contains("not a JSON value"), "{status} {reply}");
    assert_eq!(witness.good(), witness.reply);
}

#[test]
fn ids_beyond_the_vocabulary_are_named() {
    let server = Server::start(&["--model-id", &fixture("bert-tiny")]);
    for ids in [json!([[1, 2], [5, 1_000_000_000]]), json!([[1], [1_000_000_000]])] {
        let (status, reply) = server.ask("/decode", &json!({"ids": ids}));
        let error = reply["error"].as_str().unwrap();
        assert!(matches!(status, 400 | 413 | 422) && error.starts_with("ids[1]: "), "{status} {reply}");
        assert!(error.contains("1000000000 is not in the model's vocabulary"), "{reply}");
    }
    assert_eq!(server.ask("/decode", &json!({"ids": [[1, 2]]})).0, 200);
}
