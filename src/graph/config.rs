//! Reading config.json: settings with the defaults of their architecture, and what all architectures have in it.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::GraphError;
pub(crate) use crate::model::labels::count as labels;

/// The largest whole number that makes sense as a setting. Products of two of them are still far from overflowing.
const LARGEST: f64 = i32::MAX as f64;

/// Refuses what no architecture implements: numbers beyond all sense, and weights that are packed by a quantiser.
pub(super) fn check(config: &Json) -> Result<(), GraphError> {
    if let Some(quantization) = config.get("quantization_config").filter(|value| !value.is_null()) {
        let value = quantization.get("quant_method").unwrap_or(quantization).to_string();
        return Err(GraphError::NotImplemented { key: "quantization_config", value });
    }
    check_numbers(config)
}

fn check_numbers(settings: &Json) -> Result<(), GraphError> {
    for (key, value) in settings.as_object().into_iter().flatten() {
        // The epsilon of a norm, in all its spellings: below 0, some texts would have vectors that are no numbers.
        let lowest = if key.ends_with("eps") || key.ends_with("epsilon") { 0.0 } else { -LARGEST };
        if value.as_f64().is_some_and(|n| !(lowest..=LARGEST).contains(&n)) {
            return Err(GraphError::Config(format!("{key} = {value} is out of range")));
        }
        check_numbers(value)?;
    }
    Ok(())
}

/// The settings of an architecture. A setting that is null counts as absent, which means its default.
pub(super) fn read<T: DeserializeOwned>(config: &Json) -> Result<T, GraphError> {
    read_over(config, &[])
}

/// As [`read`], with the defaults of `defaults`, the first that has one.
pub(super) fn read_over<T: DeserializeOwned>(config: &Json, defaults: &[&Json]) -> Result<T, GraphError> {
    let mut settings = Map::new();
    for layer in defaults.iter().rev().chain([&config]) {
        let given = layer.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
        settings.extend(given.map(|(key, value)| (key.clone(), value.clone())));
    }
    T::deserialize(&settings).map_err(|e| {
        let reason = e.to_string();
        GraphError::Config(match culprit::<T>(&settings, &reason) {
            Some(key) => format!("{key}: {reason}"),
            None => reason,
        })
    })
}

/// The setting without which reading would not have failed for this `reason`: serde reports types, but no names.
fn culprit<T: DeserializeOwned>(settings: &Map<String, Json>, reason: &str) -> Option<String> {
    // That message has the name already.
    if reason.starts_with("missing field") {
        return None;
    }
    let innocent = |key: &str| {
        let rest: Map<String, Json> =
            settings.iter().filter(|(k, _)| *k != key).map(|(k, v)| (k.clone(), v.clone())).collect();
        T::deserialize(&rest).is_err_and(|e| e.to_string() == reason)
    };
    settings.keys().find(|key| !innocent(key)).cloned()
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Settings {
        #[allow(dead_code)]
        size: usize,
        #[allow(dead_code)]
        heads: usize,
        #[serde(default, rename = "name")]
        _name: Option<String>,
    }

    fn error(config: Json) -> String {
        read::<Settings>(&config).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert!(
            error(json!({"size": 1, "heads": "x", "name": 3})).starts_with("config.json: heads: invalid type: string")
        );
        assert!(
            error(json!({"name": 3, "size": 1, "heads": 1})).starts_with("config.json: name: invalid type: integer")
        );
        assert_eq!(error(json!({"size": 1})), "config.json: missing field `heads`");
        assert_eq!(error(json!({"heads": 1, "size": null})), "config.json: missing field `size`");
    }

    #[test]
    fn numbers_are_checked_at_any_depth() {
        let deep = json!({"rope_parameters": {"full_attention": {"rope_theta": 1e300}}});
        assert!(check(&deep).unwrap_err().to_string().contains("rope_theta = 1e+300 is out of range"));
        for key in ["layer_norm_eps", "rms_norm_eps", "norm_eps", "layer_norm_epsilon"] {
            assert!(check(&json!({key: -1e-9})).is_err(), "{key}");
            assert!(check(&json!({key: 0})).is_ok(), "{key}");
        }
        check(&json!({"pad_token_id": -1, "rope_theta": 1e9})).unwrap();
    }
}
