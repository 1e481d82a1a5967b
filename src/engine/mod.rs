//! Engines: whatever turns texts into vectors, local or remote, looks the same to everyone above.

mod load;
mod onnx;
pub mod stream;
mod worker;

use std::path::PathBuf;

pub use onnx::{OnnxEngine, OnnxOptions};

use crate::graph::GraphError;
use crate::model::ModelError;
use crate::model::pooling::Pooling;
use crate::model::tokenizer::Truncate;
use crate::runtime::RuntimeError;

/// Turns texts into vectors.
///
/// Calls may come from several threads at once; an engine shares its workers among them, first come first served.
pub trait Engine: Send + Sync {
    /// What the engine is and how it treats texts.
    fn info(&self) -> &EngineInfo;

    /// One result a text, in order. Returns when all are done; a text that fails does not harm the others.
    fn embed(&self, texts: &[&str]) -> Vec<Result<Embedding, TextError>>;
}

/// What an engine is and how it treats texts.
#[derive(Debug, Clone)]
pub struct EngineInfo {
    /// The model's name.
    pub model: String,
    /// Where its files are, for a local engine.
    pub dir: Option<PathBuf>,
    /// Length of the vectors.
    pub dimensions: usize,
    /// Longest text in tokens, specials included.
    pub max_length: usize,
    /// Pooling modes; empty where the model pools itself.
    pub pooling: Vec<Pooling>,
    /// Whether vectors have length 1.
    pub normalize: bool,
    /// Text put before each input.
    pub prompt: Option<String>,
    /// Threads that compute.
    pub threads: usize,
}

/// How texts become vectors, as far as the caller decides it.
#[derive(Debug, Clone, Default)]
pub struct TextOptions {
    /// Longest text in tokens; `None`: what the model allows.
    pub max_length: Option<usize>,
    /// Which end of a text that is too long goes; `None`: what the tokenizer says.
    pub truncate: Option<Truncate>,
    /// Instead of the model's own pooling.
    pub pooling: Option<Pooling>,
    /// Instead of the model's own decision.
    pub normalize: Option<bool>,
    /// Vectors are cut to this length (then normalised, unless `normalize` is `Some(false)`).
    pub dimensions: Option<usize>,
    /// Text put before each input.
    pub prompt: Option<String>,
    /// Name of a prompt of the model's to put before each input.
    pub prompt_name: Option<String>,
}

/// The vector of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// The numbers; none is NaN or infinite, not all are zero.
    pub vector: Vec<f32>,
    /// Tokens the model saw, specials included.
    pub tokens: usize,
    /// Whether tokens of the text were left out.
    pub truncated: bool,
}

/// Why a text has no vector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TextError(pub String);

/// Why an engine cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The model's files.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model's architecture or weights.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// ONNX Runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
}

impl EngineError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Model(e) => e.hint(),
            Self::Graph(e) => e.hint(),
            Self::Runtime(e) => e.hint(),
        }
    }
}
