//! BERT: word + position + token-type embeddings, then post-norm transformer layers.
//!
//! Reference: `transformers`, `models/bert/modeling_bert.py`; Devlin et al. 2018, <https://arxiv.org/abs/1810.04805>.

use serde::Deserialize;
use serde_json::Value as Json;

use super::architecture::{Architecture, Sizes};
use super::builder::{Activation, Attention, Builder, Mask, Value};
use super::{GraphError, Rows, config};

/// The settings of config.json that decide the graph; defaults are those of `transformers.BertConfig`.
#[derive(Deserialize)]
#[serde(default)]
struct Bert {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    hidden_act: String,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f32,
    position_embedding_type: String,
    is_decoder: bool,
    tie_word_embeddings: bool,
}

impl Default for Bert {
    fn default() -> Self {
        Self {
            vocab_size: 30522,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: "gelu".into(),
            max_position_embeddings: 512,
            type_vocab_size: 2,
            layer_norm_eps: 1e-12,
            position_embedding_type: "absolute".into(),
            is_decoder: false,
            tie_word_embeddings: true,
        }
    }
}

pub(super) fn read(json: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    let bert: Bert = config::read(json)?;
    config::only("position_embedding_type", &bert.position_embedding_type, &"absolute".to_owned())?;
    config::only("is_decoder", &bert.is_decoder, &false)?;
    config::positive("num_hidden_layers", bert.num_hidden_layers)?;
    config::head_dim(bert.hidden_size, bert.num_attention_heads)?;
    bert.activation()?;
    Ok(Box::new(bert))
}

impl Architecture for Bert {
    fn name(&self) -> &'static str {
        "bert"
    }

    fn sizes(&self) -> Sizes {
        Sizes {
            hidden: self.hidden_size,
            vocab: self.vocab_size,
            max_positions: Some(self.max_position_embeddings),
            token_types: self.type_vocab_size,
        }
    }

    fn anchor(&self) -> &'static str {
        "embeddings.word_embeddings.weight"
    }

    fn encode(&self, b: &mut Builder<'_>, rows: Rows) -> Result<Value, GraphError> {
        let mut x = self.embeddings(b)?;
        for layer in 0..self.num_hidden_layers {
            let last = layer + 1 == self.num_hidden_layers;
            x = self.layer(b, &x, layer, if last { rows } else { Rows::All })?;
        }
        Ok(x)
    }

    /// Pooler (dense, tanh) over the first token, then the classifier.
    fn logits(&self, b: &mut Builder<'_>, x: &Value, labels: usize) -> Result<Value, GraphError> {
        let x = b.linear(x, "pooler.dense", self.hidden_size, self.hidden_size)?;
        let x = b.activation(&x, Activation::Tanh);
        b.linear(&x, "/classifier", self.hidden_size, labels)
    }

    /// Dense, activation and norm, then the decoder, whose matrix is that of the word embeddings when tied.
    fn token_logits(&self, b: &mut Builder<'_>, x: &Value) -> Result<Value, GraphError> {
        let x = b.linear(x, "/cls.predictions.transform.dense", self.hidden_size, self.hidden_size)?;
        let x = b.activation(&x, self.activation()?);
        let x = b.layer_norm(&x, "/cls.predictions.transform.LayerNorm", self.hidden_size, self.layer_norm_eps)?;
        let decoder = if self.tie_word_embeddings {
            "embeddings.word_embeddings.weight"
        } else {
            "/cls.predictions.decoder.weight"
        };
        let weight = b.weight(decoder, &[self.vocab_size, self.hidden_size])?;
        let bias = b.weight("/cls.predictions.bias", &[self.vocab_size])?;
        Ok(b.gemm(&x, &weight, Some(&bias)))
    }
}

impl Bert {
    fn activation(&self) -> Result<Activation, GraphError> {
        Activation::parse("hidden_act", &self.hidden_act)
    }

    /// The sum of the three embeddings, normalised, flat.
    fn embeddings(&self, b: &mut Builder<'_>) -> Result<Value, GraphError> {
        let hidden = self.hidden_size;
        let words = b.words("embeddings.word_embeddings.weight", self.vocab_size, hidden)?;
        let positions =
            b.learned_positions("embeddings.position_embeddings.weight", self.max_position_embeddings, hidden)?;
        let types = b.type_embeddings("embeddings.token_type_embeddings.weight", self.type_vocab_size, hidden)?;
        let added = b.op("Add", &[&positions, &types], &[]);
        let sum = b.op("Add", &[&words, &added], &[]);
        let sum = b.flatten(&sum, hidden);
        b.layer_norm(&sum, "embeddings.LayerNorm", hidden, self.layer_norm_eps)
    }

    /// One layer over flat `x`: attention and feed-forward, each added to its input and normalised after. Keys and
    /// values always come from every token; queries, and so what comes out, only from `rows`.
    fn layer(&self, b: &mut Builder<'_>, x: &Value, layer: usize, rows: Rows) -> Result<Value, GraphError> {
        let (hidden, heads, eps) = (self.hidden_size, self.num_attention_heads, self.layer_norm_eps);
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");

        let wanted = b.pick(x, hidden, rows);
        let q = b.linear(&wanted, &name("attention.self.query"), hidden, hidden)?;
        let k = b.linear(x, &name("attention.self.key"), hidden, hidden)?;
        let v = b.linear(x, &name("attention.self.value"), hidden, hidden)?;
        let context = b.attention(&Attention {
            q: &q,
            k: &k,
            v: &v,
            heads,
            kv_heads: heads,
            head_dim: hidden / heads,
            scale: None,
            mask: Mask::default(),
            bias: None,
            rows,
        });
        let attended = b.linear(&context, &name("attention.output.dense"), hidden, hidden)?;
        let sum = b.op("Add", &[&attended, &wanted], &[]);
        let x = b.layer_norm(&sum, &name("attention.output.LayerNorm"), hidden, eps)?;

        let inner = b.linear(&x, &name("intermediate.dense"), hidden, self.intermediate_size)?;
        let inner = b.activation(&inner, self.activation()?);
        let outer = b.linear(&inner, &name("output.dense"), self.intermediate_size, hidden)?;
        let sum = b.op("Add", &[&outer, &x], &[]);
        b.layer_norm(&sum, &name("output.LayerNorm"), hidden, eps)
    }
}
