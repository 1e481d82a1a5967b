//! `openvino:int8`: NNCF's quantisation, calibrated by infa's own sentences, kept in the cache.

use std::path::Path;

use infa::parts::engine::PythonError;
use infa::parts::engine::python::{PythonOptions, Worker};

use crate::fake::{Model, model, python};
use crate::run::{Infa, infa};

const SENTENCES: &str = include_str!("../../src/engine/local/int8/calibration.txt");
/// Length of the longest text of the pretended tokenizer.
const LONGEST: usize = 64;

/// A model with a graph, pooled by its first token.
fn encoder(name: &str) -> Model {
    let model = model(name);
    let modules = r#"[{"type": "x.Transformer", "path": ""}, {"type": "x.Pooling", "path": "1_Pooling"}]"#;
    model.file("modules.json", modules);
    model.file("1_Pooling/config.json", r#"{"pooling_mode_cls_token": true}"#);
    model.file("onnx/model.onnx", "a graph");
    model
}

fn embed(model: &Model, spec: &str) -> Infa {
    let infa = infa(["embed", "--engine", spec, "--no-normalize", "-m"]).arg(&model.dir).stdin("a\nbc\n");
    infa.env("INFA_PYTHON", python("nncf-python")).env("XDG_CACHE_HOME", model.cache())
}

/// The vectors of the texts: sentences, their bytes, bits of the rest, bytes of the text.
fn vectors(quantised: bool, bits: u8) -> [Vec<f32>; 2] {
    let bytes = |text: &str| text.bytes().take(LONGEST).map(u64::from).sum::<u64>();
    let (count, total) = (SENTENCES.lines().count(), SENTENCES.lines().map(bytes).sum::<u64>());
    let (count, total) = if quantised { (count as f32, total as f32) } else { (0.0, 0.0) };
    ["a", "bc"].map(|text| vec![count, total, f32::from(bits), bytes(text) as f32])
}

fn names(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The times that the model was quantised.
fn times(model: &Model) -> usize {
    names(&model.dir.join("onnx/.quantised")).len()
}

/// What the cache has of the model.
fn cached(model: &Model) -> Vec<String> {
    let root = model.cache().join("infa/python/models");
    names(&root).iter().flat_map(|name| names(&root.join(name))).collect()
}

#[test]
fn a_model_is_quantised_once_by_the_sentences_of_infas_own_int8() {
    let model = encoder("model");
    for _ in 0..2 {
        let found: Vec<Vec<f32>> = embed(&model, "openvino:int8").run().status(0).vectors();
        assert_eq!(found, vectors(true, 16));
        assert_eq!((times(&model), cached(&model).len()), (1, 1), "{:?}", cached(&model));
    }
    // The same file, computed in another way.
    let found: Vec<Vec<f32>> = embed(&model, "openvino:int8-float32").run().status(0).vectors();
    assert_eq!((found, times(&model)), (vectors(true, 32).into(), 1));
    let found: Vec<Vec<f32>> = embed(&model, "openvino").run().status(0).vectors();
    assert_eq!((found, times(&model)), (vectors(false, 32).into(), 1));
}

#[test]
fn it_is_quantised_anew_for_other_files_another_length_and_another_library() {
    let model = encoder("model");
    let run = |args: &[&str], version: &str| {
        embed(&model, "openvino:int8").args(args).env("FAKE_NNCF", version).run().status(0);
        (times(&model), cached(&model).len())
    };
    assert_eq!(run(&[], "3.0.0"), (1, 1));
    assert_eq!(run(&[], "3.1.0"), (2, 2));
    assert_eq!(run(&["--max-length", "5"], "3.1.0"), (3, 3));
    assert_eq!(run(&["--max-length", "64"], "3.0.0"), (3, 3));
    model.file("onnx/model.onnx", "another graph");
    assert_eq!(run(&[], "3.0.0"), (4, 4));
}

#[test]
fn a_quantised_model_is_whole_or_not_there() {
    for (name, parts) in [
        ("unquantisable", ["RuntimeError: an operation that cannot be quantised", "openvino:int8"]),
        ("dies-when-it-saves", ["exit status 7", "openvino:int8"]),
    ] {
        let model = encoder(name);
        for time in 1..=2 {
            embed(&model, "openvino:int8").run().status(3).says(&parts);
            let found = cached(&model);
            assert!(found.iter().all(|name| name.starts_with(".making-")), "{found:?}");
            assert_eq!(times(&model), time);
        }
    }
}

#[tokio::test]
async fn the_rest_is_computed_in_what_the_processor_has() {
    let dtype = async |name: &str, spec: &str| {
        let model = encoder(name);
        let options = PythonOptions { python: Some(python("nncf-python")), ..model.options(spec) };
        Worker::start(&options).await.map(|worker| (worker.info().dtype.clone(), worker.info().versions.clone()))
    };
    let (both, versions) = dtype("model", "openvino:int8").await.unwrap();
    assert_eq!((both.as_str(), versions["nncf"].as_str()), ("int8 and bfloat16", "3.0.0"));
    assert_eq!(dtype("model", "openvino:int8-float32").await.unwrap().0, "int8 and float32");
    assert_eq!(dtype("without-bfloat16", "openvino:int8").await.unwrap().0, "int8 and float32");
    let (plain, versions) = dtype("without-bfloat16", "openvino").await.unwrap();
    assert_eq!((plain.as_str(), versions.contains_key("nncf")), ("float32", false));
    let error = dtype("without-bfloat16", "openvino:bfloat16").await.unwrap_err();
    assert!(matches!(&error, PythonError::Refused(reason) if reason.contains("bfloat16")), "{error:?}");
}

#[test]
fn without_nncf_all_but_int8_works() {
    let model = encoder("model");
    let without = |command: Infa| command.env("INFA_PYTHON", python("openvino-python"));
    without(embed(&model, "openvino")).run().status(0);
    let ran = without(embed(&model, "openvino:int8")).run();
    ran.refuses(3, &["the Python package nncf is missing", "infa engines install openvino"]);
    let args = ["bench", "--dry-run", "--engines", "openvino,openvino:int8-float32", "-m"];
    let ran = without(infa(args).arg(&model.dir)).env("XDG_CACHE_HOME", model.cache()).run();
    assert!(ran.text().contains("nncf"), "{}", ran.text());
}
