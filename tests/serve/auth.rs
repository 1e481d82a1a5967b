//! API keys: access, and that keys do not leak.

use infa::parts::server::{ApiKeys, ServerOptions};

use crate::fake::InProcess;
use crate::raw;

fn server() -> InProcess {
    let api_keys = ApiKeys::new(["first-key", "second-key"]).unwrap();
    InProcess::start(ServerOptions { api_keys, ..ServerOptions::default() })
}

#[test]
fn a_key_opens_in_any_case_of_its_scheme() {
    let server = server();
    for value in ["Bearer first-key", "bearer second-key"] {
        let reply = server.embed("a").header("authorization", value).send().unwrap();
        assert_eq!(reply.status(), 200, "{value}");
    }
}

#[test]
fn without_a_key_everything_but_health_is_shut() {
    let server = server();
    for path in ["/health", "/livez", "/readyz"] {
        assert_eq!(server.get(path).send().unwrap().status(), 200, "{path}");
    }
    for path in ["/", "/v1/embeddings", "/v1/models", "/metrics", "/docs", "/openapi.json", "/nothing", "/health/x"] {
        for key in [None, Some("Bearer wrong"), Some("Bearer "), Some("Basic Zmlyc3Qta2V5"), Some("first-key")] {
            let request = server.get(path);
            let request = match key {
                Some(key) => request.header("authorization", key),
                None => request,
            };
            let reply = request.send().unwrap();
            assert_eq!(reply.status(), 401, "{path} {key:?}");
            assert_eq!(reply.headers()["www-authenticate"], "Bearer");
            assert!(reply.headers().contains_key("x-request-id"));
            let body: serde_json::Value = reply.json().unwrap();
            assert_eq!(body["error"]["type"], "authentication_error", "{path}");
            assert_eq!(body["error"]["code"], "invalid_api_key", "{path}");
            assert!(!body.to_string().contains("first-key"));
        }
    }
}

#[test]
fn tei_clients_read_their_own_shape() {
    let reply = server().get("/embed").send().unwrap();
    assert_eq!(reply.status(), 401);
    let body: serde_json::Value = reply.json().unwrap();
    assert!(body["error"].is_string() && body["error_type"].is_string(), "{body}");
}

#[test]
fn the_refusal_comes_before_the_body() {
    let server = server();
    let mut client = raw::connect(&server.address());
    // No byte of the body is sent.
    client.send(raw::post("/v1/embeddings", 1_000_000));
    let reply = client.reply();
    assert_eq!(reply.status, 401, "{reply:?}");
    assert_eq!(reply.header("connection"), Some("close"));
}
