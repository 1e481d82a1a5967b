//! The pooling of a model's `1_Pooling/config.json`: in the old boolean keys, or the new `pooling_mode`.

use std::path::Path;

use serde_json::Value as Json;

use super::step::Module;
use crate::model::ModelError;
use crate::model::files::json::{flag, read_object};
use crate::model::tasks::pooling::Pooling;

/// Reads config.json of a Pooling module.
pub(super) fn read(path: &Path) -> Result<Module, ModelError> {
    let refuse = |reason: String| ModelError::Config { path: path.to_owned(), reason };
    let json = read_object(path)?.ok_or_else(|| refuse("the file is missing".into()))?;
    let modes = match json.get("pooling_mode") {
        Some(Json::String(mode)) => vec![mode.as_str()],
        Some(Json::Array(modes)) => modes.iter().map(|m| m.as_str().unwrap_or_default()).collect(),
        Some(other) => return Err(refuse(format!("pooling_mode is {other}"))),
        None => legacy_modes(&json).map_err(refuse)?,
    };
    if modes.is_empty() {
        return Err(refuse("pooling_mode is an empty list".into()));
    }
    let modes: Option<Vec<Pooling>> = modes.iter().map(|mode| Pooling::parse(mode)).collect();
    let modes = modes.ok_or_else(|| refuse(format!("an unknown pooling mode: {json}")))?;
    let include_prompt = flag(&json, "include_prompt").map_err(refuse)?.unwrap_or(true);
    Ok(Module::Pooling { modes, include_prompt })
}

/// The modes switched on by the boolean keys, in the order in which sentence-transformers concatenates them; without
/// any, the mean.
fn legacy_modes(json: &Json) -> Result<Vec<&'static str>, String> {
    const KEYS: [(&str, &str); 6] = [
        ("pooling_mode_cls_token", "cls"),
        ("pooling_mode_max_tokens", "max"),
        ("pooling_mode_mean_tokens", "mean"),
        ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len_tokens"),
        ("pooling_mode_weightedmean_tokens", "weightedmean"),
        ("pooling_mode_lasttoken", "lasttoken"),
    ];
    let mut modes = Vec::new();
    for (key, mode) in KEYS {
        if flag(json, key)? == Some(true) {
            modes.push(mode);
        }
    }
    Ok(if modes.is_empty() { vec!["mean"] } else { modes })
}
