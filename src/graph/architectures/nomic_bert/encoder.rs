//! The encoder of Nomic BERT.

use super::settings;
use super::settings::{NomicBert, Positions};
use crate::graph::architectures::architecture::{Architecture, Sizes};
use crate::graph::architectures::bert::WORDS;
use crate::graph::architectures::gated::{self, FeedForward, Layer, Names, Parts};
use crate::graph::architectures::post_norm;
use crate::graph::builder::{Activation, Builder, Value};
use crate::graph::{GraphError, Rows};
use serde_json::Value as Json;

/// The Hub's names.
const NAMES: Names = Names {
    layers: "encoder.layers",
    qkv: Parts::Packed("attn.Wqkv"),
    attended: "attn.out_proj",
    attention_norm: "norm1",
    feed_forward: FeedForward::Gated(Parts::Apart(["mlp.fc11", "mlp.fc12"])),
    down: "mlp.fc2",
    norm: "norm2",
};

pub(crate) fn read(json: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    Ok(Box::new(settings::read(json)?))
}

impl Architecture for NomicBert {
    fn name(&self) -> &'static str {
        "nomic_bert"
    }

    fn sizes(&self) -> Sizes {
        Sizes { hidden: self.hidden, vocab: self.vocab, max_positions: self.max_positions, token_types: self.types }
    }

    fn anchor(&self) -> &'static str {
        WORDS
    }

    fn packable(&self) -> bool {
        let rotation = match &self.positions {
            Positions::Rotated(rotation) => Some(rotation),
            Positions::Learned(_) => None,
        };
        gated::packable(self.hidden, self.heads, self.head_dim, self.inner, self.activation, rotation)
    }

    fn encode(&self, b: &mut Builder<'_>, rows: Rows) -> Result<Value, GraphError> {
        let native = b.has("embeddings.LayerNorm.weight");
        let mut names = if native { gated::NATIVE_NAMES } else { NAMES };
        if !self.gated {
            names.feed_forward = FeedForward::Plain("mlp.fc1");
        }
        let inner = match b.rows_in_file("encoder.layers.0.mlp.fc11.weight") {
            Some(stored) if stored == self.inner => self.inner,
            _ => self.rounded_inner,
        };
        let layer = Layer {
            names,
            hidden: self.hidden,
            heads: self.heads,
            head_dim: self.head_dim,
            inner,
            activation: self.activation,
            biases: self.biases,
            rms: false,
            eps: self.eps,
        };
        let mut x = self.embeddings(b, if native { "embeddings.LayerNorm" } else { "emb_ln" })?;
        let rope = match &self.positions {
            Positions::Rotated(rotation) => Some(rotation.rope(b)),
            Positions::Learned(_) => None,
        };
        for n in 0..self.layers {
            let last = n + 1 == self.layers;
            x = layer.write(b, &x, n, rope.as_ref(), if last { rows } else { Rows::All })?;
        }
        Ok(x)
    }

    /// Pooler (dense, tanh) over the first token, then the classifier.
    fn logits(&self, b: &mut Builder<'_>, x: &Value, labels: usize) -> Result<Value, GraphError> {
        post_norm::classifier(b, x, ["pooler.dense", "/classifier"], Activation::Tanh, self.hidden, labels)
    }

    /// Dense, activation and norm, then the decoder, whose matrix is that of the word embeddings when tied.
    fn token_logits(&self, b: &mut Builder<'_>, x: &Value) -> Result<Value, GraphError> {
        let x = b.linear_with(x, "/cls.predictions.transform.dense", self.hidden, self.hidden, self.head_bias)?;
        let x = b.activation(&x, self.head_activation);
        let x = b.layer_norm(&x, "/cls.predictions.transform.layer_norm", self.hidden, self.eps)?;
        // A matrix in the file counts even if config.json declares it tied.
        let own = "/cls.predictions.decoder.weight";
        let decoder = if self.tied && !b.has(own) { WORDS } else { own };
        let weight = b.matrix(decoder, self.vocab, self.hidden)?;
        if !self.head_bias {
            return b.product(&x, &weight, None);
        }
        let of_decoder = b.has("/cls.predictions.decoder.bias");
        let bias = if of_decoder { "/cls.predictions.decoder.bias" } else { "/cls.predictions.bias" };
        let bias = b.weight(bias, &[self.vocab])?;
        b.product(&x, &weight, Some(&bias))
    }
}

impl NomicBert {
    /// The sum of the embeddings, normalised, flat.
    fn embeddings(&self, b: &mut Builder<'_>, norm: &str) -> Result<Value, GraphError> {
        let mut sum = b.words(WORDS, self.vocab, self.hidden)?;
        if self.types > 0 {
            let types = b.type_embeddings("embeddings.token_type_embeddings.weight", self.types, self.hidden)?;
            sum = b.op("Add", &[&sum, &types], &[]);
        }
        if let Positions::Learned(positions) = self.positions {
            let positions = b.learned_positions("embeddings.position_embeddings.weight", positions, self.hidden)?;
            sum = b.op("Add", &[&sum, &positions], &[]);
        }
        let sum = b.flatten(&sum, self.hidden);
        b.layer_norm(&sum, norm, self.hidden, self.eps)
    }
}
