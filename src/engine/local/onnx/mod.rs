//! The local engine: a model through ONNX Runtime, one one-thread session a core.

mod submit;
mod tokenize;

use std::sync::Arc;

use super::finish::Finish;
use super::load::{Loaded, load_onnx, load_safetensors};
use super::options::OnnxOptions;
use super::predictor;
use super::prompts::Prompts;
use super::runner::Runner;
use super::sparse::{self, SparseFinish};
use super::token_vectors::{self, TokenFinish};
use super::weight_files::WeightFiles;
use super::worker::Wanted;
use crate::engine::{EngineError, EngineInfo, LocalInfo, OutputKind, Role, TextError, TextOptions};
pub(super) use submit::IN_FLIGHT;
pub(super) use tokenize::ids_as_they_are;

use crate::graph::{Output, Request, Rows};
use crate::model::generative::PairPrompt;
use crate::model::pooling::Pooling;
use crate::model::source::Weights as WeightsFile;
use crate::model::task::Task;
use crate::model::tokenizer::Truncate;
use crate::model::{Model, ModelError};
use crate::runtime::Runtime;

/// A model through ONNX Runtime.
pub struct OnnxEngine {
    info: EngineInfo,
    texts: Arc<Texts>,
    head: Head,
    runner: Runner,
    files: WeightFiles,
}

/// From inputs to tokens.
struct Texts {
    model: Arc<Model>,
    prompts: Prompts,
    /// The question that a pair is put into, if the model does not read it as it is; or the reason why there is none.
    question: Result<Option<PairPrompt>, TextError>,
    /// The tokenisation of late interaction.
    late: Option<Arc<TokenFinish>>,
    /// Longest input in tokens, specials included.
    max_length: usize,
    /// The end at which a text that is too long is cut.
    truncate: Truncate,
}

/// From the model's output to results.
enum Head {
    Vectors(Arc<Finish>),
    Sparse(Arc<SparseFinish>),
    Tokens(Arc<TokenFinish>),
    Logits,
}

impl OnnxEngine {
    /// Loads `model` for `output` and starts its workers.
    pub fn new(
        runtime: &Runtime,
        mut model: Model,
        output: OutputKind,
        text: &TextOptions,
        options: OnnxOptions,
    ) -> Result<Self, EngineError> {
        options.device.resolve()?;
        let dtype = options.dtype.resolve()?;
        check_task(&model, output, text)?;
        let mut prompts = Prompts::new(&model, text)?;
        model.choose_adapter(text.prompt.as_deref(), text.prompt_name.as_deref())?;
        let (loaded, mut head) = match output {
            OutputKind::Score | OutputKind::Labels => {
                return Err(EngineError::wrong_task(&model, "its logits are the scores"));
            }
            OutputKind::Logits => (predictor::load(runtime, &model, &options)?, Head::Logits),
            OutputKind::Embedding => {
                refuse_other_outputs(&model)?;
                let (loaded, pooling) =
                    load_embedder(runtime, &model, text.pooling, prompts.skipped(&model), &options)?;
                let finish = Finish::new(&model, pooling, loaded.per_token, loaded.width, text)?;
                (loaded, Head::Vectors(Arc::new(finish)))
            }
            OutputKind::Sparse => {
                refuse_vector_flags(text, "sparse vectors")?;
                let (loaded, finish) = sparse::load(runtime, &model, &options)?;
                (loaded, Head::Sparse(finish))
            }
            OutputKind::TokenVectors => {
                refuse_vector_flags(&TextOptions { normalize: None, ..text.clone() }, "vectors of tokens")?;
                let (loaded, finish) = token_vectors::load(runtime, &model, text, &options)?;
                (loaded, Head::Tokens(Arc::new(finish)))
            }
            OutputKind::HiddenStates => {
                let (loaded, finish) = token_vectors::load_plain(runtime, &model, &options)?;
                (loaded, Head::Tokens(Arc::new(finish)))
            }
        };
        let max_length = max_length(&model, output, text.max_length, loaded.max_positions)?;
        prompts.measure(&model, max_length)?;
        if let Head::Tokens(finish) = &mut head
            && let Some(finish) = Arc::get_mut(finish)
        {
            finish.settle_limits(&model, text.max_length, max_length, loaded.max_positions)?;
        }
        let (dimensions, pooling, normalize, scoring) = match &head {
            Head::Vectors(finish) => (finish.width(), finish.pooling.clone(), finish.normalized(), None),
            Head::Sparse(finish) => (finish.vocabulary, Vec::new(), false, None),
            Head::Tokens(finish) => (finish.dimensions, Vec::new(), finish.normalize, Some(finish.scoring)),
            Head::Logits => (loaded.width, Vec::new(), false, None),
        };
        let question = predictor::question(&model, output, prompts.of(Role::Text).text.as_deref().map(str::to_owned))?;
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
            batch_tokens: options.batch_tokens.get(),
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
            "loaded"
        );
        let Loaded { scheduler, vocab_size, files, .. } = loaded;
        let runner = Runner::new(scheduler, vocab_size, options.threads.get())?;
        let late = if let Head::Tokens(finish) = &head { Some(Arc::clone(finish)) } else { None };
        let texts = Arc::new(Texts { model, prompts, question, late, max_length, truncate });
        let info = EngineInfo { model: name, output, dimensions, scoring, local: Some(Arc::new(local)) };
        Ok(Self { runner, info, head, files, texts })
    }
}

/// Says so when a model gives other things than a vector a text.
fn refuse_other_outputs(model: &Model) -> Result<(), ModelError> {
    let (what, flag) = if model.sentence.splade.is_some() {
        ("sparse vectors (SPLADE)", "sparse")
    } else if token_vectors::only(model) {
        ("a vector for every token (late interaction)", "colbert")
    } else {
        return Ok(());
    };
    let reason = format!("{} gives {what}: ask for them with --output-type {flag}", model.name);
    Err(ModelError::Flag { flag: "--output-type dense", reason })
}

/// Whether the model is for that. With a pooling that the user names, any encoder gives vectors.
pub(crate) fn check_task(model: &Model, output: OutputKind, text: &TextOptions) -> Result<(), EngineError> {
    let other = matches!(model.task, Task::CrossEncoder(_) | Task::Classifier { .. } | Task::Other(_));
    match output {
        OutputKind::Embedding if other && text.pooling.is_none() => {
            Err(EngineError::wrong_task(model, "it was not trained to turn texts into vectors"))
        }
        OutputKind::Logits if matches!(model.task, Task::Embedding | Task::MaskedLanguageModel | Task::Other(_)) => {
            Err(EngineError::wrong_task(model, "it has no classification head"))
        }
        _ => Ok(()),
    }
}

/// Refuses flags that only mean something for a vector a text.
fn refuse_vector_flags(text: &TextOptions, what: &str) -> Result<(), ModelError> {
    let flags = [
        ("--pooling", text.pooling.is_some()),
        ("--dimensions", text.dimensions.is_some()),
        ("--normalize", text.normalize == Some(true)),
        ("--no-normalize", text.normalize == Some(false)),
    ];
    match flags.into_iter().find(|&(_, given)| given) {
        Some((flag, _)) => Err(ModelError::Flag { flag, reason: format!("it means nothing for {what}") }),
        None => Ok(()),
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
            let rows = match pooling[..] {
                [Pooling::Cls] if !skips_prompt => Rows::First,
                [Pooling::LastToken] if !skips_prompt => Rows::Last,
                _ => Rows::All,
            };
            let request = Request::of(Output::Hidden(rows));
            Ok((load_safetensors(runtime, path, model, &request, options)?, Some(pooling)))
        }
        WeightsFile::Onnx(path) => {
            let loaded = load_onnx(runtime, path, model, Wanted::Vectors, options)?;
            let pooling = match (loaded.per_token, pooling) {
                (true, pooling) => Some(model.pooling(pooling)),
                (false, None) => None,
                (false, Some(_)) => {
                    let reason = "the .onnx file pools by itself".into();
                    return Err(ModelError::Flag { flag: "--pooling", reason }.into());
                }
            };
            Ok((loaded, pooling))
        }
    }
}

/// Longest text in tokens: what the user asks for, within what the model can do; else what the model's files say.
///
/// # Errors
/// [`ModelError::Flag`] if `asked` does not fit or nothing says how long a text may be, [`ModelError::Config`] if no text
/// fits.
pub fn max_length(
    model: &Model,
    output: OutputKind,
    asked: Option<usize>,
    positions: Option<usize>,
) -> Result<usize, ModelError> {
    let least = match output {
        OutputKind::Logits => model.tokenizer.specials().max(model.tokenizer.pair_specials()) + 1,
        _ => model.tokenizer.specials() + 1,
    };
    if let Some(asked) = asked {
        let most = positions.unwrap_or(usize::MAX);
        if asked < least || asked > most {
            let reason = format!("{asked} is not between {least} and the model's limit of {most} tokens");
            return Err(ModelError::Flag { flag: "--max-length", reason });
        }
        return Ok(asked);
    }
    let advised = [model.tokenizer.model_max_length, model.max_position_embeddings()].into_iter().flatten().min();
    let said = model.sentence.max_seq_length.or(advised);
    let length = match (said, positions) {
        (Some(said), Some(most)) if said > most => {
            if model.sentence.max_seq_length.is_some() {
                tracing::warn!("{}: max_seq_length {said} is cut to the model's {most} positions", model.name);
            }
            most
        }
        (Some(length), _) | (None, Some(length)) => length,
        (None, None) => {
            let reason = "must be given, as the model's files do not say how long a text may be".into();
            return Err(ModelError::Flag { flag: "--max-length", reason });
        }
    };
    if length < least {
        let reason = format!("texts of {length} tokens, special tokens included, are too little for any text");
        return Err(ModelError::Config { path: model.dir.clone(), reason });
    }
    Ok(length)
}
