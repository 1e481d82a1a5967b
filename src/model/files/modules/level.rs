//! Settings that modules share.

use crate::model::ModelError;
use serde_json::Value as Json;
use std::path::Path;

/// The vectors that a step works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Tokens,
    Text,
}

impl Level {
    /// By `module_input_name` and `module_output_name`, which must be the same.
    pub(super) fn read(path: &Path, json: &Json) -> Result<Self, ModelError> {
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
}

/// A setting of a module that must be a positive number.
pub(super) fn size(path: &Path, json: &Json, key: &str) -> Result<usize, ModelError> {
    let found =
        crate::model::files::json::positive(json, key).and_then(|n| n.ok_or_else(|| format!("{key} is missing")));
    found.map_err(|reason| ModelError::Config { path: path.to_owned(), reason })
}
