//! Reads a tokenizer and the settings beside it.

use super::build::added::SpecialTokens;
use super::build::class::Class;
use super::build::decoder::Decoder;
use super::build::ends;
use super::build::file::{File, is_byte_level};
use super::build::growth;
use super::build::rebuild;
use super::build::special;
use super::build::special::{flag, special_tokens};
use super::build::vocabulary;
use super::squeeze::Squeeze;
use super::types::{Hints, Tokenizer, Truncate};
use crate::model::ModelError;
use crate::model::files::json::read_object;
use crate::panic_guard::catch_panic;
use crate::regular_file;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use tokenizers::models::ModelWrapper;
use tokenizers::normalizers::{Lowercase, NormalizerWrapper, Sequence};
use tokenizers::{Model as _, PostProcessor, TruncationDirection};

/// The file that has all of a tokenizer.
const FILE: &str = "tokenizer.json";

impl Tokenizer {
    /// Reads `tokenizer.json`, `tokenizer_config.json` and `special_tokens_map.json` in `dir`. Where the first is
    /// missing, vocab.txt or vocab.json with merges.txt do, if the tokenizer's class builds the rest itself.
    pub fn read(dir: &Path, hints: Hints<'_>) -> Result<Self, ModelError> {
        let path = file_in(dir);
        let config = read_object(&dir.join("tokenizer_config.json"))?.unwrap_or(Json::Null);
        let map = read_object(&dir.join("special_tokens_map.json"))?.unwrap_or(Json::Null);
        let saved = if path.ends_with(FILE) {
            let bytes = regular_file::read(&path, regular_file::VOCABULARY);
            Saved::Whole(bytes.map_err(|source| ModelError::Io { path: path.clone(), source })?)
        } else {
            let named = hints.class_named(&config);
            let class = Class::choose(named, hints.model_type);
            Saved::Vocabulary(Box::new(vocabulary::read(dir, class, [&config, &map])?))
        };
        catch_panic(|| Self::new(saved, &config, &map, hints))
            .unwrap_or_else(Err)
            .map_err(|reason| ModelError::Tokenizer { path, reason })
    }

    pub(super) fn new(saved: Saved, config: &Json, map: &Json, hints: Hints<'_>) -> Result<Self, String> {
        let text = |key: &str| config.get(key).and_then(Json::as_str);
        let named = hints.class_named(config);
        let class = Class::choose(named, hints.model_type);
        // Repositories that ship a tokenizer of bytes under the name of Llama's.
        let class = class.filter(|&class| class != Class::Decoder(Decoder::Llama) || !saved.is_byte_level());
        let (mut inner, saved_side) = match (class, saved) {
            (Some(class), saved) => rebuilt(class, saved.file()?, config, map)?,
            (None, Saved::Whole(bytes)) => as_saved(&bytes, config, map)?,
            (None, Saved::Vocabulary(_)) => return Err("there is no tokenizer.json".into()),
        };
        growth::check(&inner)?;
        let side = text("truncation_side").map(str::to_lowercase).or(saved_side);
        inner.set_encode_special_tokens(flag(config, "split_special_tokens"));
        if hints.lowercase {
            let first = NormalizerWrapper::Lowercase(Lowercase);
            let steps = std::iter::once(first).chain(inner.get_normalizer().cloned()).collect();
            inner.with_normalizer(Some(Sequence::new(steps))).map_err(|e| e.to_string())?;
        }
        let mut remarks = ends::add_missing(&mut inner, class, config, map)?;
        remarks.extend(unknown_missing(&inner));
        let (prefix, suffix) = special_tokens(&inner)?;
        let pair_specials = inner.get_post_processor().map_or(0, |post| post.added_tokens(true));
        growth::check_specials(pair_specials.max(prefix.len() + suffix.len()))?;
        let specials_by_name = special::ids(&inner, class, [config, map]);
        let inputs = config.get("model_input_names").and_then(Json::as_array);
        Ok(Self {
            squeeze: Squeeze::of(&inner),
            inner,
            specials_by_name,
            prefix,
            suffix,
            pair_specials,
            remarks,
            // "No limit" is written as 1e30.
            model_max_length: config
                .get("model_max_length")
                .and_then(Json::as_f64)
                .filter(|&n| (1.0..1e9).contains(&n))
                .map(|n| n as usize),
            truncation_side: if side.as_deref() == Some("left") { Truncate::Left } else { Truncate::Right },
            pads_left: text("padding_side") == Some("left"),
            has_token_types: match inputs {
                Some(names) => names.iter().any(|name| name == "token_type_ids"),
                None => Class::has_token_types(named, hints.model_type),
            },
        })
    }

    pub fn specials(&self) -> usize {
        self.prefix.len() + self.suffix.len()
    }

    /// True if `ids` neither begin nor end with the special token that the tokenizer puts there: another tokenizer made
    /// them, or they were made without special tokens.
    pub fn lacks_specials(&self, ids: &[u32]) -> bool {
        let is = |id: Option<&u32>, special: Option<&i64>| {
            special.is_some() && id.map(|&id| i64::from(id)).as_ref() == special
        };
        let begins = is(ids.first(), self.prefix.first());
        let ends = is(ids.last(), self.suffix.last());
        self.specials() > 0 && !begins && !ends
    }

    /// Number of special tokens around and between the two texts of a pair.
    pub fn pair_specials(&self) -> usize {
        self.pair_specials
    }

    /// The id of `token`, if it is in the vocabulary.
    pub fn id(&self, token: &str) -> Option<usize> {
        self.inner.token_to_id(token).and_then(|id| usize::try_from(id).ok())
    }
}

/// The tokenizer that `class` builds, and the file's side of truncation.
fn rebuilt(class: Class, file: File, config: &Json, map: &Json) -> Result<Parts, String> {
    let tokens = SpecialTokens::read(Some(class), config, map, &file.added_tokens)?;
    let side = file.truncation.get("direction").and_then(Json::as_str).map(str::to_lowercase);
    Ok((rebuild::rebuild(class, file, config, tokens)?, side))
}

/// The tokenizer as the file has it, with the tokens that tokenizer_config.json adds.
fn as_saved(bytes: &[u8], config: &Json, map: &Json) -> Result<Parts, String> {
    let mut inner = tokenizers::Tokenizer::from_bytes(bytes).map_err(|e| e.to_string())?;
    let left = inner.get_truncation().is_some_and(|t| t.direction == TruncationDirection::Left);
    // infa sets length and padding; the file's values are those at the time of saving.
    inner.with_truncation(None).map_err(|e| e.to_string())?;
    inner.with_padding(None);
    let tokens = SpecialTokens::read(None, config, map, &[])?;
    let missing = tokens.beyond(inner.get_added_vocabulary());
    inner.add_tokens(missing).map_err(|e| e.to_string())?;
    Ok((inner, left.then(|| "left".to_owned())))
}

/// A tokenizer, and its file's side of truncation.
type Parts = (tokenizers::Tokenizer, Option<String>);

pub(super) enum Saved {
    /// tokenizer.json.
    Whole(Vec<u8>),
    /// A vocabulary alone.
    Vocabulary(Box<File>),
}

impl Saved {
    fn is_byte_level(&self) -> bool {
        matches!(self, Self::Whole(bytes) if is_byte_level(bytes))
    }

    fn file(self) -> Result<File, String> {
        match self {
            Self::Whole(bytes) => serde_json::from_slice(&bytes).map_err(|e| e.to_string()),
            Self::Vocabulary(file) => Ok(*file),
        }
    }
}

/// The file of the tokenizer in `dir`: tokenizer.json, or where that is missing an older file of the vocabulary.
pub(crate) fn file_in(dir: &Path) -> PathBuf {
    let whole = dir.join(FILE);
    if whole.is_file() { whole } else { vocabulary::find(dir).unwrap_or(whole) }
}

/// A remark if the vocabulary lacks the token that unknown words become: each text with one fails.
fn unknown_missing(inner: &tokenizers::Tokenizer) -> Option<String> {
    let token = match inner.get_model() {
        ModelWrapper::WordPiece(model) => Some(&model.unk_token),
        ModelWrapper::WordLevel(model) => Some(&model.unk_token),
        ModelWrapper::BPE(model) => model.unk_token.as_ref(),
        ModelWrapper::Unigram(_) => None,
    };
    let token = token.filter(|token| inner.get_model().token_to_id(token).is_none())?;
    Some(format!("the vocabulary lacks the token {token:?} for unknown words: texts with such words fail"))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
