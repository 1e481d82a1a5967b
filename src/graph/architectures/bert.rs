//! BERT: word + position + token-type embeddings, then post-norm transformer layers.
//!
//! Reference: `transformers`, `models/bert/modeling_bert.py`; Devlin et al. 2018, <https://arxiv.org/abs/1810.04805>.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::architecture::{Architecture, Sizes};
use super::post_norm::{self, MaskedLm, Names, PostNorm};
use crate::graph::builder::{Activation, Builder, Value};
use crate::graph::{GraphError, Rows, config};

/// The settings of config.json that decide the graph of BERT, and of the models that are BERT but for their ends.
#[derive(Deserialize)]
pub(crate) struct Bert {
    pub vocab_size: usize,
    pub hidden_size: usize,
    pub num_hidden_layers: usize,
    pub num_attention_heads: usize,
    pub intermediate_size: usize,
    hidden_act: String,
    pub max_position_embeddings: usize,
    pub type_vocab_size: usize,
    pub layer_norm_eps: f32,
    position_embedding_type: String,
    is_decoder: bool,
    pub tie_word_embeddings: bool,
}

pub(crate) const NAMES: Names = Names {
    query: "attention.self.query",
    key: "attention.self.key",
    value: "attention.self.value",
    attended: "attention.output.dense",
    attended_norm: "attention.output.LayerNorm",
    inner: "intermediate.dense",
    outer: "output.dense",
    outer_norm: "output.LayerNorm",
};

/// The table of word embeddings in BERT and all that descend from it.
pub(crate) const WORDS: &str = "embeddings.word_embeddings.weight";

pub(crate) fn read(json: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    Ok(Box::new(Bert::read(json, &json!({}), "absolute")?))
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
        WORDS
    }

    fn packable(&self) -> bool {
        self.packable()
    }

    fn encode(&self, b: &mut Builder<'_>, rows: Rows) -> Result<Value, GraphError> {
        let x = self.embeddings(b, self.hidden_size)?;
        self.layers(b, x, &NAMES, None, rows)
    }

    /// Pooler (dense, tanh) over the first token, then the classifier.
    fn logits(&self, b: &mut Builder<'_>, x: &Value, labels: usize) -> Result<Value, GraphError> {
        post_norm::classifier(b, x, ["pooler.dense", "/classifier"], Activation::Tanh, self.hidden_size, labels)
    }

    fn token_logits(&self, b: &mut Builder<'_>, x: &Value) -> Result<Value, GraphError> {
        let head = MaskedLm {
            dense: "/cls.predictions.transform.dense",
            norm: "/cls.predictions.transform.LayerNorm",
            decoder: "/cls.predictions.decoder",
            bias: "/cls.predictions.bias",
            words: WORDS,
            tied: self.tie_word_embeddings,
            hidden: self.hidden_size,
            width: self.hidden_size,
            vocab: self.vocab_size,
            activation: self.activation()?,
            eps: self.layer_norm_eps,
        };
        head.token_logits(b, x)
    }
}

impl Bert {
    /// Reads and checks the settings; `defaults` are those that differ from `transformers.BertConfig`'s, `positions` is
    /// the one kind of position embeddings that is implemented.
    pub(crate) fn read(json: &Json, defaults: &Json, positions: &str) -> Result<Self, GraphError> {
        let bert = json!({
            "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
            "intermediate_size": 3072, "hidden_act": "gelu", "max_position_embeddings": 512, "type_vocab_size": 2,
            "layer_norm_eps": 1e-12, "position_embedding_type": "absolute", "is_decoder": false,
            "tie_word_embeddings": true,
        });
        let bert: Self = config::read_over(json, &[defaults, &bert])?;
        config::only("position_embedding_type", &bert.position_embedding_type, &positions.to_owned())?;
        config::only("is_decoder", &bert.is_decoder, &false)?;
        config::positive("num_hidden_layers", bert.num_hidden_layers)?;
        config::head_dim(bert.hidden_size, bert.num_attention_heads)?;
        bert.activation()?;
        Ok(bert)
    }

    pub(crate) fn activation(&self) -> Result<Activation, GraphError> {
        Activation::parse("hidden_act", &self.hidden_act)
    }

    /// The sum of the three embeddings, each `width` wide, normalised, flat.
    pub(crate) fn embeddings(&self, b: &mut Builder<'_>, width: usize) -> Result<Value, GraphError> {
        let positions =
            b.learned_positions("embeddings.position_embeddings.weight", self.max_position_embeddings, width)?;
        self.embeddings_at(b, &positions, width)
    }

    /// As [`Bert::embeddings`], with the embeddings of the positions.
    pub(crate) fn embeddings_at(
        &self,
        b: &mut Builder<'_>,
        positions: &Value,
        width: usize,
    ) -> Result<Value, GraphError> {
        let words = b.words(WORDS, self.vocab_size, width)?;
        let types = b.type_embeddings("embeddings.token_type_embeddings.weight", self.type_vocab_size, width)?;
        let added = b.op("Add", &[positions, &types], &[]);
        let sum = b.op("Add", &[&words, &added], &[]);
        let sum = b.flatten(&sum, width);
        b.layer_norm(&sum, "embeddings.LayerNorm", width, self.layer_norm_eps)
    }

    /// True if its layers can be operators of our own.
    pub(crate) fn packable(&self) -> bool {
        self.post_norm(&NAMES).is_ok_and(|layer| layer.packable())
    }

    /// A layer whose weights are called so.
    pub(crate) fn post_norm(&self, names: &'static Names) -> Result<PostNorm, GraphError> {
        Ok(PostNorm {
            names,
            hidden: self.hidden_size,
            heads: self.num_attention_heads,
            intermediate: self.intermediate_size,
            activation: self.activation()?,
            eps: self.layer_norm_eps,
        })
    }

    /// All layers over flat `x`; of the last one only `rows` come out. `bias` is added to the attention scores.
    pub(crate) fn layers(
        &self,
        b: &mut Builder<'_>,
        mut x: Value,
        names: &'static Names,
        bias: Option<&Value>,
        rows: Rows,
    ) -> Result<Value, GraphError> {
        let layer = self.post_norm(names)?;
        for index in 0..self.num_hidden_layers {
            let last = index + 1 == self.num_hidden_layers;
            let rows = if last { rows } else { Rows::All };
            x = layer.layer(b, &x, &format!("encoder.layer.{index}"), bias, rows)?;
        }
        Ok(x)
    }
}
