//! What the machine reaches, and what a model is, with ONNX Runtime and real files.
#![allow(clippy::unwrap_used)]

mod support;

use std::num::NonZero;

use infa::parts::bench::machine;
use infa::parts::fetch::digest::sha256_file;
use infa::parts::fetch::{Cancel, Context};
use infa::parts::model::cache::HubEnv;
use infa::parts::model::{Model, fingerprint};
use support::*;

#[test]
fn matrix_products_are_measured_as_the_engine_computes_them() {
    let runtime = runtime();
    // A debug build, with whatever else runs: no more than that it is a rate of this planet.
    let rate = machine::gemm_gflops(&runtime, NonZero::new(2).unwrap()).unwrap();
    assert!(rate > 0.1 && rate < 1e6, "{rate} GFLOP/s");
    let facts = machine::facts();
    assert_eq!(facts.onnxruntime.as_deref(), Some(runtime.version()));
    assert!(facts.onnxruntime.is_some_and(|version| version.starts_with("1.")));
}

#[test]
fn a_model_is_known_by_its_files() {
    let dir = fixture("bert-tiny");
    let source = request(dir.to_str().unwrap()).resolve(HubEnv::from_env(), &Context::silent()).unwrap();
    let model = Model::read(source).unwrap();
    assert_eq!(fingerprint::revision(&model), None);
    let files = fingerprint::files(&model, &Cancel::new()).unwrap();
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    for name in ["config.json", "model.safetensors", "tokenizer.json", "1_Pooling/config.json"] {
        assert!(names.contains(&name), "{names:?}");
    }
    for file in &files {
        let path = dir.join(&file.name);
        assert_eq!(file.bytes, path.metadata().unwrap().len());
        assert_eq!(file.sha256, sha256_file(&path, &Cancel::new()).unwrap());
    }
}
