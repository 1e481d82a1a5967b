//! Engines for GPUs, rehearsed on the CPU: graphs, groups, inputs, results and workers are those of GPUs.

#![allow(clippy::unwrap_used)]

use std::num::NonZero;
use std::path::{Path, PathBuf};

use crate::engine::local::{OnnxEngine, OnnxOptions};
use crate::engine::{Engine, Input, Output, OutputKind, Request, RequestOptions, TextOptions};
use crate::fetch::Context;
use crate::model::Model;
use crate::model::cache::HubEnv;
use crate::model::source;
use crate::runtime::device::Dtype;
use crate::runtime::gpu::sample::gpu;
use crate::runtime::library::Search;
use crate::runtime::{ResolvedDevice, Runtime};

/// The user's own cache, where the program itself installs what is missing, once.
fn cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    base.unwrap_or_else(|| std::env::home_dir().unwrap().join(".cache")).join("infa")
}

fn runtime() -> Runtime {
    let environment = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let search = Search::new(None, environment, cache());
    Runtime::load(&search.find_or_install(&Context::silent()).unwrap().path).unwrap()
}

fn engine(model: &str, output: OutputKind, options: OnnxOptions) -> OnnxEngine {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/architectures").join(model);
    let request = source::Request {
        model_id: dir.to_str().unwrap().to_owned(),
        revision: None,
        onnx_file: None,
        cache: cache(),
        python: "python3",
    };
    let source = request.resolve(HubEnv::from_env(), &Context::silent()).unwrap();
    let options = OnnxOptions { threads: NonZero::<usize>::MIN, ..options };
    OnnxEngine::new(&runtime(), Model::read(source).unwrap(), output, &TextOptions::default(), options).unwrap()
}

/// Texts of 1 to 40 words, in no order; each fifth is paired with another.
fn inputs(output: OutputKind) -> Vec<Input> {
    let words = ["cats", "eat", "fish", "and", "now", "then", "a", "bird", "over", "the", "lazy", "dog"];
    let text = |at: usize| -> String {
        let length = 1 + at * 17 % 40;
        (0..length).map(|word| words[(word * 5 + at) % words.len()]).collect::<Vec<_>>().join(" ")
    };
    let input = |at: usize| match output {
        OutputKind::Logits => Input::Pair(text(at + 3).into(), text(at)),
        _ => Input::Text(text(at)),
    };
    (0..30).map(input).collect()
}

/// The numbers of each input.
fn results(engine: &OnnxEngine, output: OutputKind) -> Vec<Vec<f32>> {
    let pending = engine.submit(Request::new(output, inputs(output), RequestOptions::default())).unwrap();
    let blocking = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let numbers = |output: Output| -> Vec<f32> {
        let sparse = output.sparse.map(|(indices, values)| {
            let mut all = vec![0.0; indices.last().map_or(0, |&last| last as usize + 1)];
            indices.iter().zip(values).for_each(|(&index, value)| all[index as usize] = value);
            all
        });
        let tokens = output.token_vectors.map(|(numbers, _)| numbers);
        output.embedding.or(sparse).or(tokens).or(output.logits).unwrap()
    };
    blocking.block_on(pending).unwrap().results.into_iter().map(|result| numbers(result.unwrap())).collect()
}

/// The largest difference of a number, as a share of the largest number.
fn difference(ours: &[Vec<f32>], theirs: &[Vec<f32>]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let largest = theirs.iter().flatten().map(|x| x.abs()).fold(0.0, f32::max);
    let each = ours.iter().zip(theirs).map(|(ours, theirs)| {
        let length = ours.len().max(theirs.len());
        let at = |numbers: &[f32], index: usize| numbers.get(index).copied().unwrap_or(0.0);
        (0..length).map(|index| (at(ours, index) - at(theirs, index)).abs()).fold(0.0, f32::max)
    });
    each.fold(0.0, f32::max) / largest
}

/// Checks the engine for these GPUs against that of the CPU.
fn check(models: &[(&str, OutputKind)], device: &dyn Fn() -> ResolvedDevice, dtype: Dtype, most: f32) {
    for &(model, output) in models {
        let expected = results(&engine(model, output, OnnxOptions::default()), output);
        for batch_tokens in [NonZero::new(64), None] {
            let options =
                OnnxOptions { device: device(), rehearsal: true, dtype, batch_tokens, ..OnnxOptions::default() };
            let found = results(&engine(model, output, options), output);
            let difference = difference(&found, &expected);
            assert!(difference <= most, "{model} on {}: {difference}", device().name());
        }
    }
}

const MODELS: [(&str, OutputKind); 18] = [
    ("albert-embed", OutputKind::Embedding),
    ("bert-rerank", OutputKind::Logits),
    ("colbert-pylate", OutputKind::TokenVectors),
    ("deberta-v2-embed", OutputKind::Embedding),
    ("deberta-v3-rerank", OutputKind::Logits),
    ("distilbert-embed", OutputKind::Embedding),
    ("gemma3-embedding", OutputKind::Embedding),
    ("gte-multilingual", OutputKind::Embedding),
    ("jina-v2", OutputKind::Embedding),
    ("jina-v3", OutputKind::Embedding),
    ("llama-embedding", OutputKind::Embedding),
    ("m3-xlm-roberta", OutputKind::Sparse),
    ("modernbert-embed", OutputKind::Embedding),
    ("modernbert-rerank-mean", OutputKind::Logits),
    ("mpnet-embed", OutputKind::Embedding),
    ("nomic-v1.5", OutputKind::Embedding),
    ("qwen3-embedding", OutputKind::Embedding),
    ("splade-max", OutputKind::Sparse),
];

#[test]
fn graphs_for_tensorrt_give_the_results_of_the_cpu() {
    check(&MODELS, &|| ResolvedDevice::Tensorrt(vec![gpu(0, (8, 9))]), Dtype::Float32, 1e-4);
}

#[test]
fn graphs_for_cuda_give_the_results_of_the_cpu() {
    check(&MODELS, &|| ResolvedDevice::Cuda(vec![gpu(0, (8, 9))]), Dtype::Float32, 1e-4);
}

#[test]
fn two_gpus_share_the_work_of_one_queue() {
    let two = || ResolvedDevice::Tensorrt(vec![gpu(0, (8, 9)), gpu(1, (8, 9))]);
    check(&MODELS[..1], &two, Dtype::Float32, 1e-4);
}
