//! Models on GPUs: a graph for them, and a session and a worker on each.

use std::path::Path;

use super::tensorrt;
use super::warm_up::{Largest, warm_up};
use crate::batch::queue::LEAST_BUDGET;
use crate::batch::scheduler::{Bounds, Scheduler};
use crate::engine::EngineError;
use crate::engine::local::OnnxOptions;
use crate::engine::local::loaded::{Loaded, no_thread, runs};
use crate::engine::local::run::Interface;
use crate::engine::local::weight_files::WeightFiles;
use crate::graph::{self, Graph, Operators, Output, Precision, Request};
use crate::model::weights::Weights;
use crate::model::{Model, Setting, SettingError};
use crate::runtime::gpu::{self, Gpu, GpuMemory};
use crate::runtime::{CudaOptions, Half, Provider, ResolvedDevice, Runtime, RuntimeError, Session, TensorrtOptions};

/// Tokens of the longest text of a model that does not limit them.
const LONGEST: usize = 512;
/// Most texts of a group: kernels have blocks of threads for each, in a dimension of a grid that has no more.
const MOST_TEXTS: usize = 65_535;
/// Most tokens of a group where a number for each token of the vocabulary is computed at each of them, and most of those
/// numbers, of which there are several copies.
const MOST_LEXICAL_TOKENS: usize = 2_048;
const MOST_LOGITS: usize = 1 << 28;

/// Builds the graph of `request` over `weights`, and puts it on every GPU of `options`. Weights in the host's memory are
/// given back.
pub(in crate::engine::local) fn load(
    runtime: &Runtime,
    weights: Weights,
    model: &Model,
    request: &Request,
    options: &OnnxOptions,
) -> Result<Loaded, EngineError> {
    let on_tensorrt = matches!(options.device, ResolvedDevice::Tensorrt(_));
    let precision = options.precision();
    let graph = match on_tensorrt {
        // Of the standard's operators, which are those that TensorRT has; it converts the numbers itself.
        true => {
            let request =
                Request { operators: Operators::Standard, kernels: None, precision, padded: true, ..*request };
            graph::build(&model.config, &weights, &request)
        }
        false => {
            // The CPU has no attention over texts one behind the other.
            let padded = options.rehearsal;
            let request = Request { operators: Operators::Cuda, kernels: None, precision, padded, ..*request };
            graph::build(&model.config, &weights, &request)
        }
    };
    let graph = graph.map_err(|e| e.of(&model.sentence.transformer))?;
    let interface = Interface::built(&graph, precision);
    let longest = options.longest.or(graph.max_positions).unwrap_or(LONGEST);
    let texts = if on_tensorrt { tensorrt::most_texts(longest) } else { MOST_TEXTS };
    let most = match request.output {
        Output::Lexical(_) => (MOST_LOGITS / graph.vocab_size.max(1)).clamp(LEAST_BUDGET, MOST_LEXICAL_TOKENS),
        _ => usize::MAX,
    };
    let mut largest = Largest { tokens: options.group_tokens().min(most), texts, longest };
    let shared = runtime.share(graph.initializers.clone())?;
    let mut sessions = Vec::new();
    for gpu in options.device.gpus() {
        let before = gpu::memory(gpu.id);
        let provider = provider(runtime, gpu, &graph, &weights, longest, options)?;
        let mut session = runtime.session(&graph, &shared, provider.into())?;
        weights.release_pages();
        let loaded = gpu::memory(gpu.id);
        let tokens = warm_up(&mut session, &interface, largest)?;
        if tokens < largest.tokens {
            tracing::warn!(
                "the memory of GPU {} does not suffice for {} tokens at a time: going on with {tokens}; --batch-tokens \
                 sets fewer from the start",
                gpu.id,
                largest.tokens
            );
            largest.tokens = tokens;
        }
        let memory = [before, loaded, gpu::memory(gpu.id)];
        tracing::info!("{}", summary(gpu, options, graph.weight_bytes() as u64, tokens, memory));
        sessions.push(session);
    }
    let Graph { width, max_positions, vocab_size, .. } = graph;
    let bounds = options.bounds(largest.tokens, interface.grouping());
    let bounds = Bounds { group_tokens: largest.tokens, group_tasks: texts, ..bounds };
    let per_token = interface.per_token;
    // Nothing is read from files any more: the GPUs have copies.
    let files = WeightFiles::default();
    let run = runs(interface, &files, options);
    let again = |_| -> Result<Session, RuntimeError> {
        Err(RuntimeError::Run(ort::Error::new("the weights are on the GPU alone")))
    };
    let scheduler = Scheduler::new(sessions.len(), bounds, sessions, again, run).map_err(no_thread)?;
    Ok(Loaded { scheduler, per_token, width, max_positions, vocab_size, files })
}

fn provider(
    runtime: &Runtime,
    gpu: &Gpu,
    graph: &Graph,
    weights: &Weights,
    longest: usize,
    options: &OnnxOptions,
) -> Result<Provider, EngineError> {
    if options.rehearsal {
        return Ok(Provider::Cpu);
    }
    let cuda = CudaOptions::new(gpu, options.gpu);
    if matches!(options.device, ResolvedDevice::Cuda(_)) {
        return Ok(Provider::Cuda(cuda));
    }
    let profile = tensorrt::profile(&graph.feeds, longest);
    let cache = tensorrt::cache(runtime, graph, weights, gpu, &profile, options)?;
    let half = match options.precision() {
        Precision::Float16 => Some(Half::Float16),
        Precision::Bfloat16 => Some(Half::Bfloat16),
        Precision::Float32 => None,
    };
    Ok(Provider::Tensorrt(TensorrtOptions { cuda, half, cache, profile }))
}

/// The providers of the sessions over a ready `.onnx` file: one for each GPU, or the CPU's.
///
/// # Errors
/// For TensorRT, whose engines need the shapes of the inputs before the file is loaded.
pub(in crate::engine::local) fn providers_of_file(
    path: &Path,
    options: &OnnxOptions,
) -> Result<Vec<Provider>, SettingError> {
    match &options.device {
        ResolvedDevice::Cpu => Ok(vec![Provider::Cpu]),
        ResolvedDevice::Cuda(gpus) => {
            Ok(gpus.iter().map(|gpu| Provider::Cuda(CudaOptions::new(gpu, options.gpu))).collect())
        }
        ResolvedDevice::Tensorrt(_) => {
            let reason = format!("{}: it takes weights from safetensors, not a ready .onnx file", path.display());
            let hint = "use --device cuda, or give the model's directory with config.json and model.safetensors";
            Err(SettingError::new(Setting::Device, reason).value("tensorrt").hint(hint))
        }
    }
}

/// The memory that a model takes of a GPU: `memory` is that before the model, with its weights, and after the first run.
fn summary(gpu: &Gpu, options: &OnnxOptions, weights: u64, tokens: usize, memory: [Option<GpuMemory>; 3]) -> String {
    let mib = |bytes: u64| bytes >> 20;
    let provider = if matches!(options.device, ResolvedDevice::Cuda(_)) { "CUDA" } else { "TensorRT" };
    let taken = match memory {
        [Some(before), Some(loaded), Some(now)] => format!(
            ", {} MiB taken at load and {} MiB by the first run; {} of {} MiB free",
            mib(before.free.saturating_sub(loaded.free)),
            mib(loaded.free.saturating_sub(now.free)),
            mib(now.free),
            mib(now.total)
        ),
        _ => String::new(),
    };
    let Gpu { id, name, .. } = gpu;
    format!(
        "GPU {id} ({name}) through {provider}: weights of {} MiB in {}, up to {tokens} tokens at a time{taken}",
        mib(weights),
        options.dtype
    )
}
