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
pub(super) struct Bert {
    pub(super) vocab_size: usize,
    pub(super) hidden_size: usize,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    pub(super) intermediate_size: usize,
    hidden_act: String,
    max_position_embeddings: usize,
    pub(super) type_vocab_size: usize,
    pub(super) layer_norm_eps: f32,
    pub(super) position_embedding_type: String,
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

/// What relatives of BERT add to its attention.
#[derive(Default)]
pub(super) struct Variation<'a> {
    /// Added to the scores: `[1, heads, sequence, sequence]`.
    pub bias: Option<&'a Value>,
    /// Whether queries and keys are normalised, over their whole width.
    pub normalised: bool,
}

pub(super) fn read(json: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    let bert: Bert = config::read(json)?;
    config::only("position_embedding_type", &bert.position_embedding_type, &"absolute".to_owned())?;
    bert.check()?;
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
    /// Refuses settings that cannot be, or are not implemented.
    pub(super) fn check(&self) -> Result<(), GraphError> {
        config::only("is_decoder", &self.is_decoder, &false)?;
        config::positive("num_hidden_layers", self.num_hidden_layers)?;
        config::head_dim(self.hidden_size, self.num_attention_heads)?;
        self.activation().map(drop)
    }

    pub(super) fn activation(&self) -> Result<Activation, GraphError> {
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
        let (_, x) = self.attention(b, x, layer, rows, &Variation::default())?;
        self.feed_forward(b, &x, layer)
    }

    /// The attention of a layer: the rows of `x` that ask, and the same after it.
    pub(super) fn attention(
        &self,
        b: &mut Builder<'_>,
        x: &Value,
        layer: usize,
        rows: Rows,
        variation: &Variation<'_>,
    ) -> Result<(Value, Value), GraphError> {
        let (hidden, heads, eps) = (self.hidden_size, self.num_attention_heads, self.layer_norm_eps);
        let name = |part: &str| format!("encoder.layer.{layer}.attention.{part}");

        let wanted = b.pick(x, hidden, rows);
        let mut q = b.linear(&wanted, &name("self.query"), hidden, hidden)?;
        let mut k = b.linear(x, &name("self.key"), hidden, hidden)?;
        let v = b.linear(x, &name("self.value"), hidden, hidden)?;
        if variation.normalised {
            q = b.layer_norm(&q, &name("self.layer_norm_q"), hidden, eps)?;
            k = b.layer_norm(&k, &name("self.layer_norm_k"), hidden, eps)?;
        }
        let context = b.attention(&Attention {
            q: &q,
            k: &k,
            v: &v,
            heads,
            kv_heads: heads,
            head_dim: hidden / heads,
            scale: None,
            mask: Mask::default(),
            bias: variation.bias,
            rows,
        });
        let attended = b.linear(&context, &name("output.dense"), hidden, hidden)?;
        let sum = b.op("Add", &[&attended, &wanted], &[]);
        let attended = b.layer_norm(&sum, &name("output.LayerNorm"), hidden, eps)?;
        Ok((wanted, attended))
    }

    /// The feed-forward of a layer over flat `x`.
    pub(super) fn feed_forward(&self, b: &mut Builder<'_>, x: &Value, layer: usize) -> Result<Value, GraphError> {
        let name = |part: &str| format!("encoder.layer.{layer}.{part}");
        let inner = b.linear(x, &name("intermediate.dense"), self.hidden_size, self.intermediate_size)?;
        let inner = b.activation(&inner, self.activation()?);
        let outer = b.linear(&inner, &name("output.dense"), self.intermediate_size, self.hidden_size)?;
        let sum = b.op("Add", &[&outer, x], &[]);
        b.layer_norm(&sum, &name("output.LayerNorm"), self.hidden_size, self.layer_norm_eps)
    }
}
