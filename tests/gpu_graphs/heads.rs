//! Heads on GPUs give the stored answers: classification, next-token scores, lexical weights.

use infa::parts::graph::{Answer, Layout, Lexical, Operators, Output, Precision, Request};
use serde_json::Value as Json;

use crate::feeds::Text;
use crate::model::{Model, directory, fixtures, ids, on_gpus};
use crate::support::{cosine, floats, json, max_difference};

/// Heads of a fixture: the key of its cases, and the output.
fn heads(expected: &Json) -> Vec<(&'static str, Output)> {
    let id = |key: &str| expected.get(key).and_then(Json::as_u64).map(|id| id as usize);
    let heads = match (id("true_token_id"), id("false_token_id")) {
        (Some(yes), no) => {
            let both = Output::Answer(Answer { yes, no });
            vec![("pairs", both), ("raw", both), ("one_token", Output::Answer(Answer { yes, no: None }))]
        }
        _ => vec![("pairs", Output::Logits), ("classify", Output::Logits)],
    };
    heads.into_iter().filter(|(key, _)| expected.get(*key).is_some_and(|cases| cases[0].is_object())).collect()
}

fn texts(cases: &[Json]) -> Vec<Text> {
    let types = |case: &Json| if case.get("types").is_some() { ids(case, "types") } else { Vec::new() };
    cases.iter().map(|case| Text { ids: ids(case, "ids"), types: types(case) }).collect()
}

#[test]
fn logits_are_the_stored_ones() {
    let mut seen = 0;
    for name in fixtures() {
        let expected = json(directory(&name).join("expected.json"));
        for (key, output) in heads(&expected) {
            let cases = expected[key].as_array().unwrap();
            for (operators, precision, padded, tolerance) in [
                (Operators::Standard, Precision::Float32, true, 1e-4),
                (Operators::Cuda, Precision::Float32, false, 1e-4),
                (Operators::Cuda, Precision::Float32, true, 1e-4),
                (Operators::Cuda, Precision::Float16, false, 1e-2),
                (Operators::Cuda, Precision::Float16, true, 1e-2),
                (Operators::Cuda, Precision::Bfloat16, true, 0.1),
            ] {
                let request = Request { token_types: true, padded, operators, ..on_gpus(output, precision) };
                let mut model = Model::new(&directory(&name), &request);
                for (found, case) in model.run(&texts(cases)).iter().zip(cases) {
                    let expected = floats(&case["logits"]);
                    let largest = expected.iter().fold(1f32, |most, x| most.max(x.abs()));
                    let difference = max_difference(found, &expected) / largest;
                    let layout = model.graph.layout;
                    assert!(
                        difference <= tolerance,
                        "{name}, {key} {operators:?} {precision:?} {layout:?}: {difference:e}"
                    );
                }
            }
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn lexical_weights_are_the_stored_ones() {
    let mut layouts = Vec::new();
    for name in fixtures() {
        let dir = directory(&name);
        let expected = json(dir.join("expected.json"));
        let cut = dir.join("config_sentence_transformers.json");
        let cut = cut.is_file() && json(cut)["max_active_dims"].is_u64();
        let Some(cases) = expected.get("sparse").and_then(Json::as_array).filter(|_| !cut) else { continue };
        if expected.get("multi").is_some_and(|cases| cases[0].is_object()) {
            continue;
        }
        let file = dir.join("1_SpladePooling/config.json");
        let pooling = if file.is_file() { json(file) } else { expected["sparse_pooling"].clone() };
        let (sum, twice) = (pooling["pooling_strategy"] == "sum", pooling["activation_function"] == "log1p_relu");
        for (operators, precision) in [
            (Operators::Standard, Precision::Float32),
            (Operators::Cuda, Precision::Float32),
            (Operators::Cuda, Precision::Float16),
            (Operators::Cuda, Precision::Bfloat16),
        ] {
            for padded in [operators == Operators::Standard, true] {
                let lexical = Output::Lexical(Lexical { sum, twice });
                let request = Request { padded, operators, ..on_gpus(lexical, precision) };
                let mut model = Model::new(&dir, &request);
                layouts.push(model.graph.layout);
                for (found, case) in model.run(&texts(cases)).iter().zip(cases) {
                    let mut expected = vec![0.0; found.len()];
                    for (at, value) in ids(case, "indices").into_iter().zip(floats(&case["values"])) {
                        expected[usize::try_from(at).unwrap()] = value;
                    }
                    let largest = expected.iter().fold(1f32, |most, &x| most.max(x));
                    let (difference, cosine) = (max_difference(found, &expected) / largest, cosine(found, &expected));
                    let least = if precision == Precision::Bfloat16 { 0.99 } else { 0.9999 };
                    let exact = precision != Precision::Float32 || difference <= 1e-4;
                    assert!(
                        exact && cosine >= least,
                        "{name}, {operators:?} {precision:?}: {difference:e}, cosine {cosine}"
                    );
                }
            }
        }
    }
    assert!(layouts.contains(&Layout::Unpadded) && layouts.contains(&Layout::Padded));
}
