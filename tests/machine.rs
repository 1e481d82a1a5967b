//! What the machine reaches, and what a model is, with ONNX Runtime and real files.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::num::NonZero;

use infa::bench::machine;
use infa::bench::model;
use infa::fetch::Cancel;
use infa::fetch::digest::sha256_file;
use infa::model::Model;
use infa::model::cache::HubEnv;
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
fn a_model_is_known_by_its_files_and_its_cost() {
    let read = |dir: &std::path::Path| {
        let source = request(dir.to_str().unwrap()).resolve(HubEnv::from_env(), &infa::fetch::Context::silent());
        model::facts(&Model::read(source.unwrap()).unwrap(), &Cancel::new()).unwrap()
    };
    let dir = fixture("bert-tiny");
    let facts = read(&dir);
    assert_eq!(facts.id, dir.to_str().unwrap());
    assert_eq!((facts.architecture.as_deref(), facts.revision.as_deref()), (Some("bert"), None));
    let config = json(dir.join("config.json"));
    let size = |key: &str| config[key].as_f64().unwrap();
    let (layers, hidden, inner) = (size("num_hidden_layers"), size("hidden_size"), size("intermediate_size"));
    let weights = layers * (4.0 * hidden * hidden + 2.0 * hidden * inner);
    assert_eq!(facts.flop_per_token, Some(2.0 * weights));
    assert_eq!(facts.attention_flop_per_token_and_position, Some(4.0 * layers * hidden));
    let names: Vec<&str> = facts.files.iter().map(|file| file.name.as_str()).collect();
    for name in ["config.json", "model.safetensors", "tokenizer.json", "1_Pooling/config.json"] {
        assert!(names.contains(&name), "{names:?}");
    }
    for file in &facts.files {
        let path = dir.join(&file.name);
        assert_eq!(file.bytes, path.metadata().unwrap().len());
        assert_eq!(file.sha256, sha256_file(&path, &Cancel::new()).unwrap());
    }

    // A table of vectors is looked up.
    let facts = read(&fixture("modules/static-model2vec-own"));
    assert_eq!((facts.flop_per_token, facts.attention_flop_per_token_and_position), (None, None));
    assert!(facts.files.iter().any(|file| file.name == "model.safetensors"), "{:?}", facts.files);
}
