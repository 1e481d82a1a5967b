//! Connections of all kinds, well-behaved and not.

use std::io::{Read, Write};
use std::net::Shutdown;

use infa::parts::server::{Limits, Listen, ServerOptions, TlsFiles};

use crate::fake::{InProcess, eventually};
use crate::raw::{self, get, post};

fn server() -> InProcess {
    InProcess::start(ServerOptions::default())
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = server();
    let mut client = raw::connect(&server.address());
    let mut all = String::new();
    for n in 1..=20 {
        let body = serde_json::json!({"input": ["x".repeat(n)]}).to_string();
        all += &(post("/v1/embeddings", body.len()) + &body);
    }
    client.send(all);
    for n in 1..=20 {
        assert_eq!(client.reply().json()["data"][0]["embedding"][0], f64::from(n));
    }
}

#[test]
fn odd_but_proper_requests_are_answered() {
    let server = server();
    let long = format!("GET /health HTTP/1.1\r\nhost: localhost\r\nx-long: {}\r\n\r\n", "x".repeat(10_000));
    let mut client = raw::connect(&server.address());
    assert_eq!(client.send(long).reply().status, 200);
    let mut old = raw::connect(&server.address());
    assert_eq!(old.send("GET /health HTTP/1.0\r\n\r\n").reply().status, 200);
    assert!(old.is_closed());
}

#[test]
fn malformed_requests_end_their_own_connection_alone() {
    let server = server();
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(5000));
    let large = format!("GET / HTTP/1.1\r\na: {}\r\n\r\n", "x".repeat(1 << 20));
    let garbage: [&[u8]; 7] = [
        b"\0\x01\x02\xff\xfe\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /embeddings HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
        b"POST /embeddings HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        many.as_bytes(),
        large.as_bytes(),
    ];
    for bytes in garbage {
        let mut client = raw::connect(&server.address());
        // It may be refused before all is sent.
        let _ = client.0.write_all(bytes);
        let mut reply = Vec::new();
        let _ = client.0.read_to_end(&mut reply);
        let reply = String::from_utf8_lossy(&reply);
        assert!(reply.is_empty() || reply.starts_with("HTTP/1.1 4"), "{reply}");
    }
    assert_eq!(raw::connect(&server.address()).embed("a").reply().status, 200);
}

#[test]
fn broken_chunks_are_a_400() {
    let server = server();
    let mut client = raw::connect(&server.address());
    client.send("POST /v1/embeddings HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n");
    let reply = client.reply();
    assert_eq!((reply.status, &reply.json()["error"]["code"]), (400, &"broken_body".into()), "{reply:?}");
}

#[test]
fn the_work_of_a_client_that_went_away_is_dropped() {
    let server = server();
    let mut client = raw::connect(&server.address());
    client.embed("hold");
    eventually("the request is being served", || server.engine.held() == 1);
    drop(client);
    eventually("nobody waits for the engine", || server.engine.over() == 1);
    assert_eq!(raw::connect(&server.address()).embed("a").reply().status, 200);
}

#[test]
fn half_closed_and_half_sent_requests_harm_no_others() {
    let server = server();
    for text in [get("/health"), "GET /hea".to_owned(), post("/v1/embeddings", 100) + "{\"input\""] {
        let mut client = raw::connect(&server.address());
        client.send(text);
        client.0.shutdown(Shutdown::Write).unwrap();
        let mut reply = Vec::new();
        client.0.read_to_end(&mut reply).unwrap();
    }
    assert_eq!(raw::connect(&server.address()).embed("a").reply().status, 200);
}

#[test]
fn half_closed_connections_get_their_replies() {
    let server = server();
    let body = serde_json::json!({"input": ["a"]}).to_string();
    let one = post("/v1/embeddings", body.len()) + &body;
    for requests in [1, 50] {
        let mut client = raw::connect(&server.address());
        client.send(one.repeat(requests));
        client.0.shutdown(Shutdown::Write).unwrap();
        let mut replies = String::new();
        client.0.read_to_string(&mut replies).unwrap();
        assert_eq!(replies.matches("HTTP/1.1 200 OK").count(), requests, "{replies}");
    }
}

#[test]
fn http2_is_spoken_with_those_who_know() {
    let server = server();
    let mut client = raw::connect(&server.address());
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").send([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    // GET http /health localhost, in HPACK: two fields of the static table, and two with values of their own.
    let mut fields = vec![0x82, 0x86, 0x44, 7];
    fields.extend(b"/health");
    fields.extend([0x41, 9]);
    fields.extend(b"localhost");
    // HEADERS of stream 1, with END_HEADERS and END_STREAM.
    client.send([0, 0, fields.len() as u8, 1, 5, 0, 0, 0, 1]).send(&fields);
    loop {
        let mut head = [0; 9];
        client.0.read_exact(&mut head).unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        client.0.read_exact(&mut payload).unwrap();
        if (head[3], head[8]) == (1, 1) {
            assert_eq!(payload[0], 0x88, "status 200 of the static table");
            break;
        }
    }
}

#[test]
fn an_address_in_use_is_named_with_a_way_out() {
    let server = server();
    let port = server.address().rsplit(':').next().unwrap().parse().unwrap();
    let listen = Listen::Tcp { host: "127.0.0.1".into(), port, tls: None };
    let Err(error) = InProcess::try_with(Limits::default(), ServerOptions::default(), listen) else { panic!() };
    assert!(error.to_string().contains(&server.address()), "{error}");
    assert!(error.hint().unwrap().contains("--port"));
}

#[test]
fn tls_with_a_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let (tls_cert, tls_key) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(&tls_cert, made.cert.pem()).unwrap();
    std::fs::write(&tls_key, made.signing_key.serialize_pem()).unwrap();
    let tls = Some(TlsFiles { tls_cert, tls_key });
    let listen = Listen::Tcp { host: "127.0.0.1".into(), port: 0, tls };
    let mut server = InProcess::with(Limits::default(), ServerOptions::default(), listen);
    assert!(server.bound.to_string().starts_with("https://127.0.0.1:"), "{}", server.bound);

    let port = server.address().rsplit(':').next().unwrap().to_owned();
    let client = reqwest::blocking::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(made.cert.pem().as_bytes()).unwrap()])
        .resolve("localhost", server.address().parse().unwrap())
        .no_proxy()
        .build()
        .unwrap();
    let reply = client.get(format!("https://localhost:{port}/health")).send().unwrap();
    assert_eq!(reply.status(), 200);

    // Clients without TLS are rejected.
    let mut plain = raw::connect(&server.address());
    plain.send(get("/health"));
    let mut reply = Vec::new();
    let _ = plain.0.read_to_end(&mut reply);
    assert!(!reply.starts_with(b"HTTP"), "{reply:?}");
    assert_eq!(server.wait().cut, 0);
}

#[test]
fn requests_that_http_forbids_are_refused() {
    let server = server();
    for (head, status) in [
        ("", 400),
        ("host: localhost\r\nhost: localhost\r\n", 400),
        ("host: a b\r\n", 400),
        ("host: localhost\r\ntransfer-encoding: gzip, chunked\r\n", 501),
        ("host: localhost\r\ntransfer-encoding: xyz, chunked\r\n", 501),
        ("host: localhost\r\ntransfer-encoding: chunked, chunked\r\n", 400),
    ] {
        let mut client = raw::connect(&server.address());
        let body = if head.contains("chunked") { "0\r\n\r\n" } else { "" };
        let method = if body.is_empty() { "GET /health" } else { "POST /v1/embeddings" };
        let reply = client.send(format!("{method} HTTP/1.1\r\n{head}\r\n{body}")).reply();
        assert_eq!(reply.status, status, "{head}: {reply:?}");
        assert!(reply.json()["error"]["message"].is_string(), "{reply:?}");
    }
}
