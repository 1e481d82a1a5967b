//! DistilBERT: BERT without token types, its layers under names of their own.
//!
//! Reference: `transformers`, `models/distilbert/modeling_distilbert.py`; Sanh et al. 2019,
//! <https://arxiv.org/abs/1910.01108>.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::architecture::{Architecture, Sizes};
use super::bert::WORDS;
use super::post_norm::{self, MaskedLm, Names, PostNorm};
use crate::graph::builder::{Activation, Builder, Value};
use crate::graph::{GraphError, Rows, config};

/// Fixed by the reference.
const EPS: f32 = 1e-12;

const NAMES: Names = Names {
    query: "attention.q_lin",
    key: "attention.k_lin",
    value: "attention.v_lin",
    attended: "attention.out_lin",
    attended_norm: "sa_layer_norm",
    inner: "ffn.lin1",
    outer: "ffn.lin2",
    outer_norm: "output_layer_norm",
};

/// The settings of config.json that decide the graph.
#[derive(Deserialize)]
struct DistilBert {
    vocab_size: usize,
    dim: usize,
    n_layers: usize,
    n_heads: usize,
    hidden_dim: usize,
    activation: String,
    max_position_embeddings: usize,
    tie_word_embeddings: bool,
}

pub(crate) fn read(json: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    let defaults = json!({
        "vocab_size": 30522, "dim": 768, "n_layers": 6, "n_heads": 12, "hidden_dim": 3072, "activation": "gelu",
        "max_position_embeddings": 512, "tie_word_embeddings": true,
    });
    // Three settings may bear the names that other models have for them.
    let renamed = json!({
        "dim": json.get("hidden_size"), "n_layers": json.get("num_hidden_layers"),
        "n_heads": json.get("num_attention_heads"),
    });
    let model: DistilBert = config::read_over(json, &[&renamed, &defaults])?;
    config::positive("n_layers", model.n_layers)?;
    config::head_dim(model.dim, model.n_heads)?;
    model.activation()?;
    Ok(Box::new(model))
}

impl Architecture for DistilBert {
    fn name(&self) -> &'static str {
        "distilbert"
    }

    fn sizes(&self) -> Sizes {
        Sizes {
            hidden: self.dim,
            vocab: self.vocab_size,
            max_positions: Some(self.max_position_embeddings),
            token_types: 0,
        }
    }

    fn anchor(&self) -> &'static str {
        WORDS
    }

    fn packable(&self) -> bool {
        self.layer().is_ok_and(|layer| layer.packable())
    }

    fn encode(&self, b: &mut Builder<'_>, rows: Rows) -> Result<Value, GraphError> {
        let words = b.words(WORDS, self.vocab_size, self.dim)?;
        let positions =
            b.learned_positions("embeddings.position_embeddings.weight", self.max_position_embeddings, self.dim)?;
        let sum = b.op("Add", &[&words, &positions], &[]);
        let sum = b.flatten(&sum, self.dim);
        let mut x = b.layer_norm(&sum, "embeddings.LayerNorm", self.dim, EPS)?;
        let layer = self.layer()?;
        for index in 0..self.n_layers {
            let rows = if index + 1 == self.n_layers { rows } else { Rows::All };
            x = layer.layer(b, &x, &format!("transformer.layer.{index}"), None, rows)?;
        }
        Ok(x)
    }

    fn logits(&self, b: &mut Builder<'_>, x: &Value, labels: usize) -> Result<Value, GraphError> {
        post_norm::classifier(b, x, ["/pre_classifier", "/classifier"], Activation::Relu, self.dim, labels)
    }

    fn token_logits(&self, b: &mut Builder<'_>, x: &Value) -> Result<Value, GraphError> {
        let head = MaskedLm {
            dense: "/vocab_transform",
            norm: "/vocab_layer_norm",
            decoder: "/vocab_projector",
            bias: "/vocab_projector.bias",
            words: WORDS,
            tied: self.tie_word_embeddings,
            hidden: self.dim,
            width: self.dim,
            vocab: self.vocab_size,
            activation: self.activation()?,
            eps: EPS,
        };
        head.token_logits(b, x)
    }
}

impl DistilBert {
    fn layer(&self) -> Result<PostNorm, GraphError> {
        Ok(PostNorm {
            names: &NAMES,
            hidden: self.dim,
            heads: self.n_heads,
            intermediate: self.hidden_dim,
            activation: self.activation()?,
            eps: EPS,
        })
    }

    fn activation(&self) -> Result<Activation, GraphError> {
        Activation::parse("activation", &self.activation)
    }
}
