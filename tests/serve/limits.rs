//! The limits of a request, and the error at each limit.

use std::io::Write;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use infa::parts::server::{Limits, ServerOptions};
use serde_json::{Value as Json, json};

use crate::fake::{InProcess, eventually, tcp};
use crate::raw::{self, Reply, post};

fn with_limits(limits: Limits) -> InProcess {
    InProcess::with(limits, ServerOptions::default(), tcp())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Posts `body` with additional headers.
fn send(server: &InProcess, path: &str, headers: &str, body: &[u8]) -> Reply {
    let mut client = raw::connect(&server.address());
    client.send(post(path, body.len()).replace("\r\n\r\n", &format!("\r\n{headers}\r\n")));
    client.send(body).reply()
}

fn code(reply: &Reply) -> (u16, String) {
    (reply.status, reply.json()["error"]["code"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_body_over_the_limit_is_refused_whether_announced_or_not() {
    let server = with_limits(Limits { body: 1000, ..Limits::default() });
    let text = json!({"input": ["x".repeat(1000)]}).to_string();
    assert_eq!(code(&send(&server, "/v1/embeddings", "", text.as_bytes())), (413, "body_too_large".into()));
    assert!(send(&server, "/v1/embeddings", "", text.as_bytes()).body.contains("--body-limit"));

    let mut client = raw::connect(&server.address());
    client.send("POST /v1/embeddings HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n");
    for _ in 0..11 {
        client.send(format!("64\r\n{}\r\n", "x".repeat(100)));
    }
    client.send("0\r\n\r\n");
    assert_eq!(code(&client.reply()), (413, "body_too_large".into()));

    let exact = json!({"input": ["x".repeat(1000 - r#"{"input":[""]}"#.len())]}).to_string();
    assert_eq!(exact.len(), 1000);
    assert_eq!(send(&server, "/v1/embeddings", "", exact.as_bytes()).status, 200);
}

#[test]
fn large_bodies_below_the_limit_are_taken() {
    let server = with_limits(Limits::default());
    let reply = server.embed(&"x".repeat(5 << 20)).send().unwrap();
    let reply: Json = reply.json().unwrap();
    assert_eq!(reply["data"][0]["embedding"][0], json!((5 << 20) as f32), "{reply}");
}

#[test]
fn gzip_is_inflated_and_bounded_by_what_comes_out() {
    let server = with_limits(Limits { body: 100_000, ..Limits::default() });
    let body = json!({"input": ["hello"]}).to_string();
    for encoding in ["gzip", "GZIP", "x-gzip"] {
        let headers = format!("content-encoding: {encoding}\r\n");
        let reply = send(&server, "/v1/embeddings", &headers, &gzip(body.as_bytes()));
        assert_eq!(reply.status, 200, "{reply:?}");
        assert_eq!(reply.json()["data"][0]["embedding"][0], 5.0);
    }
    assert_eq!(send(&server, "/v1/embeddings", "content-encoding: identity\r\n", body.as_bytes()).status, 200);

    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 100_000, "the bomb itself is small");
    let reply = send(&server, "/v1/embeddings", "content-encoding: gzip\r\n", &bomb);
    assert_eq!(code(&reply), (413, "body_too_large".into()));
}

#[test]
fn bodies_that_contradict_their_encoding_are_refused() {
    let server = with_limits(Limits::default());
    let whole = gzip(json!({"input": ["hello"]}).to_string().as_bytes());
    for broken in [&b"{\"input\":[]}"[..], &whole[..whole.len() - 5], &whole[..4]] {
        let reply = send(&server, "/v1/embeddings", "content-encoding: gzip\r\n", broken);
        assert_eq!(code(&reply), (400, "broken_body".into()), "{reply:?}");
    }
    for encoding in ["br", "zstd", "deflate", "gzip, gzip", "nonsense"] {
        let reply = send(&server, "/v1/embeddings", &format!("content-encoding: {encoding}\r\n"), b"{}");
        assert_eq!(code(&reply), (415, "unsupported_encoding".into()), "{encoding}");
        assert_eq!(reply.header("accept-encoding"), Some("gzip, identity"));
    }
}

#[test]
fn too_much_work_is_turned_away_at_once() {
    let server = with_limits(Limits { concurrent_requests: 1, ..Limits::default() });
    let mut busy = raw::connect(&server.address());
    busy.embed("hold");
    eventually("the request is being served", || server.engine.held() == 1);
    let mut client = raw::connect(&server.address());
    let reply = client.embed("a").reply();
    assert_eq!(code(&reply), (429, "too_many_requests".into()));
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(client.send(raw::get("/readyz")).reply().status, 200);
    server.engine.release();
    assert_eq!(busy.reply().status, 200);
    assert_eq!(client.embed("a").reply().status, 200);
}

#[test]
fn the_bodies_of_all_requests_together_are_bounded() {
    let server = with_limits(Limits { memory: 256 << 10, ..Limits::default() });
    let padded = |text, size| json!({"input": [text], "user": "x".repeat(size)}).to_string();
    let (held, large) = (padded("hold", 200_000), padded("a", 150_000));
    let mut busy = raw::connect(&server.address());
    busy.send(post("/v1/embeddings", held.len()) + &held);
    eventually("the request is being served", || server.engine.held() == 1);
    let reply = send(&server, "/v1/embeddings", "", large.as_bytes());
    assert_eq!(code(&reply), (429, "too_many_requests".into()));
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(send(&server, "/v1/embeddings", "content-encoding: gzip\r\n", &gzip(large.as_bytes())).status, 429);
    assert_eq!(raw::connect(&server.address()).embed("small").reply().status, 200);
    server.engine.release();
    assert_eq!(busy.reply().status, 200);
    eventually("there is room", || send(&server, "/v1/embeddings", "", large.as_bytes()).status == 200);
}

#[test]
fn a_full_queue_is_429_with_its_own_time() {
    let server = with_limits(Limits::default());
    let reply = raw::connect(&server.address()).embed("full").reply();
    assert_eq!((reply.status, reply.header("retry-after")), (429, Some("7")), "{reply:?}");
}

#[test]
fn a_request_over_its_time_gives_its_work_back() {
    let options = ServerOptions { request_timeout: Some(Duration::from_millis(50)), ..ServerOptions::default() };
    let server = InProcess::start(options);
    let reply = raw::connect(&server.address()).embed("hold").reply();
    assert_eq!(code(&reply), (503, "timeout".into()));
    assert_eq!(server.engine.over(), 1);
}

#[test]
fn a_panic_is_one_500_and_the_server_lives_on() {
    let server = with_limits(Limits::default());
    let mut client = raw::connect(&server.address());
    for _ in 0..3 {
        let reply = client.embed("panic").reply();
        assert_eq!(code(&reply), (500, "internal_error".into()));
        assert!(!reply.body.contains("the text says so"), "{reply:?}");
        assert_eq!(client.embed("a").reply().status, 200, "the same connection goes on");
    }
}

#[test]
fn unknown_paths_and_methods_have_the_shape_of_every_error() {
    let server = with_limits(Limits::default());
    let mut client = raw::connect(&server.address());
    let reply = client.send(raw::get("/nothing")).reply();
    assert_eq!(code(&reply), (404, "unknown_url".into()));
    assert!(reply.body.contains("/nothing"));
    let reply = client.send(raw::get("/v1/embeddings")).reply();
    assert_eq!(code(&reply), (405, "method_not_allowed".into()));
    assert_eq!(reply.header("allow"), Some("POST"));
    assert!(reply.body.contains("/v1/embeddings does not accept GET: use POST"), "{}", reply.body);
    let wrong = "DELETE /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let reply = client.send(wrong).reply();
    assert!(reply.body.contains("use GET") && !reply.body.contains("HEAD"), "{}", reply.body);
}

#[test]
fn the_request_id_is_the_clients_or_a_new_one() {
    let server = with_limits(Limits::default());
    let id = |sent: &[u8]| {
        let mut request = b"GET /health HTTP/1.1\r\nhost: localhost\r\n".to_vec();
        if !sent.is_empty() {
            request.extend([b"x-request-id: ", sent, b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        let reply = raw::connect(&server.address()).send(request).reply();
        reply.header("x-request-id").unwrap().to_owned()
    };
    assert_eq!(id(b"abc-123"), "abc-123");
    let long = "x".repeat(128);
    assert_eq!(id(long.as_bytes()), long);
    for odd in [&b""[..], b"a b", "ä".as_bytes(), format!("{long}x").as_bytes()] {
        assert_eq!(id(odd).len(), 36, "a UUID for {odd:?}");
    }
    assert_ne!(id(b""), id(b""));
}

#[test]
fn everything_is_under_the_prefix_and_health_outside_too() {
    let options = ServerOptions { url_prefix: "/models/a".into(), ..ServerOptions::default() };
    let server = InProcess::start(options);
    let mut client = raw::connect(&server.address());
    for path in ["/models/a/health", "/health", "/readyz"] {
        assert_eq!(client.send(raw::get(path)).reply().status, 200, "{path}");
    }
    let body = json!({"input": ["a"]}).to_string();
    for (path, status) in [("/models/a/v1/embeddings", 200), ("/models/a/embeddings", 200), ("/v1/embeddings", 404)] {
        assert_eq!(client.send(post(path, body.len()) + &body).reply().status, status, "{path}");
    }
    for path in ["/v1/embedding", "/models/a/v1/embedding", "/models/a/v1/embedding/"] {
        let reply = client.send(post(path, body.len()) + &body).reply();
        let text = reply.body;
        assert!(text.contains("did you mean /models/a/v1/embeddings? /models/a/docs lists"), "{path}: {text}");
    }
}

#[test]
fn pages_of_allowed_origins_may_ask() {
    let cors_allow_origin = vec!["https://example.org".to_owned()];
    let api_keys = infa::parts::server::ApiKeys::new(["key"]).unwrap();
    let server = InProcess::start(ServerOptions { cors_allow_origin, api_keys, ..ServerOptions::default() });
    let mut client = raw::connect(&server.address());
    let preflight = |origin: &str| {
        format!(
            "OPTIONS /v1/embeddings HTTP/1.1\r\nhost: localhost\r\norigin: {origin}\r\naccess-control-request-method: POST\r\n\
             access-control-request-headers: authorization,content-type\r\n\r\n"
        )
    };
    let reply = client.send(preflight("https://example.org")).reply();
    assert_eq!(reply.status, 200, "a preflight has no key");
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://example.org"));
    assert_eq!(reply.header("access-control-allow-headers"), Some("authorization,content-type"));
    let reply = client.send(preflight("https://example.com")).reply();
    assert_eq!(reply.header("access-control-allow-origin"), None);
    // Pages can read the reason of a refusal.
    let reply =
        client.send(raw::get("/v1/models").replace("\r\n\r\n", "\r\norigin: https://example.org\r\n\r\n")).reply();
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (401, Some("https://example.org")));
}
