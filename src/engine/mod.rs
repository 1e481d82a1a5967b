//! Engines: whatever turns texts into vectors, local or remote, looks the same to everyone above.

mod call;
pub mod classify;
mod collect;
mod finish;
pub mod int8;
pub mod launch;
mod load;
mod max_sim;
pub mod observe;
mod onnx;
mod options;
mod predictor;
mod prompts;
pub mod python;
pub mod remote;
pub mod rerank;
mod runner;
mod sparse;
pub mod spec;
mod static_embedding;
pub mod stream;
mod token_vectors;
mod tokenizers;
mod waiter;
mod weight_files;
mod worker;

pub use call::{Call, Computed, Ended, Job, Judged, Local, LocalInfo, Pending, Refusal, Text, Times};
pub use max_sim::{Scoring, max_sim};
pub(crate) use onnx::check_task;
pub use onnx::{OnnxEngine, max_length};
pub use options::OnnxOptions;
pub use predictor::judgement;
pub use python::{PythonEngine, PythonError, PythonOptions};
pub use remote::{RemoteEngine, RemoteError, RemoteOptions};
pub use spec::{EngineKind, EngineSpec, SpecError};
pub use static_embedding::StaticEngine;

use crate::graph::GraphError;
use crate::model::pooling::Pooling;
use crate::model::tokenizer::{TokenizeError, Truncate};
use crate::model::{Model, ModelError};
use crate::runtime::RuntimeError;
use rerank::{Candidates, Scores};

/// Turns texts into vectors, or into scores.
///
/// Calls may come from several threads at once; an engine shares its workers among them, first come first served.
/// Every method gives one result an input, in order, and returns when all are done; an input that fails does not harm
/// the others. What the engine's model cannot do fails for every input; [`EngineInfo::purpose`] tells before.
pub trait Engine: Send + Sync {
    /// What the engine is and how it treats texts.
    fn info(&self) -> &EngineInfo;

    /// One vector a text.
    fn embed(&self, texts: &[&str], _role: Role) -> Vec<Result<Embedding, TextError>> {
        refuse(self.info(), texts.len(), "vectors")
    }

    /// One weight a token of the vocabulary that matters, for each text.
    fn embed_sparse(&self, texts: &[&str], _role: Role) -> Vec<Result<SparseEmbedding, TextError>> {
        refuse(self.info(), texts.len(), "sparse vectors")
    }

    /// One vector a token, for each text.
    fn embed_tokens(&self, texts: &[&str], _role: Role) -> Vec<Result<TokenEmbeddings, TextError>> {
        refuse(self.info(), texts.len(), "token vectors")
    }

    /// The logits of the classification head, for each input.
    fn predict(&self, inputs: &[Input<'_>]) -> Vec<Result<Prediction, TextError>> {
        refuse(self.info(), inputs.len(), "scores")
    }

    /// How well the documents of each query answer it, where the engine itself scores documents; others are asked by a
    /// [`rerank::Reranker`], which knows how to make scores of what they give.
    fn rerank(&self, queries: &[Candidates<'_>]) -> Vec<Scores> {
        refuse(self.info(), queries.len(), "scores of documents")
    }
}

/// The same refusal for each of `count` inputs.
fn refuse<T>(info: &EngineInfo, count: usize, what: &str) -> Vec<Result<T, TextError>> {
    let refusal = TextError::internal(format!("{} was not loaded to give {what}", info.model));
    (0..count).map(|_| Err(refusal.clone())).collect()
}

/// What an engine was loaded for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// [`Engine::embed`]
    Embed,
    /// [`Engine::embed_sparse`]
    EmbedSparse,
    /// [`Engine::embed_tokens`]
    EmbedTokens,
    /// [`Engine::embed_tokens`], of any encoder: what its last layer gives each token, as it is.
    HiddenStates,
    /// [`Engine::predict`]
    Predict,
}

/// The role of a text. Some models put different prompts before queries and before documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// As neither.
    #[default]
    Text,
    /// As a query.
    Query,
    /// As a document.
    Document,
}

/// What a classification head judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// One text.
    Text(&'a str),
    /// Two texts: a query and a document, a premise and a hypothesis.
    Pair(&'a str, &'a str),
}

/// What is known of every engine. How a model in this process treats texts, [`LocalInfo`] tells.
#[derive(Debug, Clone)]
pub struct EngineInfo {
    /// The model's name.
    pub model: String,
    /// What it was loaded for.
    pub purpose: Purpose,
    /// Length of the vectors (of sparse ones: the size of the vocabulary); or the number of labels.
    pub dimensions: usize,
    /// How vectors of tokens are compared; `None` for other vectors.
    pub scoring: Option<Scoring>,
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
    /// Whether these two are for queries alone, and documents keep the prompt of the model's.
    pub prompt_queries: bool,
}

/// The vector of one text.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding {
    /// The numbers; none is NaN or infinite, not all are zero.
    pub vector: Vec<f32>,
    /// Tokens the model saw, specials included; `None` where nobody tells.
    pub tokens: Option<usize>,
    /// Whether tokens of the text were left out; `None` where nobody tells.
    pub truncated: Option<bool>,
}

/// The lexical weights of one text: those above 0.
#[derive(Debug, Clone, PartialEq)]
pub struct SparseEmbedding {
    /// Token ids, rising.
    pub indices: Vec<u32>,
    /// The weight of each.
    pub values: Vec<f32>,
    /// Tokens the model saw, specials included.
    pub tokens: usize,
    /// Whether tokens of the text were left out.
    pub truncated: bool,
}

/// The vectors of one text's tokens.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenEmbeddings {
    /// The vectors, one after the other.
    pub vectors: Vec<f32>,
    /// Length of each.
    pub dimensions: usize,
    /// Tokens the model saw, specials included; not all need have a vector.
    pub tokens: usize,
    /// Whether tokens of the text were left out.
    pub truncated: bool,
}

/// What a classification head says of one input.
#[derive(Debug, Clone, PartialEq)]
pub struct Prediction {
    /// One number a label, as the head gives it; none is NaN or infinite.
    pub logits: Vec<f32>,
    /// Tokens the model saw, specials included.
    pub tokens: usize,
    /// Whether tokens were left out.
    pub truncated: bool,
}

/// Why a text has no vector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct TextError {
    reason: String,
    kind: TextErrorKind,
}

/// Where the reason of a [`TextError`] lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextErrorKind {
    /// In the text.
    Input,
    /// In the length of the text: it is more than the model can read, and must not be cut.
    TooLong,
    /// In the size of the text, or of what is made of it.
    TooLarge,
    /// In the engine or the model, whatever the text.
    Internal,
    /// In the model, which can no longer be used, such as after a change of its files.
    Unavailable,
}

impl TextError {
    /// The text itself is the reason.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), kind: TextErrorKind::Input }
    }

    /// The size of the text, or of what is made of it, is the reason.
    pub fn too_large(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), kind: TextErrorKind::TooLarge }
    }

    /// The engine or the model is the reason, whatever the text.
    pub fn internal(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), kind: TextErrorKind::Internal }
    }

    /// The text is longer than the model can read, and must not be cut.
    pub fn too_long(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), kind: TextErrorKind::TooLong }
    }

    /// The model can no longer be used, such as after a change of its files, whatever the text.
    pub fn unavailable(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), kind: TextErrorKind::Unavailable }
    }

    /// Where the reason lies.
    pub fn kind(&self) -> TextErrorKind {
        self.kind
    }

    /// Whether the text is without fault.
    pub fn is_internal(&self) -> bool {
        matches!(self.kind, TextErrorKind::Internal | TextErrorKind::Unavailable)
    }

    /// The same with `what` it is about before the reason.
    pub fn about(self, what: &str) -> Self {
        Self { reason: format!("{what}: {}", self.reason), ..self }
    }
}

impl From<TokenizeError> for TextError {
    fn from(error: TokenizeError) -> Self {
        let kind = match error {
            TokenizeError::TooLong { .. } => TextErrorKind::TooLong,
            TokenizeError::TooManyBytes { .. } => TextErrorKind::TooLarge,
            TokenizeError::Failed(_) => TextErrorKind::Input,
        };
        Self { reason: error.to_string(), kind }
    }
}

/// Why an engine cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The model's files.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The model is for something else.
    #[error("{model} is {is}: {what}")]
    WrongTask {
        /// The model's name.
        model: String,
        /// What it is.
        is: String,
        /// What it cannot do.
        what: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The model's architecture or weights.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// ONNX Runtime.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// The system has no threads left.
    #[error("no threads to compute with: {0}")]
    Threads(String),
    /// The server cannot be used.
    #[error("{engine}: {error}")]
    Remote {
        /// The engine's spec.
        engine: String,
        /// Why not.
        error: RemoteError,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The Python process cannot be used.
    #[error("{engine}: {error}")]
    Python {
        /// The engine's spec.
        engine: String,
        /// Why not.
        error: PythonError,
    },
}

impl EngineError {
    /// That `model` is for something else: `what` says what it cannot do.
    pub(crate) fn wrong_task(model: &Model, what: &str) -> Self {
        let (is, hint) = (model.task.description(), model.task.command().map(str::to_owned));
        Self::WrongTask { model: model.name.clone(), is, what: what.to_owned(), hint }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Model(e) => e.hint(),
            Self::WrongTask { hint, .. } => {
                Some(hint.clone().unwrap_or_else(|| "infa model inspect tells what is known of the model".into()))
            }
            Self::Graph(e) => e.hint(),
            Self::Runtime(e) => e.hint(),
            Self::Threads(_) => Some("use fewer with --threads, or raise the limit (ulimit -u)".into()),
            Self::Remote { hint, .. } => hint.clone(),
            Self::Python { error, .. } => error.hint(),
        }
    }
}
