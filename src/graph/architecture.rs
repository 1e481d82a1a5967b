//! What an architecture is to the rest of the graph, and which one a config.json means.

use serde_json::Value as Json;

use super::builder::{Builder, Value};
use super::{
    GraphError, Rows, albert, bert, config, deberta_v2, decoder, distilbert, electra, gte, jina_bert, modernbert,
    mpnet, nomic_bert, roberta, xlm_roberta_flash,
};

/// The sizes of a model that others need to know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sizes {
    /// Length of a row of the last hidden state.
    pub hidden: usize,
    /// Rows of the word-embedding table.
    pub vocab: usize,
    /// Longest sequence in tokens; `None` where nothing limits it.
    pub max_positions: Option<usize>,
    /// Token types; 0 or 1: the architecture takes none.
    pub token_types: usize,
}

/// A family of models that differ only in settings and weights.
pub(super) trait Architecture {
    /// `model_type`, for messages.
    fn name(&self) -> &'static str;

    /// The sizes that config.json gives.
    fn sizes(&self) -> Sizes;

    /// Name of a tensor that every checkpoint of the architecture has, without prefix.
    fn anchor(&self) -> &'static str;

    /// Writes the model up to its last hidden state: flat rows `[batch · sequence, hidden]`, or `[batch, hidden]` if
    /// `rows` asks for one row a text.
    fn encode(&self, b: &mut Builder<'_>, rows: Rows) -> Result<Value, GraphError>;

    /// The rows that the sequence-classification head reads.
    fn classified_rows(&self) -> Rows {
        Rows::First
    }

    /// Writes the sequence-classification head over the rows [`Architecture::classified_rows`]: `[batch, labels]`.
    fn logits(&self, _: &mut Builder<'_>, _x: &Value, _labels: usize) -> Result<Value, GraphError> {
        Err(GraphError::NoHead { architecture: self.name(), head: "sequence-classification" })
    }

    /// Writes the logit of `token` as the one that would follow: `x` `[batch, hidden]`, the last rows → `[batch, 1]`.
    fn next_token(&self, _: &mut Builder<'_>, _x: &Value, _token: usize) -> Result<Value, GraphError> {
        Err(GraphError::NoHead { architecture: self.name(), head: "language-model" })
    }

    /// Writes the masked-LM head: flat `[batch · sequence, hidden]` → `[batch · sequence, vocab]`.
    fn token_logits(&self, _: &mut Builder<'_>, _x: &Value) -> Result<Value, GraphError> {
        Err(GraphError::NoHead { architecture: self.name(), head: "masked-LM" })
    }
}

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

/// Whether a config.json describes an architecture.
type Describes = fn(&Json) -> bool;

/// Architectures whose published models bear the `model_type` of another, and how to know them.
const DISGUISED: &[(&str, Describes, Read)] = &[
    ("bert", jina_bert::describes, jina_bert::read),
    ("xlm-roberta", xlm_roberta_flash::describes, xlm_roberta_flash::read),
];

/// The supported values of `model_type`.
pub fn supported() -> impl Iterator<Item = &'static str> {
    KNOWN.iter().map(|&(name, _)| name)
}

/// The architecture that `config` (the parsed config.json) describes.
pub(super) fn of(config: &Json) -> Result<Box<dyn Architecture>, GraphError> {
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
