//! Loading, unloading and reloading of models, and models that cannot be loaded.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::running::{Server, command, fixture, run};
use crate::support;

fn embed(server: &Server) -> (u16, Json) {
    server.ask("/v1/embeddings", &json!({"input": ["a sea"]}))
}

/// The number of log lines about an unloaded model.
fn left(server: &Server) -> usize {
    server.stderr().matches("unloaded until the next request").count()
}

fn unloading(dir: &Path) -> Server {
    Server::start(&["-m", dir.to_str().unwrap(), "--unload-after", "50ms"])
}

#[test]
fn an_idle_model_leaves_and_comes_back() {
    let server = unloading(&support::fixture("bert-tiny"));
    let (status, first) = embed(&server);
    assert_eq!(status, 200, "{first}");
    for round in 1..=2 {
        server.wait_for("the model to leave", || left(&server) >= round);
        assert_eq!(server.get("/readyz").status(), 200);
        let (status, again) = embed(&server);
        assert_eq!((status, &again["data"]), (200, &first["data"]));
    }
}

#[test]
fn requests_at_once_bring_it_back() {
    let server = unloading(&support::fixture("bert-tiny"));
    server.wait_for("the model to leave", || left(&server) == 1);
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..8).map(|_| scope.spawn(|| embed(&server).0)).collect();
        assert!(asked.into_iter().all(|thread| thread.join().unwrap() == 200));
    });
}

#[test]
fn failed_reloads_are_tried_again() {
    let dir = support::copy("bert-tiny");
    let server = unloading(dir.path());
    server.wait_for("the model to leave", || left(&server) == 1);
    let (config, hidden) = (dir.path().join("config.json"), dir.path().join("hidden"));
    fs::rename(&config, &hidden).unwrap();
    for _ in 0..2 {
        let (status, reply) = embed(&server);
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(status == 503 && message.contains("could not be loaded again"), "{reply}");
        assert_eq!(server.get("/readyz").status(), 503);
    }
    fs::rename(&hidden, &config).unwrap();
    assert_eq!(embed(&server).0, 200);
    assert_eq!(server.get("/readyz").status(), 200);
}

#[test]
fn another_model_in_its_place_does_not_come_back() {
    let changes: [fn(&Path); 3] = [
        // Another model of the same kind.
        |dir| {
            fs::remove_dir_all(dir).unwrap();
            copy(&support::fixture("architectures/distilbert-embed"), dir);
        },
        // Weights of the same size.
        |dir| {
            let (weights, new) = (dir.join("model.safetensors"), dir.join("new"));
            let mut bytes = fs::read(&weights).unwrap();
            *bytes.last_mut().unwrap() ^= 1;
            fs::write(&new, bytes).unwrap();
            fs::rename(&new, &weights).unwrap();
        },
        // The same weights with another tokenizer.
        |dir| fs::write(dir.join("tokenizer.json"), fs::read(dir.join("tokenizer.json")).unwrap()).unwrap(),
    ];
    for change in changes {
        let dir = support::copy("bert-tiny");
        let server = unloading(dir.path());
        assert_eq!(embed(&server).0, 200);
        server.wait_for("the model to leave", || left(&server) == 1);
        change(dir.path());
        let (status, reply) = embed(&server);
        let message = reply["error"]["message"].as_str().unwrap();
        assert!(status == 503 && message.contains("were replaced"), "{status} {reply}");
        assert_eq!(server.get("/readyz").status(), 503);
        server.wait_for("the log", || {
            server.stderr().contains("could not be loaded again: the model's files were replaced")
        });
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to)
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn requests_without_a_pause_are_all_answered() {
    let server = unloading(&support::fixture("bert-tiny"));
    let before = left(&server);
    // For longer than models may be idle.
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(400) {
        let texts: Vec<String> = (0..64).map(|i| format!("{} {i}", "the sea ".repeat(20))).collect();
        assert_eq!(server.ask("/embeddings", &json!({"input": texts})).0, 200);
    }
    server.wait_for("the model to leave", || left(&server) > before);
}

#[test]
fn a_model_that_cannot_be_loaded_ends_the_server() {
    let dir = support::copy("bert-tiny");
    fs::write(dir.path().join("model.safetensors"), "not weights").unwrap();
    let broken = dir.path().to_str().unwrap();
    let (status, err) = run(&["-m", broken]);
    assert!(status == 3 && err.contains("model.safetensors"), "{status} {err}");
    let (status, err) = run(&["-m", &fixture("bert-tiny"), "-m", broken, "--served-model-name", "good;bad"]);
    assert!(status == 3 && err.contains("error: bad: ") && err.contains("model.safetensors"), "{status} {err}");
    let (status, err) = run(&["-m", broken, "--preload-only"]);
    assert!(status == 3 && err.contains("model.safetensors"), "{status} {err}");
}

#[test]
fn preload_only_loads_and_ends() {
    let mut ran =
        command(&["-m", &fixture("bert-tiny"), "-m", &fixture("architectures/bert-rerank"), "--preload-only"]);
    let output = ran.output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && output.stdout.is_empty() && !err.contains("Listening"), "{err}");
    assert!(err.contains("fixtures/bert-tiny can be loaded") && err.contains("architectures/bert-rerank can"), "{err}");
}

#[test]
fn every_kind_of_model_warms_up() {
    for name in ["bert-splade", "colbert-native", "bert-rerank", "bert-nli", "bert-classify", "m3-bert"] {
        let (status, err) = run(&["-m", &fixture(&format!("architectures/{name}")), "--preload-only"]);
        assert!(status == 0 && !err.contains("a first text failed"), "{name}: {err}");
    }
}
