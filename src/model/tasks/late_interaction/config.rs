//! The settings of a model of late interaction.

use super::expansion::Expansion;
use crate::model::ModelError;
use crate::model::files::json::{positive, read_object};
use serde_json::Value as Json;
use std::path::Path;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct LateInteraction {
    /// Longest query in tokens, if a file sets it.
    pub query_length: Option<usize>,
    /// Longest document in tokens, if a file sets it.
    pub document_length: Option<usize>,
    pub expansion: Option<Expansion>,
    /// The tokens that have a vector; without it all that attention sees.
    pub mask: Option<TokenMask>,
    /// Prompts that become a single token each, if the tokenizer knows them.
    pub markers: Vec<String>,
    /// True if the score of two texts is the mean and not the sum of the largest products.
    pub mean: bool,
    /// True if the files leave out what PyLate does to every model: punctuation has no vector, vectors have length 1.
    pub(crate) implied: bool,
    /// Words without a vector, if PyLate's settings list them.
    pub(super) skiplist: Option<Vec<String>>,
}

/// The tokens of a text that have a vector (the module MultiVectorMask).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenMask {
    /// Tokens that have none.
    pub skiplist_words: Vec<String>,
    pub skip_in_queries: bool,
    /// True if that holds for documents, and texts that are neither.
    pub skip_in_documents: bool,
    /// Ids of the only tokens that have one, but for queries; none: all of them.
    pub keep_only: Vec<i64>,
}

impl TokenMask {
    /// Words that have no vector in documents.
    pub fn skipping(skiplist_words: Vec<String>) -> Self {
        Self { skiplist_words, skip_in_queries: false, skip_in_documents: true, keep_only: Vec::new() }
    }

    pub(crate) fn read(dir: &Path) -> Result<Self, ModelError> {
        let path = dir.join("config.json");
        let json = read_object(&path)?.unwrap_or(Json::Null);
        let refuse = |key: &str, value: &Json| ModelError::Config {
            path: path.clone(),
            reason: format!("{key} = {value} is not understood"),
        };
        let words = |key: &str| match json.get(key).filter(|value| !value.is_null()) {
            None => Ok(None),
            Some(value) => strings(value).map(Some).ok_or_else(|| refuse(key, value)),
        };
        let tasks = words("skiplist_tasks")?.unwrap_or_else(|| vec!["document".into()]);
        let keep_only = match json.get("keep_only_token_ids").filter(|value| !value.is_null()) {
            None => Some(Vec::new()),
            Some(value) => value.as_array().and_then(|ids| ids.iter().map(Json::as_i64).collect()),
        };
        Ok(Self {
            skiplist_words: words("skiplist_words")?.unwrap_or_default(),
            skip_in_queries: tasks.iter().any(|task| task == "query"),
            skip_in_documents: tasks.iter().any(|task| task == "document"),
            keep_only: keep_only.ok_or_else(|| refuse("keep_only_token_ids", &json["keep_only_token_ids"]))?,
        })
    }
}

/// A string, or an array of strings.
fn strings(value: &Json) -> Option<Vec<String>> {
    match value {
        Json::String(one) => Some(vec![one.clone()]),
        Json::Array(all) => all.iter().map(|one| one.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

/// Python's `string.punctuation`.
pub(super) fn punctuation() -> Vec<String> {
    (0..128u8).filter(u8::is_ascii_punctuation).map(|byte| char::from(byte).to_string()).collect()
}

/// The settings by which PyLate's files are known.
const PYLATE: [&str; 9] = [
    "query_length",
    "document_length",
    "query_expansion",
    "do_query_expansion",
    "attend_to_expansion_tokens",
    "attend_to_mask_tokens",
    "query_prefix",
    "document_prefix",
    "skiplist_words",
];

impl LateInteraction {
    /// Reads `json`, the config_sentence_transformers.json at `path`; `None` if the model is of another kind.
    pub(crate) fn read(path: &Path, json: &Json) -> Result<Option<Self>, ModelError> {
        let refuse = |reason: String| ModelError::Config { path: path.to_owned(), reason };
        let given = |key: &str| json.get(key).filter(|value| !value.is_null());
        let prefixed = json.get("query_prefix").is_some() || json.get("document_prefix").is_some();
        let implied = match json.get("model_type").and_then(Json::as_str) {
            Some("MultiVectorEncoder") => false,
            Some("ColBERT") => true,
            _ if prefixed => true,
            _ => return Ok(None),
        };
        let mut late = Self { implied, ..Self::default() };
        late.query_length = positive(json, "query_length").map_err(refuse)?;
        late.document_length = positive(json, "document_length").map_err(refuse)?;
        late.skiplist = match given("skiplist_words") {
            None => None,
            Some(words) => {
                Some(strings(words).ok_or_else(|| refuse(format!("skiplist_words = {words} is not understood")))?)
            }
        };
        if let Some(expansion) = json.get("query_expansion") {
            late.expansion = Expansion::read(expansion).map_err(refuse)?;
        } else if PYLATE.iter().any(|key| json.get(key).is_some())
            && json.get("do_query_expansion") != Some(&Json::Bool(false))
        {
            let attend = given("attend_to_expansion_tokens").or_else(|| given("attend_to_mask_tokens"));
            let attend = attend.and_then(Json::as_bool).unwrap_or(false);
            late.expansion = Some(Expansion::fixed(late.query_length.take().unwrap_or(32), attend));
        }
        late.markers = ["query_prefix", "document_prefix"]
            .iter()
            .filter_map(|key| given(key).and_then(Json::as_str).map(str::to_owned))
            .collect();
        late.mean = match given("similarity_fn_name").and_then(Json::as_str) {
            Some("meanmaxsim") => true,
            // Other values are left over from the model's base.
            _ => false,
        };
        Ok(Some(late))
    }

    /// Reads `json`, the settings of the transformer module at `path`; they override the rest.
    pub(crate) fn read_transformer(&mut self, path: &Path, json: &Json) -> Result<(), ModelError> {
        let refuse = |reason: String| ModelError::Config { path: path.to_owned(), reason };
        if json.get("query_length").is_some() {
            self.query_length = positive(json, "query_length").map_err(refuse)?;
        }
        if json.get("document_length").is_some() {
            self.document_length = positive(json, "document_length").map_err(refuse)?;
        }
        if let Some(expansion) = json.get("query_expansion") {
            self.expansion = Expansion::read(expansion).map_err(refuse)?;
        }
        if let (Some(expansion), Some(length)) = (&self.expansion, self.query_length)
            && length < expansion.length
        {
            let to = expansion.length;
            return Err(refuse(format!("query_length {length} is less than query_expansion's length {to}")));
        }
        Ok(())
    }

    /// The mask that PyLate puts after every model.
    pub(crate) fn implied_mask(&self) -> TokenMask {
        TokenMask::skipping(self.skiplist.clone().unwrap_or_else(punctuation))
    }
}

/// The prompts of `json` (config_sentence_transformers.json) with PyLate's prefixes before them.
pub(crate) fn prefixed_prompts(json: &Json, prompts: &mut std::collections::BTreeMap<String, String>) {
    for (key, role) in [("query_prefix", "query"), ("document_prefix", "document")] {
        if let Some(prefix) = json.get(key) {
            let prefix = prefix.as_str().unwrap_or_default();
            let saved = prompts.get(role).map(String::as_str).unwrap_or_default();
            let prompt = format!("{prefix}{}", saved.strip_prefix(prefix).unwrap_or(saved));
            prompts.insert(role.to_owned(), prompt);
        }
    }
}
