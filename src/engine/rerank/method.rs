//! Ways to score documents, and the one that fits a model.

use crate::engine::{EngineError, EngineInfo, OutputKind, local};
use crate::model::activation::Activation;
use crate::model::similarity::Similarity;
use crate::model::task::{CrossEncoder, Task};
use crate::model::{Model, ModelError};

/// The method for scoring the documents of a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Each pair of query and document goes through the model, whose one logit becomes the score.
    Pairs(Activation),
    /// The vector of the query is compared with those of the documents.
    Vectors(Similarity),
    /// The lexical weights that the query and a document share are multiplied.
    Sparse,
    /// The vectors of the query's tokens look for the nearest of the document's (MaxSim).
    Tokens,
    /// The engine itself scores pairs, as servers do.
    Engine,
}

impl Method {
    /// The method of an engine that was opened for scores; `raw`: without an activation function.
    pub(crate) fn of_engine(info: &EngineInfo, raw: bool) -> Result<Self, EngineError> {
        match &info.local {
            None => Ok(Self::Engine),
            // Its files do not identify it as a cross-encoder, its one output number for a pair does.
            Some(local) if local.model.task == Task::Unknown && info.output == OutputKind::Logits => {
                Self::pairs(&local.model, &CrossEncoder::of_one_label(&local.model.config), raw)
            }
            Some(local) => Self::of(&local.model, raw),
        }
    }

    /// The method of `model`; `raw`: without an activation function.
    pub fn of(model: &Model, raw: bool) -> Result<Self, EngineError> {
        let refuse = |what: &str| Err(EngineError::wrong_task(model, what));
        match &model.task {
            Task::CrossEncoder(cross_encoder) | Task::Generative(cross_encoder) => {
                Self::pairs(model, cross_encoder, raw)
            }
            _ if model.sentence.splade.is_some() => Ok(Self::Sparse),
            _ if local::gives_only_token_vectors(model) => Ok(Self::Tokens),
            Task::Embedding | Task::MaskedLanguageModel | Task::Unknown => Ok(Self::Vectors(model.similarity()?)),
            Task::Classifier { .. } => refuse("it gives no single score by which to order documents"),
            Task::Sparse | Task::LateInteraction | Task::Other(_) => refuse("infa cannot order documents by it"),
        }
    }

    fn pairs(model: &Model, cross_encoder: &CrossEncoder, raw: bool) -> Result<Self, EngineError> {
        match &cross_encoder.activation {
            _ if raw => Ok(Self::Pairs(Activation::Identity)),
            Ok(activation) => Ok(Self::Pairs(*activation)),
            Err(name) => {
                let reason = format!("the activation function {name} is not implemented; --raw-scores does without it");
                Err(ModelError::Config { path: model.dir.clone(), reason }.into())
            }
        }
    }

    /// The output that the engine must be opened for.
    pub fn output(self) -> OutputKind {
        match self {
            Self::Pairs(_) => OutputKind::Logits,
            Self::Vectors(_) => OutputKind::Embedding,
            Self::Sparse => OutputKind::Sparse,
            Self::Tokens => OutputKind::TokenVectors,
            Self::Engine => OutputKind::Score,
        }
    }
}
