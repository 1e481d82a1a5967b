//! int8: every architecture, beside itself in float32; vectors that depend on nothing but their text; and the quality
//! of the default model.
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeSet, HashMap};
use std::num::NonZero;
use std::path::Path;
use std::sync::Arc;

use infa::parts::engine::int8::{Int8Options, for_file};
use infa::parts::engine::{Engine, EngineError, Input, OnnxEngine, OnnxOptions, OutputKind, Role};
use infa::parts::fetch::Context;
use infa::parts::graph::export::{MOST_INSIDE, export};
use infa::parts::graph::{self, ATTENTION_MASK, INPUT_IDS, Lexical, Operators, Output, Request, Rows, TOKEN_TYPE_IDS};
use infa::parts::kernels::{NAMES, Set};
use infa::parts::model::cache::HubEnv;
use infa::parts::model::tokenizer::Truncate;
use infa::parts::model::weights::Weights;
use infa::parts::model::{DEFAULT_MODEL, Model};
use infa::parts::runtime::device::Dtype;
use infa::parts::runtime::{Input as FileInput, Numbers, Session, SessionOptions};
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
    let options = OnnxOptions { dtype, kernels, threads, int8, ..OnnxOptions::default() };
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
            // By the weights of a set: they may be bounded.
            let mut of_sets: HashMap<bool, Vec<Vec<f32>>> = HashMap::new();
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
                if let Some(set) = kernels.filter(|set| set.name() != "avx512-bf16") {
                    let of_others = of_sets.entry(set.prefers_bounded()).or_insert_with(|| ours.clone());
                    assert!(*of_others == ours, "{name}: sets differ");
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

/// Token ids, token types and a mask of `texts` of one length.
#[derive(Clone)]
struct Batch {
    texts: usize,
    ids: Vec<i64>,
    types: Vec<i64>,
    mask: Vec<i64>,
}

impl Batch {
    fn alone(ids: Vec<i64>, types: Vec<i64>) -> Self {
        let zeros = vec![0; ids.len()];
        Self { texts: 1, types: if types.is_empty() { zeros } else { types }, mask: vec![1; ids.len()], ids }
    }

    /// The same padded to `length` tokens.
    fn padded(mut self, length: usize) -> Self {
        [&mut self.ids, &mut self.types, &mut self.mask].into_iter().for_each(|numbers| numbers.resize(length, 0));
        self
    }

    fn and(mut self, other: &Self) -> Self {
        self.ids.extend(&other.ids);
        self.types.extend(&other.types);
        self.mask.extend(&other.mask);
        Self { texts: self.texts + other.texts, ..self }
    }

    /// The output of a graph, which may have no input for types or masks.
    fn run(&self, session: &mut Session) -> Vec<f32> {
        let shape = [self.texts, self.ids.len() / self.texts];
        let named: Vec<String> = session.inputs().into_iter().map(|(name, _)| name).collect();
        let given = [(INPUT_IDS, &self.ids), (TOKEN_TYPE_IDS, &self.types), (ATTENTION_MASK, &self.mask)];
        let given = given.into_iter().filter(|(name, _)| named.iter().any(|other| other == name));
        let inputs: Vec<_> =
            given.map(|(name, numbers)| FileInput { name, shape: &shape, numbers: Numbers::I64(numbers) }).collect();
        session.run(&inputs, 0, |_, numbers| numbers.to_vec()).unwrap()
    }
}

/// Files in int8 of the fixtures whose number leaves `rest` when divided by 4: close to float32, and the same for a text
/// in any company.
fn check_files(rest: usize) {
    let entries = std::fs::read_dir(fixture("architectures")).unwrap().map(|entry| entry.unwrap().path());
    let dirs: BTreeSet<_> = entries.filter(|path| path.join("expected.json").is_file()).collect();
    let folder = tempfile::tempdir().unwrap();
    for dir in dirs.iter().skip(rest).step_by(4) {
        let model = request(dir.to_str().unwrap()).resolve(HubEnv::from_env(), &Context::silent()).unwrap();
        let model = Model::read(model).unwrap();
        let weights = Weights::open(&dir.join("model.safetensors")).unwrap();
        let lexical = Output::Lexical(Lexical { sum: false, twice: false });
        let mut written = 0;
        for output in [Output::Hidden(Rows::All), Output::Logits, lexical] {
            let name = format!("{} {output:?}", dir.file_name().unwrap().display());
            let plain = Request { token_types: output == Output::Logits, ..Request::of(output) };
            let Ok(graph) = graph::build(&model.config, &weights, &plain) else { continue };
            let shared = runtime().share(graph.initializers.clone()).unwrap();
            let mut float32 = runtime().session(&graph, &shared, SessionOptions::default()).unwrap();
            let (width, most) = (graph.width, graph.max_positions.unwrap_or(64).min(64));
            let encode = |text: &str| {
                let tokens = match output {
                    Output::Logits => model.tokenizer.encode_pair("a river in town", text, most, Truncate::Right),
                    _ => model.tokenizer.encode(text, most, Truncate::Right),
                };
                let tokens = tokens.unwrap();
                Batch::alone(tokens.ids, tokens.types)
            };
            // A row a text, as infa compares them.
            let rows = |numbers: &[f32]| -> Vec<f32> {
                let mut sum = vec![0.0; width];
                numbers.chunks_exact(width).for_each(|row| sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += x));
                sum
            };
            for operators in [Operators::OnnxRuntime, Operators::Standard] {
                let masked = Request { attention_mask: true, operators, ..plain };
                let masks =
                    operators == Operators::OnnxRuntime && graph::build(&model.config, &weights, &masked).is_ok();
                let asked = if masks { masked } else { Request { operators, ..plain } };
                let texts = TEXTS.iter().rev().map(|text| text.to_uppercase()).collect();
                let options = Int8Options { texts: Some(texts), ..Int8Options::default() };
                let int8 = for_file(&runtime(), &model, &weights, &asked, &options).unwrap();
                let file = folder.path().join("model.onnx");
                std::fs::write(&file, export(&int8, &[], "", MOST_INSIDE).unwrap().model).unwrap();
                let mut session = runtime().session_from_file(&file, SessionOptions::default()).unwrap();
                let (mut alone, mut ours, mut reference) = (Vec::new(), Vec::new(), Vec::new());
                for text in TEXTS {
                    let batch = encode(text);
                    let found = batch.run(&mut session);
                    ours.push(rows(&found));
                    reference.push(rows(&batch.run(&mut float32)));
                    alone.push((batch, found));
                }
                compare(&name, kind(output), &ours, &reference);
                // The longest text behind another one of its length.
                let (long, found) = &alone[4];
                let mut other = long.clone();
                other.ids[1..].rotate_left(1);
                let both = other.and(long).run(&mut session);
                let numbers = &both[both.len() / 2..];
                match output {
                    Output::Hidden(_) => assert!(numbers == found, "{name} {operators:?}: in a batch"),
                    _ => assert!(max_difference(numbers, found) < 1e-4, "{name} {operators:?}: in a batch"),
                }
                let (short, found) = &alone[1];
                if masks {
                    let padded = short.clone();
                    let both = padded.padded(long.ids.len()).and(long).run(&mut session);
                    let cosine = cosine(&rows(&both[..found.len()]), &rows(found));
                    assert!(cosine > 0.9999, "{name}: padded: {cosine}");
                }
                written += 1;
            }
        }
        assert!(written > 0, "{}: no file", dir.display());
    }
}

fn kind(output: Output) -> OutputKind {
    if output == Output::Logits { OutputKind::Logits } else { OutputKind::Embedding }
}

#[test]
fn files_in_int8_0() {
    check_files(0);
}

#[test]
fn files_in_int8_1() {
    check_files(1);
}

#[test]
fn files_in_int8_2() {
    check_files(2);
}

#[test]
fn files_in_int8_3() {
    check_files(3);
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
