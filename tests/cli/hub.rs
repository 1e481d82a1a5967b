//! Models from the Hub, end to end: a Hub of our own, a cache of its own.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use crate::hub_server::{COMMIT, Fault, HubServer, Repo, Side};
use crate::run::{Infa, embed, infa};
use crate::support::{fixture, max_difference};

/// A fixture's files as a repository: weights in LFS and on the CDN, the rest in Git.
pub(crate) fn repository(name: &str) -> Repo {
    fn add(mut repo: Repo, dir: &Path, prefix: &str) -> Repo {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{prefix}{}", path.file_name().unwrap().to_str().unwrap());
            repo = match name.as_str() {
                _ if path.is_dir() => add(repo, &path, &format!("{name}/")),
                name if name.ends_with(".safetensors") => repo.lfs(name, fs::read(path).unwrap()),
                name if name.starts_with("expected") => repo,
                _ => repo.file(&name, fs::read(path).unwrap()),
            };
        }
        repo
    }
    add(Repo::new("org/tiny"), &fixture(name), "").file("README.md", "not wanted")
}

/// `infa embed -m org/tiny` against this Hub, or against none.
pub(crate) fn from_hub(server: Option<&HubServer>, home: &TempDir) -> Infa {
    let ran = infa(["embed", "--threads", "2", "-m", "org/tiny"]).env("HF_HOME", home.path()).stdin("a sea\n");
    match server {
        Some(server) => ran.env("HF_ENDPOINT", server.url()),
        None => ran,
    }
}

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn fetched_once_and_used_ever_after() {
    let (server, home) = (HubServer::start(repository("bert-tiny")), home());
    let ran = from_hub(Some(&server), &home).run().status(0);
    assert!(ran.err.lines().last().unwrap().starts_with("Embedded 1 input ("), "{}", ran.err);
    assert!(server.asked("README.md").is_empty());
    let local = embed([] as [&str; 0]).stdin("a sea\n").run().well();
    assert_eq!(ran.text(), local.text());

    drop(server);
    assert_eq!(from_hub(None, &home).arg("--offline").run().well().text(), local.text());
    assert_eq!(from_hub(None, &home).run().status(0).text(), local.text());
    let again = HubServer::start(repository("bert-tiny"));
    from_hub(Some(&again), &home).arg("--offline").run().well();
    assert!(again.requests().is_empty(), "asked although offline");
}

#[test]
fn by_branch_and_by_commit() {
    let mut repo = repository("bert-tiny");
    repo.revisions.push("v1.0".into());
    let (server, home) = (HubServer::start(repo), home());
    from_hub(Some(&server), &home).args(["--revision", "v1.0"]).run().status(0);
    from_hub(None, &home).args(["--revision", "v1.0", "--offline"]).run().well();
    from_hub(None, &home).args(["--revision", COMMIT, "--offline"]).run().well();
    let ran = from_hub(None, &home).args(["--revision", "v2.0", "--offline"]).run();
    ran.refuses(3, &["org/tiny", "v2.0", "hint: "]);
    let ran = from_hub(Some(&server), &home).args(["--revision", "v2.0"]).run();
    ran.refuses(3, &["org/tiny has no revision v2.0", "--revision"]);
}

#[test]
fn the_token_goes_to_the_hub_and_nowhere_else() {
    let mut repo = repository("bert-tiny");
    repo.token = Some("hf_secret".into());
    let (server, home) = (HubServer::start(repo), home());
    from_hub(Some(&server), &home).run().refuses(3, &["hint: ", "HF_TOKEN"]);
    let ran = from_hub(Some(&server), &home).env("HF_TOKEN", "hf_wrong").run();
    assert!(!ran.err.contains("hf_wrong"), "{}", ran.err);
    ran.refuses(3, &["hint: ", "token"]);
    server.forget_requests();
    let ran = from_hub(Some(&server), &home).arg("-vvv").env("HF_TOKEN", "hf_secret").run().status(0);
    assert!(!ran.err.contains("hf_secret"), "the token is in the log");
    let requests = server.requests();
    assert!(requests.iter().any(|request| request.side == Side::Cdn));
    for request in requests {
        let token = request.header("authorization");
        assert_eq!(token, (request.side == Side::Hub).then_some("Bearer hf_secret"), "{}", request.path);
    }
}

#[test]
fn missing_files_of_the_hub_are_named() {
    let (server, home) = (HubServer::start(repository("bert-tiny")), home());
    let named =
        |name: &str| infa(["embed", "-m", name]).env("HF_HOME", home.path()).env("HF_ENDPOINT", server.url()).run();
    named("org/other").refuses(3, &["org/other", server.url(), "check the spelling"]);
    let bare = HubServer::start(Repo::new("org/tiny").file("README.md", "nothing else"));
    from_hub(Some(&bare), &home).run().refuses(3, &["org/tiny", "hint: "]);
    let ran = from_hub(None, &home).run();
    ran.refuses(3, &["no connection to http://127.0.0.1:9", "HF_ENDPOINT"]);
}

#[test]
fn gated_repositories() {
    let (server, home) = (HubServer::start(repository("bert-tiny")), home());
    server.refuse("/", 403, "GatedRepo", "Ask for access first");
    from_hub(Some(&server), &home).run().refuses(3, &["restricted", "Ask for access", "HF_TOKEN"]);
}

#[test]
fn weights_of_pickle_only() {
    let mut repo = repository("bert-tiny");
    repo.files.retain(|file| file.name != "model.safetensors");
    let (server, home) = (HubServer::start(repo.file("pytorch_model.bin", "pickle")), home());
    let ran = from_hub(Some(&server), &home).run();
    assert!(server.asked("pytorch_model.bin").is_empty());
    ran.refuses(3, &["no model.safetensors", "never opens pytorch_model.bin", "python3 -c", "org/tiny"]);
}

#[test]
fn an_onnx_file_of_the_repository() {
    let mut repo = repository("bert-plain");
    repo.files.retain(|file| file.name != "model.safetensors");
    let repo = repo.lfs("onnx/model.onnx", fs::read(fixture("bert-plain.onnx")).unwrap());
    let (server, home) = (HubServer::start(repo), home());
    let flags = ["--onnx-file", "onnx/model.onnx", "--pooling", "mean"];
    let ran = from_hub(Some(&server), &home).args(flags).run().status(0);
    let local = infa(["embed", "--pooling", "mean", "-m"]).arg(fixture("bert-plain")).stdin("a sea\n").run().well();
    let (a, b) = (&ran.vectors()[0], &local.vectors()[0]);
    let size = b.iter().fold(1f32, |m, x| m.max(x.abs()));
    assert!(max_difference(a, b) <= 1e-5 * size);
    drop(server);
    assert_eq!(from_hub(None, &home).args(flags).arg("--offline").run().well().text(), ran.text());
    let ran = from_hub(None, &home).args(["--onnx-file", "onnx/other.onnx", "--offline"]).run();
    ran.refuses(3, &["hint: "]);
}

#[test]
fn without_the_onnx_flag_the_onnx_files_are_named() {
    let mut repo = repository("bert-plain");
    repo.files.retain(|file| file.name != "model.safetensors");
    let repo = repo.lfs("onnx/model.onnx", fs::read(fixture("bert-plain.onnx")).unwrap());
    let (server, home) = (HubServer::start(repo), home());
    from_hub(Some(&server), &home).run().refuses(3, &["choose with --onnx-file: onnx/model.onnx"]);
    let other = from_hub(Some(&server), &home).args(["--onnx-file", "model.onnx"]).run();
    other.refuses(3, &["no model.onnx", "choose with --onnx-file: onnx/model.onnx"]);
}

#[test]
fn a_file_that_arrives_damaged_is_not_kept() {
    let (server, home) = (HubServer::start(repository("bert-tiny")), home());
    server.fault("/cdn/model.safetensors", usize::MAX, Fault::WrongBytes);
    from_hub(Some(&server), &home).run().refuses(3, &["model.safetensors", "SHA-256", "hint: "]);
    let server = HubServer::start(repository("bert-tiny"));
    from_hub(Some(&server), &home).run().status(0);
}

#[test]
fn a_connection_that_breaks_is_taken_up_again() {
    let (server, home) = (HubServer::start(repository("bert-tiny")), home());
    server.fault("/cdn/model.safetensors", 1, Fault::CutAfter(5000));
    let ran = from_hub(Some(&server), &home).run().status(0);
    assert_eq!(ran.rows()[0]["index"], json!(0));
    assert!(server.asked("/cdn/model.safetensors").iter().any(|request| request.header("range").is_some()));
}

#[test]
fn two_at_once_fetch_it_once() {
    let (server, home) = (HubServer::start(repository("bert-tiny")), home());
    server.fault("/cdn/model.safetensors", 1, Fault::Drip(8192, Duration::from_millis(2)));
    let runs: Vec<_> = std::thread::scope(|scope| {
        let start = |_| scope.spawn(|| from_hub(Some(&server), &home).run().status(0));
        let threads: Vec<_> = (0..3).map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap().out).collect()
    });
    assert!(runs.iter().all(|out| *out == runs[0]));
    assert_eq!(server.asked("/cdn/model.safetensors").len(), 1);
}

#[test]
fn an_endpoint_that_is_no_address() {
    let home = home();
    for endpoint in ["not a url", "ftp://127.0.0.1", "127.0.0.1:9"] {
        let ran = from_hub(None, &home).env("HF_ENDPOINT", endpoint).run();
        ran.refuses(3, &[endpoint, "not a usable address", "HF_ENDPOINT"]);
    }
    let ran = from_hub(None, &home).env("HF_TOKEN", "a\nb").run();
    ran.refuses(3, &["token", "HF_TOKEN"]);
}
