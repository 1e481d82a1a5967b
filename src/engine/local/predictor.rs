//! Models that judge: classification heads, cross-encoders, and language models that answer a question about a pair.

use super::load::{Loaded, load_onnx, load_safetensors};
use super::options::OnnxOptions;
use super::worker::Wanted;
use crate::engine::{EngineError, OutputKind, TextError};
use crate::graph::{Answer, Output, Request};
use crate::model::Model;
use crate::model::generative::{AnswerTokens, PairPrompt};
use crate::model::source::Weights as WeightsFile;
use crate::model::task::Task;
use crate::runtime::Runtime;

/// Loads `model` with what gives its logits.
pub(super) fn load(runtime: &Runtime, model: &Model, options: &OnnxOptions) -> Result<Loaded, EngineError> {
    match &model.weights {
        WeightsFile::Safetensors(path) => {
            let request = Request { token_types: true, ..Request::of(judgement(model)?) };
            load_safetensors(runtime, path, model, &request, options)
        }
        WeightsFile::Onnx(path) => load_onnx(runtime, path, model, Wanted::Logits, options),
    }
}

/// What a graph of `model` computes in order to judge.
///
/// # Errors
/// For a language model that has no answers.
pub fn judgement(model: &Model) -> Result<Output, EngineError> {
    match model.task {
        Task::Generative(_) => match AnswerTokens::of(model)? {
            Some(AnswerTokens { yes, no }) => Ok(Output::Answer(Answer { yes, no })),
            None => Err(EngineError::wrong_task(model, "it answers no questions about pairs of texts")),
        },
        _ => Ok(Output::Logits),
    }
}

/// How `model` is asked about a pair, if not by the pair as it is; or why it cannot be asked. `prompt` is the one that
/// is in use.
///
/// # Errors
/// If it is asked in words and has none for a pair.
pub(super) fn question(
    model: &Model,
    output: OutputKind,
    prompt: Option<String>,
) -> Result<Result<Option<PairPrompt>, TextError>, EngineError> {
    match (output, &model.task) {
        (OutputKind::Logits, Task::Generative(_)) => Ok(Ok(PairPrompt::of(model, prompt)?)),
        // It may be asked about single texts alone, and needs no template then.
        (OutputKind::Logits, Task::CrossEncoder(_)) => {
            Ok(PairPrompt::of(model, prompt).map_err(|e| TextError::new(e.to_string())))
        }
        _ => Ok(Ok(None)),
    }
}
