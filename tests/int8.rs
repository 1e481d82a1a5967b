//! int8: every architecture, beside itself in float32; vectors that depend on nothing but their text; and the quality
//! of the default model.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use infa::parts::engine::int8::Int8Options;
use infa::parts::engine::{Engine, EngineError, Input, OnnxEngine, OnnxOptions, OutputKind, Role};
use infa::parts::fetch::Context;
use infa::parts::kernels::{NAMES, Set};
use infa::parts::model::cache::HubEnv;
use infa::parts::model::{DEFAULT_MODEL, Model};
use infa::parts::runtime::device::{Device, Dtype};
use support::*;

const TEXTS: [&str; 7] = [
    "A river runs through the old town.",
    "the quick brown fox",
    "Prices rose by 3% last year, more than anybody had expected.",
    "no",
    "Where do the birds go in winter, and when do they come back?",
    "the quick brown cat",
    "A river runs past the new town.",
];
/// Random weights of a few channels are the worst case: what is lost of one number, few others make up for. (The least
/// seen is 0.9876.)
const LEAST_COSINE: f64 = 0.98;
/// Largest difference of a logit, as a share of the largest logit. (0.125 is the most seen.)
const LOGITS: f32 = 0.25;

fn load(
    dir: &str,
    purpose: OutputKind,
    dtype: Dtype,
    threads: usize,
    int8: Int8Options,
) -> Result<OnnxEngine, EngineError> {
    load_by(dir, purpose, dtype, threads, int8, None)
}

/// As [`load`], by operators of our own on that instruction set.
fn load_by(
    dir: &str,
    purpose: OutputKind,
    dtype: Dtype,
    threads: usize,
    int8: Int8Options,
    kernels: Option<Set>,
) -> Result<OnnxEngine, EngineError> {
    let model = Model::read(request(dir).resolve(HubEnv::from_env(), &Context::silent())?)?;
    let threads = NonZero::new(threads).unwrap();
    let options = OnnxOptions { device: Device::Auto, dtype, kernels, threads, int8, ..OnnxOptions::default() };
    OnnxEngine::new(&runtime(), model, purpose, &text_options(), options)
}

/// Everything an engine says of each text, as one row of numbers.
fn answers(engine: &OnnxEngine, purpose: OutputKind, texts: &[&str]) -> Vec<Vec<f32>> {
    match purpose {
        OutputKind::Embedding => {
            engine.embed(texts, Role::Text).into_iter().map(|result| result.unwrap().vector).collect()
        }
        OutputKind::Sparse => {
            let dense = |indices: Vec<u32>, values: Vec<f32>| {
                let mut row = vec![0.0; engine.info().known_dimensions().unwrap()];
                indices.iter().zip(values).for_each(|(&at, value)| row[at as usize] = value);
                row
            };
            let results = engine.embed_sparse(texts, Role::Document).into_iter().map(Result::unwrap);
            results.map(|result| dense(result.indices, result.values)).collect()
        }
        OutputKind::TokenVectors => {
            engine.embed_tokens(texts, Role::Document).into_iter().map(|result| result.unwrap().vectors).collect()
        }
        _ => {
            let input = |&text: &&str| Input::Pair("a river in town".into(), text.to_owned());
            let inputs: Vec<Input> = texts.iter().map(input).collect();
            engine.predict(&inputs).into_iter().map(|result| result.unwrap().logits).collect()
        }
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// The fixtures whose number leaves `rest` when divided by 4: in four tests, which run side by side.
fn check_architectures(rest: usize) {
    let entries = std::fs::read_dir(fixture("architectures")).unwrap().map(|entry| entry.unwrap().path());
    let dirs: BTreeSet<_> = entries.filter(|path| path.join("expected.json").is_file()).collect();
    assert!(dirs.len() > 80);
    for dir in dirs.iter().skip(rest).step_by(4) {
        let mut served = 0;
        for purpose in [OutputKind::Embedding, OutputKind::Sparse, OutputKind::TokenVectors, OutputKind::Logits] {
            let path = dir.to_str().unwrap();
            let name = format!("{} {purpose:?}", dir.file_name().unwrap().display());
            let Ok(float32) = load(path, purpose, Dtype::Float32, 1, Int8Options::default()) else { continue };
            let texts: Arc<[String]> = TEXTS.iter().rev().map(|text| text.to_uppercase()).collect();
            let cache = tempfile::tempdir().unwrap();
            let reference = answers(&float32, purpose, &TEXTS);
            let mut of_sets: Option<Vec<Vec<f32>>> = None;
            for kernels in NAMES.iter().filter_map(|name| Set::named(name)).map(Some).chain([None]) {
                let name = format!("{name}, {}", kernels.map_or("built-in", Set::name));
                let cache = Some(cache.path().to_owned());
                let options = Int8Options { cache, texts: Some(Arc::clone(&texts)), ..Int8Options::default() };
                let int8 = load_by(path, purpose, Dtype::Int8, 2, options, kernels);
                let int8 = int8.unwrap_or_else(|e| panic!("{name}: {e}"));
                let ours = answers(&int8, purpose, &TEXTS);
                assert_ne!(ours, reference, "{name}: int8 is float32");
                compare(&name, purpose, &ours, &reference);
                // Bit by bit the same alone, and among others.
                for (text, ours) in TEXTS.iter().zip(&ours) {
                    assert!(answers(&int8, purpose, &[text])[0] == *ours, "{name}, alone: {text}");
                }
                let among = [TEXTS, TEXTS].concat();
                let twice = answers(&int8, purpose, &among);
                assert!(twice[..TEXTS.len()] == ours[..] && twice[TEXTS.len()..] == ours[..], "{name}, in a batch");
                // Values are weighed in bfloat16 by one set alone.
                if kernels.is_some_and(|set| set.name() != "avx512-bf16") {
                    assert!(*of_sets.get_or_insert_with(|| ours.clone()) == ours, "{name}: sets differ");
                }
            }
            served += 1;
        }
        assert!(served > 0, "{} serves nothing", dir.display());
    }
}

fn compare(name: &str, purpose: OutputKind, ours: &[Vec<f32>], reference: &[Vec<f32>]) {
    if purpose == OutputKind::Logits {
        let largest = reference.iter().flatten().fold(0f32, |most, x| most.max(x.abs()));
        let difference = max_difference(&ours.concat(), &reference.concat());
        assert!(difference <= LOGITS * largest, "{name}: logits to {largest} differ by {difference}");
    } else {
        let least = ours.iter().zip(reference).map(|(a, b)| cosine(a, b)).fold(1.0, f64::min);
        assert!(least >= LEAST_COSINE, "{name}: cosine {least}");
    }
}

#[test]
fn architectures_in_int8_0() {
    check_architectures(0);
}

#[test]
fn architectures_in_int8_1() {
    check_architectures(1);
}

#[test]
fn architectures_in_int8_2() {
    check_architectures(2);
}

#[test]
fn architectures_in_int8_3() {
    check_architectures(3);
}

/// Every architecture in bfloat16, the same for a text in any company.
#[test]
fn architectures_in_bfloat16() {
    let Some(set) = Set::named("avx512-bf16") else { return };
    for entry in std::fs::read_dir(fixture("architectures")).unwrap() {
        let dir = entry.unwrap().path();
        if !dir.join("expected.json").is_file() {
            continue;
        }
        let path = dir.to_str().unwrap();
        for purpose in [OutputKind::Embedding, OutputKind::Logits] {
            let name = format!("{} {purpose:?}", dir.file_name().unwrap().display());
            let none = Int8Options::default;
            let Ok(float32) = load(path, purpose, Dtype::Float32, 1, none()) else { continue };
            let reference = answers(&float32, purpose, &TEXTS);
            let bfloat16 = load_by(path, purpose, Dtype::Bfloat16, 2, none(), Some(set));
            let bfloat16 = bfloat16.unwrap_or_else(|e| panic!("{name}: {e}"));
            let ours = answers(&bfloat16, purpose, &TEXTS);
            assert_ne!(ours, reference, "{name}: bfloat16 is float32");
            compare(&name, purpose, &ours, &reference);
            for (text, ours) in TEXTS.iter().zip(&ours) {
                assert!(answers(&bfloat16, purpose, &[text])[0] == *ours, "{name}, alone: {text}");
            }
        }
    }
}

#[test]
fn the_default_model_in_int8() {
    let cache = tempfile::tempdir().unwrap();
    let options = || Int8Options { cache: Some(cache.path().to_owned()), ..Int8Options::default() };
    let texts = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets/quickstart.txt")).unwrap();
    let texts: Vec<&str> = texts.lines().collect();
    let reference = answers(&default_engine(2), OutputKind::Embedding, &texts);
    let int8 = load(DEFAULT_MODEL, OutputKind::Embedding, Dtype::Int8, 2, options()).unwrap();
    let ours = answers(&int8, OutputKind::Embedding, &texts);
    let cosines: Vec<f64> = ours.iter().zip(&reference).map(|(a, b)| cosine(a, b)).collect();
    let (mean, least) =
        (cosines.iter().sum::<f64>() / cosines.len() as f64, cosines.iter().copied().fold(1.0, f64::min));
    assert!(mean >= 0.997 && least >= 0.985, "mean {mean}, least {least}");

    // From the cache, on one thread: the same bits. Under load, too.
    let cached = load(DEFAULT_MODEL, OutputKind::Embedding, Dtype::Int8, 1, options()).unwrap();
    assert!(answers(&cached, OutputKind::Embedding, &texts) == ours);
    let int8 = Arc::new(int8);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|i| {
                let (int8, texts) = (Arc::clone(&int8), &texts);
                scope.spawn(move || answers(&int8, OutputKind::Embedding, &texts[i..]))
            })
            .collect();
        for (i, thread) in threads.into_iter().enumerate() {
            assert!(thread.join().unwrap() == ours[i..]);
        }
    });
}
