//! The parts of tokenizer.json that a class takes which builds itself anew.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Json;
use tokenizers::models::bpe::{Merges, Vocab};

/// True if tokenizer.json works on bytes, by the rule of `transformers`.
pub(crate) fn is_byte_level(bytes: &[u8]) -> bool {
    let name = b"\"ByteLevel\"";
    bytes.windows(name.len()).any(|window| window == name)
}

#[derive(Deserialize)]
pub(crate) struct File {
    pub(crate) model: Model,
    #[serde(default)]
    pub(crate) added_tokens: Vec<Json>,
    #[serde(default)]
    pub(crate) normalizer: Json,
    #[serde(default)]
    pub(crate) post_processor: Json,
    #[serde(default)]
    pub(crate) truncation: Json,
}

#[derive(Deserialize)]
pub(crate) struct Model {
    pub(crate) vocab: Vocabulary,
    #[serde(default)]
    pub(crate) merges: Vec<Merge>,
}

impl Model {
    /// The pairs that BPE merges, the first first.
    pub(crate) fn merges(&self) -> Result<Merges, String> {
        let pair = |merge: &Merge| match merge {
            Merge::Pair(left, right) => Ok((left.clone(), right.clone())),
            Merge::Line(line) => match line.split_once(' ') {
                Some((left, right)) => Ok((left.to_owned(), right.to_owned())),
                None => Err(format!("\"{line}\" among its merges is not a pair")),
            },
        };
        self.merges.iter().map(pair).collect()
    }
}

/// A merge as files have it since 2024, or as they had it before.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Merge {
    Pair(String, String),
    Line(String),
}

/// A vocabulary: tokens with their ids, or, in the order of their ids, with their scores.
pub(crate) enum Vocabulary {
    Ids(Vocab),
    Scores(Vec<(String, f64)>),
}

impl Vocabulary {
    pub(crate) fn into_ids(self) -> Vocab {
        match self {
            Self::Ids(ids) => ids,
            Self::Scores(scores) => scores.into_iter().map(|(token, _)| token).zip(0..).collect(),
        }
    }

    pub(crate) fn into_scores(self) -> Result<Vec<(String, f64)>, String> {
        match self {
            Self::Scores(scores) => Ok(scores),
            Self::Ids(_) => Err("its vocabulary has no scores, which the model's tokenizer class needs".into()),
        }
    }
}

impl<'de> Deserialize<'de> for Vocabulary {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Vocabulary;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of tokens to ids or a list of tokens with scores")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vocabulary, A::Error> {
                let mut ids = Vocab::default();
                while let Some((token, id)) = map.next_entry()? {
                    ids.insert(token, id);
                }
                Ok(Vocabulary::Ids(ids))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vocabulary, A::Error> {
                let mut scores = Vec::new();
                while let Some(entry) = list.next_element()? {
                    scores.push(entry);
                }
                Ok(Vocabulary::Scores(scores))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
