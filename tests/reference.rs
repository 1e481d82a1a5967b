//! Vectors equal those of sentence-transformers: on tiny models of several settings, and on the real default model.
#![allow(clippy::unwrap_used)]

mod support;

use infa::parts::engine::TextOptions;
use infa::parts::model::pooling::Pooling;
use infa::parts::model::tokenizer::Truncate;
use serde_json::{Value as Json, json as value};
use support::*;

const TOLERANCE: f32 = 1e-5;

/// For vectors that are not normalised: as close, relative to their size.
fn relative(cases: &[Case]) -> f32 {
    let largest = cases.iter().flat_map(|case| &case.embedding).fold(0f32, |m, x| m.max(x.abs()));
    TOLERANCE * largest.max(1.0)
}

#[test]
fn bert_tiny_as_its_files_say() {
    let expected = json(fixture("bert-tiny/expected.json"));
    let cases = cases(&expected["cases"], |case| case.get("embedding"));
    check_all_ways("bert-tiny", engine(fixture("bert-tiny"), &text_options()), &cases, TOLERANCE);
}

#[test]
fn every_pooling_mode() {
    let expected = json(fixture("bert-tiny/expected.json"));
    let modes = [
        ("cls", Pooling::Cls),
        ("mean", Pooling::Mean),
        ("max", Pooling::Max),
        ("mean_sqrt_len_tokens", Pooling::MeanSqrtLen),
        ("weightedmean", Pooling::WeightedMean),
        ("lasttoken", Pooling::LastToken),
    ];
    for (name, mode) in modes {
        let cases = cases(&expected["cases"], |case| case["raw"].get(name));
        let options = TextOptions { pooling: Some(mode), normalize: Some(false), ..text_options() };
        check_all_ways(name, engine(fixture("bert-tiny"), &options), &cases, relative(&cases));
    }
}

#[test]
fn cut_then_normalised() {
    let expected = json(fixture("bert-tiny/expected.json"));
    let cases = cases(&expected["cases"], |case| case.get("dim16"));
    let options = TextOptions { dimensions: Some(16), ..text_options() };
    check_all_ways("dimensions", engine(fixture("bert-tiny"), &options), &cases, TOLERANCE);
}

#[test]
fn a_prompt_by_name_and_as_text() {
    let expected = json(fixture("bert-tiny/expected.json"));
    let cases = cases(&expected["cases"], |case| case.get("query"));
    let by_name = TextOptions { prompt_name: Some("query".into()), ..text_options() };
    check_all_ways("prompt name", engine(fixture("bert-tiny"), &by_name), &cases, TOLERANCE);
    let as_text = TextOptions { prompt: Some(expected["prompts"]["query"].as_str().unwrap().into()), ..text_options() };
    check_all_ways("prompt", engine(fixture("bert-tiny"), &as_text), &cases, TOLERANCE);
}

#[test]
fn the_beginning_goes() {
    let expected = json(fixture("bert-tiny/expected.json"));
    let cases = cases(&expected["cases"], |case| case.get("left"));
    let options = TextOptions { truncate: Some(Truncate::Left), ..text_options() };
    check_all_ways("left", engine(fixture("bert-tiny"), &options), &cases, TOLERANCE);
}

#[test]
fn bert_odd_with_a_default_prompt_that_pooling_leaves_out() {
    let expected = json(fixture("bert-odd/expected.json"));
    let with_prompt = cases(&expected["cases"], |case| case.get("embedding"));
    let tolerance = relative(&with_prompt);
    check_all_ways("bert-odd", engine(fixture("bert-odd"), &text_options()), &with_prompt, tolerance);
    let without = cases(&expected["cases"], |case| case.get("no_prompt"));
    let options = TextOptions { prompt: Some(String::new()), ..text_options() };
    check_all_ways("no prompt", engine(fixture("bert-odd"), &options), &without, relative(&without));
}

#[test]
fn pooling_files_old_and_new_with_and_without_the_prompt() {
    let expected = json(fixture("bert-odd/expected-pooling.json"));
    for variant in expected["variants"].as_array().unwrap() {
        let dir = copy("bert-odd");
        std::fs::write(dir.path().join("1_Pooling/config.json"), variant["config"].to_string()).unwrap();
        for case in variant["cases"].as_array().unwrap() {
            let list = Json::Array(vec![case.clone()]);
            let cases = cases(&list, |case| case.get("embedding"));
            // Which text a named prompt stands for, the model's file says; "short" is the test's own.
            let options = TextOptions {
                prompt: case["prompt"].as_str().map(str::to_owned),
                prompt_name: case["prompt_name"].as_str().map(str::to_owned),
                ..text_options()
            };
            let what = format!("{} include_prompt {}", variant["pooling_mode"], variant["include_prompt"]);
            check_all_ways(&what, engine(dir.path(), &options), &cases, relative(&cases));
        }
    }
}

#[test]
fn activation_functions() {
    for name in ["gelu", "relu", "silu", "gelu_pytorch_tanh"] {
        let expected = json(fixture(&format!("bert-odd/expected-act-{name}.json")));
        let dir = copy("bert-odd");
        patch(dir.path().join("config.json"), |config| config["hidden_act"] = value!(name));
        let cases = cases(&expected["cases"], |case| case.get("embedding"));
        check_all_ways(name, engine(dir.path(), &text_options()), &cases, relative(&cases));
    }
}

#[test]
fn without_sentence_transformers_files_it_is_the_mean() {
    let expected = json(fixture("bert-plain/expected.json"));
    let plain = cases(&expected["cases"], |case| case.get("embedding"));
    check_all_ways("plain", engine(fixture("bert-plain"), &text_options()), &plain, relative(&plain));
    let normalized = cases(&expected["cases"], |case| case.get("normalized"));
    let options = TextOptions { normalize: Some(true), ..text_options() };
    check_all_ways("normalised", engine(fixture("bert-plain"), &options), &normalized, TOLERANCE);
}

#[test]
fn a_ready_onnx_file_pooled_here_or_by_itself() {
    let expected = json(fixture("bert-plain/expected.json"));
    let tokens = cases(&expected["cases"], |case| case.get("embedding"));
    let pooled = cases(&expected["cases"], |case| case.get("normalized"));
    let dir = copy("bert-plain");
    for (file, cases) in [("bert-plain.onnx", &tokens), ("bert-plain-pooled.onnx", &pooled)] {
        // Beside the tokenizer, and one directory below it.
        for place in ["", "onnx"] {
            let path = dir.path().join(place).join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::copy(fixture(file), &path).unwrap();
            check_all_ways(file, engine(&path, &text_options()), cases, relative(cases));
        }
    }
}

#[test]
fn tokenizer_config_decides_about_case() {
    let expected = json(fixture("bert-plain/expected-cased.json"));
    let dir = copy("bert-plain");
    std::fs::write(dir.path().join("tokenizer_config.json"), expected["tokenizer_config"].to_string()).unwrap();
    let cases = cases(&expected["cases"], |case| case.get("embedding"));
    check_all_ways("cased", engine(dir.path(), &text_options()), &cases, relative(&cases));
}

#[test]
fn the_default_model_whatever_the_number_of_workers() {
    let expected = json(fixture("all-MiniLM-L6-v2/expected.json"));
    let cases = cases(&expected["cases"], |case| case.get("embedding"));
    for threads in [1, 4] {
        check_all_ways(&format!("{threads} workers"), default_engine(threads), &cases, TOLERANCE);
    }
}
