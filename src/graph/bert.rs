//! BERT: word + position + token-type embeddings, then post-norm transformer layers.
//!
//! Reference: `transformers`, `models/bert/modeling_bert.py`; Devlin et al. 2018, <https://arxiv.org/abs/1810.04805>.

use serde::Deserialize;
use serde_json::Value as Json;

use super::builder::{Activation, Attribute, Builder, Value};
use super::{Graph, GraphError, INPUT_IDS, LAST_HIDDEN_STATE, Rows};
use crate::model::weights::Weights;

/// The settings of config.json that decide the graph; defaults are those of `transformers.BertConfig`.
#[derive(Deserialize)]
struct Config {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    #[serde(default = "gelu")]
    hidden_act: String,
    max_position_embeddings: usize,
    #[serde(default = "two")]
    type_vocab_size: usize,
    #[serde(default = "epsilon")]
    layer_norm_eps: f32,
    #[serde(default = "absolute")]
    position_embedding_type: String,
    #[serde(default)]
    is_decoder: bool,
}

fn gelu() -> String {
    "gelu".into()
}
fn two() -> usize {
    2
}
fn epsilon() -> f32 {
    1e-12
}
fn absolute() -> String {
    "absolute".into()
}

pub(super) fn build(config: &Json, weights: &Weights, rows: Rows) -> Result<Graph, GraphError> {
    let config = Config::deserialize(config).map_err(|e| GraphError::Config(e.to_string()))?;
    config.check()?;
    let activation = Activation::parse(&config.hidden_act)?;
    let mut b = Builder::new(weights, "embeddings.word_embeddings.weight")?;

    let ids = b.input_ids(INPUT_IDS);
    let (mut x, shape) = embeddings(&mut b, &config, &ids)?;
    for layer in 0..config.num_hidden_layers {
        let last = layer + 1 == config.num_hidden_layers;
        let rows = if last { rows } else { Rows::All };
        x = transformer_layer(&mut b, &config, &x, &shape, layer, activation, rows)?;
    }

    let hidden = config.hidden_size as i64;
    let (x, dims) = match rows {
        Rows::All => (b.op("Reshape", &[&x, &shape], &[]), vec![Err("batch"), Err("sequence"), Ok(hidden)]),
        Rows::First | Rows::Last => (x, vec![Err("batch"), Ok(hidden)]),
    };
    let (model, initializers) = b.finish(&x, LAST_HIDDEN_STATE, &dims);
    Ok(Graph {
        model,
        initializers,
        weights_file: weights.file().to_owned(),
        hidden_size: config.hidden_size,
        max_positions: config.max_position_embeddings,
        vocab_size: config.vocab_size,
    })
}

impl Config {
    fn check(&self) -> Result<(), GraphError> {
        if self.position_embedding_type != "absolute" {
            let value = format!("\"{}\"", self.position_embedding_type);
            return Err(GraphError::NotImplemented { key: "position_embedding_type", value });
        }
        if self.is_decoder {
            return Err(GraphError::NotImplemented { key: "is_decoder", value: "true".into() });
        }
        if self.num_hidden_layers == 0 {
            return Err(GraphError::Config("num_hidden_layers is 0".into()));
        }
        let heads = self.num_attention_heads;
        if heads == 0 || self.hidden_size == 0 || !self.hidden_size.is_multiple_of(heads) {
            return Err(GraphError::Config(format!(
                "hidden_size {} cannot be divided among num_attention_heads {heads}",
                self.hidden_size
            )));
        }
        Ok(())
    }
}

/// The sum of the three embeddings, normalised, as `[batch · sequence, hidden]`; and the shape that undoes the
/// flattening.
fn embeddings(b: &mut Builder<'_>, c: &Config, ids: &Value) -> Result<(Value, Value), GraphError> {
    let hidden = c.hidden_size;
    let words = b.weight("embeddings.word_embeddings.weight", &[c.vocab_size, hidden])?;
    let positions = b.weight("embeddings.position_embeddings.weight", &[c.max_position_embeddings, hidden])?;
    let types = b.weight("embeddings.token_type_embeddings.weight", &[c.type_vocab_size, hidden])?;

    let words = b.op("Gather", &[&words, ids], &[]);
    let length = b.op("Shape", &[ids], &[Attribute::Int("start", 1), Attribute::Int("end", 2)]);
    let zero = b.ints(&[0]);
    let positions = b.op("Slice", &[&positions, &zero, &length, &zero], &[]);
    // One text a sequence: every token is of type 0.
    let type0 = b.op("Gather", &[&types, &zero], &[]);
    let positions = b.op("Add", &[&positions, &type0], &[]);
    let sum = b.op("Add", &[&words, &positions], &[]);

    let flat = b.ints(&[-1, hidden as i64]);
    let sum = b.op("Reshape", &[&sum, &flat], &[]);
    let x = b.layer_norm(&sum, "embeddings.LayerNorm", hidden, c.layer_norm_eps)?;

    let batch_and_length = b.op("Shape", &[ids], &[]);
    let width = b.ints(&[hidden as i64]);
    let shape = b.op("Concat", &[&batch_and_length, &width], &[Attribute::Int("axis", 0)]);
    Ok((x, shape))
}

/// One layer over `x` `[batch · sequence, hidden]`: attention and feed-forward, each added to its input and normalised
/// after. With `rows` other than [`Rows::All`] only one row a text comes out: `[batch, hidden]`.
fn transformer_layer(
    b: &mut Builder<'_>,
    c: &Config,
    x: &Value,
    shape: &Value,
    layer: usize,
    activation: Activation,
    rows: Rows,
) -> Result<Value, GraphError> {
    let hidden = c.hidden_size;
    let name = |part: &str| format!("encoder.layer.{layer}.{part}");

    // Keys and values always come from every token; queries only from the rows that are wanted.
    let wanted = match rows {
        Rows::All => x.clone(),
        Rows::First | Rows::Last => {
            let whole = b.op("Reshape", &[x, shape], &[]);
            let index = b.scalar(if rows == Rows::First { 0 } else { -1 });
            b.op("Gather", &[&whole, &index], &[Attribute::Int("axis", 1)])
        }
    };
    let q = b.linear(&wanted, &name("attention.self.query"), hidden, hidden)?;
    let k = b.linear(x, &name("attention.self.key"), hidden, hidden)?;
    let v = b.linear(x, &name("attention.self.value"), hidden, hidden)?;
    let q = match rows {
        Rows::All => b.op("Reshape", &[&q, shape], &[]),
        Rows::First | Rows::Last => {
            let axis = b.ints(&[1]);
            b.op("Unsqueeze", &[&q, &axis], &[])
        }
    };
    let k = b.op("Reshape", &[&k, shape], &[]);
    let v = b.op("Reshape", &[&v, shape], &[]);
    let context = b.attention(&q, &k, &v, c.num_attention_heads);
    let flat = b.ints(&[-1, hidden as i64]);
    let context = b.op("Reshape", &[&context, &flat], &[]);

    let attended = b.linear(&context, &name("attention.output.dense"), hidden, hidden)?;
    let sum = b.op("Add", &[&attended, &wanted], &[]);
    let x = b.layer_norm(&sum, &name("attention.output.LayerNorm"), hidden, c.layer_norm_eps)?;

    let inner = b.linear(&x, &name("intermediate.dense"), hidden, c.intermediate_size)?;
    let inner = b.activation(&inner, activation);
    let outer = b.linear(&inner, &name("output.dense"), c.intermediate_size, hidden)?;
    let sum = b.op("Add", &[&outer, &x], &[]);
    b.layer_norm(&sum, &name("output.LayerNorm"), hidden, c.layer_norm_eps)
}
