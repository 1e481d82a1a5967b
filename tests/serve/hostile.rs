//! Valid requests that try to exhaust the server: their memory is bounded, and truncated texts have the right vectors.

use serde_json::{Value as Json, json};

use crate::running::{Server, fixture};

fn server(model: &str, flags: &[&str]) -> Server {
    let model = fixture(model);
    let args: Vec<&str> = ["--model-id", model.as_str(), "--offline"].iter().chain(flags).copied().collect();
    Server::start(&args)
}

fn post(server: &Server, path: &str, body: &Json) -> (u16, Json) {
    let reply = server.client.post(format!("{}{path}", server.url)).json(body).send().unwrap();
    let status = reply.status().as_u16();
    (status, reply.json().unwrap_or(Json::Null))
}

/// The server's peak memory in MiB; `None` if the system does not report it.
fn peak(server: &Server) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? >> 10)
}

#[track_caller]
fn grew_by_at_most(server: &Server, before: Option<u64>, most: u64) {
    match (before, peak(server)) {
        (Some(before), Some(after)) => assert!(after - before <= most, "{} MiB more", after - before),
        _ if cfg!(target_os = "linux") => panic!("/proc does not say how much memory the server has"),
        _ => {}
    }
}

#[test]
fn a_long_query_is_not_copied_for_each_document() {
    let server = server("architectures/bert-rerank", &[]);
    let before = peak(&server);
    for query in ["a".repeat(2 << 20), "a b ".repeat(1 << 19)] {
        let (status, reply) = post(&server, "/rerank", &json!({"query": query, "documents": vec!["x"; 2048]}));
        assert_eq!(status, 200, "{reply}");
        assert_eq!(reply["results"].as_array().unwrap().len(), 2048);
    }
    grew_by_at_most(&server, before, 100);
}

#[test]
fn a_long_prompt_is_read_as_far_as_the_model_sees_it() {
    let server = server("bert-tiny", &[]);
    let before = peak(&server);
    let prompt = |words: usize| json!({"input": vec!["a"; 500], "prompt": "p ".repeat(words)});
    let (status, long) = post(&server, "/v1/embeddings", &prompt(500_000));
    assert_eq!(status, 200, "{long}");
    let (_, short) = post(&server, "/v1/embeddings", &prompt(2000));
    assert_eq!(long["data"][499]["embedding"], short["data"][499]["embedding"]);
    grew_by_at_most(&server, before, 100);
}

#[test]
fn texts_of_megabytes_with_few_tokens_have_the_vectors_of_short_ones() {
    let server = server("bert-tiny", &[]);
    let before = peak(&server);
    let vector = |text: String| {
        let (status, reply) = post(&server, "/v1/embeddings", &json!({"input": text}));
        assert_eq!(status, 200, "{reply}");
        reply["data"][0]["embedding"].clone()
    };
    assert_eq!(vector(" ".repeat(8 << 20) + "hello"), vector("hello".into()));
    assert_eq!(vector("a".repeat(8 << 20) + " hello"), vector("a".repeat(101) + " hello"));
    assert_eq!(vector("\u{301}".repeat(4 << 20) + "hello"), vector("hello".into()));
    grew_by_at_most(&server, before, 150);
}

#[test]
fn tokens_have_named_limits() {
    let server = server("bert-tiny", &["--reply-limit", "100KiB"]);
    let before = peak(&server);
    let (status, reply) = post(&server, "/tokenize", &json!({"inputs": ["a", "a b ".repeat(1 << 20)]}));
    assert_eq!(status, 413, "{reply}");
    assert!(reply["error"].as_str().unwrap().starts_with("inputs[1]: "), "{reply}");
    let (status, reply) = post(&server, "/tokenize", &json!({"inputs": vec!["a b ".repeat(1000); 10]}));
    assert_eq!(status, 413, "{reply}");
    assert!(reply["error"].as_str().unwrap().contains("--reply-limit"), "{reply}");
    let (status, reply) = post(&server, "/decode", &json!({"ids": vec![7; (1 << 20) + 1]}));
    assert_eq!(status, 413, "{reply}");
    let (status, reply) = post(&server, "/tokenize", &json!({"inputs": ["a b"]}));
    assert!(status == 200 && reply[0].as_array().unwrap().len() == 4, "{reply}");
    grew_by_at_most(&server, before, 150);
}

#[test]
fn vectors_of_tokens_have_a_named_limit_before_the_model_runs() {
    let server = server("bert-tiny", &["--reply-limit", "64KiB"]);
    let (status, reply) = post(&server, "/embed_all", &json!({"inputs": vec!["a b c d e f g h"; 200]}));
    assert_eq!(status, 413, "{reply}");
    assert!(reply["error"].as_str().unwrap().contains("--reply-limit"), "{reply}");
    let (status, reply) = post(&server, "/embed_all", &json!({"inputs": ["a b"]}));
    assert!(status == 200 && reply[0].as_array().unwrap().len() == 4, "{reply}");
    let (status, reply) = post(&server, "/vertex", &json!({"instances": vec![json!({"inputs": "a"}); 2000]}));
    assert_eq!(status, 413, "{reply}");
}

#[test]
fn instances_and_pairs_are_bounded_as_a_whole() {
    let bert = server("bert-tiny", &[]);
    let before = peak(&bert);
    // Each instance is legal.
    let instance = format!("{{\"inputs\": [{}\"\"]}}", "\"\",".repeat(2047));
    let body = format!("{{\"instances\": [{}{instance}]}}", format!("{instance},").repeat(2047));
    let request = bert.client.post(format!("{}/vertex", bert.url)).header("content-type", "application/json");
    let reply = request.body(body).send().unwrap();
    assert_eq!(reply.status(), 413);
    let text = reply.text().unwrap();
    assert!(text.contains("4194304") && text.contains("--max-client-batch-size"), "{text}");
    grew_by_at_most(&bert, before, 100);

    let colbert = server("architectures/colbert-native", &[]);
    let before = peak(&colbert);
    let long = |word: &str| (0..2048).map(|i| format!("{i} {}", word.repeat(60))).collect::<Vec<_>>();
    let body = json!({"queries": long("red "), "documents": long("a b ")});
    let (status, reply) = post(&colbert, "/score", &body);
    assert_eq!((status, reply["data"].as_array().map(Vec::len)), (200, Some(2048)), "{}", reply["error"]);
    grew_by_at_most(&colbert, before, 200);
}

#[test]
fn trees_of_json_take_no_memory_of_their_own() {
    let server = server("bert-tiny", &["--body-limit", "8MiB", "--served-model-name", "tiny"]);
    let before = peak(&server);
    let ids = format!("[{}7]", "7,".repeat(2 << 20));
    let bodies = [
        ("/", format!("{{\"inputs\": {ids}}}"), 200),
        ("/invocations", format!("{{\"inputs\": {ids}}}"), 200),
        ("/vertex", format!("{{\"instances\": [{{\"inputs\": {ids}}}]}}"), 200),
        ("/v1/embeddings", format!("{{\"input\": \"a\", \"unknown\": {ids}}}"), 200),
        (
            "/v2/models/tiny/infer",
            format!(
                "{{\"parameters\": {{\"x\": {ids}}}, \"inputs\": \
                 [{{\"name\": \"text\", \"shape\": [1], \"datatype\": \"BYTES\", \"data\": [\"a\"]}}]}}"
            ),
            200,
        ),
    ];
    for (path, body, expected) in bodies {
        let request = server.client.post(format!("{}{path}", server.url)).header("content-type", "application/json");
        let reply = request.body(body).send().unwrap();
        let status = reply.status().as_u16();
        assert_eq!(status, expected, "{path}: {}", reply.text().unwrap());
    }
    grew_by_at_most(&server, before, 120);
}
