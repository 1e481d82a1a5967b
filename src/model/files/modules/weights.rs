//! The weights of one module: beside its config.json, as safetensors or as a file of `torch.save`.

use crate::model::ModelError;
use std::path::{Path, PathBuf};

use crate::model::weights::torch::StateDict;
use crate::model::weights::{TensorData, Weights, WeightsError};

/// The tensors of a module.
pub(crate) enum ModuleWeights {
    /// In model.safetensors.
    Safetensors(Weights),
    /// In pytorch_model.bin.
    Torch(StateDict),
}

impl ModuleWeights {
    /// The file in the module's directory that holds its weights, safetensors first.
    pub(crate) fn find(dir: &Path) -> Option<PathBuf> {
        ["model.safetensors", "pytorch_model.bin"].iter().map(|name| dir.join(name)).find(|path| path.is_file())
    }

    /// Opens the weights of the module in `dir`.
    ///
    /// # Errors
    /// [`ModelError::MissingFile`] if there are none, [`ModelError::Weights`] if they are damaged.
    pub(crate) fn open(dir: &Path) -> Result<Self, ModelError> {
        Self::open_file(&Self::find(dir).ok_or_else(|| no_weights(dir))?)
    }

    /// Opens a file of weights: safetensors, or one of `torch.save`, by its name.
    ///
    /// # Errors
    /// [`ModelError::Weights`] if it is damaged.
    pub(crate) fn open_file(path: &Path) -> Result<Self, ModelError> {
        Ok(if path.extension().is_some_and(|e| e == "bin" || e == "pt") {
            Self::Torch(StateDict::read(path)?)
        } else {
            Self::Safetensors(Weights::open(path)?)
        })
    }

    /// The shape of a tensor, if there is one of this name.
    pub(crate) fn shape(&self, name: &str) -> Option<&[usize]> {
        match self {
            Self::Safetensors(weights) => weights.raw(name).map(|tensor| tensor.shape),
            Self::Torch(state) => state.shape(name),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        match self {
            Self::Safetensors(weights) => weights.has(name),
            Self::Torch(state) => state.has(name),
        }
    }

    /// The tensor `name`, which must have `shape`, as f32. It is small, and copied: the file need not be watched.
    pub(crate) fn float_tensor(&self, name: &str, shape: &[usize]) -> Result<TensorData, WeightsError> {
        match self {
            Self::Safetensors(weights) => weights.float_tensor(name, shape).map(TensorData::owned),
            Self::Torch(state) => state.float_tensor(name, shape),
        }
    }
}

pub(super) fn no_weights(dir: &Path) -> ModelError {
    ModelError::MissingFile {
        dir: dir.to_owned(),
        what: "model.safetensors or pytorch_model.bin".into(),
        hint: "the directory may be incomplete: fetch the model again".into(),
    }
}
