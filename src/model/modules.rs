//! sentence-transformers' modules.json: which module follows which, and what each of them does.
//!
//! The first module makes vectors of tokens (a transformer) or at once of the text (static embeddings); pooling makes
//! one vector of the tokens'; [`Step`]s change vectors. Reference: `sentence_transformers`, `base/modules` and
//! `sentence_transformer/modules`. Directories: `1_Pooling`, `2_Dense`, …, each with a config.json and perhaps weights.

mod activation;
mod dense;
mod norm;
mod pooling_config;
mod weights;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value as Json;

pub use activation::Activation;
pub use dense::{Dense, DenseConfig};
pub use norm::{LayerNorm, LayerNormConfig};
pub use weights::ModuleWeights;

use super::ModelError;
use super::late_interaction::TokenMask;
use super::pooling::{self, Pooling};
use super::sentence::{read_json, read_object};
use super::splade::SpladePooling;

/// A step that maps vectors to vectors, as its files describe it; [`Step::load`] reads its weights.
#[derive(Debug, Clone)]
pub enum Step {
    /// A linear layer and an activation function.
    Dense(DenseConfig),
    /// Layer normalisation.
    LayerNorm(LayerNormConfig),
    /// Scaling to length 1.
    Normalize,
}

/// A step that is ready to run.
#[derive(Clone)]
pub enum Layer {
    /// A linear layer and an activation function.
    Dense(Dense),
    /// Layer normalisation.
    LayerNorm(LayerNorm),
    /// Scaling to length 1.
    Normalize,
}

impl Step {
    /// Reads the step's weights. `width` is the length of the vectors that reach it.
    ///
    /// # Errors
    /// [`ModelError::Config`] if it wants vectors of another length, [`ModelError::Weights`] if its weights are not
    /// those that its config.json calls for.
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

    /// Whether its files are all there.
    pub(super) fn is_complete(&self) -> bool {
        match self {
            Self::Dense(DenseConfig { dir, .. }) | Self::LayerNorm(LayerNormConfig { dir, .. }) => {
                ModuleWeights::find(dir).is_some()
            }
            Self::Normalize => true,
        }
    }
}

impl Layer {
    /// Reads the weights of `steps`, through which vectors of length `width` go one after the other; and says how long
    /// they are in the end.
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

/// One module of modules.json.
#[derive(Debug, Clone)]
pub enum Module {
    /// A transformer: vectors of tokens.
    Transformer(PathBuf),
    /// A transformer with its masked-LM head: logits of tokens.
    MlmTransformer(PathBuf),
    /// Static embeddings: a vector of the text.
    StaticEmbedding(PathBuf),
    /// Weights of the vocabulary from the logits of tokens.
    SpladePooling(SpladePooling),
    /// Which tokens have a vector.
    MultiVectorMask(TokenMask),
    /// One vector of those of the tokens.
    Pooling {
        /// The modes, their results concatenated.
        modes: Vec<Pooling>,
        /// Whether the tokens of a prompt take part.
        include_prompt: bool,
    },
    /// A step on the vectors of tokens (`module_input_name` is "token_embeddings").
    OnTokens(Step),
    /// A step on the vector of the text.
    OnText(Step),
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    path: String,
    #[serde(rename = "type")]
    kind: String,
}

/// Reads modules.json in `dir` and the settings of every module; `None` if there is no such file.
///
/// # Errors
/// [`ModelError::Config`] names the module that is not implemented, or the setting.
pub fn read(dir: &Path) -> Result<Option<Vec<Module>>, ModelError> {
    let file = dir.join("modules.json");
    let refuse = |reason: String| ModelError::Config { path: file.clone(), reason };
    let Some(entries) = read_json::<Vec<Entry>>(&file)? else { return Ok(None) };
    if entries.is_empty() {
        return Err(refuse("it lists no modules".into()));
    }
    let mut modules = Vec::with_capacity(entries.len());
    for (position, Entry { path, kind }) in entries.iter().enumerate() {
        let path = super::sentence::safe_join(dir, path)
            .ok_or_else(|| refuse(format!("\"{path}\" leads out of the model's directory")))?;
        // "sentence_transformers.models.Pooling", or a longer path in newer versions: the class name decides.
        match kind.rsplit('.').next().unwrap_or_default() {
            "Transformer" => modules.push(Module::Transformer(path)),
            "MLMTransformer" => modules.push(Module::MlmTransformer(path)),
            "SpladePooling" => modules.push(Module::SpladePooling(SpladePooling::read(&path)?)),
            "MultiVectorMask" => modules.push(Module::MultiVectorMask(TokenMask::read(&path)?)),
            "StaticEmbedding" => modules.push(Module::StaticEmbedding(path)),
            "Pooling" => modules.push(pooling_config::read(&path.join("config.json"))?),
            "Dense" => {
                let (config, level) = DenseConfig::read(&path)?;
                modules.push(level.step(Step::Dense(config)));
            }
            "LayerNorm" => modules.push(Module::OnText(Step::LayerNorm(LayerNormConfig::read(&path)?))),
            "Normalize" => modules.push(read_normalize(&path.join("config.json"))?),
            // It only does something in training.
            "Dropout" => {}
            // A generative reranker's: `generative` reads it.
            "LogitScore" if position == 1 => {}
            _ => return Err(refuse(format!("module {position} of type {kind} is not implemented"))),
        }
    }
    Ok(Some(modules))
}

/// Which vectors a step works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Tokens,
    Text,
}

impl Level {
    /// By `module_input_name` and `module_output_name`, which must be the same.
    fn read(path: &Path, json: &Json) -> Result<Self, ModelError> {
        let refuse = |reason: String| ModelError::Config { path: path.to_owned(), reason };
        let name = |key: &str| json.get(key).filter(|value| !value.is_null());
        let level = match name("module_input_name").map(|name| (name, name.as_str())) {
            None | Some((_, Some("sentence_embedding"))) => Self::Text,
            Some((_, Some("token_embeddings"))) => Self::Tokens,
            Some((other, _)) => return Err(refuse(format!("module_input_name {other} is not implemented"))),
        };
        let input = if level == Self::Text { "sentence_embedding" } else { "token_embeddings" };
        match name("module_output_name") {
            Some(output) if output.as_str() != Some(input) => {
                Err(refuse(format!("module_output_name {output} differs from the input, which is not implemented")))
            }
            _ => Ok(level),
        }
    }

    fn step(self, step: Step) -> Module {
        match self {
            Self::Tokens => Module::OnTokens(step),
            Self::Text => Module::OnText(step),
        }
    }
}

/// Normalize has no settings in most models, and no file then.
fn read_normalize(path: &Path) -> Result<Module, ModelError> {
    let json = read_object(path)?.unwrap_or(Json::Null);
    Ok(Level::read(path, &json)?.step(Step::Normalize))
}

/// Says that a module has no weights.
fn no_weights(dir: &Path) -> ModelError {
    ModelError::MissingFile {
        dir: dir.to_owned(),
        what: "model.safetensors or pytorch_model.bin".into(),
        hint: "the directory may be incomplete: fetch the model again".into(),
    }
}

/// A setting of a module that must be a positive number.
fn size(path: &Path, json: &Json, key: &str) -> Result<usize, ModelError> {
    let found = super::sentence::positive(json, key).and_then(|n| n.ok_or_else(|| format!("{key} is missing")));
    found.map_err(|reason| ModelError::Config { path: path.to_owned(), reason })
}
