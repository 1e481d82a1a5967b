//! `infa serve` behind the clients that people have: Python packages, a property tester of its API, a browser.
//!
//! Each test starts a server and runs one script of this directory, which checks what it gets and says so.
//! `install.py` makes the environment that the scripts run in, once, in the user's cache.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../serve/running.rs"]
#[allow(dead_code, reason = "it is a part of other tests too")]
mod running;
#[path = "../support/mod.rs"]
mod support;

mod python;

use running::{Server, fixture};

/// A fixture and the name under which the scripts know it.
const EMBEDDER: (&str, &str) = ("bert-tiny", "embedder");
const RERANKER: (&str, &str) = ("architectures/bert-rerank", "reranker");
const CLASSIFIER: (&str, &str) = ("architectures/bert-classify", "classifier");

/// A server with these models and further arguments.
fn serve(models: &[(&str, &str)], more: &[&str]) -> Server {
    let paths: Vec<String> = models.iter().map(|(path, _)| fixture(path)).collect();
    let mut args = more.to_vec();
    for (path, (_, name)) in paths.iter().zip(models) {
        args.extend(["--model-id", path, "--served-model-name", name]);
    }
    Server::start(&args)
}

fn serve_all() -> Server {
    serve(&[EMBEDDER, RERANKER, CLASSIFIER], &[])
}

#[test]
fn openai() {
    let (server, keyed) = (serve_all(), serve(&[EMBEDDER], &["--api-key", "right"]));
    let busy = serve(&[EMBEDDER], &["--queue-tokens", "1"]);
    python::run("openai_client.py", &[("server", &server), ("keyed", &keyed), ("busy", &busy)]);
}

#[test]
fn langchain() {
    python::run("langchain_client.py", &[("server", &serve_all())]);
}

#[test]
fn litellm() {
    let (embedder, reranker) = (serve(&[EMBEDDER], &[]), serve(&[RERANKER], &[]));
    let servers = [("server", &serve_all()), ("embedder", &embedder), ("reranker", &reranker)];
    python::run("litellm_client.py", &servers);
}

#[test]
fn cohere() {
    let keyed = serve(&[RERANKER], &["--api-key", "right"]);
    python::run("cohere_client.py", &[("server", &serve_all()), ("keyed", &keyed)]);
}

#[test]
fn huggingface_hub() {
    let (embedder, classifier) = (serve(&[EMBEDDER], &[]), serve(&[CLASSIFIER], &[]));
    python::run("huggingface_client.py", &[("embedder", &embedder), ("classifier", &classifier)]);
}

/// Files of `infa embed`, read by the libraries of docs/use-vectors.md.
#[test]
fn readers_of_files() {
    python::run_with_program("files_reader.py", &[&fixture("bert-tiny")]);
}

#[test]
fn tritonclient() {
    python::run("triton_client.py", &[("server", &serve_all())]);
}

/// Whatever fits the published description, or just does not, is answered as that description says.
#[test]
fn schemathesis() {
    let server = serve_all();
    python::schemathesis(&SCHEMATHESIS, &server);
    assert!(server.get("/readyz").status().is_success(), "{}", server.stderr());
    assert!(!server.stderr().contains("panicked"), "{}", server.stderr());
}

/// The same requests in every run.
const SCHEMATHESIS: [&str; 9] = [
    "--checks=not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
    "--mode=all",
    "--phases=examples,coverage,fuzzing",
    "--max-examples=15",
    "--generation-deterministic",
    "--generation-allow-x00=true",
    "--request-timeout=20",
    "--suppress-health-check=all",
    "--warnings=off",
];

#[test]
fn browser() {
    if std::env::var("INFA_TEST_NO_BROWSER").is_ok_and(|value| value == "1") {
        return;
    }
    python::browse(&serve_all());
}
