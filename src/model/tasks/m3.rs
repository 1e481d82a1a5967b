//! The two heads of BGE-M3 beside its dense vectors: lexical weights and vectors of tokens.
//!
//! Reference: `FlagEmbedding`, `inference/embedder/encoder_only/m3.py` and `finetune/embedder/encoder_only/m3`;
//! Chen et al. 2024, <https://arxiv.org/abs/2402.03216>. Each head is a linear layer over the last hidden state, in
//! `sparse_linear.pt` and `colbert_linear.pt` (or `.safetensors`) beside config.json, with `weight` and `bias`.

use std::path::{Path, PathBuf};

use crate::model::ModelError;
use crate::model::files::modules::{Activation, Dense, ModuleWeights};

/// A head, by the name of its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Head {
    /// One number a token; positive ones are weights.
    Sparse,
    /// One vector a token, to be scaled to length 1.
    Colbert,
}

impl Head {
    fn stem(self) -> &'static str {
        match self {
            Self::Sparse => "sparse_linear",
            Self::Colbert => "colbert_linear",
        }
    }

    pub(crate) fn find(self, dir: &Path) -> Option<PathBuf> {
        ["safetensors", "pt"]
            .iter()
            .map(|extension| dir.join(self.stem()).with_extension(extension))
            .find(|p| p.is_file())
    }

    /// Reads the head, which takes vectors of length `width`.
    ///
    /// # Errors
    /// [`ModelError::MissingFile`] if it is missing, [`ModelError::Weights`] if it is of another shape.
    pub(crate) fn load(self, dir: &Path, width: usize) -> Result<Dense, ModelError> {
        let Some(path) = self.find(dir) else {
            let what = format!("{}.pt or .safetensors", self.stem());
            let hint = "the directory may be incomplete: fetch the model again".into();
            return Err(ModelError::MissingFile { dir: dir.to_owned(), what, hint });
        };
        let weights = ModuleWeights::open_file(&path)?;
        let output = match self {
            Self::Sparse => 1,
            Self::Colbert => weights.shape("weight").and_then(|shape| shape.first().copied()).unwrap_or(width),
        };
        let weight = weights.float_tensor("weight", &[output, width])?;
        let bias = weights.float_tensor("bias", &[output])?;
        let activation = if self == Self::Sparse { Activation::Relu } else { Activation::Identity };
        Ok(Dense::new(width, output, weight, Some(bias), activation))
    }
}

/// True if the directory is that of a model with these heads.
pub(crate) fn has_heads(dir: &Path) -> bool {
    Head::Sparse.find(dir).is_some() && Head::Colbert.find(dir).is_some()
}
