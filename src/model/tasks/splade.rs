//! SPLADE's pooling: from the masked-LM logits of a text's tokens to a weight for every token of the vocabulary.
//!
//! Reference: `sentence_transformers`, `sparse_encoder/modules/splade_pooling.py`.

use std::path::Path;

use serde_json::Value as Json;

use crate::model::ModelError;
use crate::model::files::json::read_object;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpladePooling {
    /// True if tokens are summed (`pooling_strategy` "sum"); else the largest counts.
    pub sum: bool,
    /// True if the logarithm is taken twice (`activation_function` "log1p_relu").
    pub twice: bool,
}

impl SpladePooling {
    /// Reads config.json of the module in `dir`; missing settings have the reference's defaults.
    pub(crate) fn read(dir: &Path) -> Result<Self, ModelError> {
        let path = dir.join("config.json");
        let json = read_object(&path)?.unwrap_or(Json::Null);
        let second = |key: &str, [first, second]: [&str; 2]| match json.get(key) {
            None => Ok(false),
            Some(value) if value == first => Ok(false),
            Some(value) if value == second => Ok(true),
            Some(other) => {
                let reason = format!("{key} = {other} is not implemented ({first} and {second} are)");
                Err(ModelError::Config { path: path.clone(), reason })
            }
        };
        Ok(Self {
            sum: second("pooling_strategy", ["max", "sum"])?,
            twice: second("activation_function", ["relu", "log1p_relu"])?,
        })
    }
}

/// True if `config` (a parsed config.json) is of a model with a masked-LM head, which without modules.json is taken for
/// a SPLADE model with the default pooling.
pub(crate) fn is_masked_lm(config: &Json) -> bool {
    let names = config.get("architectures").and_then(Json::as_array);
    names.is_some_and(|names| names.iter().filter_map(Json::as_str).any(|name| name.ends_with("ForMaskedLM")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(json: &str) -> Result<SpladePooling, ModelError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), json).unwrap();
        SpladePooling::read(dir.path())
    }

    #[test]
    fn settings_and_defaults() {
        assert_eq!(read("{}").unwrap(), SpladePooling::default());
        let both = read(r#"{"pooling_strategy": "sum", "activation_function": "log1p_relu"}"#).unwrap();
        assert_eq!(both, SpladePooling { sum: true, twice: true });
        let error = read(r#"{"pooling_strategy": "mean"}"#).unwrap_err().to_string();
        assert!(error.contains("pooling_strategy = \"mean\" is not implemented"), "{error}");
    }

    #[test]
    fn masked_lm_by_its_architecture() {
        assert!(is_masked_lm(&serde_json::json!({"architectures": ["BertForMaskedLM"]})));
        assert!(!is_masked_lm(&serde_json::json!({"architectures": ["BertModel"]})));
        assert!(!is_masked_lm(&Json::Null));
    }
}
