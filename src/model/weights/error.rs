//! Errors of weights.

use std::path::PathBuf;

use safetensors::Dtype;

/// The error of weights.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    /// The file could not be opened or mapped.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// Not a safetensors file, or a damaged one.
    #[error("{}: not a valid safetensors file: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The index of weights in several files cannot be used.
    #[error("{}: not a usable index of weights: {reason}", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// One of several files of weights is not there.
    #[error("{}: the file is missing: {wanted_by}", path.display())]
    MissingShard {
        /// The file.
        path: PathBuf,
        /// The file that refers to it.
        wanted_by: String,
    },
    /// A file of weights lacks a tensor that the index places there.
    #[error("{}: tensor \"{name}\" is missing, but {} places it there", path.display(), index.display())]
    NotInShard {
        /// The file of weights.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// The index.
        index: PathBuf,
    },
    /// A file of `torch.save` that is damaged, or holds more than a state dict of plain tensors.
    #[error("{}: not a file of plain tensors: {reason}", path.display())]
    Torch {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// A tensor the configuration calls for is not there.
    #[error("{}: tensor \"{name}\" is missing", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A tensor's shape differs from the configuration.
    #[error("{}: tensor \"{name}\" has shape {actual:?}, but config.json calls for {expected:?}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its shape.
        actual: Vec<usize>,
        /// The shape wanted.
        expected: Vec<usize>,
    },
    /// A tensor is of a type that is not a float.
    #[error("{}: tensor \"{name}\" is of type {dtype:?}; F32, F16 and BF16 are supported", path.display())]
    Dtype {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its type.
        dtype: Dtype,
    },
}

impl WeightsError {
    /// The remedy.
    pub fn hint(&self) -> Option<String> {
        Some(
            match self {
                Self::Io { .. } => "check that the file exists and may be read",
                Self::Malformed { .. } => "the file may be a broken download or a Git LFS pointer: fetch it again",
                Self::Missing { .. } | Self::Shape { .. } => {
                    "config.json and the weights do not belong together: fetch the model again"
                }
                Self::Index { .. } | Self::MissingShard { .. } | Self::NotInShard { .. } => {
                    "the weights are in several files, and not all of them fit together: fetch the model again"
                }
                Self::Torch { .. } => {
                    "infa never executes such a file and reads only plain tensors from it: fetch it again, or save the \
                     model anew with safe_serialization=True"
                }
                Self::Dtype { .. } => "quantised checkpoints are not read; use the float one",
            }
            .into(),
        )
    }
}
