//! `infa model`: what a model is, and what becomes of it.

mod export;
mod inspect;
mod summary;

use super::{Error, Outcome, World};
use crate::cli::{ModelCommand, SourceArgs};
use crate::model::cache::HubEnv;
use crate::model::source::{Request, Source};
use crate::model::{ModelError, splade};
use crate::runtime::install;

pub(super) fn run(command: ModelCommand, world: &World) -> Result<Outcome, Error> {
    match command {
        ModelCommand::Inspect(args) => inspect::run(args, world),
        ModelCommand::Export(args) => export::run(args, world),
    }
}

/// Finds the model, fetching it if it is not here.
fn find(args: SourceArgs, onnx_file: Option<std::path::PathBuf>, world: &World) -> Result<Source, ModelError> {
    let SourceArgs { model_id, revision } = args;
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
fn uses(
    sentence: &crate::model::sentence::SentenceConfig,
    config: &serde_json::Value,
    dir: &std::path::Path,
) -> Vec<Use> {
    let class = config.get("architectures").and_then(|names| names.get(0)).and_then(serde_json::Value::as_str);
    if sentence.splade.is_some() {
        vec![Use::Sparse]
    } else if sentence.late.is_some() {
        vec![Use::Colbert]
    } else if crate::model::m3::has_heads(dir) {
        vec![Use::Embed, Use::Sparse, Use::Colbert]
    } else if class.is_some_and(|class| class.ends_with("ForSequenceClassification")) && sentence.pooling.is_none() {
        vec![if crate::graph::config::labels(config) == 1 { Use::Rerank } else { Use::Classify }]
    } else if splade::is_masked_lm(config) && sentence.pooling.is_none() {
        vec![Use::Embed, Use::Sparse]
    } else {
        vec![Use::Embed]
    }
}
