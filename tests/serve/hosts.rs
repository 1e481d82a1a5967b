//! `--allow-host`, and the response of a server without a key to foreign host names.

use infa::parts::server::{ApiKeys, ServerOptions};

use crate::fake::InProcess;
use crate::raw;
use crate::running::{Server, command, fixture, run};

fn get(path: &str, host: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n")
}

#[test]
fn names_of_others_are_refused_on_every_route() {
    let server = InProcess::start(ServerOptions::default());
    for path in ["/health", "/metrics", "/models", "/docs", "/nothing", "/v1/embeddings"] {
        let reply = raw::connect(&server.address()).send(get(path, "evil.example")).reply();
        assert_eq!((reply.status, reply.json()["error"]["code"].as_str()), (403, Some("host_not_allowed")), "{path}");
        assert!(reply.body.contains("--allow-host evil.example"), "{reply:?}");
    }
    // In TEI's shape on TEI's routes.
    let reply = raw::connect(&server.address()).send(get("/info", "evil.example:7997")).reply();
    assert!(reply.status == 403 && reply.json()["error"].is_string(), "{reply:?}");
    for host in ["localhost", "127.0.0.1:7997", "[::1]", "a.localhost", "nas.local"] {
        assert_eq!(raw::connect(&server.address()).send(get("/health", host)).reply().status, 200, "{host}");
    }
    // A target with a host of its own.
    let absolute = "GET http://evil.example/health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    assert_eq!(raw::connect(&server.address()).send(absolute).reply().status, 403);
}

#[test]
fn preflights_of_foreign_pages_are_refused_too() {
    let options = ServerOptions { cors_allow_origin: vec!["*".into()], ..ServerOptions::default() };
    let server = InProcess::start(options);
    let preflight = "OPTIONS /v1/embeddings HTTP/1.1\r\nhost: evil.example\r\norigin: http://evil.example\r\n\
                     access-control-request-method: POST\r\n\r\n";
    assert_eq!(raw::connect(&server.address()).send(preflight).reply().status, 403);
}

#[test]
fn with_a_key_or_with_the_flag_names_are_let_in() {
    let keys = ApiKeys::new(["k"]).unwrap();
    let server = InProcess::start(ServerOptions { api_keys: keys, ..ServerOptions::default() });
    assert_eq!(raw::connect(&server.address()).send(get("/health", "infa.example")).reply().status, 200);
    for allow in ["infa.example", "*"] {
        let server = InProcess::start(ServerOptions { allow_host: vec![allow.into()], ..ServerOptions::default() });
        assert_eq!(raw::connect(&server.address()).send(get("/health", "infa.example")).reply().status, 200);
    }
}

#[test]
fn the_flag_and_its_variable() {
    let mut command = command(&["-m", &fixture("bert-tiny"), "--allow-host", "one.example"]);
    command.env("INFA_ALLOW_HOST", "two.example");
    let server = Server::spawn(command);
    let status = |host: &str| {
        let address = server.url.trim_start_matches("http://").to_owned();
        raw::connect(&address).send(get("/livez", host)).reply().status
    };
    assert_eq!([status("one.example"), status("two.example"), status("localhost")], [200, 403, 200]);
    let (code, err) = run(&["-m", &fixture("bert-tiny"), "--allow-host", "http://a"]);
    assert!(code == 2 && err.contains("--allow-host") && err.contains("without scheme"), "{code} {err}");
}

#[test]
fn a_server_open_to_others_without_a_key_warns() {
    let warned = |args: &[&str]| {
        let server = Server::spawn(command(&[&["-m", &fixture("bert-tiny")], args].concat()));
        server.wait_until_ready();
        server.stderr().contains("it has no API key")
    };
    assert!(warned(&["--host", "0.0.0.0"]));
    assert!(!warned(&["--host", "0.0.0.0", "--api-key", "k"]));
    assert!(!warned(&[]));
}
