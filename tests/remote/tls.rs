//! Encrypted connections: whose certificate is trusted, and HTTP/2.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value as Json, json};
use tempfile::NamedTempFile;

use crate::fake::{Answer, Fake, vector};
use crate::run::infa;

/// A certificate for this machine that nobody knows, and what trusts it.
fn certificate() -> (ServerConfig, NamedTempFile) {
    certificate_of(rcgen::IsCa::NoCa)
}

fn certificate_of(is_ca: rcgen::IsCa) -> (ServerConfig, NamedTempFile) {
    let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    parameters.is_ca = is_ca;
    let key = rcgen::KeyPair::generate().unwrap();
    let cert = parameters.self_signed(&key).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), cert.pem()).unwrap();
    (config, file)
}

#[test]
fn a_certificate_must_be_trusted() {
    let (config, trusted) = certificate();
    let fake = Fake::with(Some(Arc::new(config)), |seen| match seen.line.as_str() {
        "POST /embed" => Answer::json(&json!(seen.inputs().iter().map(|text| vector(text)).collect::<Vec<_>>())),
        _ => Answer::status(404, "not here"),
    });
    let ran = fake.embed([], "a\n").without("SSL_CERT_FILE").without("SSL_CERT_DIR").env("TEI_API_KEY", "k").run();
    ran.refuses(4, &["no encrypted connection", "SSL_CERT_FILE"]);
    assert!(fake.seen().is_empty(), "no request before the certificate is trusted");
    let ran = fake.embed([], "a\n").env("SSL_CERT_FILE", trusted.path()).run();
    assert_eq!(ran.status(0).vectors(), [[1.0, 1.0]]);
    // Plain text where encryption is expected.
    let plain = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let engine = format!("tei=https://{}", plain.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in plain.incoming().map_while(Result::ok) {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
            let _ = stream.read(&mut [0]);
        }
    });
    infa(["embed", "--engine", &engine]).stdin("a\n").run().refuses(4, &["no encrypted connection"]);
}

/// The certificate of a plain `openssl req -x509`.
#[test]
fn the_certificate_of_an_authority_is_explained() {
    let (config, trusted) = certificate_of(rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained));
    let fake = Fake::with(Some(Arc::new(config)), |_| Answer::status(404, "not here"));
    let ran = fake.embed([], "a\n").env("SSL_CERT_FILE", trusted.path()).run();
    ran.refuses(4, &["no encrypted connection", "CA:TRUE", "basicConstraints=critical,CA:FALSE"]);
}

/// A TEI that speaks HTTP/2 and nothing else.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let body: Json = serde_json::from_slice(&body).unwrap_or_default();
    let texts = body["inputs"].as_array().cloned().unwrap_or_default();
    let status = if head.version == Version::HTTP_2 && !texts.is_empty() { 200 } else { 404 };
    let reply = json!(texts.iter().map(|text| json!([text.as_str().unwrap().len(), 1])).collect::<Vec<_>>());
    Ok(Response::builder().status(status).body(Full::new(Bytes::from(reply.to_string()))).unwrap())
}

#[test]
fn http_2_where_the_server_speaks_it() {
    let (mut config, trusted) = certificate();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(async move {
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let stream = TokioIo::new(acceptor.accept(stream).await?);
                let http2 = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                http2.serve_connection(stream, service_fn(answer)).await?;
                anyhow::Ok(())
            });
        }
    });
    let lines: String = (0..100).map(|i| format!("{}\n", "x".repeat(i))).collect();
    let ran = infa(["embed", "--engine", &format!("tei=https://localhost:{port}"), "--request-batch", "3"])
        .env("SSL_CERT_FILE", trusted.path())
        .stdin(lines)
        .run();
    let lengths: Vec<f32> = ran.status(0).vectors().iter().map(|vector| vector[0]).collect();
    assert_eq!(lengths, (0..100).map(|i| i as f32).collect::<Vec<_>>());
}
