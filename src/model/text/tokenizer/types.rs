//! A tokenizer, and the tokens of a text.

use super::squeeze::Squeeze;
use clap::ValueEnum;
use serde_json::Value as Json;
use std::collections::HashMap;

/// The end at which a text that is too long is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Truncate {
    /// The end goes
    Right,
    /// The beginning goes
    Left,
    /// Nothing goes: a text that is too long is an error
    None,
}

/// The tokens of one text or one pair of texts, special tokens included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// Token ids, as the graph takes them.
    pub ids: Vec<i64>,
    /// The type of each token; empty where all are of type 0.
    pub types: Vec<i64>,
    /// Number of tokens at the end that attention does not see; they see the others.
    pub unseen: usize,
    /// True if tokens of the text were left out.
    pub truncated: bool,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenizeError {
    #[error("the text has more than {limit} tokens, and truncation is off")]
    TooLong {
        /// The maximum length in tokens, specials included.
        limit: usize,
    },
    /// Too many bytes for a tokenizer in which some tokens stand for very long parts: the whole text would have to be
    /// read.
    #[error("the text has more than {limit} bytes and gives too few tokens to be cut early; shorten it")]
    TooManyBytes { limit: usize },
    #[error("the tokenizer failed: {0}")]
    Failed(String),
}

/// Settings from other files that the tokenizer needs.
#[derive(Debug, Clone, Copy)]
pub struct Hints<'a> {
    pub model_type: Option<&'a str>,
    pub tokenizer_class: Option<&'a str>,
    /// sentence-transformers' `do_lower_case`.
    pub lowercase: bool,
}

pub struct Tokenizer {
    pub(super) inner: tokenizers::Tokenizer,
    /// Shortens what gives few tokens of a long text.
    pub(super) squeeze: Squeeze,
    /// Ids of the special tokens by their names in tokenizer_config.json.
    pub(super) specials_by_name: HashMap<&'static str, i64>,
    /// Special tokens before and after a text.
    pub(super) prefix: Vec<i64>,
    pub(super) suffix: Vec<i64>,
    pub(super) pair_specials: usize,
    /// `model_max_length` of tokenizer_config.json, where it is a length and not "no limit".
    pub model_max_length: Option<usize>,
    /// The end that goes by default.
    pub truncation_side: Truncate,
    /// True if the model takes token types (`token_type_ids`), which mark the second text of a pair.
    pub has_token_types: bool,
    /// True if batches are padded before their texts, and not after.
    pub pads_left: bool,
    /// Remarks on differences from tokenizer.json.
    pub remarks: Vec<String>,
}

impl<'a> Hints<'a> {
    /// The tokenizer's class by its name, as `config` (tokenizer_config.json) has it, or else config.json.
    pub(super) fn class_named(&self, config: &'a Json) -> Option<&'a str> {
        config.get("tokenizer_class").and_then(Json::as_str).or(self.tokenizer_class)
    }
}
