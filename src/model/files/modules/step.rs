//! Modules and steps, as their files describe them and ready to run.

use super::dense::{Dense, DenseConfig};
use super::level::Level;
use super::norm::{LayerNorm, LayerNormConfig};
use super::weights::ModuleWeights;
use crate::model::ModelError;
use crate::model::tasks::late_interaction::TokenMask;
use crate::model::tasks::pooling::{self, Pooling};
use crate::model::tasks::splade::SpladePooling;
use std::path::PathBuf;

/// A step that maps vectors to vectors, as its files describe it; [`Step::load`] reads its weights.
#[derive(Debug, Clone)]
pub enum Step {
    Dense(DenseConfig),
    LayerNorm(LayerNormConfig),
    /// Scaling to length 1.
    Normalize,
}

/// A step that is ready to run.
#[derive(Clone)]
pub enum Layer {
    Dense(Dense),
    LayerNorm(LayerNorm),
    /// Scaling to length 1.
    Normalize,
}

impl Step {
    /// Reads the step's weights. `width` is the length of its input vectors.
    ///
    /// # Errors
    /// [`ModelError::Config`] if it needs vectors of another length, [`ModelError::Weights`] if its weights do not fit
    /// its config.json.
    pub fn load(&self, width: usize) -> Result<Layer, ModelError> {
        Ok(match self {
            Self::Dense(config) => Layer::Dense(config.load(width)?),
            Self::LayerNorm(config) => Layer::LayerNorm(config.load(width)?),
            Self::Normalize => Layer::Normalize,
        })
    }

    /// Length of the vectors it makes, where it makes them longer or shorter.
    pub fn output(&self) -> Option<usize> {
        match self {
            Self::Dense(config) => Some(config.output),
            Self::LayerNorm(_) | Self::Normalize => None,
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        match self {
            Self::Dense(DenseConfig { dir, .. }) | Self::LayerNorm(LayerNormConfig { dir, .. }) => {
                ModuleWeights::find(dir).is_some()
            }
            Self::Normalize => true,
        }
    }
}

impl Layer {
    /// Reads the weights of consecutive `steps`; `width` is the length of the first one's input vectors. Returns the
    /// length of the last one's output.
    ///
    /// # Errors
    /// See [`Step::load`].
    pub fn load_all(steps: &[Step], mut width: usize) -> Result<(Vec<Self>, usize), ModelError> {
        let mut layers = Vec::with_capacity(steps.len());
        for step in steps {
            let layer = step.load(width)?;
            width = layer.width(width);
            layers.push(layer);
        }
        Ok((layers, width))
    }

    /// Length of the vectors it makes of vectors of length `input`.
    pub fn width(&self, input: usize) -> usize {
        match self {
            Self::Dense(dense) => dense.output(),
            Self::LayerNorm(_) | Self::Normalize => input,
        }
    }

    /// Applies the step to `rows`, vectors of length `width` one after the other.
    pub fn apply(&self, rows: Vec<f32>, width: usize) -> Vec<f32> {
        match self {
            Self::Dense(dense) => dense.apply(&rows),
            Self::LayerNorm(norm) => norm.apply(rows),
            Self::Normalize => {
                let mut rows = rows;
                rows.chunks_exact_mut(width.max(1)).for_each(pooling::normalize);
                rows
            }
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) enum Module {
    /// A transformer: vectors of tokens.
    Transformer(PathBuf),
    /// A transformer with its masked-LM head: logits of tokens.
    MlmTransformer(PathBuf),
    /// Static embeddings: a vector of the text.
    StaticEmbedding(PathBuf),
    /// Weights of the vocabulary from the logits of tokens.
    SpladePooling(SpladePooling),
    /// The tokens that have a vector.
    MultiVectorMask(TokenMask),
    /// One vector of those of the tokens.
    Pooling {
        /// The modes, their results concatenated.
        modes: Vec<Pooling>,
        /// True if the tokens of a prompt take part.
        include_prompt: bool,
    },
    /// A step on the vectors of tokens (`module_input_name` is "token_embeddings").
    OnTokens(Step),
    /// A step on the vector of the text.
    OnText(Step),
}

impl Level {
    pub(super) fn step(self, step: Step) -> Module {
        match self {
            Self::Tokens => Module::OnTokens(step),
            Self::Text => Module::OnText(step),
        }
    }
}
