//! Scores of cross-encoders equal those of sentence-transformers' CrossEncoder.predict, whatever their architecture.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;
use std::sync::Arc;

use infa::parts::engine::rerank::{Method, Pairs, Reranker, Score, ScoreError};
use infa::parts::engine::{Engine, OnnxOptions, RequestOptions, TextOptions};
use infa::parts::engine::{EngineError, Input, OnnxEngine, OutputKind};
use infa::parts::fetch::Context;
use infa::parts::model::Model;
use infa::parts::model::activation::Activation;
use infa::parts::model::cache::HubEnv;
use infa::parts::model::similarity::Similarity;
use serde_json::{Value as Json, json as value};
use support::blocking::wait;
use support::*;

const TOLERANCE: f64 = 1e-4;

fn model(path: &Path) -> Model {
    Model::read(request(path.to_str().unwrap()).resolve(HubEnv::from_env(), &Context::silent()).unwrap()).unwrap()
}

fn reranker(path: &Path, raw: bool) -> Result<Reranker, EngineError> {
    let model = model(path);
    let method = Method::of(&model, raw)?;
    let options = OnnxOptions { threads: 2.try_into().unwrap(), ..OnnxOptions::default() };
    let engine = OnnxEngine::new(&runtime(), model, method.output(), &TextOptions::default(), options)?;
    Reranker::new(Arc::new(engine), method)
}

/// The scores of all pairs of `cases`, each as a query with one document.
fn scores(reranker: &Reranker, cases: &[&Json]) -> Vec<f64> {
    let text = |case: &Json, key: &str| case[key].as_str().unwrap().to_owned();
    let pairs = Pairs {
        queries: cases.iter().map(|case| text(case, "query")).collect(),
        documents: cases.iter().map(|case| text(case, "document")).enumerate().collect(),
    };
    ranked(reranker, pairs).into_iter().map(|score| score.unwrap().score).collect()
}

fn ranked(reranker: &Reranker, pairs: Pairs) -> Vec<Result<Score, ScoreError>> {
    wait(reranker.score(pairs, &RequestOptions::default(), false)).unwrap().scores
}

fn pairs(query: &str, documents: &[&str]) -> Pairs {
    Pairs::of_one(query.to_owned(), documents.iter().map(|&document| document.to_owned()).collect())
}

fn close(what: &str, found: &[f64], cases: &[&Json], key: &str) {
    for (found, case) in found.iter().zip(cases) {
        let expected = case[key][0].as_f64().unwrap();
        assert!((found - expected).abs() <= TOLERANCE, "{what}, {} {key}: {found} {expected}", case["name"]);
    }
}

#[test]
fn every_cross_encoder_scores_as_the_reference() {
    let mut tested = 0;
    for entry in std::fs::read_dir(fixture("architectures")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(path.join("expected.json")) else { continue };
        let expected: Json = serde_json::from_slice(&bytes).unwrap();
        let Some(list) = expected.get("pairs").and_then(Json::as_array) else { continue };
        let cases: Vec<&Json> = list.iter().filter(|case| case["logits"].as_array().unwrap().len() == 1).collect();
        if cases.is_empty() {
            continue;
        }
        let what = path.file_name().unwrap().to_string_lossy().into_owned();
        let own = reranker(&path, false).unwrap_or_else(|e| panic!("{what}: {e}"));
        let together = scores(&own, &cases);
        close(&what, &together, &cases, "scores");
        let alone: Vec<f64> = cases.iter().flat_map(|case| scores(&own, &[case])).collect();
        assert!(alone.iter().zip(&together).all(|(a, b)| (a - b).abs() < 1e-6), "{what}: alone and together");
        close(&what, &scores(&reranker(&path, true).unwrap(), &cases), &cases, "logits");
        tested += 1;
    }
    assert!(tested >= 3, "only {tested} cross-encoders found");
}

fn expected_pairs(name: &str) -> Json {
    json(fixture(&format!("architectures/{name}/expected.json")))["pairs"].clone()
}

#[test]
fn the_activation_function_is_the_one_the_files_name() {
    let pairs = expected_pairs("bert-rerank");
    let cases: Vec<&Json> = pairs.as_array().unwrap().iter().collect();
    let identity = "torch.nn.modules.linear.Identity";
    let settings = [
        ("sentence_transformers", value!({"activation_fn": identity, "version": "5.0"}), "logits"),
        ("sbert_ce_default_activation_function", value!(identity), "logits"),
        ("sbert_ce_default_activation_function", value!("torch.nn.modules.activation.Sigmoid"), "scores"),
        ("sentence_transformers", value!({"activation_fn": null}), "scores"),
    ];
    for (key, setting, list) in settings {
        let dir = copy("architectures/bert-rerank");
        patch(dir.path().join("config.json"), |config| config[key] = setting.clone());
        close(key, &scores(&reranker(dir.path(), false).unwrap(), &cases), &cases, list);
    }
    let dir = copy("architectures/bert-rerank");
    patch(dir.path().join("config.json"), |config| {
        config["sentence_transformers"] = value!({"activation_fn": "a.Own"})
    });
    let error = reranker(dir.path(), false).err().unwrap().to_string();
    assert!(error.contains("a.Own") && error.contains("--raw-scores"), "{error}");
    close("raw", &scores(&reranker(dir.path(), true).unwrap(), &cases), &cases, "logits");
}

#[test]
fn a_ready_onnx_file_scores_alike() {
    let name = "architectures/bert-rerank-modules";
    let pairs = expected_pairs("bert-rerank-modules");
    let cases: Vec<&Json> = pairs.as_array().unwrap().iter().collect();
    let dir = copy(name);
    std::fs::rename(dir.path().join("onnx/model.onnx"), dir.path().join("model.onnx")).unwrap();
    let own = reranker(&dir.path().join("model.onnx"), false).unwrap();
    close("onnx", &scores(&own, &cases), &cases, "scores");
}

#[test]
fn token_types_are_given_only_where_the_tokenizer_has_them() {
    // The same weights with a tokenizer that gives none.
    let pairs = expected_pairs("bert-rerank");
    let cases: Vec<&Json> = pairs.as_array().unwrap().iter().collect();
    let dir = copy("architectures/bert-rerank");
    patch(dir.path().join("tokenizer_config.json"), |config| {
        config["model_input_names"] = value!(["input_ids", "attention_mask"]);
    });
    let without = engine_for(OutputKind::Logits, dir.path());
    let mut zeros = GraphRunner::new(dir.path(), infa::parts::graph::Request::of(infa::parts::graph::Output::Logits));
    for case in cases {
        let input = Input::Pair(case["query"].as_str().unwrap().into(), case["document"].as_str().unwrap().into());
        let logits = without.predict(&[input]).remove(0).unwrap().logits;
        let ids: Vec<i64> = case["ids"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
        assert!(max_difference(&logits, &zeros.run(&ids, None)) < 1e-5);
        assert!(max_difference(&logits, &floats(&case["logits"])) > 1e-4, "types do not matter: {}", case["name"]);
    }
}

#[test]
fn vectors_are_compared_with_the_prompts_of_their_roles() {
    let dir = fixture("bert-tiny");
    let (query, documents) = ("what do cats eat", ["fish", "the bridge", "cats eat birds"]);
    let found = ranked(&reranker(&dir, false).unwrap(), pairs(query, &documents));
    let plain = engine(&dir, &TextOptions { prompt: Some(String::new()), ..text_options() });
    let embed = |text: String| plain.embed(&[&text], infa::parts::engine::Role::Text).remove(0).unwrap().vector;
    let q = embed(format!("query: {query}"));
    for (score, document) in found.into_iter().zip(documents) {
        let expected: f32 = q.iter().zip(embed(format!("passage text: {document}"))).map(|(a, b)| a * b).sum();
        assert!((score.unwrap().score - f64::from(expected)).abs() < 1e-5);
    }
}

#[test]
fn the_model_chooses_the_similarity() {
    let dir = copy("bert-tiny");
    let file = dir.path().join("config_sentence_transformers.json");
    patch(&file, |config| config["similarity_fn_name"] = value!("euclidean"));
    assert_eq!(Method::of(&model(dir.path()), false).unwrap(), Method::Vectors(Similarity::Euclidean));
    patch(&file, |config| config["similarity_fn_name"] = value!("odd"));
    let error = reranker(dir.path(), false).err().unwrap().to_string();
    assert!(error.contains("similarity_fn_name") && error.contains("odd"), "{error}");
}

#[test]
fn sixteen_and_seventeen_do_not_score_alike() {
    let dir = copy("architectures/bert-rerank");
    // In f32 the sigmoid of a logit above 17 is 1.
    let (engine, cases) = (engine_for(OutputKind::Logits, dir.path()), expected_pairs("bert-rerank"));
    assert_eq!(engine.info().dimensions, Some(1));
    let logits: Vec<f32> = cases.as_array().unwrap().iter().map(|case| floats(&case["logits"])[0] + 25.0).collect();
    let scores: Vec<f64> = logits.iter().map(|&logit| Activation::Sigmoid.apply(logit)).collect();
    for (i, a) in logits.iter().enumerate() {
        assert!(scores[i] < 1.0);
        for (j, b) in logits.iter().enumerate() {
            assert_eq!(a.partial_cmp(b), scores[i].partial_cmp(&scores[j]), "{i} {j}");
        }
    }
}

#[test]
fn what_cannot_rerank_says_what_it_is() {
    for (name, is, hint) in [
        ("architectures/bert-classify", "a classifier with 4 labels", Some("infa classify")),
        ("architectures/bert-nli", "a classifier with 3 labels", Some("infa classify")),
    ] {
        let error = reranker(&fixture(name), false).err().unwrap();
        assert!(error.to_string().contains(is), "{error}");
        assert_eq!(error.hint().is_some_and(|h| h.contains(hint.unwrap())), hint.is_some(), "{error}");
    }
}

#[test]
fn sparse_models_multiply_the_weights_of_both() {
    let (query, documents) = ("what do cats eat", ["fish", "the bridge", "cats eat birds"]);
    let pairs = pairs(query, &documents);
    let scores = |dir: &Path| {
        let scores = ranked(&reranker(dir, false).unwrap(), pairs.clone());
        scores.into_iter().map(|score| score.unwrap().score).collect::<Vec<f64>>()
    };
    let role = |i| if i == 0 { infa::parts::engine::Role::Query } else { infa::parts::engine::Role::Document };
    let texts: Vec<&str> = [query].into_iter().chain(documents).collect();

    let dir = fixture("architectures/splade-max");
    let engine = engine_for(OutputKind::Sparse, &dir);
    let vectors: Vec<_> = (0..4).map(|i| engine.embed_sparse(&[texts[i]], role(i)).remove(0).unwrap()).collect();
    for (found, document) in scores(&dir).into_iter().zip(&vectors[1..]) {
        let mut expected = 0.0;
        for (index, value) in vectors[0].indices.iter().zip(&vectors[0].values) {
            if let Some(at) = document.indices.iter().position(|i| i == index) {
                expected += f64::from(value * document.values[at]);
            }
        }
        assert!(expected > 0.0 && (found - expected).abs() < 1e-4 * expected, "{found} {expected}");
    }
}

#[test]
fn late_interaction_models_score_as_the_reference() {
    for name in ["colbert-native", "colbert-pylate"] {
        let dir = fixture(&format!("architectures/{name}"));
        let expected = json(dir.join("expected.json"))["scores"].clone();
        let cases: Vec<&Json> = expected.as_array().unwrap().iter().collect();
        assert!(cases.len() > 5);
        for (found, case) in scores(&reranker(&dir, false).unwrap(), &cases).into_iter().zip(&cases) {
            let expected = case["score"].as_f64().unwrap();
            assert!((found - expected).abs() <= TOLERANCE, "{name}, {}: {found} {expected}", case["document"]);
        }
    }
}
