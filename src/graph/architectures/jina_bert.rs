//! JinaBERT (jina-embeddings-v2, jina-reranker-v1, jina-colbert-v1): BERT with ALiBi in place of position embeddings,
//! and a gated feed-forward.
//!
//! Reference: Günther et al. 2023, <https://arxiv.org/abs/2310.19923>; ALiBi is that of Press et al. 2022,
//! <https://arxiv.org/abs/2108.12409>, but symmetric: a key counts less the further it is away on either side. The
//! published models carry their own code; there are two layouts of a layer, distinguished by the tensors' names:
//!
//! * that of `jina-bert-implementation`: attention as BERT's, then gate and up in `mlp.gated_layers`, down in `mlp.wo`,
//!   norm in `mlp.layernorm`; without a gate, BERT's own feed-forward;
//! * that of `jina-bert-v2-qk-post-norm` (the code model): queries and keys are normalised before they are split into
//!   heads, attention's result is added and normalised a second time (`layer_norm_1`), the feed-forward is
//!   `mlp.up_gated_layer` (up first, then gate) and `mlp.down_layer`, and `layer_norm_2` closes the layer.

use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::architecture::{Architecture, Sizes};
use super::bert::{Bert, NAMES, WORDS};
use super::post_norm::Variation;
use crate::graph::builder::{
    Activation, Attribute, Builder, PackedLayer, PackedLinear, PackedNorm, PackedNorms, Value,
};
use crate::graph::proto::TENSOR_FLOAT;
use crate::graph::{GraphError, Rows, config};

/// The middle of the feed-forward part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FeedForward {
    /// One product, then `hidden_act`.
    Plain,
    /// Two products, one of which gates the other through this function.
    Gated(Activation),
}

struct JinaBert {
    bert: Bert,
    /// `None`: the layout's default.
    feed_forward: Option<FeedForward>,
    /// True if the slopes beyond the power of two are halved: [`halves_slopes`].
    halved: bool,
}

/// True if a config.json of `model_type` "bert" means this architecture: by the class it names, or by ALiBi, which no
/// other BERT has.
pub(crate) fn describes(json: &Json) -> bool {
    let named = |value: &Json| value.as_str().is_some_and(|name| name.contains("JinaBert"));
    let architectures = json.get("architectures").and_then(Json::as_array);
    let auto_map = json.get("auto_map").and_then(Json::as_object);
    json.get("position_embedding_type").and_then(Json::as_str) == Some("alibi")
        || architectures.is_some_and(|names| names.iter().any(named))
        || auto_map.is_some_and(|classes| classes.values().any(named))
}

pub(crate) fn read(json: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    #[derive(Deserialize)]
    struct Own {
        feed_forward_type: Option<String>,
    }
    let own: Own = config::read(json)?;
    let bert = Bert::read(json, &json!({}), "alibi")?;
    let feed_forward = match own.feed_forward_type.as_deref() {
        None => None,
        Some("original") => Some(FeedForward::Plain),
        Some("geglu") => Some(FeedForward::Gated(Activation::Gelu)),
        Some("reglu") => Some(FeedForward::Gated(Activation::Relu)),
        Some(other) => {
            return Err(GraphError::NotImplemented { key: "feed_forward_type", value: format!("\"{other}\"") });
        }
    };
    let halved = halves_slopes(&bert, json);
    Ok(Box::new(JinaBert { bert, feed_forward, halved }))
}

/// True if the model is jina-reranker-v1-tiny-en or -turbo-en with the code of its own repository. Unlike
/// `jina-bert-implementation`, that code halves the slopes of the last four of the twelve heads; `auto_map` names the
/// code, and the sizes are those of these two.
fn halves_slopes(bert: &Bert, json: &Json) -> bool {
    let class = json.pointer("/auto_map/AutoModelForSequenceClassification").and_then(Json::as_str);
    class.is_some_and(|class| class.contains("JinaBert") && !class.contains("--"))
        && (bert.hidden_size, bert.num_attention_heads, bert.vocab_size) == (384, 12, 61_056)
}

impl Architecture for JinaBert {
    fn name(&self) -> &'static str {
        "JinaBERT"
    }

    fn sizes(&self) -> Sizes {
        // There is no table of positions: max_position_embeddings is a recommendation, not a limit.
        Sizes { max_positions: None, ..self.bert.sizes() }
    }

    fn anchor(&self) -> &'static str {
        self.bert.anchor()
    }

    fn packable(&self) -> bool {
        self.bert.packable()
    }

    /// The layout of the code model has norms over all heads of queries and keys.
    fn packs(&self, b: &Builder<'_>) -> bool {
        self.packable() && !is_code(b)
    }

    fn describes_layers(&self, b: &Builder<'_>) -> bool {
        !is_code(b)
    }

    fn encode(&self, b: &mut Builder<'_>, rows: Rows) -> Result<Value, GraphError> {
        let code = is_code(b);
        let slopes = slopes(self.bert.num_attention_heads, self.halved);
        let mut x = self.embeddings(b)?;
        for layer in 0..self.bert.num_hidden_layers {
            let last = layer + 1 == self.bert.num_hidden_layers;
            let rows = if last { rows } else { Rows::All };
            x = match b.writes_layers() {
                true => b.packed_layer(&x, &self.packed(layer, &slopes, rows)?)?,
                false => self.layer(b, &x, layer, code, rows)?,
            };
        }
        Ok(x)
    }

    fn logits(&self, b: &mut Builder<'_>, x: &Value, labels: usize) -> Result<Value, GraphError> {
        self.bert.logits(b, x, labels)
    }

    fn token_logits(&self, b: &mut Builder<'_>, x: &Value) -> Result<Value, GraphError> {
        self.bert.token_logits(b, x)
    }
}

impl JinaBert {
    /// The bias of every head's scores: −slope · |distance|, `[1, heads, sequence, sequence]`.
    fn alibi(&self, b: &mut Builder<'_>) -> Value {
        let heads = self.bert.num_attention_heads;
        let slopes: Vec<f32> = slopes(heads, self.halved).iter().map(|slope| -slope).collect();
        b.shared("alibi", |b| {
            let distance = b.distance();
            let distance = b.op("Abs", &[&distance], &[]);
            let distance = b.op("Cast", &[&distance], &[Attribute::Int("to", i64::from(TENSOR_FLOAT))]);
            let slopes = b.floats(&slopes, &[1, heads as i64, 1, 1]);
            let bias = b.op("Mul", &[&distance, &slopes], &[]);
            b.rounded(&bias)
        })
    }

    /// Embeddings of words and token types, normalised, flat; positions are not embedded.
    fn embeddings(&self, b: &mut Builder<'_>) -> Result<Value, GraphError> {
        let hidden = self.bert.hidden_size;
        let words = b.words(WORDS, self.bert.vocab_size, hidden)?;
        let types = b.type_embeddings("embeddings.token_type_embeddings.weight", self.bert.type_vocab_size, hidden)?;
        let sum = b.op("Add", &[&words, &types], &[]);
        let sum = b.flatten(&sum, hidden);
        b.layer_norm(&sum, "embeddings.LayerNorm", hidden, self.bert.layer_norm_eps)
    }

    /// Layer number `layer` of the first layout as one operator of our own.
    fn packed<'a>(&self, layer: usize, slopes: &'a [f32], rows: Rows) -> Result<PackedLayer<'a>, GraphError> {
        let (hidden, inner) = (self.bert.hidden_size, self.bert.intermediate_size);
        let whole = format!("encoder.layer.{layer}");
        let plain = self.bert.post_norm(&NAMES)?.packed(&whole, None, rows);
        let FeedForward::Gated(activation) = self.feed_forward.unwrap_or(FeedForward::Plain) else {
            return Ok(PackedLayer { slopes, ..plain });
        };
        let name = |part: &str| format!("{whole}.{part}");
        let [gate, up] = [0, 1].map(|part| PackedLinear::part(name("mlp.gated_layers"), part, 2, inner, false));
        let [attention, _] = plain.norms.sums;
        let norm = PackedNorm::Layer { name: name("mlp.layernorm"), bias: true };
        Ok(PackedLayer {
            activation,
            up,
            gate: Some(gate),
            down: PackedLinear::whole(name("mlp.wo"), hidden, true),
            norms: PackedNorms { sums: [attention, norm], ..PackedNorms::default() },
            slopes,
            ..plain
        })
    }

    /// One layer over flat `x`; `code` is the layout of the code model.
    fn layer(&self, b: &mut Builder<'_>, x: &Value, layer: usize, code: bool, rows: Rows) -> Result<Value, GraphError> {
        let (hidden, eps) = (self.bert.hidden_size, self.bert.layer_norm_eps);
        let bias = self.alibi(b);
        let norms = code.then_some(["attention.self.layer_norm_q", "attention.self.layer_norm_k"]);
        let (base, whole) = (self.bert.post_norm(&NAMES)?, format!("encoder.layer.{layer}"));
        let (residual, mut x) = base.attention(b, x, &whole, &Variation { bias: Some(&bias), norms }, rows)?;
        if code {
            let sum = b.op("Add", &[&residual, &x], &[]);
            x = b.layer_norm(&sum, &format!("{whole}.layer_norm_1"), hidden, eps)?;
        }
        let gated = FeedForward::Gated(Activation::Gelu);
        let default = if code { gated } else { FeedForward::Plain };
        let feed_forward = self.feed_forward.unwrap_or(default);
        if feed_forward == FeedForward::Plain && !code {
            return base.feed_forward(b, &x, &whole);
        }
        let [packed, down, norm] = if code {
            ["mlp.up_gated_layer", "mlp.down_layer", "layer_norm_2"]
        } else {
            ["mlp.gated_layers", "mlp.wo", "mlp.layernorm"]
        };
        let name = |part: &str| format!("{whole}.{part}");
        let inner = self.bert.intermediate_size;
        let middle = match feed_forward {
            FeedForward::Plain => {
                let up = b.linear_with(&x, &name("mlp.up_layer"), hidden, inner, false)?;
                b.activation(&up, self.bert.activation()?)
            }
            FeedForward::Gated(function) => {
                let (gate, up) = if code { (inner..2 * inner, 0..inner) } else { (0..inner, inner..2 * inner) };
                let gate = b.linear_rows(&x, &name(packed), hidden, 2 * inner, gate, false)?;
                let up = b.linear_rows(&x, &name(packed), hidden, 2 * inner, up, false)?;
                let gate = b.activation(&gate, function);
                b.op("Mul", &[&gate, &up], &[])
            }
        };
        let outer = b.linear(&middle, &name(down), inner, hidden)?;
        let sum = b.op("Add", &[&outer, &x], &[]);
        b.layer_norm(&sum, &name(norm), hidden, eps)
    }
}

/// True if the weights have the layout of the code model.
fn is_code(b: &Builder<'_>) -> bool {
    b.has("encoder.layer.0.attention.self.layer_norm_q.weight")
}

/// The slopes of ALiBi's heads: 2^(−8i/heads) for i = 1 … heads if that is a power of two. Else those of the power of
/// two below, and then every second one of the power of two above, beginning with its first; half of these if `halved`.
fn slopes(heads: usize, halved: bool) -> Vec<f32> {
    let powers = |n: usize| (1..=n).map(move |i| 2f64.powf(-8.0 * i as f64 / n as f64) as f32);
    let below = 1 << heads.max(1).ilog2();
    let factor = if halved { 0.5 } else { 1.0 };
    powers(below).chain(powers(2 * below).step_by(2).take(heads - below).map(|slope| slope * factor)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Bert, describes, halves_slopes, read, slopes};

    #[test]
    fn known_by_class_or_positions() {
        assert!(describes(&json!({"position_embedding_type": "alibi"})));
        assert!(describes(&json!({"architectures": ["JinaBertForMaskedLM"]})));
        let class = "jinaai/jina-bert-implementation--modeling_bert.JinaBertModel";
        assert!(describes(&json!({"auto_map": {"AutoModel": class}})));
        assert!(!describes(&json!({"architectures": ["BertModel"], "position_embedding_type": "absolute"})));
    }

    #[test]
    fn what_is_not_implemented_is_named() {
        let error = |json| read(&json).err().map(|e| e.to_string()).unwrap_or_default();
        let glu = json!({"position_embedding_type": "alibi", "feed_forward_type": "swiglu"});
        assert_eq!(error(glu), "config.json: feed_forward_type = \"swiglu\" is not implemented");
        let absolute = json!({"architectures": ["JinaBertModel"], "feed_forward_type": "geglu"});
        assert_eq!(error(absolute), "config.json: position_embedding_type = \"absolute\" is not implemented");
        let odd = json!({"position_embedding_type": "alibi", "hidden_size": 50, "num_attention_heads": 4});
        assert_eq!(error(odd), "config.json: hidden_size 50 cannot be divided among num_attention_heads 4");
    }

    #[test]
    fn slopes_of_a_power_of_two() {
        assert_eq!(slopes(1, false), [2f32.powi(-8)]);
        assert_eq!(slopes(2, false), [2f32.powi(-4), 2f32.powi(-8)]);
        assert_eq!(slopes(8, false), [1, 2, 3, 4, 5, 6, 7, 8].map(|i| 2f32.powi(-i)));
    }

    #[test]
    fn slopes_between_powers_of_two() {
        assert_eq!(slopes(3, false), [2f32.powi(-4), 2f32.powi(-8), 2f32.powi(-2)]);
        let twelve = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 0.5, 1.5, 2.5, 3.5].map(|i: f64| 2f64.powf(-i) as f32);
        assert_eq!(slopes(12, false), twelve);
        let halved = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 1.5, 2.5, 3.5, 4.5].map(|i: f64| 2f64.powf(-i) as f32);
        assert_eq!(slopes(12, true), halved);
    }

    #[test]
    fn slopes_are_halved_in_two_published_models() {
        let config = |class: &str, vocab: usize| {
            json!({"auto_map": {"AutoModelForSequenceClassification": class}, "hidden_size": 384,
                   "num_attention_heads": 12, "vocab_size": vocab})
        };
        let halves = |json| halves_slopes(&Bert::read(&json, &json!({}), "absolute").unwrap(), &json);
        assert!(halves(config("modeling_bert.JinaBertForSequenceClassification", 61_056)));
        assert!(!halves(config("modeling_bert.JinaBertForSequenceClassification", 30_528)));
        let shared = "jinaai/jina-bert-implementation--modeling_bert.JinaBertForSequenceClassification";
        assert!(!halves(config(shared, 61_056)));
    }
}
