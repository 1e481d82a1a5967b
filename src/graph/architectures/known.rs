//! The architectures that are known, by `model_type`.

use super::architecture::Architecture;
use super::{
    albert, bert, deberta_v2, decoder, distilbert, electra, gte, jina_bert, modernbert, mpnet, nomic_bert, roberta,
    xlm_roberta_flash,
};
use crate::graph::{GraphError, config};
use serde_json::Value as Json;

/// Reads a config.json into an architecture with its settings.
type Read = fn(&Json) -> Result<Box<dyn Architecture>, GraphError>;

/// The architectures by their `model_type`.
const KNOWN: &[(&str, Read)] = &[
    ("albert", albert::read),
    ("bert", bert::read),
    ("camembert", roberta::read_kin),
    ("deberta-v2", deberta_v2::read),
    ("distilbert", distilbert::read),
    ("electra", electra::read),
    ("eurobert", decoder::eurobert),
    ("gemma3_text", |config| Ok(Box::new(decoder::gemma3(config)?))),
    ("gte", gte::gte),
    ("jina_embeddings_v3", xlm_roberta_flash::read),
    ("llama", |config| Ok(Box::new(decoder::llama(config)?))),
    ("mistral", |config| Ok(Box::new(decoder::mistral(config)?))),
    ("modernbert", modernbert::read),
    ("mpnet", mpnet::read),
    ("new", gte::new),
    ("nomic_bert", nomic_bert::read),
    ("qwen2", |config| Ok(Box::new(decoder::qwen2(config)?))),
    ("qwen3", |config| Ok(Box::new(decoder::qwen3(config)?))),
    ("roberta", roberta::read),
    ("xlm-roberta", roberta::read_kin),
];

/// True if a config.json describes an architecture.
type Describes = fn(&Json) -> bool;

/// Architectures published under the `model_type` of another, and the test that recognises them.
const DISGUISED: &[(&str, Describes, Read)] = &[
    ("bert", jina_bert::describes, jina_bert::read),
    ("xlm-roberta", xlm_roberta_flash::describes, xlm_roberta_flash::read),
];

/// The supported values of `model_type`.
pub fn supported() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|&(name, _)| name)
}

/// The architecture that `config` (the parsed config.json) describes.
pub(crate) fn of(config: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    config::check(config)?;
    let model_type = config.get("model_type").and_then(Json::as_str);
    if let Some((_, _, read)) = DISGUISED.iter().find(|(name, is, _)| Some(*name) == model_type && is(config)) {
        return read(config);
    }
    match KNOWN.iter().find(|&&(name, _)| Some(name) == model_type) {
        Some((_, read)) => read(config),
        None => Err(GraphError::UnknownArchitecture {
            model_type: model_type.unwrap_or("(none)").to_owned(),
            supported: supported().collect::<Vec<_>>().join(", "),
        }),
    }
}
