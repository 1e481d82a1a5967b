//! Models that judge: classification heads, cross-encoders, and language models that answer a question about a pair.

use super::load::{load_onnx, load_safetensors};
use super::loaded::Loaded;
use super::options::OnnxOptions;
use super::run::OnnxOutput;
use crate::engine::{EngineError, OutputKind, TextError};
use crate::graph::{Answer, Output, Request};
use crate::model::Model;
use crate::model::generative::{AnswerTokens, PairPrompt};
use crate::model::source::WeightsFile;
use crate::model::task::Task;
use crate::runtime::Runtime;

pub(super) fn load(runtime: &Runtime, model: &Model, options: &OnnxOptions) -> Result<Loaded, EngineError> {
    match &model.weights {
        WeightsFile::Safetensors(path) => {
            let request = Request { token_types: true, ..Request::of(judgement(model)?) };
            load_safetensors(runtime, path, model, &request, options)
        }
        WeightsFile::Onnx(path) => load_onnx(runtime, path, model, OnnxOutput::Logits, options),
    }
}

/// The graph output of `model` for judging texts or pairs.
///
/// # Errors
/// For a language model without answer words.
pub(crate) fn judgement(model: &Model) -> Result<Output, EngineError> {
    match model.task {
        Task::Generative(_) => match AnswerTokens::of(model)? {
            Some(AnswerTokens { yes, no }) => Ok(Output::Answer(Answer { yes, no })),
            None => Err(EngineError::wrong_task(model, "it answers no questions about pairs of texts")),
        },
        _ => Ok(Output::Logits),
    }
}

/// The template in which `model` reads a pair, if it needs one; or the reason that it cannot read pairs. `prompt` is
/// the one in use.
///
/// # Errors
/// If it needs a template and has none for a pair.
pub(super) fn pair_prompt(
    model: &Model,
    output: OutputKind,
    prompt: Option<String>,
) -> Result<Result<Option<PairPrompt>, TextError>, EngineError> {
    match (output, &model.task) {
        (OutputKind::Logits, Task::Generative(_)) => Ok(Ok(PairPrompt::of(model, prompt)?)),
        // A model used for single texts alone needs no template.
        (OutputKind::Logits, Task::CrossEncoder(_)) => {
            Ok(PairPrompt::of(model, prompt).map_err(|e| TextError::new(e.to_string())))
        }
        _ => Ok(Ok(None)),
    }
}
