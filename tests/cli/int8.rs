//! `--dtype int8`: its cache, its texts, and what it cannot be asked of.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use tempfile::TempDir;

use crate::run::{Infa, embed, embed_with, infa};
use crate::support::{copy, fixture};

const TEXTS: &str = "A river runs through the old town.\nno\nthe quick brown fox jumps\n";

fn int8(cache: &Path) -> Infa {
    int8_of("bert-tiny", cache)
}

fn int8_of(model: &str, cache: &Path) -> Infa {
    embed_with(fixture(model), ["--dtype", "int8"]).env("INFA_CACHE_DIR", cache).stdin(TEXTS)
}

/// The one directory of quantised weights in `cache`.
fn kept(cache: &Path) -> PathBuf {
    let mut dir = cache.join("int8");
    for _ in 0..2 {
        let entries: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(entries.len(), 1, "{entries:?}");
        dir = entries[0].clone();
    }
    dir
}

fn report(dir: &Path) -> Json {
    serde_json::from_slice(&fs::read(dir.join("report.json")).unwrap()).unwrap()
}

fn filled() -> (TempDir, Vec<u8>) {
    let cache = tempfile::tempdir().unwrap();
    let out = int8(cache.path()).run().status(0).out;
    (cache, out)
}

#[test]
fn quantised_once_and_its_quality_reported() {
    let cache = tempfile::tempdir().unwrap();
    let first = int8(cache.path()).run().status(0).says(&[
        "Quantised ",
        " to int8 in ",
        "cosine to float32 0.9",
        "on 32 texts",
    ]);
    let again = int8(cache.path()).run().well();
    assert!(!again.err.contains("Quantised"), "{}", again.err);
    assert_eq!(again.out, first.out);
    assert_ne!(embed([] as [&str; 0]).stdin(TEXTS).run().well().out, first.out);
    let report = report(&kept(cache.path()));
    assert_eq!((&report["output"], &report["own_texts"]), (&json!("token vectors"), &json!(false)));

    let inspect = |flags: &[&str]| {
        let inspect = infa(["model", "inspect"]).args(flags).arg(fixture("bert-tiny"));
        inspect.env("INFA_CACHE_DIR", cache.path()).run().status(0)
    };
    assert!(String::from_utf8(inspect(&[]).out).unwrap().contains("int8             cosine to float32 0.9"));
    let about: Json = serde_json::from_slice(&inspect(&["--json"]).out).unwrap();
    assert_eq!(about["int8"], json!([report]));
}

#[test]
fn another_use_of_a_model_is_quantised_apart() {
    let (cache, _) = filled();
    let rerank = |model: &str| {
        let flags = ["rerank", "--dtype", "int8", "--query", "a river", "-m"];
        infa(flags).arg(fixture(model)).env("INFA_CACHE_DIR", cache.path()).stdin(TEXTS).run()
    };
    rerank("architectures/bert-rerank").status(0).says(&[" to int8 in ", "logits differ from float32 by 0."]);
    // Vectors for reranking are those for embedding.
    let ran = rerank("bert-tiny").status(0);
    assert!(!ran.err.contains("Quantised"), "{}", ran.err);
}

#[test]
fn a_damaged_cache_is_rebuilt() {
    let (cache, out) = filled();
    let dir = kept(cache.path());
    let (weights, good) = (dir.join("weights.safetensors"), report(&dir));
    let bytes = fs::read(&weights).unwrap();
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let damages: [(&str, &dyn Fn()); 6] = [
        ("one bit", &|| fs::write(&weights, &flipped).unwrap()),
        ("cut", &|| fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap()),
        ("emptied", &|| fs::write(&weights, "").unwrap()),
        ("no weights", &|| fs::remove_file(&weights).unwrap()),
        ("no JSON", &|| fs::write(dir.join("report.json"), "{").unwrap()),
        ("another report", &|| fs::write(dir.join("report.json"), "{\"version\": 1}").unwrap()),
    ];
    for (what, damage) in damages {
        damage();
        let ran = int8(cache.path()).run().status(0);
        assert!(ran.err.contains("made anew"), "{what}: {}", ran.err);
        assert_eq!(ran.out, out, "{what}");
        assert_eq!(report(&kept(cache.path())), good, "{what}");
        int8(cache.path()).run().well();
    }
    // Whole, but of another graph.
    let other = tempfile::tempdir().unwrap();
    let flags = ["--dtype", "int8"];
    embed_with(fixture("bert-plain"), flags).env("INFA_CACHE_DIR", other.path()).stdin(TEXTS).run().status(0);
    for file in ["weights.safetensors", "report.json"] {
        fs::copy(kept(other.path()).join(file), dir.join(file)).unwrap();
    }
    let ran = int8(cache.path()).run().status(0).says(&["made anew"]);
    assert_eq!(ran.out, out);
}

#[test]
fn a_cache_that_cannot_be_written_is_done_without() {
    let (_, out) = filled();
    let cache = tempfile::tempdir().unwrap();
    // A file where a directory should be stops root, too.
    fs::write(cache.path().join("int8"), "").unwrap();
    let ran = int8(cache.path()).run().status(0).says(&["cannot be kept in the cache"]);
    assert_eq!(ran.err.matches("cannot be kept").count(), 1, "{}", ran.err);
    assert_eq!(ran.out, out);
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 1);
}

#[test]
fn calibrated_by_texts_of_ones_own() {
    // A model with fixed scales, on which the texts decide.
    let model = "architectures/xlm-roberta-embed";
    let cache = tempfile::tempdir().unwrap();
    let out = int8_of(model, cache.path()).run().status(0).out;
    let file = cache.path().join("texts.jsonl");
    let texts =
        |count: usize| (0..count).map(|i| format!("{{\"text\": \"the river number {i} runs\"}}\n")).collect::<String>();
    fs::write(&file, texts(40)).unwrap();
    let run = || int8_of(model, cache.path()).arg("--calibrate").arg(&file).run();
    let own = run().status(0).says(&[" to int8 in ", "on 10 texts"]);
    assert_ne!(own.out, out);
    assert_eq!(run().well().out, own.out);
    fs::write(&file, texts(3)).unwrap();
    run().status(0).says(&[" to int8 in ", "on 32 texts"]);
    // What was there before is there still.
    assert_eq!(int8_of(model, cache.path()).run().well().out, out);
}

#[test]
fn calibration_files_without_texts() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("texts.txt");
    for nothing in ["", "\n\n  \n", "\t\n"] {
        fs::write(&file, nothing).unwrap();
        int8(dir.path()).arg("--calibrate").arg(&file).run().refuses(2, &["--calibrate", "no text in", "texts.txt"]);
    }
    int8(dir.path()).args(["--calibrate", "/nonexistent.txt"]).run().refuses(2, &["/nonexistent.txt"]);
    fs::write(&file, "a text").unwrap();
    embed(["--calibrate"]).arg(&file).run().refuses(2, &["--calibrate", "--dtype int8"]);
}

#[test]
fn models_that_int8_cannot_quantise() {
    let dir = copy("bert-plain");
    let ready = dir.path().join("ready.onnx");
    fs::copy(fixture("bert-plain.onnx"), &ready).unwrap();
    let ran = embed_with(&ready, ["--dtype", "int8"]).stdin(TEXTS).run();
    ran.refuses(2, &["ready.onnx", "--dtype int8", "hint: ", "model.safetensors"]);
    let ran = embed_with(fixture("modules/static-embedding"), ["--dtype", "int8"]).stdin(TEXTS).run();
    ran.refuses(2, &["--dtype int8", "static embeddings"]);
}

#[test]
fn all_users_of_the_machine_may_read_what_is_kept() {
    use std::os::unix::fs::PermissionsExt;
    let (cache, _) = filled();
    let kept = kept(cache.path());
    for name in ["weights.safetensors", "report.json", "."] {
        let mode = fs::metadata(kept.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o044, 0o044, "{name}: {mode:o}");
    }
}

#[test]
fn copied_weights_give_the_same_numbers() {
    let (cache, out) = filled();
    let copied = int8(cache.path());
    assert_eq!(copied.arg("--copy-weights").run().well().out, out);
    let texts = |flags: &[&str]| embed(flags).stdin(TEXTS).run().well().out;
    assert_eq!(texts(&["--copy-weights"]), texts(&[]));
}
