//! Errors of weights.

use std::path::PathBuf;

use safetensors::Dtype;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WeightsError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{}: not a valid safetensors file: {reason}", path.display())]
    Malformed { path: PathBuf, reason: String },
    #[error("{}: not a usable index of weights: {reason}", path.display())]
    Index { path: PathBuf, reason: String },
    #[error("{}: the file is missing: {wanted_by}", path.display())]
    MissingShard {
        path: PathBuf,
        /// The file that refers to it.
        wanted_by: String,
    },
    /// A file of weights lacks a tensor that the index places there.
    #[error("{}: tensor \"{name}\" is missing, but {} places it there", path.display(), index.display())]
    NotInShard { path: PathBuf, name: String, index: PathBuf },
    /// A file of `torch.save` that is damaged, or holds more than a state dict of plain tensors.
    #[error("{}: not a file of plain tensors: {reason}", path.display())]
    Torch { path: PathBuf, reason: String },
    #[error("{}: tensor \"{name}\" is missing", path.display())]
    Missing { path: PathBuf, name: String },
    #[error("{}: tensor \"{name}\" has shape {actual:?}, but config.json calls for {expected:?}", path.display())]
    Shape { path: PathBuf, name: String, actual: Vec<usize>, expected: Vec<usize> },
    #[error("{}: tensor \"{name}\" is of type {dtype:?}; F32, F16 and BF16 are supported", path.display())]
    Dtype { path: PathBuf, name: String, dtype: Dtype },
}

impl WeightsError {
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
