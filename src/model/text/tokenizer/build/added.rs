//! Added tokens, outside of the vocabulary's rules: special ones and later additions.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use tokenizers::{AddedToken, AddedVocabulary};

use super::class::{Class, NAMED};

/// The added tokens of tokenizer_config.json, special_tokens_map.json and tokenizer.json, merged by the rules of
/// `transformers`.
pub(crate) struct SpecialTokens {
    /// `added_tokens_decoder`, or what tokenizer.json has in its place; by id.
    added: BTreeMap<u32, AddedToken>,
    /// The named ones.
    named: Vec<(&'static str, AddedToken)>,
    /// `additional_special_tokens` by its two names.
    extra: Vec<AddedToken>,
}

impl SpecialTokens {
    /// `map` is special_tokens_map.json; `in_file` are the `added_tokens` of tokenizer.json.
    pub(crate) fn read(class: Option<Class>, config: &Json, map: &Json, in_file: &[Json]) -> Result<Self, String> {
        let mut added = BTreeMap::new();
        let decoder = config.get("added_tokens_decoder").and_then(Json::as_object);
        match decoder {
            Some(tokens) => {
                for (id, token) in tokens {
                    let id = id.parse().map_err(|_| format!("added_tokens_decoder: \"{id}\" is not a token id"))?;
                    added.insert(id, described(token)?);
                }
            }
            None => {
                for token in in_file {
                    let id = token.get("id").and_then(Json::as_u64).and_then(|id| u32::try_from(id).ok());
                    added.insert(id.ok_or("added_tokens: one has no id")?, described(token)?);
                }
            }
        }
        // added_tokens_decoder replaced special_tokens_map.json, which is ignored if both exist.
        let setting = |key: &str| {
            let old = if decoder.is_none() { map.get(key) } else { None };
            old.or_else(|| config.get(key)).filter(|value| !value.is_null())
        };
        let mut named = Vec::new();
        for name in NAMED {
            let default = || class.and_then(|class| class.default_token(name)).map(|token| special(token, name, class));
            let Some(token) = setting(name).map(|value| one(value, name, class)).transpose()?.or_else(default) else {
                continue;
            };
            let same = added.values().find(|known| known.content == token.content);
            named.push((name, same.unwrap_or(&token).clone().special(true)));
        }
        let extra = match setting("extra_special_tokens").or_else(|| setting("additional_special_tokens")) {
            Some(Json::Array(list)) => list.iter().map(|t| one(t, "", class)).collect::<Result<_, _>>()?,
            _ => class.map_or(&[][..], Class::extra_tokens).iter().map(|t| special(t, "", class)).collect(),
        };
        Ok(Self { added, named, extra })
    }

    /// The text of the special token of that name; `""` without one.
    pub(crate) fn named(&self, name: &str) -> &str {
        self.named.iter().find(|(known, _)| *known == name).map_or("", |(_, token)| &token.content)
    }

    /// The named and the extra ones, each as if only its text were known.
    pub(crate) fn plain(&self) -> Vec<AddedToken> {
        let named = self.named.iter().map(|(_, token)| token);
        named.chain(&self.extra).map(|token| AddedToken::from(token.content.as_str(), true)).collect()
    }

    /// Those that `vocabulary` does not have, or has with other properties, in the order in which new ids are given
    /// out.
    pub(crate) fn beyond(mut self, vocabulary: &AddedVocabulary) -> Vec<AddedToken> {
        let known = |token: &AddedToken| vocabulary.get_vocab().contains_key(&token.content);
        self.named.retain(|(_, token)| !known(token));
        self.extra.retain(|token| !known(token));
        self.in_order()
    }

    /// All of them, in the order in which new ids are given out.
    pub(crate) fn in_order(self) -> Vec<AddedToken> {
        let mut tokens: Vec<AddedToken> = self.added.into_values().collect();
        let named = self.named.into_iter().map(|(_, token)| token);
        for token in named.chain(self.extra) {
            match tokens.iter_mut().find(|known| known.content == token.content) {
                Some(known) => known.special |= token.special,
                None => tokens.push(token),
            }
        }
        tokens
    }
}

/// A token given as text, or with its properties.
fn one(value: &Json, name: &str, class: Option<Class>) -> Result<AddedToken, String> {
    match value {
        Json::String(text) => Ok(special(text, name, class)),
        described_token => described(described_token),
    }
}

/// A special token known by its text alone.
fn special(text: &str, name: &str, class: Option<Class>) -> AddedToken {
    // These two take the white space before a mask with it.
    let greedy = name == "mask_token" && matches!(class, Some(Class::Mpnet | Class::Camembert));
    AddedToken::from(text, true).lstrip(greedy)
}

fn described(token: &Json) -> Result<AddedToken, String> {
    let flag = |key: &str| token.get(key).and_then(Json::as_bool);
    let content = token.get("content").and_then(Json::as_str).ok_or("one of its added tokens has no content")?;
    let special = flag("special").unwrap_or(false);
    Ok(AddedToken::from(content, special)
        .single_word(flag("single_word").unwrap_or(false))
        .lstrip(flag("lstrip").unwrap_or(false))
        .rstrip(flag("rstrip").unwrap_or(false))
        .normalized(flag("normalized").unwrap_or(!special)))
}
