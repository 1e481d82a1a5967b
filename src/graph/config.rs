//! Reading config.json: settings with the defaults of their architecture, and what all architectures have in it.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::GraphError;
pub use crate::model::labels::count as labels;

/// The largest whole number that makes sense as a setting. Products of two of them are still far from overflowing.
const LARGEST: f64 = i32::MAX as f64;

/// Refuses what no architecture implements: numbers beyond all sense, and weights that are packed by a quantiser.
pub(super) fn check(config: &Json) -> Result<(), GraphError> {
    if let Some(quantization) = config.get("quantization_config").filter(|value| !value.is_null()) {
        let value = quantization.get("quant_method").unwrap_or(quantization).to_string();
        return Err(GraphError::NotImplemented { key: "quantization_config", value });
    }
    let settings = config.as_object().into_iter().flatten();
    let nested = settings.clone().filter_map(|(_, value)| value.as_object()).flatten();
    match settings.chain(nested).find(|(_, value)| value.as_f64().is_some_and(|n| n.abs() > LARGEST)) {
        Some((key, value)) => Err(GraphError::Config(format!("{key} = {value} is out of range"))),
        None => Ok(()),
    }
}

/// The settings of an architecture. A setting that is null counts as absent, which means its default.
pub(super) fn read<T: DeserializeOwned>(config: &Json) -> Result<T, GraphError> {
    let mut config = config.clone();
    if let Json::Object(settings) = &mut config {
        settings.retain(|_, value| !value.is_null());
    }
    T::deserialize(config).map_err(|e| GraphError::Config(e.to_string()))
}

/// As [`read`], with the defaults of `defaults`, the first that has one.
pub(super) fn read_over<T: DeserializeOwned>(config: &Json, defaults: &[&Json]) -> Result<T, GraphError> {
    let mut settings = serde_json::Map::new();
    for layer in defaults.iter().rev().chain([&config]) {
        let given = layer.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        settings.extend(given.map(|(key, value)| (key.clone(), value.clone())));
    }
    T::deserialize(Json::Object(settings)).map_err(|e| GraphError::Config(e.to_string()))
}

/// Refuses a setting unless it has the one value that is implemented.
pub(super) fn only<T: PartialEq + std::fmt::Debug>(key: &'static str, value: &T, only: &T) -> Result<(), GraphError> {
    if value == only { Ok(()) } else { Err(GraphError::NotImplemented { key, value: format!("{value:?}") }) }
}

/// Refuses a setting that must not be 0.
pub(super) fn positive(key: &'static str, value: usize) -> Result<(), GraphError> {
    if value == 0 { Err(GraphError::Config(format!("{key} is 0"))) } else { Ok(()) }
}

/// `hidden_size / num_attention_heads`, which must divide evenly.
pub(super) fn head_dim(hidden_size: usize, heads: usize) -> Result<usize, GraphError> {
    if heads == 0 || hidden_size == 0 || !hidden_size.is_multiple_of(heads) {
        return Err(GraphError::Config(format!(
            "hidden_size {hidden_size} cannot be divided among num_attention_heads {heads}"
        )));
    }
    Ok(hidden_size / heads)
}
