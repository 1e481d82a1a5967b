//! Changed files of a served model: detected, reported, and never used for vectors.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::running::{Server, command};
use crate::support;

/// A model of which a test may change the files, and the one that it changes.
struct Served {
    server: Server,
    file: PathBuf,
    _dirs: [TempDir; 2],
}

/// Serves a copy of `fixture`. With `cached`, the file is that of its weights in int8.
fn serve(fixture: &str, flags: &[&str], cached: bool) -> Served {
    let (model, cache) = (support::copy(fixture), tempfile::tempdir().unwrap());
    let mut command = command(&[&["-m", model.path().to_str().unwrap(), "--served-model-name", "m"], flags].concat());
    command.env("INFA_CACHE_DIR", cache.path());
    let server = Server::spawn(command);
    server.wait_until_ready();
    let file =
        if cached { find(cache.path(), "weights.safetensors") } else { Some(model.path().join("model.safetensors")) };
    Served { server, file: file.unwrap(), _dirs: [model, cache] }
}

fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).find_map(|path| match path.is_dir() {
        true => find(&path, name),
        false => path.ends_with(name).then_some(path),
    })
}

fn embed(server: &Server) -> (u16, Json) {
    let (status, mut reply) = server.ask("/v1/embeddings", &json!({"input": ["a sea", "an old town"]}));
    (status, if status == 200 { reply["data"].take() } else { reply["error"]["message"].take() })
}

/// Other numbers, as many, in the second half, where the numbers are.
fn overwrite(path: &Path) {
    let size = fs::metadata(path).unwrap().len();
    let file = OpenOptions::new().write(true).open(path).unwrap();
    file.write_all_at(&vec![0x3f; (size / 2) as usize], size / 2).unwrap();
}

fn truncate(path: &Path) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(1000).unwrap();
}

const KINDS: [(&str, &[&str], bool); 4] = [
    ("bert-tiny", &[], false),
    ("bert-tiny", &["--dtype", "int8"], false),
    // Operators of infa's own copy their weights.
    ("bert-tiny", &["--dtype", "int8", "--kernels", "builtin"], true),
    ("modules/static-embedding", &[], false),
];

#[test]
fn a_file_that_was_changed_in_place_makes_the_server_not_ready() {
    for (fixture, flags, cached) in KINDS {
        for change in [overwrite, truncate] {
            let Served { server, file, _dirs } = serve(fixture, flags, cached);
            assert_eq!(embed(&server).0, 200);
            change(&file);
            let (status, message) = embed(&server);
            let message = message.as_str().unwrap();
            assert!(status == 503 && message.contains("files were changed"), "{fixture} {flags:?}: {status} {message}");
            // Paths of files are only for the log.
            assert!(!message.contains(file.to_str().unwrap()), "{message}");
            let ready = server.get("/readyz");
            assert_eq!(ready.status(), 503);
            let why = ready.text().unwrap();
            assert!(why.contains("m: the model's files were changed") && why.contains("restart the server"), "{why}");
            assert_eq!(server.get("/livez").status(), 200);
            let line =
                format!("{} was changed while the model was in use", file.file_name().unwrap().to_str().unwrap());
            server.wait_for("the log", || server.stderr().contains(&line));
        }
    }
}

#[test]
fn a_change_is_in_the_log_before_a_request_meets_it() {
    let Served { server, file, _dirs } = serve("bert-tiny", &[], false);
    truncate(&file);
    server.wait_for("the log", || server.stderr().contains("was changed while the model was in use"));
    assert_eq!(server.stderr().matches("was changed while").count(), 1);
}

#[test]
fn copied_weights_cannot_be_changed() {
    for (fixture, flags, cached) in KINDS {
        let Served { server, file, _dirs } = serve(fixture, &[flags, &["--copy-weights"]].concat(), cached);
        let before = embed(&server);
        assert_eq!(before.0, 200);
        truncate(&file);
        assert_eq!(embed(&server), before, "{fixture} {flags:?}");
        assert_eq!(server.get("/readyz").status(), 200);
    }
}

#[test]
fn a_file_that_was_replaced_by_another_changes_nothing() {
    for (fixture, flags, cached) in KINDS {
        let Served { server, file, _dirs } = serve(fixture, flags, cached);
        let before = embed(&server);
        let new = file.with_extension("new");
        fs::write(&new, "another model").unwrap();
        fs::rename(&new, &file).unwrap();
        assert_eq!(embed(&server), before, "{fixture} {flags:?}");
        assert_eq!(server.get("/readyz").status(), 200);
    }
}

/// Engines loaded on first use come from the files of the served model, or are refused.
#[test]
fn files_that_were_replaced_do_not_answer_beside_the_old_ones() {
    let Served { server, file, _dirs } = serve("bert-tiny", &[], false);
    let before = embed(&server);
    let new = file.with_extension("new");
    fs::copy(&file, &new).unwrap();
    overwrite(&new);
    fs::rename(&new, &file).unwrap();
    let (status, reply) = server.ask("/embed_all", &json!({"inputs": ["a sea"]}));
    assert!(status == 503 && reply["error"].as_str().unwrap().contains("were replaced"), "{status} {reply}");
    assert_eq!(embed(&server), before);
}
