//! What several test programs share: fixtures, engines, comparison of vectors.
#![allow(dead_code, reason = "each test program uses its part")]

pub(crate) mod blocking;

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

pub(crate) use blocking::Blocking;
use infa::parts::engine::{
    Embedding, Engine, EngineError, OnnxEngine, OnnxOptions, OutputKind, Role, TextError, TextOptions,
};
use infa::parts::fetch::Context;
use infa::parts::graph::{self, Graph};
use infa::parts::model::cache::HubEnv;
use infa::parts::model::source::Request;
use infa::parts::model::weights::Weights;
use infa::parts::model::{DEFAULT_MODEL, Model};
use infa::parts::runtime::library::Search;
use infa::parts::runtime::{Input, Numbers, Runtime, Session, SessionOptions, install};
use serde_json::Value as Json;
use tempfile::TempDir;

/// The user's own cache, where the program itself installs what is missing, once.
pub(crate) fn cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    base.unwrap_or_else(|| std::env::home_dir().unwrap().join(".cache")).join("infa")
}

pub(crate) fn runtime() -> Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    let load = || {
        let environment = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        let search = Search::new(None, environment, cache());
        Runtime::load(&search.find_or_install(&Context::silent()).unwrap().path).unwrap()
    };
    RUNTIME.get_or_init(load).clone()
}

/// The ONNX Runtime library of this machine; the program's own code finds it, or installs it once.
pub(crate) fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let environment = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
        let search = Search::new(None, environment, cache());
        search.find_or_install(&Context::silent()).unwrap().path
    })
}

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

pub(crate) fn json(path: impl AsRef<Path>) -> Json {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A copy of a fixture's directory that a test may change.
pub(crate) fn copy(name: &str) -> TempDir {
    fn copy_into(from: &Path, to: &Path) {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let target = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy_into(&entry.path(), &target);
            } else {
                std::fs::copy(entry.path(), target).unwrap();
            }
        }
    }
    let dir = tempfile::tempdir().unwrap();
    copy_into(&fixture(name), dir.path());
    dir
}

/// Changes a JSON file of a copied fixture.
pub(crate) fn patch(path: impl AsRef<Path>, change: impl FnOnce(&mut Json)) {
    let mut value = json(&path);
    change(&mut value);
    std::fs::write(path, serde_json::to_vec(&value).unwrap()).unwrap();
}

pub(crate) fn text_options() -> TextOptions {
    TextOptions::default()
}

pub(crate) fn request(model_id: &str) -> Request {
    Request {
        model_id: model_id.to_owned(),
        revision: None,
        onnx_file: None,
        cache: cache(),
        python: install::python(),
    }
}

pub(crate) fn try_engine(model_id: &str, text: &TextOptions, threads: usize) -> Result<OnnxEngine, EngineError> {
    try_engine_for(OutputKind::Embedding, model_id, text, threads)
}

pub(crate) fn try_engine_for(
    purpose: OutputKind,
    model_id: &str,
    text: &TextOptions,
    threads: usize,
) -> Result<OnnxEngine, EngineError> {
    let source = request(model_id).resolve(HubEnv::from_env(), &Context::silent())?;
    let options = OnnxOptions { threads: NonZero::new(threads).unwrap(), ..OnnxOptions::default() };
    OnnxEngine::new(&runtime(), Model::read(source)?, purpose, text, options)
}

pub(crate) fn engine(dir: impl AsRef<Path>, text: &TextOptions) -> OnnxEngine {
    try_engine(dir.as_ref().to_str().unwrap(), text, 2).unwrap()
}

pub(crate) fn engine_for(purpose: OutputKind, dir: impl AsRef<Path>) -> OnnxEngine {
    try_engine_for(purpose, dir.as_ref().to_str().unwrap(), &text_options(), 2).unwrap()
}

pub(crate) fn default_engine(threads: usize) -> OnnxEngine {
    try_engine(DEFAULT_MODEL, &text_options(), threads).unwrap()
}

/// A case of an expected.json, or a part of one.
pub(crate) struct Case {
    pub name: String,
    pub text: String,
    pub embedding: Vec<f32>,
    pub tokens: Option<usize>,
    pub truncated: Option<bool>,
}

pub(crate) fn floats(value: &Json) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap() as f32).collect()
}

/// Reads cases; `at` picks where a case keeps the vector in question (cases without it are left out).
pub(crate) fn cases(list: &Json, at: impl Fn(&Json) -> Option<&Json>) -> Vec<Case> {
    let read = |case: &Json| {
        let place = at(case)?;
        // A vector of its own, or an answer with vector, tokens and all.
        let (answer, embedding) = if place.is_array() { (case, place) } else { (place, &place["embedding"]) };
        Some(Case {
            name: case["name"].as_str().unwrap().to_owned(),
            text: case["text"].as_str().unwrap().to_owned(),
            embedding: floats(embedding),
            tokens: answer["tokens"].as_u64().map(|n| n as usize),
            truncated: answer["truncated"].as_bool(),
        })
    };
    list.as_array().unwrap().iter().filter_map(read).collect()
}

pub(crate) fn max_difference(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn check(what: &str, case: &Case, result: &Result<Embedding, TextError>, tolerance: f32) {
    let result = result.as_ref().unwrap_or_else(|e| panic!("{what}, {}: {e}", case.name));
    if let Some(tokens) = case.tokens {
        assert_eq!(result.tokens, Some(tokens), "{what}, {}: tokens", case.name);
    }
    if let Some(truncated) = case.truncated {
        assert_eq!(result.truncated, Some(truncated), "{what}, {}: truncated", case.name);
    }
    let difference = max_difference(&result.vector, &case.embedding);
    assert!(difference <= tolerance, "{what}, {}: max |Δ| = {difference:e}", case.name);
}

/// Three ways that must all give the reference: alone, in a batch, and concurrently with others.
pub(crate) fn check_all_ways(what: &str, engine: impl Engine + 'static, cases: &[Case], tolerance: f32) {
    assert!(!cases.is_empty(), "{what}: no cases");
    let engine: Arc<dyn Engine> = Arc::new(engine);
    let texts: Vec<&str> = cases.iter().map(|case| case.text.as_str()).collect();
    let alone: Vec<_> = texts.iter().map(|text| engine.embed(&[text], Role::Text).pop().unwrap()).collect();
    let batch = engine.embed(&texts, Role::Text);
    // Every text three times, so that groups hold several texts of one length.
    let thrice: Vec<&str> = texts.iter().chain(&texts).chain(&texts).copied().collect();
    let concurrent: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| engine.embed(&thrice, Role::Text))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (i, case) in cases.iter().enumerate() {
        check(&format!("{what} alone"), case, &alone[i], tolerance);
        check(&format!("{what} in a batch"), case, &batch[i], tolerance);
        for results in &concurrent {
            for turn in 0..3 {
                check(&format!("{what} concurrently"), case, &results[turn * cases.len() + i], tolerance);
            }
        }
    }
}

/// A graph of a model's directory, run on token ids with no engine around it.
pub(crate) struct GraphRunner {
    graph: Graph,
    session: Session,
}

impl GraphRunner {
    pub(crate) fn new(dir: &Path, request: graph::Request) -> Self {
        let config = json(dir.join("config.json"));
        let weights = Weights::open(&dir.join("model.safetensors")).unwrap();
        let graph = graph::build(&config, &weights, &request).unwrap();
        let shared = runtime().share(graph.initializers.clone()).unwrap();
        let session = runtime().session(&graph, &shared, SessionOptions::default()).unwrap();
        Self { graph, session }
    }

    /// As [`GraphRunner::run`], for a graph with an attention mask.
    pub(crate) fn run_masked(&mut self, ids: &[i64], mask: &[i64]) -> Vec<f32> {
        let shape = &[1, ids.len()][..];
        self.run_inputs(&[(graph::INPUT_IDS, shape, ids), (graph::ATTENTION_MASK, shape, mask)])
    }

    /// The output for one sequence, all rows one after the other.
    pub(crate) fn run(&mut self, ids: &[i64], types: Option<&[i64]>) -> Vec<f32> {
        self.run_together(&[ids], types)
    }

    /// The output for several sequences, of equal lengths if the graph does not pack them, one after the other.
    pub(crate) fn run_together(&mut self, sequences: &[&[i64]], types: Option<&[i64]>) -> Vec<f32> {
        let ids = sequences.concat();
        let zeros = vec![0; ids.len()];
        let positions: Vec<i64> = sequences.iter().flat_map(|ids| 0..ids.len() as i64).collect();
        let lengths: Vec<i64> = sequences.iter().map(|ids| ids.len() as i64).collect();
        let rows = if self.packs() { 1 } else { sequences.len() };
        let (shape, texts) = ([rows, ids.len() / rows], [sequences.len()]);
        let mut inputs = vec![(graph::INPUT_IDS, &shape[..], &ids[..])];
        if self.graph.takes(graph::Feed::Types) {
            inputs.push((graph::TOKEN_TYPE_IDS, &shape, types.unwrap_or(&zeros)));
        }
        if self.packs() {
            inputs.push((graph::POSITION_IDS, &shape, &positions));
            inputs.push((graph::LENGTHS, &texts, &lengths));
        }
        self.run_inputs(&inputs)
    }

    /// True if texts are packed.
    pub(crate) fn packs(&self) -> bool {
        self.graph.layout == graph::Layout::Packed
    }

    fn run_inputs(&mut self, inputs: &[(&str, &[usize], &[i64])]) -> Vec<f32> {
        let inputs: Vec<_> = inputs
            .iter()
            .map(|&(name, shape, numbers)| Input { name, shape, numbers: Numbers::I64(numbers) })
            .collect();
        self.session.run(&inputs, 0, |_, numbers| numbers.to_vec()).unwrap()
    }
}
