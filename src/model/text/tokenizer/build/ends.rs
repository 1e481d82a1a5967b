//! Tokens that open and close a text, if tokenizer_config.json requires them and tokenizer.json does not add them.
//!
//! `transformers` 4 built the post-processor of Llama's, Gemma's, Cohere's and others' tokenizers from `add_bos_token`
//! and `add_eos_token` and ignored that of tokenizer.json, and models were trained so: e5-mistral pools its `</s>`.
//! `transformers` 5 uses the file alone. Here a token that only the configuration has is added, with a warning; a token
//! that only the file has stays.
//!
//! Reference: `update_post_processor` in `tokenization_llama_fast.py` of `transformers` 4: `bos A eos` for a text, `bos
//! A eos bos B eos` for a pair.

use serde_json::{Map, Value as Json, json};
use tokenizers::processors::PostProcessorWrapper;

use super::class::Class;
use super::special;
use super::special::{flag, special_tokens};

/// The flags of tokenizer_config.json, the names of their tokens, and where each token goes.
const ENDS: [(&str, &str, &str); 2] =
    [("add_bos_token", "bos_token", "at the beginning"), ("add_eos_token", "eos_token", "at the end")];

/// Adds the missing tokens. Returns remarks on those added, and on those that could not be.
pub(crate) fn add_missing(
    inner: &mut tokenizers::Tokenizer,
    class: Option<Class>,
    config: &Json,
    map: &Json,
) -> Result<Vec<String>, String> {
    if ENDS.iter().all(|(key, ..)| !flag(config, key)) {
        return Ok(Vec::new());
    }
    let named = special::ids(inner, class, [config, map]);
    let (mut prefix, mut suffix) = special_tokens(inner)?;
    let mut remarks = Vec::new();
    let mut changed = false;
    for (key, name, place) in ENDS.into_iter().filter(|(key, ..)| flag(config, key)) {
        let opens = name == "bos_token";
        let there = if opens { &mut prefix } else { &mut suffix };
        match named.get(name) {
            Some(id) if there.contains(id) => {}
            Some(&id) => {
                there.insert(if opens { 0 } else { there.len() }, id);
                changed = true;
                let token = text_of(inner, id).unwrap_or_default();
                remarks.push(format!(
                    "tokenizer.json adds no {name} {place} of a text, but {key} of tokenizer_config.json requires it: \
                     {token} is added, as transformers 4 does and 5 does not"
                ));
            }
            // Without any such token transformers 4 refuses; the model's other files have its requirements.
            None => remarks.push(format!(
                "{key} of tokenizer_config.json requires a {name} {place} of a text, but the vocabulary has none: none is added"
            )),
        }
    }
    if changed {
        let built = processor(inner, &prefix, &suffix)?;
        inner.with_post_processor(Some(built));
    }
    Ok(remarks)
}

fn text_of(inner: &tokenizers::Tokenizer, id: i64) -> Option<String> {
    inner.id_to_token(u32::try_from(id).ok()?)
}

/// `prefix A suffix`, and for a pair the same of each text, the second of type 1.
fn processor(inner: &tokenizers::Tokenizer, prefix: &[i64], suffix: &[i64]) -> Result<PostProcessorWrapper, String> {
    let mut tokens = Map::new();
    for &id in prefix.iter().chain(suffix) {
        let text = text_of(inner, id).ok_or_else(|| format!("no token has the id {id}"))?;
        tokens.insert(text.clone(), json!({"id": text, "ids": [id], "tokens": [text]}));
    }
    let around = |text: &str, kind: u32| -> Vec<Json> {
        let special = |ids: &[i64]| -> Vec<Json> {
            let texts = ids.iter().filter_map(|&id| text_of(inner, id));
            texts.map(|text| json!({"SpecialToken": {"id": text, "type_id": kind}})).collect()
        };
        let sequence = json!({"Sequence": {"id": text, "type_id": kind}});
        [special(prefix), vec![sequence], special(suffix)].concat()
    };
    let (single, second) = (around("A", 0), around("B", 1));
    let pair = [single.clone(), second].concat();
    let template = json!({"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": tokens});
    // Post-processors that trim the spans of tokens stay; the template replaces the rest.
    let saved = inner.get_post_processor().map(serde_json::to_value).transpose().map_err(|e| e.to_string())?;
    let saved = saved.unwrap_or_default();
    let steps = saved.get("processors").and_then(Json::as_array).cloned().unwrap_or_else(|| vec![saved]);
    let mut kept: Vec<Json> = steps.into_iter().filter(|step| step["type"] == "ByteLevel").collect();
    kept.push(template);
    serde_json::from_value(json!({"type": "Sequence", "processors": kept})).map_err(|e| format!("post_processor: {e}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::text::tokenizer::read::Saved;
    use crate::model::text::tokenizer::types::{Hints, Tokenizer, Truncate};

    /// A tokenizer of letters: `<s>` is 1, `</s>` is 2, a is 3.
    fn file(post_processor: Json) -> Json {
        let special = |id: u32, content: &str| {
            json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true})
        };
        json!({"version": "1.0", "truncation": null, "padding": null,
            "added_tokens": [special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")],
            "normalizer": null, "pre_tokenizer": null, "post_processor": post_processor, "decoder": null,
            "model": {"type": "BPE", "dropout": null, "unk_token": "<unk>", "fuse_unk": false, "byte_fallback": false,
                "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "a": 3, "b": 4}, "merges": []}})
    }

    fn opening() -> Json {
        let bos = json!({"SpecialToken": {"id": "<s>", "type_id": 0}});
        let text = |name: &str| json!({"Sequence": {"id": name, "type_id": 0}});
        json!({"type": "TemplateProcessing", "single": [bos, text("A")], "pair": [bos, text("A"), text("B")],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}})
    }

    fn tokenizer(post_processor: Json, config: &Json) -> Tokenizer {
        let bytes = serde_json::to_vec(&file(post_processor)).unwrap();
        let hints = Hints { model_type: Some("mistral"), tokenizer_class: None, lowercase: false };
        Tokenizer::new(Saved::Whole(bytes), config, &Json::Null, hints).unwrap()
    }

    fn ids(tokenizer: &Tokenizer) -> (Vec<i64>, Vec<i64>) {
        let single = tokenizer.encode("ab", 64, Truncate::Right).unwrap().ids;
        (single, tokenizer.encode_pair("a", "b", 64, Truncate::Right).unwrap().ids)
    }

    fn config(bos: bool, eos: bool) -> Json {
        json!({"add_bos_token": bos, "add_eos_token": eos, "bos_token": "<s>", "eos_token": {"content": "</s>"}})
    }

    #[test]
    fn what_is_asked_for_and_missing_is_added() {
        let found = tokenizer(opening(), &config(true, true));
        assert_eq!(ids(&found), (vec![1, 3, 4, 2], vec![1, 3, 2, 1, 4, 2]));
        assert_eq!((found.specials(), found.pair_specials()), (2, 4));
        assert_eq!(found.remarks.len(), 1);
        assert!(found.remarks[0].contains("add_eos_token") && found.remarks[0].contains("</s>"), "{:?}", found.remarks);
        let both = tokenizer(Json::Null, &config(true, true));
        assert_eq!((ids(&both), both.remarks.len()), ((vec![1, 3, 4, 2], vec![1, 3, 2, 1, 4, 2]), 2));
        let bytes = json!({"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true});
        assert_eq!(ids(&tokenizer(bytes, &config(false, true))).0, [3, 4, 2]);
        let kept = tokenizer(opening(), &config(true, true)).encode("abababab", 4, Truncate::Right).unwrap();
        assert_eq!((kept.ids, kept.truncated), (vec![1, 3, 4, 2], true));
    }

    #[test]
    fn what_is_there_or_not_asked_for_stays() {
        for config in [config(true, false), config(false, false), Json::Null] {
            let found = tokenizer(opening(), &config);
            assert_eq!(ids(&found), (vec![1, 3, 4], vec![1, 3, 4]));
            assert!(found.remarks.is_empty());
        }
    }

    #[test]
    fn a_missing_token_is_a_remark() {
        let config = json!({"add_eos_token": true, "eos_token": null});
        let found = tokenizer(opening(), &config);
        assert_eq!(ids(&found).0, [1, 3, 4]);
        assert!(found.remarks[0].contains("none is added"), "{:?}", found.remarks);
    }
}
