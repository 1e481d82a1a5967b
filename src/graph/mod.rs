//! Model weights → ONNX graph.
//!
//! The graph is small and built in memory; the weights stay where they are, in the mapped safetensors file, and are
//! handed to the session by address ([`Initializer`]). One file an architecture; [`builder`] carries what they share.

mod bert;
mod builder;
#[allow(missing_docs, reason = "the ONNX specification documents the fields")]
mod proto;

use std::path::PathBuf;

use serde_json::Value as Json;

pub use builder::Initializer;

use crate::model::weights::{Weights, WeightsError};

/// Which rows of the last hidden state the caller needs.
///
/// CLS and last-token pooling read one row a text; the last layer then computes only that row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// Every token: output `[batch, sequence, hidden]`.
    All,
    /// The first token: output `[batch, hidden]`.
    First,
    /// The last token: output `[batch, hidden]`.
    Last,
}

/// A graph ready for a session.
///
/// Input `input_ids`: i64 `[batch, sequence]`, no padding (so there is no mask).
/// Output `last_hidden_state`: f32, `[batch, sequence, hidden]` or `[batch, hidden]` as [`Rows`] says.
pub struct Graph {
    /// The serialised `ModelProto`, without the weights.
    pub model: Vec<u8>,
    /// The weights, by the names the model gives them.
    pub initializers: Vec<Initializer>,
    /// The file in which `model` finds the weights.
    pub weights_file: PathBuf,
    /// Width of the output.
    pub hidden_size: usize,
    /// Longest sequence the position embeddings allow, in tokens.
    pub max_positions: usize,
    /// Rows of the word-embedding table: token ids must be below.
    pub vocab_size: usize,
}

/// Name of the graph's input.
pub const INPUT_IDS: &str = "input_ids";
/// Name of the graph's output.
pub const LAST_HIDDEN_STATE: &str = "last_hidden_state";

/// Why no graph could be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// An architecture nobody has written yet.
    #[error("config.json: model_type \"{model_type}\" is not supported (supported: {supported})")]
    UnknownArchitecture {
        /// What config.json says.
        model_type: String,
        /// The supported ones, comma-separated.
        supported: String,
    },
    /// A setting in config.json is missing or of the wrong type.
    #[error("config.json: {0}")]
    Config(String),
    /// A setting is understood, but its value is not implemented.
    #[error("config.json: {key} = {value} is not implemented")]
    NotImplemented {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: String,
    },
    /// A weight is missing, or has another shape or type than config.json says.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

impl GraphError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownArchitecture { .. } | Self::NotImplemented { .. } => Some(
                "export the model to ONNX and give the .onnx file as --model-id (or pick one of the repository with \
                 --onnx-file)"
                    .into(),
            ),
            Self::Config(_) => Some("the model directory may be incomplete or of another library".into()),
            Self::Weights(e) => e.hint(),
        }
    }
}

/// The architectures [`build`] knows, by their `model_type`.
pub const ARCHITECTURES: &[&str] = &["bert"];

/// Builds the graph that `config` (the parsed config.json) describes from `weights`.
pub fn build(config: &Json, weights: &Weights, rows: Rows) -> Result<Graph, GraphError> {
    match config.get("model_type").and_then(Json::as_str) {
        Some("bert") => bert::build(config, weights, rows),
        other => Err(GraphError::UnknownArchitecture {
            model_type: other.unwrap_or("(none)").to_owned(),
            supported: ARCHITECTURES.join(", "),
        }),
    }
}
