//! Models that are more, or less, than a transformer and one pooling, equal to the reference: modules after the
//! transformer, static embeddings, weights in several files, prompts by role.
#![allow(missing_docs, clippy::unwrap_used)]

mod support;

use std::path::Path;

use infa::engine::{Engine, Purpose, Role, StaticEngine, TextOptions};
use infa::fetch::Context;
use infa::model::Model;
use infa::model::cache::HubEnv;
use infa::model::modules::Activation;
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
    StaticEngine::new(model, Purpose::Embed, options, 2).unwrap()
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
        assert_eq!(engine.info().dimensions, vector.len());
        let norm = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        assert_eq!(engine.info().normalize, (norm - 1.0).abs() < 1e-5, "{norm}");
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
