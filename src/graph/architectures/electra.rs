//! ELECTRA: BERT whose embeddings may be narrower than its layers, with heads of its own.
//!
//! Reference: `transformers`, `models/electra/modeling_electra.py`; Clark et al. 2020,
//! <https://arxiv.org/abs/2003.10555>.

use serde_json::{Value as Json, json};

use super::architecture::{Architecture, Sizes};
use super::bert::{Bert, NAMES, WORDS};
use super::post_norm::{self, MaskedLm};
use crate::graph::builder::{Activation, Builder, Value};
use crate::graph::{GraphError, Rows, config};

struct Electra {
    bert: Bert,
    embedding_size: usize,
}

pub(crate) fn read(json: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    #[derive(serde::Deserialize)]
    struct Own {
        embedding_size: usize,
    }
    let own: Own = config::read_over(json, &[&json!({ "embedding_size": 128 })])?;
    config::positive("embedding_size", own.embedding_size)?;
    let defaults = json!({ "hidden_size": 256, "num_attention_heads": 4, "intermediate_size": 1024 });
    Ok(Box::new(Electra { bert: Bert::read(json, &defaults, "absolute")?, embedding_size: own.embedding_size }))
}

impl Architecture for Electra {
    fn name(&self) -> &'static str {
        "electra"
    }

    fn sizes(&self) -> Sizes {
        self.bert.sizes()
    }

    fn anchor(&self) -> &'static str {
        WORDS
    }

    fn packable(&self) -> bool {
        self.bert.packable()
    }

    fn encode(&self, b: &mut Builder<'_>, rows: Rows) -> Result<Value, GraphError> {
        let (width, hidden) = (self.embedding_size, self.bert.hidden_size);
        let mut x = self.bert.embeddings(b, width)?;
        if width != hidden {
            x = b.linear(&x, "embeddings_project", width, hidden)?;
        }
        self.bert.layers(b, x, &NAMES, None, rows)
    }

    fn logits(&self, b: &mut Builder<'_>, x: &Value, labels: usize) -> Result<Value, GraphError> {
        let names = ["/classifier.dense", "/classifier.out_proj"];
        post_norm::classifier(b, x, names, Activation::Gelu, self.bert.hidden_size, labels)
    }

    /// The generator's head.
    fn token_logits(&self, b: &mut Builder<'_>, x: &Value) -> Result<Value, GraphError> {
        let head = MaskedLm {
            dense: "/generator_predictions.dense",
            norm: "/generator_predictions.LayerNorm",
            decoder: "/generator_lm_head",
            bias: "/generator_lm_head.bias",
            words: WORDS,
            tied: self.bert.tie_word_embeddings,
            hidden: self.bert.hidden_size,
            width: self.embedding_size,
            vocab: self.bert.vocab_size,
            activation: Activation::Gelu,
            eps: self.bert.layer_norm_eps,
        };
        head.token_logits(b, x)
    }
}
