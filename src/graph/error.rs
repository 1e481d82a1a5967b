//! Errors of building graphs.

use std::path::{Path, PathBuf};

use crate::model::weights::WeightsError;

/// Errors of building graphs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// An architecture that is not implemented.
    #[error("config.json: model_type \"{model_type}\" is not supported (supported: {supported})")]
    UnknownArchitecture {
        /// The value in config.json.
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
        value: String,
    },
    /// An error in the config.json of a directory.
    #[error("{}", .dir.join(.error.to_string()).display())]
    In { dir: PathBuf, error: Box<Self> },
    /// The architecture has no such head.
    #[error("{architecture} models with a {head} head are not supported")]
    NoHead {
        architecture: &'static str,
        /// For example "sequence-classification".
        head: &'static str,
    },
    /// The output cannot take an attention mask, for example because it reads the last token.
    #[error("{architecture}: an attention mask is not supported for this output")]
    NoMask { architecture: &'static str },
    /// The processor has no arithmetic for the layer.
    #[error("layer \"{layer}\": there is no operator of that number format for this processor")]
    NoOperator {
        /// Its name in the weights.
        layer: String,
    },
    /// A weight that cannot be quantised.
    #[error("tensor \"{0}\" holds a number that is not finite, which 8-bit integers cannot stand for")]
    NotFinite(String),
    /// A weight that float16 cannot hold.
    #[error("tensor \"{0}\" holds a number beyond 65504, the largest of float16")]
    Overflow(String),
    /// A graph for GPUs cannot have a part.
    #[error("{architecture}: {part} cannot be computed on GPUs")]
    NotOnGpu {
        architecture: &'static str,
        /// For example "products in int8".
        part: &'static str,
    },
    /// The int8 weights do not go with the graph.
    #[error("the int8 weights have no matrix \"{0}\" of the right shape")]
    Int8(String),
    /// A weight is missing, or its shape or type differs from config.json.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

impl GraphError {
    /// The same with the directory of config.json, if the error is about that file.
    pub fn of(self, dir: &Path) -> Self {
        match self {
            Self::UnknownArchitecture { .. } | Self::Config(_) | Self::NotImplemented { .. } => {
                Self::In { dir: dir.to_owned(), error: Box::new(self) }
            }
            _ => self,
        }
    }

    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownArchitecture { .. } | Self::NotImplemented { .. } | Self::NoHead { .. } => Some(
                "export the model to ONNX and give the .onnx file as --model-id (or pick one of the repository with \
                 --onnx-file)"
                    .into(),
            ),
            Self::NoMask { .. } => Some("leave the mask out, and run texts of equal length together".into()),
            Self::In { error, .. } => error.hint(),
            Self::Overflow(_) => Some("use --dtype bfloat16, or float32".into()),
            Self::NotOnGpu { .. } => Some("use --device cpu".into()),
            Self::NotFinite(_) => Some("use --dtype float32, or another copy of the model".into()),
            Self::Int8(_) | Self::NoOperator { .. } => None,
            Self::Config(_) => Some("the model directory may be incomplete or of another library".into()),
            Self::Weights(e) => e.hint(),
        }
    }
}
