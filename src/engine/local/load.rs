//! A model into memory, its workers running: from safetensors by a graph built here, or from a ready `.onnx` file.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;

use super::loaded::{Loaded, no_thread, runs, unreadable};
use super::options::OnnxOptions;
use super::run::run_group;
use super::run::{Interface, OnnxOutput};
use super::weight_files::WeightFiles;
use super::{gpu, int8};
use crate::batch::scheduler::Scheduler;
use crate::engine::EngineError;
use crate::graph::{self, Output, Request};
use crate::model::tokenizer::Tokens;
use crate::model::weights::{Access, Weights};
use crate::model::{Model, Setting, SettingError};
use crate::runtime::device::Dtype;
use crate::runtime::{Runtime, RuntimeError, Session, SessionOptions};

/// Builds the graph of `request` over the safetensors file `path` of `model`.
pub(super) fn load_safetensors(
    runtime: &Runtime,
    path: &Path,
    model: &Model,
    request: &Request,
    options: &OnnxOptions,
) -> Result<Loaded, EngineError> {
    let mut weights = Weights::open_by(path, options.access).map_err(graph::GraphError::from)?;
    if let Some(adapter) = model.adapter {
        weights.adapt(adapter).map_err(graph::GraphError::from)?;
    }
    if options.device.is_gpu() {
        return gpu::load(runtime, weights, model, request, options);
    }
    let weights = Arc::new(weights);
    let precision = options.precision();
    let request = &Request { kernels: options.kernels, precision, ..*request };
    let graph = match options.dtype {
        Dtype::Int8 => int8::graph(runtime, model, &weights, request, &options.int8, options.access)?,
        _ => graph::build(&model.config, &weights, request).map_err(|e| e.of(&model.sentence.transformer))?,
    };
    let (width, max_positions, vocab_size) = (graph.width, graph.max_positions, graph.vocab_size);
    let interface = Interface::built(&graph, precision);
    let files = WeightFiles::of(&graph.initializers);
    let shared = runtime.share(graph.initializers.clone())?;
    let make = {
        let runtime = runtime.clone();
        move |_| -> Result<Session, RuntimeError> {
            let session = runtime.session(&graph, &shared, SessionOptions::default())?;
            weights.release_pages();
            Ok(session)
        }
    };
    let group_tokens = match (options.dtype, options.kernels, request.output) {
        // In int8 a text's numbers are the same bit by bit in any company. So they shall be after what ONNX Runtime computes
        // in float32: sums that depend on how many rows there are.
        (Dtype::Int8, None, Output::Logits | Output::Answer(_)) | (Dtype::Int8, _, Output::Lexical(_)) => 1,
        _ => options.group_tokens(),
    };
    let (per_token, bounds) = (interface.per_token, options.bounds(group_tokens, interface.grouping()));
    let first = vec![make(0)?];
    let scheduler = Scheduler::new(options.threads.get(), bounds, first, make, runs(interface, &files, options));
    Ok(Loaded { scheduler: scheduler.map_err(no_thread)?, per_token, width, max_positions, vocab_size, files })
}

/// Loads the ready `.onnx` file `path` for the `wanted` output.
pub(super) fn load_onnx(
    runtime: &Runtime,
    path: &Path,
    model: &Model,
    wanted: OnnxOutput,
    options: &OnnxOptions,
) -> Result<Loaded, EngineError> {
    if matches!(options.dtype, Dtype::Int8 | Dtype::Float16 | Dtype::Bfloat16) {
        let reason = format!("{}: it takes weights from safetensors, not a ready .onnx file", path.display());
        let hint = "give the model's directory with config.json and model.safetensors, or leave --dtype out and give an \
                    .onnx file whose numbers have that format already";
        return Err(SettingError::new(Setting::Dtype, reason).value(options.dtype.name()).hint(hint).into());
    }
    if let Some(set) = options.kernels {
        let reason = format!("{}: ONNX Runtime computes all of a ready .onnx file", path.display());
        let hint = "leave --kernels out, or give the model's directory with config.json and model.safetensors";
        return Err(SettingError::new(Setting::Kernels, reason).value(set.name()).hint(hint).into());
    }
    if model.adapter.is_some() {
        let reason = "the prompt goes with an adapter, which cannot be applied to an .onnx file";
        return Err(SettingError::new(Setting::PromptName, reason).into());
    }
    let files = WeightFiles::beside(path).map_err(|source| unreadable(path, source))?;
    if options.access == Access::Copy && !files.is_empty() {
        let path = path.display();
        let reason = format!("{path} has its weights in other files, which ONNX Runtime maps and cannot copy");
        return Err(SettingError::new(Setting::CopyWeights, reason).into());
    }
    // On the CPU one session on all threads: every session of a file holds weights of its own. Measured on two cores, that
    // is 1 to 5% slower than a session a core.
    let providers = gpu::providers_of_file(path, options)?;
    let workers = providers.len();
    let (runtime, file) = (runtime.clone(), path.to_owned());
    let intra_threads = options.threads.get();
    let make = move |worker: usize| {
        let provider = providers[worker % providers.len()].clone();
        runtime.session_from_file(&file, SessionOptions { intra_threads, provider })
    };
    let mut sessions = (0..workers).map(&make).collect::<Result<Vec<Session>, _>>()?;
    let session = &mut sessions[0];
    let interface = Interface::discover(&path.display().to_string(), session, wanted)?;
    let interface = if options.device.is_gpu() { interface.padded() } else { interface };
    // The width may be dynamic in the file: a run with one token measures it.
    let token = Tokens { ids: vec![0], types: Vec::new(), unseen: 0, truncated: false };
    let width = match run_group(session, &interface, &[&token], &|_, rows| Ok(rows.width)).0.pop() {
        Some(Ok(width)) => width,
        Some(Err(e)) => {
            let reason = format!("it fails on a first token: {e}");
            return Err(RuntimeError::Interface { model: path.display().to_string(), reason }.into());
        }
        None => 0,
    };
    let max_positions = graph::positions_of(&model.config);
    let vocab_size = model.config.get("vocab_size").and_then(Json::as_u64).and_then(|n| usize::try_from(n).ok());
    let vocab_size = vocab_size.unwrap_or(usize::MAX);
    let per_token = interface.per_token;
    let bounds = options.bounds(options.group_tokens(), interface.grouping());
    let scheduler = Scheduler::new(workers, bounds, sessions, make, runs(interface, &files, options));
    let scheduler = scheduler.map_err(no_thread)?;
    Ok(Loaded { scheduler, per_token, width, max_positions, vocab_size, files })
}
