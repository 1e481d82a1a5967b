//! Names of models without their organisation: those in the cache first, then as sentence-transformers reads them.

use super::cache::HubEnv;
use super::package;
use super::package::DEFAULT_MODEL;
use crate::model::{ModelError, Setting, SettingError};
use std::path::Path;

use super::cache::inventory;

/// The organisation that sentence-transformers puts before a name without one.
const ORGANISATION: &str = "sentence-transformers";

/// Names that are repositories as they stand, without an organisation: those sentence-transformers leaves alone, as far
/// as they are encoders.
const PLAIN: &[&str] = &[
    "albert-base-v1",
    "albert-base-v2",
    "albert-large-v1",
    "albert-large-v2",
    "albert-xlarge-v1",
    "albert-xlarge-v2",
    "albert-xxlarge-v1",
    "albert-xxlarge-v2",
    "bert-base-cased",
    "bert-base-cased-finetuned-mrpc",
    "bert-base-chinese",
    "bert-base-german-cased",
    "bert-base-german-dbmdz-cased",
    "bert-base-german-dbmdz-uncased",
    "bert-base-multilingual-cased",
    "bert-base-multilingual-uncased",
    "bert-base-uncased",
    "bert-large-cased",
    "bert-large-cased-whole-word-masking",
    "bert-large-cased-whole-word-masking-finetuned-squad",
    "bert-large-uncased",
    "bert-large-uncased-whole-word-masking",
    "bert-large-uncased-whole-word-masking-finetuned-squad",
    "camembert-base",
    "distilbert-base-cased",
    "distilbert-base-cased-distilled-squad",
    "distilbert-base-german-cased",
    "distilbert-base-multilingual-cased",
    "distilbert-base-uncased",
    "distilbert-base-uncased-distilled-squad",
    "distilbert-base-uncased-finetuned-sst-2-english",
    "distilgpt2",
    "distilroberta-base",
    "gpt2",
    "gpt2-large",
    "gpt2-medium",
    "gpt2-xl",
    "openai-gpt",
    "roberta-base",
    "roberta-base-openai-detector",
    "roberta-large",
    "roberta-large-mnli",
    "roberta-large-openai-detector",
    "xlm-roberta-base",
    "xlm-roberta-large",
    "xlm-roberta-large-finetuned-conll02-dutch",
    "xlm-roberta-large-finetuned-conll02-spanish",
    "xlm-roberta-large-finetuned-conll03-english",
    "xlm-roberta-large-finetuned-conll03-german",
];

/// The repository that `id` names: itself where it is a path or has an organisation; else the cached model of that
/// name; else that of the organisation sentence-transformers.
///
/// # Errors
/// Several cached models have that name.
pub(crate) fn full_id(id: &str, env: &HubEnv, infa_cache: &Path) -> Result<String, ModelError> {
    if id.contains('/') || looks_like_path(id) || Path::new(id).exists() {
        return Ok(id.to_owned());
    }
    let usual = format!("{ORGANISATION}/{id}");
    let cached = inventory::ids(&env.cache);
    let is_cached = |id: &str| cached.iter().any(|known| known == id);
    if is_cached(id) {
        return Ok(id.to_owned());
    }
    if is_cached(&usual) || usual == DEFAULT_MODEL && package::installed(infa_cache).is_some() {
        return Ok(usual);
    }
    let named: Vec<&str> =
        cached.iter().filter(|known| known.split('/').nth(1) == Some(id)).map(String::as_str).collect();
    match named[..] {
        [] if PLAIN.contains(&id.to_ascii_lowercase().as_str()) => Ok(id.to_owned()),
        [] => Ok(usual),
        [only] => Ok(only.to_owned()),
        _ => {
            let reason = format!("several cached models are called {id}: {}; give one of these", named.join(", "));
            Err(SettingError::new(Setting::ModelId, reason).into())
        }
    }
}

/// The cached model that `id` would name if there were no directory of that name.
pub(crate) fn cached_id(id: &str, env: &HubEnv, infa_cache: &Path) -> Option<String> {
    let mut cached = inventory::ids(&env.cache);
    cached.extend(package::installed(infa_cache).map(|_| DEFAULT_MODEL.to_owned()));
    let last = |known: &str| known.rsplit('/').next().map(str::to_owned);
    let found = cached.iter().find(|known| *known == id).or_else(|| {
        let usual = format!("{ORGANISATION}/{id}");
        let named = cached.iter().find(|known| last(known).as_deref() == Some(id));
        cached.iter().find(|known| **known == usual).or(named)
    });
    found.cloned()
}

/// True if a name that is not an existing path looks like one.
pub(crate) fn looks_like_path(name: &str) -> bool {
    name.is_empty()
        || name.starts_with(['/', '.', '~'])
        || name.ends_with(['/', '\\'])
        || name.ends_with(".onnx")
        || name.contains('\\')
        || name.matches('/').count() > 1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_cache_decides_first() {
        let (cache, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let env = HubEnv { cache: cache.path().to_owned(), ..HubEnv::from_lookup(&|_| None, None) };
        let full = |id: &str| full_id(id, &env, own.path()).map_err(|e| e.to_string());
        let add = |id: &str| {
            let folder = format!("models--{}", id.replace('/', "--"));
            std::fs::create_dir_all(cache.path().join(folder).join("snapshots").join("a".repeat(40))).unwrap();
        };
        assert_eq!(full("all-MiniLM-L6-v2").unwrap(), DEFAULT_MODEL);
        assert_eq!(full("org/name").unwrap(), "org/name");
        assert_eq!(full("./name").unwrap(), "./name");
        assert_eq!(full("bert-base-uncased").unwrap(), "bert-base-uncased");
        assert_eq!(full("bge-small").unwrap(), "sentence-transformers/bge-small");
        add("BAAI/bge-small");
        assert_eq!(full("bge-small").unwrap(), "BAAI/bge-small");
        add("other/bge-small");
        assert!(full("bge-small").unwrap_err().contains("BAAI/bge-small, other/bge-small"));
        add("sentence-transformers/bge-small");
        assert_eq!(full("bge-small").unwrap(), "sentence-transformers/bge-small");
        add("bge-small");
        assert_eq!(full("bge-small").unwrap(), "bge-small");
        // What a directory of that name hides.
        let hidden = |id: &str| cached_id(id, &env, own.path());
        add("org/large");
        assert_eq!(hidden("large").as_deref(), Some("org/large"));
        assert_eq!(hidden("org/large").as_deref(), Some("org/large"));
        assert_eq!(hidden("arge"), None);
    }
}
