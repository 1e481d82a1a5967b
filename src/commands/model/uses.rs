//! The uses of a model.

use crate::engine;
use crate::model::generative::PairPrompt;
use crate::model::task::Task;
use crate::model::{Model, m3};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
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
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Embed => "embed",
            Self::Sparse => "embed --output-type sparse",
            Self::Colbert => "embed --output-type colbert",
            Self::Rerank => "rerank",
            Self::Classify => "classify",
        }
    }
}

/// The uses of a model by its files, the main use first.
pub(crate) fn uses(model: &Model) -> Vec<Use> {
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
