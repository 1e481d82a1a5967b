//! EuroBERT: a Llama whose every token sees every other, with heads of its own.
//!
//! Reference: `transformers`, `models/eurobert/modeling_eurobert.py`; Boizard et al. 2025,
//! <https://arxiv.org/abs/2503.05500>.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::super::architecture::{Architecture, Sizes};
use super::super::rotary::Rotation;
use super::head::{WORD_LOGITS, WORDS};
use super::llama::{self, Absent};
use super::stack::{Biases, Decoder, Layer};
use crate::graph::builder::{Activation, Builder, Mask, Value};
use crate::graph::{GraphError, Rows, config};

struct EuroBert {
    encoder: Decoder,
    pooling: Pooling,
    /// True if the masked-LM head has a bias.
    bias: bool,
    /// True if it has the matrix of the word embeddings.
    tied: bool,
}

/// The row or rows that the classification head reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pooling {
    /// It reads the first token.
    First,
    /// It reads the mean of all tokens.
    Mean,
    /// It reads every token, and the mean of its logits counts.
    Late,
}

#[derive(Deserialize)]
struct Settings {
    classifier_pooling: Option<String>,
    /// The same in configs on the Hub.
    clf_pooling: Option<String>,
    tie_word_embeddings: Option<bool>,
}

pub(in crate::graph) fn eurobert(json: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    let own: Settings = config::read(json)?;
    let pooling = own.classifier_pooling.or(own.clf_pooling);
    let pooling = match pooling.as_deref() {
        Some("bos") => Pooling::First,
        Some("mean") => Pooling::Mean,
        Some("late") | None => Pooling::Late,
        Some(other) => {
            let value = format!("\"{other}\"");
            return Err(GraphError::NotImplemented { key: "classifier_pooling", value });
        }
    };
    let absent = Absent { vocab: 128_256, inner: 3072, kv_heads: None, positions: 8192, head_dim: None };
    let (settings, mut encoder) = llama::read("eurobert", &with_defaults(json), &absent)?;
    let all = Layer { mask: Mask::default(), rotation: 0 };
    encoder.layers = vec![all; settings.num_hidden_layers];
    let bias = settings.attention_bias;
    encoder.biases = Biases { qkv: bias, attended: bias, feed_forward: settings.mlp_bias };
    encoder.rotations = encoder.rotations.into_iter().map(Rotation::endless).collect();
    let tied = own.tie_word_embeddings.unwrap_or(false);
    Ok(Box::new(EuroBert { encoder, pooling, bias: settings.mlp_bias, tied }))
}

/// `json` with EuroBERT's default sizes, which differ from a Llama's.
fn with_defaults(json: &Json) -> Json {
    let mut filled = json!({
        "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "rms_norm_eps": 1e-5,
    });
    if let (Some(filled), Some(settings)) = (filled.as_object_mut(), json.as_object()) {
        filled.extend(settings.iter().filter(|(_, value)| !value.is_null()).map(|(k, v)| (k.clone(), v.clone())));
    }
    filled
}

impl Architecture for EuroBert {
    fn name(&self) -> &'static str {
        self.encoder.name()
    }

    fn sizes(&self) -> Sizes {
        Sizes { max_positions: None, ..self.encoder.sizes() }
    }

    fn anchor(&self) -> &'static str {
        self.encoder.anchor()
    }

    fn packable(&self) -> bool {
        self.encoder.packable()
    }

    fn encode(&self, b: &mut Builder<'_>, rows: Rows) -> Result<Value, GraphError> {
        self.encoder.encode(b, rows)
    }

    fn classified_rows(&self) -> Rows {
        if self.pooling == Pooling::First { Rows::First } else { Rows::All }
    }

    /// Dense, always GELU, classifier.
    fn logits(&self, b: &mut Builder<'_>, x: &Value, labels: usize) -> Result<Value, GraphError> {
        let hidden = self.encoder.hidden;
        let x = if self.pooling == Pooling::Mean { b.mean_of_texts(x, hidden) } else { x.clone() };
        let x = b.linear(&x, "/dense", hidden, hidden)?;
        let x = b.activation(&x, Activation::Gelu);
        let x = b.linear(&x, "/classifier", hidden, labels)?;
        Ok(if self.pooling == Pooling::Late { b.mean_of_texts(&x, labels) } else { x })
    }

    fn token_logits(&self, b: &mut Builder<'_>, x: &Value) -> Result<Value, GraphError> {
        let (vocab, hidden) = (self.encoder.vocab, self.encoder.hidden);
        // A head of its own goes before a tie, as in the reference, where both are there.
        let name = if self.tied && !b.has(WORD_LOGITS) { WORDS } else { WORD_LOGITS };
        let weight = b.matrix(name, vocab, hidden)?;
        let bias = if self.bias { Some(b.weight("/lm_head.bias", &[vocab])?) } else { None };
        b.product(x, &weight, bias.as_ref())
    }
}
