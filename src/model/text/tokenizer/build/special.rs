//! Single tokens by their names: special tokens as the files name them, and tokens that become special.

use super::class::Class;
use crate::model::text::tokenizer::types::Tokenizer;
use crate::panic_guard::catch_panic;
use serde_json::Value as Json;
use std::collections::HashMap;

use tokenizers::AddedToken;

use super::class::NAMED;

/// The ids of the special tokens by their names: as tokenizer_config.json, special_tokens_map.json or else the class
/// has them.
pub(crate) fn ids(
    inner: &tokenizers::Tokenizer,
    class: Option<Class>,
    files: [&Json; 2],
) -> HashMap<&'static str, i64> {
    // A token is written as its text, or as an object with it.
    let text = |file: &Json, name: &str| match file.get(name)? {
        Json::String(text) => Some(text.clone()),
        other => other.get("content")?.as_str().map(str::to_owned),
    };
    let named = NAMED.iter().filter_map(|&name| {
        let token = files.iter().find_map(|file| text(file, name));
        let token = token.or_else(|| class?.default_token(name).map(str::to_owned))?;
        Some((name, inner.token_to_id(&token)?.into()))
    });
    named.collect()
}

impl Tokenizer {
    /// The id of the token that is written exactly so.
    pub fn id_of(&self, token: &str) -> Option<i64> {
        self.inner.token_to_id(token).map(i64::from)
    }

    /// The id of a special token by its name in tokenizer_config.json, such as "mask_token".
    pub fn special_id(&self, name: &str) -> Option<i64> {
        self.specials_by_name.get(name).copied()
    }

    /// Makes single tokens of the markers that texts begin with, where the vocabulary has them: of the whole marker,
    /// or of its first word. Written as text they would fall to pieces.
    pub fn register_markers(&mut self, markers: &[String]) -> Result<(), String> {
        for marker in markers {
            let word = marker.split_whitespace().next().unwrap_or_default();
            let known = [marker.as_str(), word].into_iter().find(|m| !m.is_empty() && self.id_of(m).is_some());
            if let Some(known) = known.filter(|_| !word.is_empty()) {
                let token = AddedToken::from(known, true).normalized(false);
                catch_panic(|| self.inner.add_special_tokens([token]).map(drop).map_err(|e| e.to_string()))
                    .unwrap_or_else(Err)?;
            }
        }
        Ok(())
    }
}

pub(crate) fn flag(config: &Json, key: &str) -> bool {
    config.get(key).and_then(Json::as_bool).unwrap_or(false)
}

/// The special tokens that the post-processor puts before and after a text.
pub(crate) fn special_tokens(inner: &tokenizers::Tokenizer) -> Result<(Vec<i64>, Vec<i64>), String> {
    let encode = |specials| inner.encode_fast("a", specials).map_err(|e| e.to_string());
    let (bare, full) = (encode(false)?, encode(true)?);
    let (bare, full) = (bare.get_ids(), full.get_ids());
    let at = full
        .windows(bare.len().max(1))
        .position(|window| window == bare)
        .ok_or("its post-processor changes more than special tokens around the text")?;
    let wide = |ids: &[u32]| ids.iter().map(|&id| i64::from(id)).collect();
    Ok((wide(&full[..at]), wide(&full[at + bare.len()..])))
}
