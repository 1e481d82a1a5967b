//! MPNet: RoBERTa's positions and heads without token types, and a bias of the attention scores by distance.
//!
//! Reference: `transformers`, `models/mpnet/modeling_mpnet.py`; Song et al. 2020, <https://arxiv.org/abs/2004.09297>.

use serde_json::{Value as Json, json};

use super::architecture::{Architecture, Sizes};
use super::bert::{Bert, WORDS};
use super::post_norm::{self, Names};
use super::roberta::{self, Padding};
use crate::graph::builder::{Activation, Attribute, Builder, Value};
use crate::graph::{GraphError, Rows, config};

const NAMES: Names = Names {
    query: "attention.attn.q",
    key: "attention.attn.k",
    value: "attention.attn.v",
    attended: "attention.attn.o",
    attended_norm: "attention.LayerNorm",
    inner: "intermediate.dense",
    outer: "output.dense",
    outer_norm: "output.LayerNorm",
};

/// A constant: `pad_token_id` does not change it.
const PADDING: usize = 1;
/// Number of buckets for distances in both directions. A constant: `relative_attention_num_buckets` does not change it.
const BUCKETS: usize = 32;
/// From this distance on all are in one bucket.
const FAR: i64 = 128;

struct Mpnet {
    bert: Bert,
    padding: Padding,
    /// Rows of the table of biases.
    buckets: usize,
}

pub(crate) fn read(json: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    #[derive(serde::Deserialize)]
    struct Own {
        relative_attention_num_buckets: usize,
    }
    let bert = Bert::read(json, &json!({ "vocab_size": 30527 }), "absolute")?;
    let own: Own = config::read_over(json, &[&json!({ "relative_attention_num_buckets": BUCKETS })])?;
    let buckets = own.relative_attention_num_buckets;
    if buckets < BUCKETS {
        return Err(GraphError::NotImplemented { key: "relative_attention_num_buckets", value: buckets.to_string() });
    }
    let padding = Padding::new(PADDING, bert.max_position_embeddings)?;
    Ok(Box::new(Mpnet { bert, padding, buckets }))
}

impl Architecture for Mpnet {
    fn name(&self) -> &'static str {
        "mpnet"
    }

    fn sizes(&self) -> Sizes {
        let room = self.padding.room(self.bert.max_position_embeddings);
        Sizes { max_positions: Some(room), token_types: 0, ..self.bert.sizes() }
    }

    fn anchor(&self) -> &'static str {
        WORDS
    }

    fn packable(&self) -> bool {
        self.bert.packable()
    }

    fn encode(&self, b: &mut Builder<'_>, rows: Rows) -> Result<Value, GraphError> {
        let bert = &self.bert;
        let words = b.words(WORDS, bert.vocab_size, bert.hidden_size)?;
        let (name, count) = ("embeddings.position_embeddings.weight", bert.max_position_embeddings);
        let positions = b.positions_beyond(name, count, bert.hidden_size, self.padding.id())?;
        let sum = b.op("Add", &[&words, &positions], &[]);
        let sum = b.flatten(&sum, bert.hidden_size);
        let x = b.layer_norm(&sum, "embeddings.LayerNorm", bert.hidden_size, bert.layer_norm_eps)?;
        let bias = self.position_bias(b)?;
        bert.layers(b, x, &NAMES, Some(&bias), rows)
    }

    fn logits(&self, b: &mut Builder<'_>, x: &Value, labels: usize) -> Result<Value, GraphError> {
        let names = ["/classifier.dense", "/classifier.out_proj"];
        post_norm::classifier(b, x, names, Activation::Tanh, self.bert.hidden_size, labels)
    }

    fn token_logits(&self, b: &mut Builder<'_>, x: &Value) -> Result<Value, GraphError> {
        roberta::masked_lm(&self.bert).token_logits(b, x)
    }
}

impl Mpnet {
    /// The bias of all layers' scores by the distance of query and key: `[1, heads, sequence, sequence]`, or where texts
    /// are packed `[heads, distances]`.
    fn position_bias(&self, b: &mut Builder<'_>) -> Result<Value, GraphError> {
        let shape = [self.buckets, self.bert.num_attention_heads];
        let table = b.weight("encoder.relative_attention_bias.weight", &shape)?;
        let buckets: Vec<i64> = (-FAR..=FAR).map(bucket).collect();
        let buckets = b.ints(&buckets);
        let by_distance = b.op("Gather", &[&table, &buckets], &[]);
        let by_head = b.op("Transpose", &[&by_distance], &[Attribute::Ints("perm", &[1, 0])]);
        let distance = if b.is_packed() { b.distances() } else { b.distance() };
        let (least, most) = (b.scalar(-FAR), b.scalar(FAR));
        let distance = b.op("Clip", &[&distance, &least, &most], &[]);
        let index = b.op("Add", &[&distance, &most], &[]);
        let bias = b.op("Gather", &[&by_head, &index], &[Attribute::Int("axis", 1)]);
        if b.is_packed() {
            return Ok(bias);
        }
        let axis = b.ints(&[0]);
        Ok(b.op("Unsqueeze", &[&bias, &axis], &[]))
    }
}

/// The bucket of a distance: 0 to 15 for keys before the query, 16 to 31 for those after. Each of the first 8 distances
/// has its own, then buckets widen by a factor of √2.
fn bucket(distance: i64) -> i64 {
    let half = BUCKETS as i64 / 2;
    let side = if distance > 0 { half } else { 0 };
    let n = distance.abs();
    let near = half / 2;
    // near + ⌊2 · log2(n / near)⌋, in whole numbers
    let bucket = if n < near { n } else { (near + i64::from((n * n / (near * near)).ilog2())).min(half - 1) };
    side + bucket
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_with_too_few_buckets_is_refused() {
        let error = read(&json!({ "relative_attention_num_buckets": 31 })).err().unwrap();
        assert_eq!(error.to_string(), "config.json: relative_attention_num_buckets = 31 is not implemented");
    }

    #[test]
    fn buckets_widen_with_the_distance() {
        // The first distance of each bucket, as `MPNetEncoder.relative_position_bucket` has them.
        let firsts = [(8, 8), (12, 9), (16, 10), (23, 11), (32, 12), (46, 13), (64, 14), (91, 15)];
        for (n, expected) in firsts {
            assert_eq!(bucket(-n), expected);
            assert_eq!(bucket(1 - n), expected - 1);
            assert_eq!(bucket(n), 16 + expected);
        }
        assert_eq!(bucket(0), 0);
        assert_eq!((bucket(-1), bucket(1)), (1, 17));
        assert_eq!((bucket(-FAR), bucket(FAR)), (15, 31));
        assert_eq!(bucket(-5000), 15);
    }
}
