//! The engine: a model loaded for one output.

use std::sync::Arc;

use serde_json::Value as Json;

use super::checks::{check_task, max_length, refuse_other_outputs, refuse_vector_settings};
use crate::engine::local::load::{load_onnx, load_safetensors};
use crate::engine::local::loaded::Loaded;
use crate::engine::local::options::OnnxOptions;
use crate::engine::local::post_process::PostProcess;
use crate::engine::local::predictor;
use crate::engine::local::prompts::Prompts;
use crate::engine::local::run::OnnxOutput;
use crate::engine::local::runner::Runner;
use crate::engine::local::sparse::{self, SparsePostProcess};
use crate::engine::local::token_vectors::{self, TokenPostProcess};
use crate::engine::local::weight_files::WeightFiles;
use crate::engine::{EngineError, EngineInfo, LocalInfo, OutputKind, Role, TextError, TextOptions};
use crate::graph::{self, Output, Request, Rows};
use crate::model::generative::PairPrompt;
use crate::model::pooling::Pooling;
use crate::model::source::WeightsFile;
use crate::model::tokenizer::Truncate;
use crate::model::{Model, Setting, SettingError};
use crate::runtime::device::{Dtype, Kernels};
use crate::runtime::{ResolvedDevice, Runtime};

pub struct OnnxEngine {
    pub(super) info: EngineInfo,
    pub(super) texts: Arc<Texts>,
    pub(super) head: Head,
    pub(super) runner: Runner,
    pub(super) files: WeightFiles,
}

pub(super) struct Texts {
    pub(super) model: Arc<Model>,
    pub(super) prompts: Prompts,
    /// The template of pairs, if the model needs one; or the reason that there is none.
    pub(super) pair_prompt: Result<Option<PairPrompt>, TextError>,
    /// The tokenisation of late interaction.
    pub(super) late: Option<Arc<TokenPostProcess>>,
    /// Longest input in tokens, specials included.
    pub(super) max_length: usize,
    /// The end at which a text that is too long is cut.
    pub(super) truncate: Truncate,
}

/// Turns the model's output into results.
pub(super) enum Head {
    Vectors(Arc<PostProcess>),
    Sparse(Arc<SparsePostProcess>),
    Tokens(Arc<TokenPostProcess>),
    Logits,
}

impl OnnxEngine {
    /// Loads `model` for `output` and starts its workers.
    pub fn new(
        runtime: &Runtime,
        mut model: Model,
        output: OutputKind,
        text: &TextOptions,
        mut options: OnnxOptions,
    ) -> Result<Self, EngineError> {
        let dtype = dtype_of(&model, &options)?;
        options.dtype = dtype;
        check_task(&model, output, text)?;
        let mut prompts = Prompts::new(&model, text)?;
        model.choose_adapter(text.prompt.as_deref(), text.prompt_name.as_deref())?;
        // Vectors of tokens have lengths of their own by role.
        if !matches!(output, OutputKind::TokenVectors | OutputKind::HiddenStates) {
            let limits =
                [model.sentence.max_seq_length, model.tokenizer.model_max_length, graph::positions_of(&model.config)];
            options.longest = text.max_length.or(limits.into_iter().flatten().min());
        }
        let (loaded, mut head) = match output {
            OutputKind::Score | OutputKind::Labels => {
                return Err(EngineError::wrong_task(&model, "its logits are the scores"));
            }
            OutputKind::Logits => (predictor::load(runtime, &model, &options)?, Head::Logits),
            OutputKind::Embedding => {
                refuse_other_outputs(&model)?;
                let (loaded, pooling) =
                    load_embedder(runtime, &model, text.pooling, prompts.skipped(&model), &options)?;
                let post_process = PostProcess::new(&model, pooling, loaded.per_token, loaded.width, text)?;
                (loaded, Head::Vectors(Arc::new(post_process)))
            }
            OutputKind::Sparse => {
                refuse_vector_settings(text, output)?;
                let (loaded, post_process) = sparse::load(runtime, &model, &options)?;
                (loaded, Head::Sparse(post_process))
            }
            OutputKind::TokenVectors => {
                refuse_vector_settings(&TextOptions { normalize: None, ..text.clone() }, output)?;
                let (loaded, post_process) = token_vectors::load(runtime, &model, text, &options)?;
                (loaded, Head::Tokens(Arc::new(post_process)))
            }
            OutputKind::HiddenStates => {
                let (loaded, post_process) = token_vectors::load_plain(runtime, &model, &options)?;
                (loaded, Head::Tokens(Arc::new(post_process)))
            }
        };
        let max_length = max_length(&model, output, text.max_length, loaded.max_positions)?;
        prompts.measure(&model, max_length)?;
        if let Head::Tokens(post_process) = &mut head
            && let Some(post_process) = Arc::get_mut(post_process)
        {
            post_process.settle_limits(&model, text.max_length, max_length, loaded.max_positions)?;
        }
        let (dimensions, pooling, normalize, scoring) = match &head {
            Head::Vectors(post_process) => {
                (post_process.width(), post_process.pooling.clone(), post_process.normalized(), None)
            }
            Head::Sparse(post_process) => (post_process.vocabulary, Vec::new(), false, None),
            Head::Tokens(post_process) => {
                (post_process.dimensions, Vec::new(), post_process.normalize, Some(post_process.scoring))
            }
            Head::Logits => (loaded.width, Vec::new(), false, None),
        };
        let pair_prompt =
            predictor::pair_prompt(&model, output, prompts.of(Role::Text).text.as_deref().map(str::to_owned))?;
        let truncate = text.truncate.unwrap_or(model.tokenizer.truncation_side);
        let model = Arc::new(model);
        let local = LocalInfo {
            model: Arc::clone(&model),
            library: Some(runtime.version().to_owned()),
            dir: Some(model.dir.clone()),
            max_length,
            pooling,
            normalize,
            prompt: prompts.of(Role::Text).text.as_deref().map(str::to_owned),
            dtype,
            kernels: match (&options.device, options.kernels) {
                (ResolvedDevice::Cuda(_), _) => "cuda",
                (ResolvedDevice::Tensorrt(_), _) => "tensorrt",
                (ResolvedDevice::Cpu, Some(set)) => set.name(),
                (ResolvedDevice::Cpu, None) => Kernels::Builtin.name(),
            },
            batch_tokens: options.group_tokens(),
            truncate,
            threads: options.threads.get(),
        };
        let name = model.name.clone();
        tracing::info!(
            model = name,
            %dtype,
            dimensions,
            max_length,
            pooling = ?local.pooling,
            normalize = local.normalize,
            prompt = local.prompt.as_deref().unwrap_or(""),
            query_prompt = prompts.of(Role::Query).text.as_deref().unwrap_or(""),
            document_prompt = prompts.of(Role::Document).text.as_deref().unwrap_or(""),
            workers = local.threads,
            kernels = local.kernels,
            "loaded"
        );
        let Loaded { scheduler, vocab_size, files, .. } = loaded;
        let runner = Runner::new(scheduler, vocab_size, options.threads.get())?;
        let late = if let Head::Tokens(post_process) = &head { Some(Arc::clone(post_process)) } else { None };
        let texts = Arc::new(Texts { model, prompts, pair_prompt, late, max_length, truncate });
        let info =
            EngineInfo { model: name, output, dimensions: Some(dimensions), scoring, local: Some(Arc::new(local)) };
        Ok(Self { runner, info, head, files, texts })
    }
}

/// Loads a model whose output becomes vectors. `pooling` is the user's choice, if any; `skips_prompt` says that pooling
/// leaves leading tokens out. Returns the pooling that is to be done, too; none where the model pools itself.
fn load_embedder(
    runtime: &Runtime,
    model: &Model,
    pooling: Option<Pooling>,
    skips_prompt: bool,
    options: &OnnxOptions,
) -> Result<(Loaded, Option<Vec<Pooling>>), EngineError> {
    match &model.weights {
        WeightsFile::Safetensors(path) => {
            let pooling = model.pooling(pooling);
            // A prompt that is left out of pooling moves the first token.
            let output = match pooling[..] {
                [Pooling::Cls] if !skips_prompt => Output::Hidden(Rows::First),
                [Pooling::LastToken] if !skips_prompt => Output::Hidden(Rows::Last),
                [Pooling::Mean] if means_on_gpu(model, options) => Output::Mean,
                _ => Output::Hidden(Rows::All),
            };
            Ok((load_safetensors(runtime, path, model, &Request::of(output), options)?, Some(pooling)))
        }
        WeightsFile::Onnx(path) => {
            let loaded = load_onnx(runtime, path, model, OnnxOutput::Vectors, options)?;
            let pooling = match (loaded.per_token, pooling) {
                (true, pooling) => Some(model.pooling(pooling)),
                (false, None) => None,
                (false, Some(_)) => {
                    return Err(SettingError::new(Setting::Pooling, "the .onnx file pools by itself").into());
                }
            };
            Ok((loaded, pooling))
        }
    }
}

/// True if a graph for `model` can pool by the mean: where it sees all tokens of a text, and nothing comes between the
/// last layer and pooling. A prompt of a request that pooling leaves out is known only to the host.
fn means_on_gpu(model: &Model, options: &OnnxOptions) -> bool {
    matches!(options.device, ResolvedDevice::Cuda(_))
        && model.sentence.include_prompt
        && model.sentence.token_steps.is_empty()
}

/// The number format of `model` by `options`. A ready `.onnx` file has its own.
fn dtype_of(model: &Model, options: &OnnxOptions) -> Result<Dtype, SettingError> {
    let dtype = options.dtype.resolve(&options.device)?;
    Ok(match (dtype, &model.weights) {
        (Dtype::Auto, WeightsFile::Onnx(_)) => Dtype::Float32,
        (dtype, _) => dtype.of_model(&options.device, model.config.get("model_type").and_then(Json::as_str)),
    })
}
