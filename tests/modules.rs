//! Models that are more, or less, than a transformer and one pooling, equal to the reference: modules after the
//! transformer, static embeddings, weights in several files, prompts by role.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use infa::parts::engine::{Engine, OutputKind, Role, StaticEngine, TextOptions};
use infa::parts::fetch::Context;
use infa::parts::model::Model;
use infa::parts::model::cache::HubEnv;
use infa::parts::model::modules::Activation;
use infa::parts::model::pooling::Pooling;
use infa::parts::model::static_embedding::StaticTable;
use infa::parts::model::weights::{Access, Weights};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::Value as Json;
use support::*;

const TOLERANCE: f32 = 1e-5;

fn expected(name: &str) -> Json {
    json(fixture(&format!("modules/{name}/expected.json")))
}

fn static_engine(dir: &Path, options: &TextOptions) -> StaticEngine {
    let source = request(dir.to_str().unwrap()).resolve(HubEnv::from_env(), &Context::silent()).unwrap();
    let model = Model::read(source).unwrap();
    assert!(model.is_static());
    StaticEngine::new(model, OutputKind::Embedding, options, 2, Access::Map).unwrap()
}

/// As close, relative to the size of vectors that are not normalised.
fn relative(cases: &[Case]) -> f32 {
    TOLERANCE * cases.iter().flat_map(|case| &case.embedding).fold(1f32, |m, x| m.max(x.abs()))
}

fn check_transformer(name: &str) {
    let cases = cases(&expected(name)["cases"], |case| case.get("embedding"));
    let engine = engine(fixture(&format!("modules/{name}")), &text_options());
    check_all_ways(name, engine, &cases, relative(&cases));
}

fn check_static(name: &str) {
    let expected = expected(name);
    let known = |case: &&Json| floats(&case["embedding"]).iter().any(|&x| x != 0.0);
    let list = Json::Array(expected["cases"].as_array().unwrap().iter().filter(known).cloned().collect());
    let mut cases = cases(&list, |case| case.get("embedding"));
    if name.ends_with("-own") || name.ends_with("-int8") {
        // The list counts unknown tokens, which model2vec leaves out.
        cases.iter_mut().for_each(|case| case.tokens = None);
    }
    let engine = static_engine(&fixture(&format!("modules/{name}")), &text_options());
    for case in expected["cases"].as_array().unwrap().iter().filter(|case| !known(case)) {
        let result = engine.embed(&[case["text"].as_str().unwrap()], Role::Text).pop().unwrap();
        assert!(result.is_err(), "{name}, {}: a vector of zeros", case["name"]);
    }
    check_all_ways(name, engine, &cases, relative(&cases));
}

#[test]
fn dense_layer_norm_dropout_dense_normalize() {
    check_transformer("norms");
}

#[test]
fn three_poolings_and_dense_layers_of_torch_save() {
    check_transformer("concat");
}

#[test]
fn dense_and_normalize_on_tokens_then_every_pooling() {
    check_transformer("tokens");
}

#[test]
fn weights_in_several_files() {
    check_transformer("bert-sharded");
}

#[test]
fn static_embeddings() {
    check_static("static-embedding");
}

#[test]
fn model2vec_by_sentence_transformers_and_by_itself() {
    for name in ["static-model2vec", "static-model2vec-own", "static-model2vec-int8"] {
        check_static(name);
    }
}

#[test]
fn static_tables_of_every_format() {
    let table = Weights::open(&fixture("modules/static-embedding/model.safetensors")).unwrap();
    let table = table.raw("embedding.weight").unwrap();
    let shape = table.shape.to_vec();
    let numbers: Vec<f32> = table.bytes().as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
    let mean = |dtype: Dtype, bytes: Vec<u8>| {
        let dir = tempfile::tempdir().unwrap();
        let tensor = TensorView::new(dtype, shape.clone(), &bytes).unwrap();
        let path = dir.path().join("model.safetensors");
        safetensors::serialize_to_file([("embedding.weight", tensor)], None, &path).unwrap();
        StaticTable::open(&path).unwrap().mean(&[3, 77, 5])
    };
    let bytes = |convert: &dyn Fn(f32) -> Vec<u8>| numbers.iter().flat_map(|&x| convert(x)).collect();
    let exact = mean(Dtype::F32, bytes(&|x| x.to_le_bytes().to_vec()));
    for (i, x) in exact.iter().enumerate() {
        let row = |row: usize| numbers[row * shape[1] + i];
        assert!((x - (row(3) + row(77) + row(5)) / 3.0).abs() < 1e-6);
    }
    assert_eq!(mean(Dtype::F64, bytes(&|x| f64::from(x).to_le_bytes().to_vec())), exact);
    let half = mean(Dtype::F16, bytes(&|x| half::f16::from_f32(x).to_le_bytes().to_vec()));
    assert!(max_difference(&half, &exact) < 2e-3);
    let bfloat16 = mean(Dtype::BF16, bytes(&|x| half::bf16::from_f32(x).to_le_bytes().to_vec()));
    assert!(max_difference(&bfloat16, &exact) < 2e-2);
    let int8 = mean(
        Dtype::I8,
        bytes(&|x| (x * 30.0).round().clamp(-127.0, 127.0).to_string().parse::<i8>().unwrap().to_le_bytes().to_vec()),
    );
    let int8: Vec<f32> = int8.iter().map(|x| x / 30.0).collect();
    assert!(max_difference(&int8, &exact) < 2e-2);
}

#[test]
fn a_language_model_that_says_nothing_about_pooling() {
    let dir = copy("architectures/qwen3-embedding");
    for file in ["modules.json", "config_sentence_transformers.json"] {
        let _ = std::fs::remove_file(dir.path().join(file));
    }
    let pooling = |class: &str| {
        patch(dir.path().join("config.json"), |config| config["architectures"] = serde_json::json!([class]));
        engine(dir.path(), &TextOptions { max_length: Some(16), ..text_options() }).local().pooling.clone()
    };
    assert_eq!(pooling("Qwen3ForCausalLM"), [Pooling::LastToken]);
    assert_eq!(pooling("Qwen3Model"), [Pooling::Mean]);
}

#[test]
fn prompts_by_role() {
    for (name, role, key) in [
        ("norms", Role::Query, "query"),
        ("norms", Role::Document, "document"),
        ("static-embedding", Role::Query, "query"),
        ("static-embedding", Role::Document, "document"),
    ] {
        let dir = fixture(&format!("modules/{name}"));
        let engine: Box<dyn Engine> = match name {
            "norms" => Box::new(engine(dir, &text_options())),
            _ => Box::new(static_engine(&dir, &text_options())),
        };
        let expected = expected(name);
        let cases: Vec<&Json> =
            expected["cases"].as_array().unwrap().iter().filter(|case| case.get(key).is_some()).collect();
        assert!(cases.len() > 3);
        let texts: Vec<&str> = cases.iter().map(|case| case["text"].as_str().unwrap()).collect();
        let plain = engine.embed(&texts, Role::Text);
        for (i, result) in engine.embed(&texts, role).into_iter().enumerate() {
            let vector = result.unwrap().vector;
            let difference = max_difference(&vector, &floats(&cases[i][key]));
            assert!(difference <= TOLERANCE, "{name}, {key}, {}: {difference:e}", cases[i]["name"]);
            let without = max_difference(&vector, &plain[i].as_ref().unwrap().vector);
            assert_eq!(without > 1e-3, key == "query" || name == "norms", "{name}, {key}: {without:e}");
        }
    }
}

#[test]
fn activation_functions() {
    let expected = json(fixture("modules/activations.json"));
    let points = floats(&expected["x"]);
    for (name, values) in expected["y"].as_object().unwrap() {
        let function = Activation::parse(name).unwrap_or_else(|| panic!("{name} is unknown"));
        for (x, y) in points.iter().zip(floats(values)) {
            let ours = function.apply(*x);
            assert!((ours - y).abs() <= 1e-6 * y.abs().max(1.0), "{name}({x}) = {y}, not {ours}");
        }
        assert!(function.apply(f32::NAN).is_nan(), "{name}(NaN)");
    }
    for name in ["torch.nn.modules.activation.Softmax", "mymodel.Tanh", "Tanh", "torch.tanh", "", "torch.nn."] {
        assert_eq!(Activation::parse(name), None, "{name}");
    }
}

#[test]
fn dimensions_and_normalization_by_flag() {
    let dir = fixture("modules/static-embedding");
    let vector = |options: &TextOptions| {
        let engine = static_engine(&dir, options);
        let vector = engine.embed(&["a sea"], Role::Text).pop().unwrap().unwrap().vector;
        assert_eq!(engine.info().dimensions, Some(vector.len()));
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        assert_eq!(engine.local().normalize, (norm - 1.0).abs() < 1e-5, "{norm}");
        vector
    };
    // truncate_dim: normalised by the model's own module, then cut.
    let own = vector(&text_options());
    assert_eq!(own.len(), 16);
    let whole = vector(&TextOptions { dimensions: Some(18), ..text_options() });
    assert!(max_difference(&own, &whole[..16]) < 1e-6);
    let cut = vector(&TextOptions { dimensions: Some(5), ..text_options() });
    let norm = own[..5].iter().map(|x| x * x).sum::<f32>().sqrt();
    assert!(cut.iter().zip(&own).all(|(a, b)| (a - b / norm).abs() < 1e-6));
    vector(&TextOptions { normalize: Some(true), ..text_options() });
    let raw = vector(&TextOptions { normalize: Some(false), ..text_options() });
    assert!((raw[0] / raw[1] - own[0] / own[1]).abs() < 1e-4);
}
