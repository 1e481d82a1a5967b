//! Vocabulary files from before tokenizer.json: vocab.txt of WordPiece, vocab.json with merges.txt of byte-level BPE.
//!
//! Only a class that builds the rest itself (see [`super::rebuild`]) can do with them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};
use tokenizers::models::bpe::Vocab;

use super::class::{Class, NAMED};
use super::file::{File, Merge, Model, Vocabulary};
use crate::model::ModelError;
use crate::model::files::json::{read_json, read_json_up_to};
use crate::regular_file;

const WORDS: &str = "vocab.txt";
const IDS: &str = "vocab.json";
const MERGES: &str = "merges.txt";

/// The names of such files, fetched if there is no tokenizer.json; vocab.json is fetched in any case.
pub(crate) const FILES: [&str; 2] = [WORDS, MERGES];

/// The vocabulary file in `dir`, if there is one.
pub(crate) fn find(dir: &Path) -> Option<PathBuf> {
    let words = dir.join(WORDS);
    if words.is_file() {
        return Some(words);
    }
    Some(dir.join(IDS)).filter(|path| path.is_file() && dir.join(MERGES).is_file())
}

/// The error of a `dir` with neither tokenizer.json nor a substitute.
pub(crate) fn missing(dir: &Path) -> ModelError {
    ModelError::MissingFile {
        dir: dir.to_owned(),
        what: "tokenizer.json".into(),
        hint: "save it with transformers: AutoTokenizer.from_pretrained(…).save_pretrained(…)".into(),
    }
}

/// Builds a tokenizer.json from the vocabulary files in `dir`, for `class`. `settings` are tokenizer_config.json and
/// special_tokens_map.json.
pub(crate) fn read(dir: &Path, class: Option<Class>, settings: [&Json; 2]) -> Result<File, ModelError> {
    let text = |name: &str| {
        let path = dir.join(name);
        regular_file::read_text(&path, regular_file::VOCABULARY).map_err(|source| ModelError::Io { path, source })
    };
    let (vocab, merges) = match class {
        Some(Class::Bert | Class::DistilBert | Class::Mpnet) if dir.join(WORDS).is_file() => {
            let words = text(WORDS)?;
            (words.lines().map(|line| line.trim_end().to_owned()).zip(0..).collect(), Vec::new())
        }
        Some(Class::Roberta) if dir.join(IDS).is_file() && dir.join(MERGES).is_file() => {
            let vocab: Option<Vocab> = read_json_up_to(&dir.join(IDS), regular_file::VOCABULARY)?;
            let vocab = vocab.unwrap_or_default();
            let merges = text(MERGES)?;
            let merges = merges.lines().filter(|line| !line.starts_with("#version"));
            (vocab, merges.map(|line| Merge::Line(line.to_owned())).collect())
        }
        _ => return Err(missing(dir)),
    };
    Ok(File {
        model: Model { vocab: Vocabulary::Ids(vocab), merges },
        added_tokens: added(dir, settings)?,
        normalizer: Json::Null,
        post_processor: Json::Null,
        truncation: Json::Null,
    })
}

/// The tokens in added_tokens.json beside the vocabulary, with their ids. Those in `settings` are special.
fn added(dir: &Path, settings: [&Json; 2]) -> Result<Vec<Json>, ModelError> {
    let tokens: Option<BTreeMap<String, u32>> = read_json(&dir.join("added_tokens.json"))?;
    let named = |content: &str| {
        let values = settings.iter().flat_map(|settings| NAMED.iter().filter_map(|name| settings.get(name)));
        values.into_iter().any(|value| value.get("content").unwrap_or(value).as_str() == Some(content))
    };
    let token = |(content, id): (String, u32)| json!({ "id": id, "special": named(&content), "content": content });
    Ok(tokens.into_iter().flatten().map(token).collect())
}
