//! Weights in several files: indexes that lie, files that are missing, and the odd ways in which all is well.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::hub::{from_hub, repository};
use crate::hub_server::HubServer;
use crate::run::{Ran, embed_with};
use crate::support::{copy, fixture, patch};

const INDEX: &str = "model.safetensors.index.json";
const TENSOR: &str = "encoder.layer.1.output.dense.weight";

fn run(dir: &Path) -> Ran {
    embed_with(dir, [] as [&str; 0]).stdin("a sea\n").run()
}

fn expected() -> Vec<Vec<f32>> {
    run(&fixture("modules/bert-sharded")).well().vectors()
}

/// bert-sharded with another index.
fn with_index(change: impl FnOnce(&mut Json)) -> TempDir {
    let dir = copy("modules/bert-sharded");
    patch(dir.path().join(INDEX), change);
    dir
}

fn shards(dir: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let mut shards: Vec<_> = paths.filter(|path| path.extension().is_some_and(|e| e == "safetensors")).collect();
    shards.sort();
    assert!(shards.len() > 3);
    shards
}

#[test]
fn indexes_that_are_none() {
    for content in
        ["", "{", "[]", "null", "{}", "{\"weight_map\":{}}", "{\"weight_map\":[]}", "{\"weight_map\":{\"a\":1}}"]
    {
        let dir = copy("modules/bert-sharded");
        fs::write(dir.path().join(INDEX), content).unwrap();
        run(dir.path()).refuses(3, &[INDEX, "not a usable index", "hint: "]);
    }
    let dir = copy("modules/bert-sharded");
    fs::write(dir.path().join(INDEX), "[".repeat(200_000)).unwrap();
    run(dir.path()).refuses(3, &[INDEX, "hint: "]);
}

#[test]
fn indexes_that_lead_out() {
    let outside = tempfile::NamedTempFile::with_suffix(".safetensors").unwrap();
    for name in ["../secret.safetensors", "/etc/passwd", outside.path().to_str().unwrap(), "", ".", "a\\b", "x/../../y"]
    {
        let dir = with_index(|index| index["weight_map"][TENSOR] = json!(name));
        run(dir.path()).refuses(3, &[INDEX, TENSOR, "cannot be used", "hint: "]);
    }
}

#[test]
fn files_and_tensors_that_are_missing() {
    let dir = with_index(|index| index["weight_map"][TENSOR] = json!("model-00009-of-00009.safetensors"));
    run(dir.path()).refuses(3, &["model-00009-of-00009.safetensors", "missing", INDEX, "hint: "]);

    let dir = copy("modules/bert-sharded");
    let shard = shards(dir.path()).remove(1);
    fs::remove_file(&shard).unwrap();
    run(dir.path()).refuses(3, &[shard.to_str().unwrap(), "missing", INDEX]);

    let first = shards(&fixture("modules/bert-sharded")).remove(0);
    let name = first.file_name().unwrap().to_str().unwrap();
    let dir = with_index(|index| index["weight_map"][TENSOR] = json!(name));
    run(dir.path()).refuses(3, &[name, TENSOR, "places it there", "hint: "]);

    let dir = with_index(|index| drop(index["weight_map"].as_object_mut().unwrap().remove(TENSOR)));
    run(dir.path()).refuses(3, &[INDEX, TENSOR, "missing", "hint: "]);

    let dir = copy("modules/bert-sharded");
    let shard = shards(dir.path()).remove(2);
    fs::write(&shard, "version https://git-lfs.github.com/spec/v1\n").unwrap();
    run(dir.path()).refuses(3, &[shard.to_str().unwrap(), "not a valid safetensors file", "hint: "]);

    let dir = copy("modules/bert-sharded");
    patch(dir.path().join("config.json"), |config| config["intermediate_size"] = json!(40));
    run(dir.path()).refuses(3, &["-of-", "encoder.layer.0.intermediate.dense.weight", "shape", "hint: "]);
}

#[test]
fn without_an_index_all_files_must_be_there_and_differ() {
    let dir = copy("modules/bert-sharded");
    fs::remove_file(dir.path().join(INDEX)).unwrap();
    assert_eq!(run(dir.path()).well().vectors(), expected());
    let shards = shards(dir.path());
    let last = shards.last().unwrap();
    let kept = fs::read(last).unwrap();
    fs::remove_file(last).unwrap();
    run(dir.path()).refuses(3, &[last.to_str().unwrap(), "missing", "hint: "]);
    fs::write(last, kept).unwrap();
    fs::copy(&shards[0], &shards[1]).unwrap();
    run(dir.path()).refuses(3, &[shards[1].to_str().unwrap(), "as well", "hint: "]);
}

#[test]
fn files_in_different_folders_and_below() {
    // Links to folders of their own, and one file below the model's directory.
    let (dir, elsewhere) = (copy("modules/bert-sharded"), tempfile::tempdir().unwrap());
    for (i, shard) in shards(dir.path()).into_iter().enumerate().skip(1) {
        let folder = elsewhere.path().join(i.to_string());
        fs::create_dir(&folder).unwrap();
        fs::rename(&shard, folder.join("blob")).unwrap();
        symlink(folder.join("blob"), &shard).unwrap();
    }
    assert_eq!(run(dir.path()).well().vectors(), expected());
    let dir = copy("modules/bert-sharded");
    let shard = shards(dir.path()).remove(1);
    let name = shard.file_name().unwrap().to_str().unwrap().to_owned();
    fs::create_dir(dir.path().join("parts")).unwrap();
    fs::rename(&shard, dir.path().join("parts").join(&name)).unwrap();
    patch(dir.path().join(INDEX), |index| {
        for place in index["weight_map"].as_object_mut().unwrap().values_mut().filter(|place| **place == *name) {
            *place = json!(format!("parts/{name}"));
        }
    });
    assert_eq!(run(dir.path()).well().vectors(), expected());
}

#[test]
fn from_the_hub() {
    let home = tempfile::tempdir().unwrap();
    let server = HubServer::start(repository("modules/bert-sharded").file("pytorch_model.bin", "pickle"));
    let vectors = from_hub(Some(&server), &home).run().status(0).vectors();
    assert_eq!(vectors, expected());
    assert!(server.asked("pytorch_model.bin").is_empty());
    drop(server);
    assert_eq!(from_hub(None, &home).arg("--offline").run().well().vectors(), vectors);
    // A snapshot that lacks a file is none.
    let hub = home.path().join("hub/models--org--tiny/snapshots");
    let snapshot = fs::read_dir(hub).unwrap().next().unwrap().unwrap().path();
    fs::remove_file(&shards(&snapshot)[0]).unwrap();
    from_hub(None, &home).arg("--offline").run().refuses(3, &["org/tiny", "hint: "]);
    let server = HubServer::start(repository("modules/bert-sharded"));
    assert_eq!(from_hub(Some(&server), &home).run().status(0).vectors(), vectors);
}
