//! `infa model`: what a model is, and what becomes of it.

mod export;
mod inspect;
mod list;
mod pull;
mod remove;
mod summary;

use super::{Error, Outcome, World};
use crate::cli::{ModelCommand, SourceArgs};
use crate::engine;
use crate::model::cache::HubEnv;
use crate::model::generative::PairPrompt;
use crate::model::source::{Request, Source};
use crate::model::task::Task;
use crate::model::{Model, ModelError, m3};
use crate::runtime::install;

pub(super) fn run(command: ModelCommand, world: &World) -> Result<Outcome, Error> {
    match command {
        ModelCommand::List(args) => list::run(args, world),
        ModelCommand::Pull(args) => pull::run(args, world),
        ModelCommand::Remove(args) => remove::run(args, world),
        ModelCommand::Inspect(args) => inspect::run(args, world),
        ModelCommand::Export(args) => export::run(args, world),
    }
}

/// Finds the model, fetching it if it is not here.
fn find(args: SourceArgs, onnx_file: Option<std::path::PathBuf>, world: &World) -> Result<Source, ModelError> {
    let (model_id, revision) = args.named();
    let cache = world.globals.cache.clone();
    let request = Request { model_id, revision, onnx_file, cache, python: install::python() };
    request.resolve(HubEnv::from_env(), &world.context())
}

/// What a model can be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// A vector a text.
    Embed,
    /// Lexical weights.
    Sparse,
    /// A vector a token.
    Colbert,
    /// A score for a pair.
    Rerank,
    /// Labels.
    Classify,
}

impl Use {
    fn name(self) -> &'static str {
        match self {
            Self::Embed => "embed",
            Self::Sparse => "embed --output-type sparse",
            Self::Colbert => "embed --output-type colbert",
            Self::Rerank => "rerank",
            Self::Classify => "classify",
        }
    }
}

/// What the files say that a model is for, the main use first.
fn uses(model: &Model) -> Vec<Use> {
    match &model.task {
        Task::Sparse => vec![Use::Sparse],
        Task::LateInteraction => vec![Use::Colbert],
        Task::CrossEncoder(_) => vec![Use::Rerank],
        Task::Classifier { .. } => vec![Use::Classify],
        Task::Generative(_) if engine::judgement(model).is_ok() && PairPrompt::of(model, None).is_ok() => {
            vec![Use::Rerank, Use::Embed]
        }
        Task::MaskedLanguageModel => vec![Use::Embed, Use::Sparse],
        Task::Embedding | Task::Unknown if m3::has_heads(&model.dir) => vec![Use::Embed, Use::Sparse, Use::Colbert],
        Task::Embedding | Task::Unknown | Task::Generative(_) => vec![Use::Embed],
        Task::Other(_) => Vec::new(),
    }
}
