//! ColBERT as Stanford's library saves it: one checkpoint with `linear.weight` beside `bert.`, settings in
//! `artifact.metadata`, markers before every text.
//!
//! Reference: `sentence_transformers`, `multi_vector_encoder/model.py` (`_maybe_load_stanford_metadata`); the model
//! `colbert-ir/colbertv2.0`.

use std::path::Path;

use serde_json::Value as Json;

use super::Expansion;
use super::config::{LateInteraction, TokenMask, punctuation};
use crate::model::ModelError;
use crate::model::files::json::{positive, read_json};

pub(crate) const METADATA: &str = "artifact.metadata";

/// Settings and prompts (query, document) of the model in `dir`; `None` if it is of another kind.
pub(in crate::model) fn read(dir: &Path) -> Result<Option<(LateInteraction, [String; 2])>, ModelError> {
    // An unreadable config.json is an error where its settings are needed, not here.
    let config = read_json::<Json>(&dir.join("config.json")).ok().flatten().unwrap_or(Json::Null);
    let architectures = config.get("architectures").and_then(Json::as_array);
    if !architectures.is_some_and(|names| names.iter().any(|name| name == "HF_ColBERT")) {
        return Ok(None);
    }
    let path = dir.join(METADATA);
    let metadata = read_json::<Json>(&path)?;
    if metadata.is_none() {
        tracing::warn!("{}: there is no {METADATA}; using ColBERT's usual settings", dir.display());
    }
    let metadata = metadata.unwrap_or(Json::Null);
    let marker = |key: &str, usual: &str| {
        let token = metadata.get(key).and_then(Json::as_str).filter(|token| !token.is_empty());
        format!("{} ", token.unwrap_or(usual))
    };
    let prompts = [marker("query_token_id", "[unused0]"), marker("doc_token_id", "[unused1]")];
    let length =
        |key: &str| positive(&metadata, key).map_err(|reason| ModelError::Config { path: path.clone(), reason });
    let flag = |key: &str, usual| metadata.get(key).and_then(Json::as_bool).unwrap_or(usual);
    let skipped = if flag("mask_punctuation", true) { punctuation() } else { Vec::new() };
    let late = LateInteraction {
        document_length: length("doc_maxlen")?,
        expansion: Some(Expansion::fixed(length("query_maxlen")?.unwrap_or(32), flag("attend_to_mask_tokens", false))),
        mask: Some(TokenMask::skipping(skipped)),
        markers: prompts.to_vec(),
        ..LateInteraction::default()
    };
    Ok(Some((late, prompts)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn directory(metadata: Option<&str>) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("config.json"), r#"{"architectures": ["HF_ColBERT"]}"#).unwrap();
        if let Some(metadata) = metadata {
            std::fs::write(dir.path().join(METADATA), metadata).unwrap();
        }
        dir
    }

    #[test]
    fn settings() {
        let dir = directory(Some(
            r#"{"query_token_id": "[Q]", "doc_token_id": "", "doc_maxlen": 180, "query_maxlen": 24,
                "attend_to_mask_tokens": true, "mask_punctuation": false}"#,
        ));
        let (late, prompts) = read(dir.path()).unwrap().unwrap();
        assert_eq!(prompts, ["[Q] ", "[unused1] "]);
        assert_eq!(late.document_length, Some(180));
        assert_eq!(late.expansion, Some(Expansion::fixed(24, true)));
        assert_eq!(late.mask, Some(TokenMask::skipping(Vec::new())));
    }

    #[test]
    fn defaults() {
        let (late, prompts) = read(directory(None).path()).unwrap().unwrap();
        assert_eq!(prompts, ["[unused0] ", "[unused1] "]);
        assert_eq!((late.document_length, late.expansion), (None, Some(Expansion::fixed(32, false))));
        assert_eq!(late.mask.unwrap().skiplist_words.concat(), "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~");
    }

    #[test]
    fn other_models() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        std::fs::write(dir.path().join("config.json"), r#"{"architectures": ["BertModel"]}"#).unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
    }
}
