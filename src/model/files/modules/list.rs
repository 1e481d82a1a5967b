//! Reads modules.json.

use super::dense::DenseConfig;
use super::level::Level;
use super::norm::LayerNormConfig;
use super::pooling_config;
use super::step::{Module, Step};
use crate::model::ModelError;
use crate::model::files::json::{read_json, read_object};
use crate::model::tasks::late_interaction::TokenMask;
use crate::model::tasks::splade::SpladePooling;
use serde::Deserialize;
use serde_json::Value as Json;
use std::path::Path;

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
pub(crate) fn read(dir: &Path) -> Result<Option<Vec<Module>>, ModelError> {
    let file = dir.join("modules.json");
    let refuse = |reason: String| ModelError::Config { path: file.clone(), reason };
    let Some(entries) = read_json::<Vec<Entry>>(&file)? else { return Ok(None) };
    if entries.is_empty() {
        return Err(refuse("it lists no modules".into()));
    }
    let mut modules = Vec::with_capacity(entries.len());
    for (position, Entry { path, kind }) in entries.iter().enumerate() {
        let path = crate::model::files::json::safe_join(dir, path)
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
            // Active in training only.
            "Dropout" => {}
            // A generative reranker's: `generative` reads it.
            "LogitScore" if position == 1 => {}
            _ => return Err(refuse(format!("module {position} of type {kind} is not implemented"))),
        }
    }
    Ok(Some(modules))
}

/// Normalize has no settings in most models, and no file then.
fn read_normalize(path: &Path) -> Result<Module, ModelError> {
    let json = read_object(path)?.unwrap_or(Json::Null);
    Ok(Level::read(path, &json)?.step(Step::Normalize))
}
