//! RoBERTa, XLM-RoBERTa and CamemBERT: BERT whose positions are counted from behind the padding token's id, with heads
//! of their own.
//!
//! Reference: `transformers`, `models/roberta/modeling_roberta.py` (`xlm_roberta` and `camembert` are the same); Liu et
//! al. 2019, <https://arxiv.org/abs/1907.11692>.

use serde_json::{Value as Json, json};

use super::architecture::{Architecture, Sizes};
use super::bert::{Bert, NAMES, WORDS};
use super::post_norm::{self, MaskedLm};
use crate::graph::builder::{Activation, Builder, Value};
use crate::graph::{GraphError, Rows, config};

struct Roberta {
    bert: Bert,
    padding: Padding,
}

/// Id of the padding token: tokens of that id have the position of the same number, all others those that follow it.
pub(crate) struct Padding(usize);

impl Padding {
    pub(crate) fn new(id: usize, positions: usize) -> Result<Self, GraphError> {
        if positions <= id + 1 {
            let reason = format!("max_position_embeddings {positions} leaves none beyond pad_token_id {id}");
            return Err(GraphError::Config(reason));
        }
        Ok(Self(id))
    }

    /// The longest sequence with `positions` positions in all.
    pub(crate) fn room(&self, positions: usize) -> usize {
        positions - self.0 - 1
    }

    pub(crate) fn id(&self) -> i64 {
        self.0 as i64
    }
}

pub(crate) fn read(json: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    Ok(Box::new(Roberta::read(json, 50265)?))
}

/// Reads XLM-RoBERTa and CamemBERT.
pub(crate) fn read_kin(json: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    Ok(Box::new(Roberta::read(json, 30522)?))
}

impl Roberta {
    fn read(json: &Json, vocab_size: usize) -> Result<Self, GraphError> {
        #[derive(serde::Deserialize)]
        struct Own {
            pad_token_id: usize,
        }
        let bert = Bert::read(json, &json!({ "vocab_size": vocab_size }), "absolute")?;
        let own: Own = config::read_over(json, &[&json!({ "pad_token_id": 1 })])?;
        let padding = Padding::new(own.pad_token_id, bert.max_position_embeddings)?;
        Ok(Self { bert, padding })
    }
}

impl Architecture for Roberta {
    fn name(&self) -> &'static str {
        "roberta"
    }

    fn sizes(&self) -> Sizes {
        let bert = self.bert.sizes();
        Sizes { max_positions: Some(self.padding.room(self.bert.max_position_embeddings)), ..bert }
    }

    fn anchor(&self) -> &'static str {
        WORDS
    }

    fn packable(&self) -> bool {
        self.bert.packable()
    }

    fn encode(&self, b: &mut Builder<'_>, rows: Rows) -> Result<Value, GraphError> {
        let (name, count) = ("embeddings.position_embeddings.weight", self.bert.max_position_embeddings);
        let positions = b.positions_beyond(name, count, self.bert.hidden_size, self.padding.id())?;
        let x = self.bert.embeddings_at(b, &positions, self.bert.hidden_size)?;
        self.bert.layers(b, x, &NAMES, None, rows)
    }

    fn logits(&self, b: &mut Builder<'_>, x: &Value, labels: usize) -> Result<Value, GraphError> {
        let names = ["/classifier.dense", "/classifier.out_proj"];
        post_norm::classifier(b, x, names, Activation::Tanh, self.bert.hidden_size, labels)
    }

    fn token_logits(&self, b: &mut Builder<'_>, x: &Value) -> Result<Value, GraphError> {
        masked_lm(&self.bert).token_logits(b, x)
    }
}

/// The masked-LM head of RoBERTa and MPNet.
pub(crate) fn masked_lm(bert: &Bert) -> MaskedLm {
    MaskedLm {
        dense: "/lm_head.dense",
        norm: "/lm_head.layer_norm",
        decoder: "/lm_head.decoder",
        bias: "/lm_head.bias",
        words: WORDS,
        tied: bert.tie_word_embeddings,
        hidden: bert.hidden_size,
        width: bert.hidden_size,
        vocab: bert.vocab_size,
        activation: Activation::Gelu,
        eps: bert.layer_norm_eps,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_for_tokens() {
        assert_eq!(Padding::new(1, 514).unwrap().room(514), 512);
        assert_eq!(Padding::new(0, 512).unwrap().room(512), 511);
        assert!(Padding::new(1, 2).is_err());
    }

    #[test]
    fn positions_begin_behind_the_padding() {
        let room = |config: Json| read(&config).unwrap().sizes().max_positions;
        assert_eq!(room(json!({ "max_position_embeddings": 514 })), Some(512));
        assert_eq!(room(json!({ "max_position_embeddings": 514, "pad_token_id": 0 })), Some(513));
        assert!(read(&json!({ "max_position_embeddings": 8, "pad_token_id": 7 })).is_err());
    }
}
