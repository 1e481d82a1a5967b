//! Fields that look like known ones are refused with the name of the known one; all others are ignored, as clients send
//! many that change nothing.

use serde_json::{Value as Json, json};

use crate::running::{Server, fixture};

fn server() -> Server {
    let models = ["bert-tiny", "architectures/bert-rerank", "architectures/bert-classify", "architectures/bert-splade"]
        .map(fixture);
    let mut args = vec!["--threads", "1", "--no-model-warmup"];
    for (name, dir) in ["e", "r", "l", "s"].iter().zip(&models) {
        args.extend(["-m", dir, "--served-model-name", name]);
    }
    Server::start(&args)
}

/// Every route with a body, and a body for it.
fn bodies() -> Vec<(&'static str, Json)> {
    let embeddings = json!({"input": "a"});
    let rerank = json!({"query": "a", "documents": ["b", "c"]});
    let inputs = json!({"inputs": "a"});
    vec![
        ("/v1/embeddings", embeddings.clone()),
        ("/embeddings", embeddings.clone()),
        ("/openai/deployments/e/embeddings", embeddings.clone()),
        ("/openai/v1/embeddings", embeddings.clone()),
        ("/engines/e/embeddings", embeddings.clone()),
        ("/pooling", embeddings),
        ("/v2/embed", json!({"texts": ["a"]})),
        ("/v1/embed", json!({"texts": ["a"]})),
        ("/api/embed", json!({"input": "a"})),
        ("/api/embeddings", json!({"prompt": "a"})),
        ("/api/show", json!({"model": "e"})),
        ("/rerank", rerank.clone()),
        ("/v1/rerank", rerank.clone()),
        ("/v2/rerank", rerank),
        ("/rerank", json!({"query": "a", "texts": ["b"]})),
        ("/ranking", json!({"query": {"text": "a"}, "passages": [{"text": "b"}]})),
        ("/retrieval/r/reranking", json!({"query": {"text": "a"}, "passages": [{"text": "b"}]})),
        ("/score", json!({"queries": "a", "documents": ["b"]})),
        ("/classify", json!({"input": ["a"]})),
        ("/embed", inputs.clone()),
        ("/embed_all", inputs.clone()),
        ("/embed_sparse", json!({"inputs": "a", "model": "s"})),
        ("/similarity", json!({"inputs": {"source_sentence": "a", "sentences": ["b"]}})),
        ("/predict", json!({"inputs": "a"})),
        ("/tokenize", inputs.clone()),
        ("/decode", json!({"ids": [2, 3]})),
        ("/", inputs.clone()),
        ("/invocations", inputs.clone()),
        ("/vertex", json!({"instances": [inputs]})),
        ("/v2/models/e/infer", json!({"inputs": [{"name": "text", "shape": [1], "datatype": "BYTES", "data": ["a"]}]})),
    ]
}

fn with(body: &Json, field: &str, value: Json) -> Json {
    let mut body = body.clone();
    body[field] = value;
    body
}

#[test]
fn misspelt_fields_are_refused_on_every_route() {
    let server = server();
    for (path, field, known) in [
        ("/v1/embeddings", "dimension", "dimensions"),
        ("/v1/embeddings", "normalise", "normalize"),
        ("/v1/embeddings", "input_typ", "input_type"),
        ("/v1/embeddings", "Input", "input"),
        ("/embeddings", "encodingFormat", "encoding_format"),
        ("/pooling", "promt", "prompt"),
        ("/openai/deployments/e/embeddings", "Dimensions", "dimensions"),
        ("/v2/embed", "input_typ", "input_type"),
        ("/v1/embed", "embedding_type", "embedding_types"),
        ("/api/embed", "dimension", "dimensions"),
        ("/api/embed", "truncated", "truncate"),
        ("/rerank", "topN", "top_n"),
        ("/v1/rerank", "return_document", "return_documents"),
        ("/v2/rerank", "raw_score", "raw_scores"),
        ("/ranking", "passage", "passages"),
        ("/score", "document", "documents"),
        ("/classify", "raw-scores", "raw_scores"),
        ("/embed", "normalise", "normalize"),
        ("/embed_all", "promt_name", "prompt_name"),
        ("/embed_sparse", "truncat", "truncate"),
        ("/similarity", "parameter", "parameters"),
        ("/predict", "raw_score", "raw_scores"),
        ("/tokenize", "add_special_token", "add_special_tokens"),
        ("/decode", "skip_special_token", "skip_special_tokens"),
        ("/", "normalise", "normalize"),
        ("/invocations", "dimension", "dimensions"),
        ("/v2/models/e/infer", "parameter", "parameters"),
    ] {
        let (_, body) = bodies().into_iter().find(|(other, _)| *other == path).unwrap();
        let (status, reply) = server.ask(path, &with(&body, field, json!(true)));
        let text = reply.to_string();
        assert_eq!(status, 400, "{path} {field}: {reply}");
        assert!(text.contains(&format!("unknown field `{field}`, did you mean `{known}`?")), "{path}: {reply}");
        // A field with null changes nothing.
        assert_eq!(server.ask(path, &with(&body, field, json!(null))).0, 200, "{path} {field}");
    }
    let (status, reply) = server.ask("/v1/embeddings", &json!({"inputs": "x"}));
    // A field that is required, too, and without the position of the body's end.
    assert_eq!((status, &reply["error"]["param"]), (422, &json!("input")), "{reply}");
    assert_eq!(reply["error"]["message"], json!("missing field `input`; `inputs` looks like a misspelling of it"));
    for (body, status, message) in [
        (json!({"query": "a", "documents": ["b"]}), 400, "unknown field `query`, did you mean `queries`?"),
        (json!({"queries": "a", "document": ["b"]}), 400, "unknown field `document`, did you mean `documents`?"),
        (json!({}), 422, "queries: missing field; send queries and documents"),
        (json!({"queries": "a"}), 422, "documents: missing field; send documents and queries"),
        (json!({"documents": ["b"]}), 422, "queries: missing field; send queries and documents"),
        (json!({"items": ["b"]}), 422, "queries: missing field; send queries and items"),
        (json!({"text_1": "a"}), 422, "text_2: missing field; send text_2 and text_1"),
        (json!({"data_2": "a"}), 422, "data_1: missing field; send data_1 and data_2"),
    ] {
        let (code, reply) = server.ask("/score", &body);
        let param = message.split([':', '`']).find(|part| !part.starts_with("unknown"));
        assert_eq!((code, reply["error"]["param"].as_str()), (status, param), "{body}: {reply}");
        assert_eq!(reply["error"]["message"], json!(message), "{body}");
    }
    // Fields of other servers that change the result are followed, or refused by their own name.
    let rerank = json!({"query": "a", "documents": ["b"]});
    let score = json!({"queries": "a", "documents": ["b"]});
    let classify = json!({"input": ["a"]});
    for (path, body) in [("/rerank", &rerank), ("/score", &score), ("/classify", &classify)] {
        for value in [json!(true), json!(false)] {
            assert_eq!(server.ask(path, &with(body, "truncation", value)).0, 200, "{path}");
        }
        let (status, reply) = server.ask(path, &with(body, "chat_template", json!("{{ messages }}")));
        assert_eq!((status, &reply["error"]["param"]), (400, &json!("chat_template")), "{path}: {reply}");
        for other in ["mode", "models"] {
            assert_eq!(server.ask(path, &with(body, other, json!("x"))).0, 200, "{path} {other}");
        }
    }
    assert_eq!(server.ask("/rerank", &with(&rerank, "max_length", json!(100_000))).0, 200);
    let (status, reply) = server.ask("/rerank", &with(&rerank, "max_length", json!(1)));
    assert_eq!((status, &reply["error"]["param"]), (400, &json!("max_length")), "{reply}");
    // Inside of others.
    let similar = json!({"inputs": {"source_sentence": "a", "sentences": ["b"]}, "parameters": {"truncat": true}});
    let (status, reply) = server.ask("/similarity", &similar);
    assert!(
        status == 400 && reply["error"].as_str().unwrap().starts_with("parameters: unknown field `truncat`"),
        "{reply}"
    );
    for (path, body, words) in [
        (
            "/similarity",
            json!({"inputs": {"source_sentence": "a", "sentence": ["b"]}}),
            "inputs: missing field `sentences`; `sentence` ",
        ),
        ("/decode", json!({"id": [2, 3]}), "missing field `ids`; `id` "),
        ("/ranking", json!({"query": "a", "passages": [{"txt": "b"}]}), "passages[0]: missing field `text`; `txt` "),
        ("/v1/embeddings", json!({"input": [{"tex": "b"}]}), "input[0]: missing field `text`; `tex` "),
    ] {
        let (status, reply) = server.ask(path, &body);
        assert!(status == 422 && reply.to_string().contains(words), "{path}: {reply}");
    }
    let (_, body) = bodies().pop().unwrap();
    let (status, reply) = server.ask("/v2/models/e/infer", &with(&body, "parameters", json!({"normalise": false})));
    assert!(status == 400 && reply["error"].as_str().unwrap().contains("did you mean \"normalize\"?"), "{reply}");
}

/// Fields that clients send and that change nothing: those of docs/serve.md, of OpenAI's and litellm's, vLLM's, Ollama's,
/// TEI's and Infinity's clients, langchain, LlamaIndex and others.
const HARMLESS: &[&str] = &[
    "user",
    "priority",
    "request_id",
    "cache_salt",
    "padding",
    "mm_processor_kwargs",
    "keep_alive",
    "metadata",
    "store",
    "stream",
    "stream_options",
    "n",
    "seed",
    "temperature",
    "top_p",
    "max_tokens_per_minute",
    "timeout",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "extra_body",
    "extra_headers",
    "extra_query",
    "custom_llm_provider",
    "litellm_call_id",
    "litellm_metadata",
    "api_key",
    "api_base",
    "api_version",
    "proxy_server_request",
    "client_batch_size",
    "batch_size",
    "show_progress",
    "return_len",
    "id",
    "type",
    "kwargs",
    "lora_request",
    "data_parallel_rank",
    "session_id",
    "rid",
    "x",
];

#[test]
fn fields_that_change_nothing_are_ignored_on_every_route() {
    let server = server();
    for (path, body) in bodies() {
        let mut all = body.clone();
        for field in HARMLESS.iter().filter(|field| body.get(**field).is_none()) {
            // Fields of some routes, which must be strings.
            all[*field] = if ["user", "id"].contains(field) { json!("a") } else { json!({"a": 1}) };
        }
        let (status, reply) = server.ask(path, &all);
        assert_eq!(status, 200, "{path}: {reply}");
    }
}
