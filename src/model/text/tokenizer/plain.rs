//! The tokenizer of static embeddings: tokenizer.json alone and as it stands, no special tokens around the text.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;
use tokenizers::models::ModelWrapper;

use super::build::growth;
use super::squeeze::Squeeze;
use super::types::{Tokenizer, Truncate};
use crate::model::ModelError;
use crate::model::files::json::read_json_up_to;
use crate::panic_guard::catch_panic;
use crate::regular_file;
use tokenizers::TruncationDirection;

impl Tokenizer {
    /// Reads `tokenizer.json` in `dir`, for texts without special tokens. Unlike a transformer's, its own truncation
    /// holds: as `model_max_length`.
    pub fn read_plain(dir: &Path) -> Result<Self, ModelError> {
        let path = dir.join("tokenizer.json");
        let bytes = regular_file::read(&path, regular_file::VOCABULARY);
        let bytes = bytes.map_err(|source| ModelError::Io { path: path.clone(), source })?;
        let read = catch_panic(|| Self::plain(&bytes)).unwrap_or_else(Err);
        read.map_err(|reason| ModelError::Tokenizer { path, reason })
    }

    fn plain(bytes: &[u8]) -> Result<Self, String> {
        let mut inner = tokenizers::Tokenizer::from_bytes(bytes).map_err(|e| e.to_string())?;
        growth::check(&inner)?;
        let truncation = inner.get_truncation().cloned();
        inner.with_truncation(None).map_err(|e| e.to_string())?;
        inner.with_padding(None);
        let left = truncation.as_ref().is_some_and(|t| t.direction == TruncationDirection::Left);
        Ok(Self {
            squeeze: Squeeze::of(&inner),
            inner,
            specials_by_name: HashMap::new(),
            prefix: Vec::new(),
            suffix: Vec::new(),
            pair_specials: 0,
            model_max_length: truncation.map(|t| t.max_length),
            has_token_types: false,
            pads_left: false,
            remarks: Vec::new(),
            truncation_side: if left { Truncate::Left } else { Truncate::Right },
        })
    }

    /// The unknown token. `dir` is the tokenizer's directory.
    pub fn unknown(&self, dir: &Path) -> Result<Option<i64>, ModelError> {
        let token = match self.inner.get_model() {
            ModelWrapper::WordPiece(model) => Some(&model.unk_token),
            ModelWrapper::WordLevel(model) => Some(&model.unk_token),
            ModelWrapper::BPE(model) => model.unk_token.as_ref(),
            ModelWrapper::Unigram(_) => {
                // The crate keeps it to itself.
                let path = dir.join("tokenizer.json");
                let file: Option<File> = read_json_up_to(&path, regular_file::VOCABULARY)?;
                let file = file.unwrap_or_default();
                return Ok(file.model.unk_id);
            }
        };
        Ok(token.and_then(|token| self.inner.token_to_id(token)).map(i64::from))
    }

    /// The median length of the vocabulary's tokens in characters, rounded down.
    pub fn median_token_length(&self) -> usize {
        let mut lengths: Vec<usize> = self.inner.get_vocab(true).keys().map(|token| token.chars().count()).collect();
        lengths.sort_unstable();
        let middle = lengths.len() / 2;
        match lengths.len() {
            0 => 0,
            n if n.is_multiple_of(2) => (lengths[middle - 1] + lengths[middle]) / 2,
            _ => lengths[middle],
        }
    }
}

#[derive(Default, Deserialize)]
struct File {
    #[serde(default)]
    model: Unigram,
}

#[derive(Default, Deserialize)]
struct Unigram {
    #[serde(default)]
    unk_id: Option<i64>,
}
