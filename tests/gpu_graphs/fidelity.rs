//! Every architecture gives on GPUs what it gives on CPUs, in any company of texts, in every number format and layout.

use std::path::Path;

use infa::parts::graph::{Layout, Operators, Output, Precision, Request, Rows};

use crate::feeds::Text;
use crate::model::{Model, directory, fixtures, ids, on_gpus, texts};
use crate::support::{GraphRunner, copy, cosine, floats, json, patch};

/// Lengths of texts that are run together.
const LENGTHS: [usize; 3] = [1, 64, 7];

/// What the CPU gives for each text alone, all token rows.
fn reference(name: &str, texts: &[Text]) -> Vec<Vec<f32>> {
    reference_in(&directory(name), texts)
}

fn reference_in(dir: &Path, texts: &[Text]) -> Vec<Vec<f32>> {
    let mut graph = GraphRunner::new(dir, Request::of(Output::Hidden(Rows::All)));
    texts.iter().map(|text| graph.run(&text.ids, None)).collect()
}

/// The largest difference, as a share of the largest number.
fn difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let largest = b.iter().fold(1f32, |most, x| most.max(x.abs()));
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
}

/// The picked or pooled row of token rows.
fn pooled(rows: &[f32], width: usize, output: Output) -> Vec<f32> {
    match output {
        Output::Hidden(Rows::First) => rows[..width].to_vec(),
        Output::Hidden(Rows::Last) => rows[rows.len() - width..].to_vec(),
        Output::Mean => {
            let count = (rows.len() / width) as f32;
            (0..width).map(|at| rows[at..].iter().step_by(width).sum::<f32>() / count).collect()
        }
        _ => rows.to_vec(),
    }
}

const OUTPUTS: [Output; 4] =
    [Output::Hidden(Rows::All), Output::Hidden(Rows::First), Output::Hidden(Rows::Last), Output::Mean];

#[test]
fn float32_equals_the_cpu_in_both_layouts() {
    for name in fixtures() {
        let mut seen = Vec::new();
        for padded in [false, true] {
            for output in OUTPUTS {
                let request = Request { padded, ..on_gpus(output, Precision::Float32) };
                let mut model = Model::new(&directory(&name), &request);
                let layout = model.graph.layout;
                if padded && seen.contains(&(Layout::Padded, output)) {
                    continue;
                }
                seen.push((layout, output));
                let texts = texts(&LENGTHS, &model.graph);
                let width = model.graph.width;
                let expected = reference(&name, &texts);
                for (found, expected) in model.run(&texts).iter().zip(expected) {
                    let difference = difference(found, &pooled(&expected, width, output));
                    assert!(difference <= 1e-5, "{name}, {layout:?}, {output:?}: {difference:e}");
                }
            }
        }
        assert!(seen.len() == 4 || seen.len() == 8, "{name}: {seen:?}");
    }
}

/// Rounding adds up with the rows; their directions stay.
fn check_half(precision: Precision, padded: bool, least: f64) {
    for name in fixtures() {
        let request = Request { padded, ..on_gpus(Output::Hidden(Rows::All), precision) };
        let mut model = Model::new(&directory(&name), &request);
        let texts = texts(&LENGTHS, &model.graph);
        let width = model.graph.width;
        for (found, expected) in model.run(&texts).iter().zip(reference(&name, &texts)) {
            for (found, expected) in found.chunks(width).zip(expected.chunks(width)) {
                let cosine = cosine(found, expected);
                assert!(cosine >= least, "{name}, {precision:?}, {:?}: {cosine}", model.graph.layout);
            }
        }
    }
}

#[test]
fn float16_has_the_direction_of_float32_in_rectangles() {
    check_half(Precision::Float16, true, 0.9999);
}

#[test]
fn float16_has_the_direction_of_float32_one_behind_the_other() {
    check_half(Precision::Float16, false, 0.9999);
}

#[test]
fn bfloat16_has_the_direction_of_float32() {
    check_half(Precision::Bfloat16, false, 0.99);
}

/// The stored vectors of the reference, where they are a pooled row of the last hidden state.
#[test]
fn float16_has_the_direction_of_the_stored_vectors() {
    let mut seen = 0;
    for name in fixtures() {
        let expected = json(directory(&name).join("expected.json"));
        let Some(cases) = expected.get("cases").and_then(|cases| cases.as_array()) else { continue };
        let texts: Vec<Text> = cases.iter().map(|case| Text { ids: ids(case, "ids"), types: Vec::new() }).collect();
        let stored: Vec<Vec<f32>> = cases.iter().map(|case| floats(&case["embedding"])).collect();
        let rows = reference(&name, &texts);
        let is_stored = |output: &&Output| {
            let width = Model::new(&directory(&name), &on_gpus(**output, Precision::Float32)).graph.width;
            width == stored[0].len()
                && rows
                    .iter()
                    .zip(&stored)
                    .all(|(rows, stored)| cosine(&pooled(rows, width, **output), stored) > 0.999_999)
        };
        let Some(&output) = OUTPUTS[1..].iter().find(is_stored) else { continue };
        seen += 1;
        for padded in [false, true] {
            let request = Request { padded, ..on_gpus(output, Precision::Float16) };
            for (found, stored) in Model::new(&directory(&name), &request).run(&texts).iter().zip(&stored) {
                let cosine = cosine(found, stored);
                assert!(cosine >= 0.9999, "{name}: {cosine}");
            }
        }
    }
    assert!(seen > 30, "{seen}");
}

/// For TensorRT: standard operators over padded rectangles.
#[test]
fn standard_operators_equal_the_cpu_in_padded_rectangles() {
    for name in fixtures() {
        for output in OUTPUTS {
            let request = Request { operators: Operators::Standard, padded: true, ..Request::of(output) };
            let mut model = Model::new(&directory(&name), &request);
            assert_eq!(model.graph.layout, Layout::Padded);
            let texts = texts(&LENGTHS, &model.graph);
            let width = model.graph.width;
            for (found, expected) in model.run(&texts).iter().zip(reference(&name, &texts)) {
                let difference = difference(found, &pooled(&expected, width, output));
                assert!(difference <= 1e-5, "{name}, {output:?}: {difference:e}");
            }
        }
    }
}

/// The same weights under other settings: windows, scaled rotations, activations.
#[test]
fn variants_equal_the_cpu() {
    let mut seen = 0;
    for name in fixtures() {
        let path = directory(&name).join("expected-variants.json");
        if !path.is_file() {
            continue;
        }
        for variant in json(path)["variants"].as_array().unwrap() {
            let changed = copy(&format!("architectures/{name}"));
            patch(changed.path().join("config.json"), |config| {
                for (key, value) in variant["config"].as_object().unwrap() {
                    match value.is_null() {
                        true => drop(config.as_object_mut().unwrap().remove(key)),
                        false => config[key] = value.clone(),
                    }
                }
            });
            for padded in [false, true] {
                let request = Request { padded, ..on_gpus(Output::Hidden(Rows::All), Precision::Float32) };
                let mut model = Model::new(changed.path(), &request);
                let texts = texts(&LENGTHS, &model.graph);
                for (found, expected) in model.run(&texts).iter().zip(reference_in(changed.path(), &texts)) {
                    let difference = difference(found, &expected);
                    assert!(difference <= 1e-5, "{name}, {}, padded {padded}: {difference:e}", variant["name"]);
                }
            }
            seen += 1;
        }
    }
    assert!(seen > 10, "{seen}");
}
