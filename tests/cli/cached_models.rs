//! Models in the cache: short names, list, pull, remove; and directories that hold no model, or only an adapter.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;
use tempfile::TempDir;

use crate::hub::repository;
use crate::hub_server::HubServer;
use crate::run::{Infa, embed_with, infa};
use crate::support::{copy, fixture, patch};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const OTHER: &str = "fedcba9876543210fedcba9876543210fedcba98";

/// Puts the files of a fixture into a cache as a revision of the model `id`, each once among its blobs.
fn cached(home: &TempDir, id: &str, commit: &str, branch: &str, name: &str) -> PathBuf {
    let repo = home.path().join("hub").join(format!("models--{}", id.replace('/', "--")));
    for folder in ["blobs", "refs", ".no_exist"] {
        fs::create_dir_all(repo.join(folder)).unwrap();
    }
    let snapshot = repo.join("snapshots").join(commit);
    link(&fixture(name), &snapshot, &repo.join("blobs"), 2);
    fs::write(repo.join("refs").join(branch), commit).unwrap();
    repo
}

fn link(from: &Path, to: &Path, blobs: &Path, up: usize) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        if path.is_dir() {
            link(&path, &to.join(&name), blobs, up + 1);
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let sum = bytes.iter().fold(bytes.len() as u64, |sum, &b| sum.wrapping_mul(31).wrapping_add(b.into()));
        let blob = format!("{sum:016x}");
        fs::write(blobs.join(&blob), bytes).unwrap();
        let target = std::iter::repeat_n("..", up).collect::<PathBuf>().join("blobs").join(&blob);
        std::os::unix::fs::symlink(target, to.join(&name)).unwrap();
    }
}

fn home() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn with(home: &TempDir, args: &[&str]) -> Infa {
    infa(args).env("HF_HOME", home.path()).env("XDG_CACHE_HOME", home.path().join("none"))
}

#[test]
fn short_names_are_those_of_the_cache_first() {
    let home = home();
    cached(&home, "sentence-transformers/tiny", COMMIT, "main", "bert-tiny");
    cached(&home, "org/small", COMMIT, "main", "bert-tiny");
    let vector = |id: &str| with(&home, &["embed", "-q", "--text", "a sea", "-m", id]).run().status(0).vectors();
    let expected = embed_with(fixture("bert-tiny"), ["--text", "a sea"]).run().well().vectors();
    for id in ["tiny", "sentence-transformers/tiny", "small", "org/small"] {
        assert_eq!(vector(id), expected, "{id}");
    }
    let inspected = with(&home, &["model", "inspect", "tiny"]).run().status(0);
    assert!(inspected.text().contains("sentence-transformers/tiny"), "{}", inspected.text());
    cached(&home, "other/small", COMMIT, "main", "bert-tiny");
    let ran = with(&home, &["embed", "--text", "a", "-m", "small"]).run();
    ran.refuses(2, &["--model-id", "org/small, other/small"]);
}

#[test]
fn missing_and_present_files_are_named() {
    let home = home();
    cached(&home, "org/small", COMMIT, "main", "bert-tiny");
    let run = |args: &[&str]| with(&home, &["embed", "--text", "a", "-m"]).args(args).run();
    run(&["all-Mini"]).refuses(3, &["sentence-transformers/all-Mini", "no connection", "cached models: org/small"]);
    run(&["org/large"]).refuses(3, &["org/large (revision main) is not in the cache", "cached models: org/small"]);
    run(&["large", "--offline"]).refuses(3, &["sentence-transformers/large", "cached models: org/small"]);
}

#[test]
fn list_shows_names_sizes_and_tasks() {
    let home = home();
    assert!(with(&home, &["model", "list"]).run().status(0).says(&["No model is cached"]).out.is_empty());
    cached(&home, "org/small", COMMIT, "main", "bert-tiny");
    cached(&home, "org/ranker", COMMIT, "main", "architectures/bert-rerank");
    fs::create_dir_all(home.path().join("hub/models--org--empty/blobs")).unwrap();
    let ran = with(&home, &["model", "list"]).run().status(0);
    let lines: Vec<Vec<&str>> = ran.text().lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((lines.len(), lines[0][0]), (3, "model"), "{}", ran.text());
    assert_eq!((lines[1][0], lines[1].last()), ("org/ranker", Some(&"cross-encoder")), "{}", ran.text());
    assert_eq!((lines[2][0], lines[2][3..].join(" ")), ("org/small", "embedding model".to_owned()), "{}", ran.text());
    let rows: Json = serde_json::from_slice(&with(&home, &["model", "ls", "--json"]).run().status(0).out).unwrap();
    assert_eq!((&rows[1]["model"], &rows[1]["revisions"][0]), (&"org/small".into(), &COMMIT.into()));
    let blobs = home.path().join("hub/models--org--small/blobs");
    let bytes: u64 = fs::read_dir(blobs).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    assert_eq!(rows[1]["bytes"].as_u64(), Some(bytes + 40));
}

#[test]
fn pull_fetches_once_and_prints_the_directory() {
    let (server, home) = (HubServer::start(repository("bert-tiny")), home());
    let pull = || with(&home, &["model", "pull", "org/tiny"]).env("HF_ENDPOINT", server.url());
    let ran = pull().run().status(0).says(&["org/tiny is here"]);
    let directory = PathBuf::from(ran.text().trim_end());
    assert!(directory.join("model.safetensors").is_file());
    let asked = server.requests().len();
    assert_eq!(pull().run().status(0).text(), ran.text());
    assert_eq!(server.requests().len(), asked);
    with(&home, &["model", "pull", "org/other"]).env("HF_ENDPOINT", server.url()).run().refuses(3, &["org/other"]);
    infa(["model", "pull"]).run().refuses(2, &["<ID>"]);
}

#[test]
fn remove_asks_and_removes_nothing_else() {
    let home = home();
    let (small, ranker) = (
        cached(&home, "org/small", COMMIT, "main", "bert-tiny"),
        cached(&home, "org/ranker", COMMIT, "main", "architectures/bert-rerank"),
    );
    let locks = home.path().join("hub/.locks/models--org--small");
    fs::create_dir_all(&locks).unwrap();
    with(&home, &["model", "remove", "org/small"]).stdin("y\n").run().status(2).says(&["--yes"]);
    assert!(small.is_dir());
    with(&home, &["model", "remove", "--yes", "org/none"])
        .run()
        .refuses(2, &["org/none", "cached: org/ranker, org/small"]);
    for wrong in ["../..", "/etc", "..", "org/../../x"] {
        let ran = with(&home, &["model", "remove", "--yes", wrong]).run();
        assert_eq!(ran.status, 2, "{wrong}: {}", ran.err);
    }
    // All are found before any is removed.
    with(&home, &["model", "rm", "-y", "org/small", "org/none"]).run().status(2);
    assert!(small.is_dir());
    with(&home, &["model", "rm", "-y", "small"]).run().status(0).says(&["Removed org/small"]);
    assert!(!small.exists() && !locks.exists() && ranker.is_dir());
    assert!(!with(&home, &["model", "list"]).run().status(0).text().contains("org/small"));
}

#[test]
fn one_revision_goes_and_the_other_still_runs() {
    let home = home();
    let repo = cached(&home, "org/small", OTHER, "old", "bert-plain");
    cached(&home, "org/small", COMMIT, "main", "bert-tiny");
    let blobs = || fs::read_dir(repo.join("blobs")).unwrap().count();
    let before = blobs();
    with(&home, &["model", "remove", "-y", "org/small", "--revision", "v9"])
        .run()
        .refuses(2, &["v9", "old (fedcba987654)"]);
    with(&home, &["model", "remove", "-y", "org/small", "--revision", "old"]).run().status(0);
    assert!(blobs() < before && !repo.join("snapshots").join(OTHER).exists() && !repo.join("refs/old").exists());
    with(&home, &["embed", "-q", "--text", "a", "-m", "org/small"]).run().status(0);
}

#[test]
fn a_folder_that_is_no_model_says_what_it_holds() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    embed_with(path, ["--text", "a"]).run().refuses(3, &[path, "holds no model", "hint: ", "it is empty"]);
    fs::write(dir.path().join("notes.txt"), "x").unwrap();
    embed_with(path, ["--text", "a"]).run().refuses(3, &["holds no model", "it holds notes.txt"]);
    fs::write(dir.path().join("config.json"), "{}").unwrap();
    embed_with(path, ["--text", "a"]).run().refuses(3, &["no model.safetensors"]);
}

#[test]
fn an_adapter_says_what_it_is_and_for_which_model() {
    let dir = copy("bert-tiny");
    for file in ["config.json", "model.safetensors"] {
        fs::remove_file(dir.path().join(file)).unwrap();
    }
    let adapter = dir.path().join("adapter_config.json");
    fs::write(&adapter, r#"{"base_model_name_or_path": "someone/base", "peft_type": "LORA"}"#).unwrap();
    fs::write(dir.path().join("adapter_model.safetensors"), "").unwrap();
    let words = ["is an adapter (LORA) for someone/base", "hint: ", "merge"];
    embed_with(dir.path(), ["--text", "a"]).run().refuses(3, &words);
    infa(["model", "inspect"]).arg(dir.path()).run().refuses(3, &words);
    fs::write(&adapter, "{}").unwrap();
    embed_with(dir.path(), ["--text", "a"]).run().refuses(3, &["is an adapter for a model that it does not name"]);
    // From the Hub it is the same.
    fs::write(&adapter, r#"{"base_model_name_or_path": "someone/base", "peft_type": "LORA"}"#).unwrap();
    let mut repo = repository("bert-tiny");
    repo.files.retain(|file| !["config.json", "model.safetensors"].contains(&file.name.as_str()));
    let server = HubServer::start(repo.file("adapter_config.json", fs::read(&adapter).unwrap()));
    let home = home();
    let ran = with(&home, &["embed", "--text", "a", "-m", "org/tiny"]).env("HF_ENDPOINT", server.url()).run();
    ran.refuses(3, &["is an adapter (LORA) for someone/base"]);
}

/// transformers 4 appends the end token that the configuration asks for, 5 does not; the model was trained with it.
#[test]
fn an_end_token_in_the_config_is_added_and_reported() {
    let dir = copy("architectures/mistral-e5");
    // Its tokenizer.json as transformers 5 saves it, without the end token.
    patch(dir.path().join("tokenizer.json"), |file| {
        for texts in ["single", "pair"] {
            let pieces = file["post_processor"][texts].as_array_mut().unwrap();
            pieces.retain(|piece| piece["SpecialToken"]["id"] != "</s>");
        }
    });
    let tokens = |dir: &TempDir| {
        let ran = embed_with(dir.path(), ["--text", "boat"]).run().status(0);
        (ran.rows()[0]["tokens"].as_u64().unwrap(), ran.err)
    };
    let (without, err) = tokens(&dir);
    assert!(!err.contains("eos"), "{err}");
    patch(dir.path().join("tokenizer_config.json"), |config| config["add_eos_token"] = true.into());
    let (with, err) = tokens(&dir);
    assert_eq!(with, without + 1);
    assert!(err.contains("add_eos_token") && err.contains("</s> is added"), "{err}");
    let ran = infa(["model", "inspect", "-q"]).arg(dir.path()).run().status(0);
    assert!(
        ran.text().lines().any(|line| line.starts_with("tokenizer ") && line.contains("add_eos_token")),
        "{}",
        ran.text()
    );
}
