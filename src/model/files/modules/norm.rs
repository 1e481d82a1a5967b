//! LayerNorm over the vector of a text.
//!
//! Reference: `sentence_transformers`, `sentence_transformer/modules/layer_norm.py`; `torch.nn.LayerNorm`.

use std::path::{Path, PathBuf};

use super::level::size;
use super::weights::ModuleWeights;
use crate::model::ModelError;
use crate::model::files::json::read_object;
use crate::model::weights::TensorData;

/// torch's default, which the module does not change.
const EPSILON: f32 = 1e-5;

#[derive(Debug, Clone)]
pub struct LayerNormConfig {
    /// The module's directory, with its weights.
    pub dir: PathBuf,
    pub dimension: usize,
}

#[derive(Clone)]
pub struct LayerNorm {
    weight: TensorData,
    bias: TensorData,
}

impl LayerNormConfig {
    pub(super) fn read(dir: &Path) -> Result<Self, ModelError> {
        let path = dir.join("config.json");
        let missing = || ModelError::Config { path: path.clone(), reason: "the file is missing".into() };
        let json = read_object(&path)?.ok_or_else(missing)?;
        Ok(Self { dimension: size(&path, &json, "dimension")?, dir: dir.to_owned() })
    }

    /// Reads the weights; see [`super::Step::load`].
    pub fn load(&self, width: usize) -> Result<LayerNorm, ModelError> {
        let dimension = self.dimension;
        if dimension != width {
            let reason = format!("dimension is {dimension}, but the vectors that reach it have {width} dimensions");
            return Err(ModelError::Config { path: self.dir.join("config.json"), reason });
        }
        let weights = ModuleWeights::open(&self.dir)?;
        Ok(LayerNorm {
            weight: weights.float_tensor("norm.weight", &[dimension])?,
            bias: weights.float_tensor("norm.bias", &[dimension])?,
        })
    }
}

impl LayerNorm {
    /// (x - mean) / √(variance + ε) · weight + bias, row by row.
    pub fn apply(&self, mut rows: Vec<f32>) -> Vec<f32> {
        let (weight, bias) = (self.weight.as_slice(), self.bias.as_slice());
        let n = weight.len().max(1);
        for row in rows.chunks_exact_mut(n) {
            let mean = row.iter().sum::<f32>() / n as f32;
            let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / n as f32;
            let scale = 1.0 / (variance + EPSILON).sqrt();
            for (x, (w, b)) in row.iter_mut().zip(weight.iter().zip(bias)) {
                *x = (*x - mean) * scale * w + b;
            }
        }
        rows
    }
}
