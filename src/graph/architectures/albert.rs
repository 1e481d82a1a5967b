//! ALBERT: narrow embeddings, and groups of layers that are run more than once.
//!
//! Reference: `transformers`, `models/albert/modeling_albert.py`; Lan et al. 2019, <https://arxiv.org/abs/1909.11942>.

use serde_json::{Value as Json, json};

use super::architecture::{Architecture, Sizes};
use super::bert::{Bert, WORDS};
use super::post_norm::{self, MaskedLm, Names};
use crate::graph::builder::{Activation, Builder, Value};
use crate::graph::{GraphError, Rows, config};

const NAMES: Names = Names {
    query: "attention.query",
    key: "attention.key",
    value: "attention.value",
    attended: "attention.dense",
    attended_norm: "attention.LayerNorm",
    inner: "ffn",
    outer: "ffn_output",
    outer_norm: "full_layer_layer_norm",
};

struct Albert {
    bert: Bert,
    groups: Groups,
}

/// The settings that BERT does not have.
#[derive(serde::Deserialize)]
struct Groups {
    embedding_size: usize,
    num_hidden_groups: usize,
    /// Layers of a group.
    inner_group_num: usize,
}

pub(crate) fn read(json: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    let defaults = json!({
        "vocab_size": 30000, "hidden_size": 4096, "num_attention_heads": 64, "intermediate_size": 16384,
        "hidden_act": "gelu_new",
    });
    let bert = Bert::read(json, &defaults, "absolute")?;
    let defaults = json!({ "embedding_size": 128, "num_hidden_groups": 1, "inner_group_num": 1 });
    let groups: Groups = config::read_over(json, &[&defaults])?;
    config::positive("embedding_size", groups.embedding_size)?;
    config::positive("num_hidden_groups", groups.num_hidden_groups)?;
    config::positive("inner_group_num", groups.inner_group_num)?;
    Ok(Box::new(Albert { bert, groups }))
}

impl Architecture for Albert {
    fn name(&self) -> &'static str {
        "albert"
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
        let (bert, groups) = (&self.bert, &self.groups);
        let x = bert.embeddings(b, groups.embedding_size)?;
        let mut x = b.linear(&x, "encoder.embedding_hidden_mapping_in", groups.embedding_size, bert.hidden_size)?;
        let layer = bert.post_norm(&NAMES)?;
        for run in 0..bert.num_hidden_layers {
            let group = self.group(run);
            for inner in 0..groups.inner_group_num {
                let last = run + 1 == bert.num_hidden_layers && inner + 1 == groups.inner_group_num;
                let rows = if last { rows } else { Rows::All };
                let name = format!("encoder.albert_layer_groups.{group}.albert_layers.{inner}");
                x = layer.layer(b, &x, &name, None, rows)?;
            }
        }
        Ok(x)
    }

    /// Pooler (dense, tanh) over the first token, then the classifier.
    fn logits(&self, b: &mut Builder<'_>, x: &Value, labels: usize) -> Result<Value, GraphError> {
        post_norm::classifier(b, x, ["pooler", "/classifier"], Activation::Tanh, self.bert.hidden_size, labels)
    }

    fn token_logits(&self, b: &mut Builder<'_>, x: &Value) -> Result<Value, GraphError> {
        let head = MaskedLm {
            dense: "/predictions.dense",
            norm: "/predictions.LayerNorm",
            decoder: "/predictions.decoder",
            bias: "/predictions.bias",
            words: WORDS,
            tied: self.bert.tie_word_embeddings,
            hidden: self.bert.hidden_size,
            width: self.groups.embedding_size,
            vocab: self.bert.vocab_size,
            activation: self.bert.activation()?,
            eps: self.bert.layer_norm_eps,
        };
        head.token_logits(b, x)
    }
}

impl Albert {
    /// The group of the run `run`: each group has its share of the runs, one after the other.
    fn group(&self, run: usize) -> usize {
        // In floating point as in the reference, whose rounding decides where the shares are not whole.
        (run as f64 / (self.bert.num_hidden_layers as f64 / self.groups.num_hidden_groups as f64)) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_share_the_runs() {
        let groups = |runs: usize, groups: usize| {
            let json = json!({ "num_hidden_layers": runs, "hidden_size": 64 });
            let bert = Bert::read(&json, &json!({ "num_attention_heads": 4 }), "absolute").unwrap();
            let groups = Groups { embedding_size: 8, num_hidden_groups: groups, inner_group_num: 1 };
            let albert = Albert { bert, groups };
            (0..runs).map(|run| albert.group(run)).collect::<Vec<_>>()
        };
        assert_eq!(groups(4, 2), [0, 0, 1, 1]);
        assert_eq!(groups(5, 2), [0, 0, 0, 1, 1]);
        assert_eq!(groups(2, 3), [0, 1]);
    }

    #[test]
    fn no_group_is_an_error() {
        for key in ["num_hidden_groups", "inner_group_num", "embedding_size"] {
            let error = read(&json!({ key: 0 })).err().unwrap().to_string();
            assert!(error.contains(key), "{error}");
        }
    }
}
