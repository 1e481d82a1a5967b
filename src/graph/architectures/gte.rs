//! gte (Alibaba's gte-*-en-v1.5 and gte-multilingual): BERT with rotary positions and a gated feed-forward.
//!
//! On the Hub `model_type` is "new", in `transformers` "gte"; the first has settings that the second has dropped.
//! Tensors have the Hub's names (`encoder.layer.0.attention.qkv_proj.weight`) in both, unless `transformers` saved with
//! its own.
//!
//! Reference: `transformers`, `models/gte/modeling_gte.py`; for "new" the code of Alibaba-NLP/new-impl; Zhang et al.
//! 2024, <https://arxiv.org/abs/2407.19669>.

use serde::Deserialize;
use serde_json::Value as Json;

use super::architecture::{Architecture, Sizes};
use super::bert::WORDS;
use super::gated::{self, Biases, FeedForward, Layer, Names, Parts};
use super::post_norm::{self, MaskedLm};
use super::rotary::Rotation;
use crate::graph::builder::{Activation, Builder, Rotary, Value};
use crate::graph::{GraphError, Rows, config};

/// The Hub's names.
const NAMES: Names = Names {
    layers: "encoder.layer",
    qkv: Parts::Packed("attention.qkv_proj"),
    attended: "attention.o_proj",
    attention_norm: "attn_ln",
    feed_forward: FeedForward::Gated(Parts::Packed("mlp.up_gate_proj")),
    down: "mlp.down_proj",
    norm: "mlp_ln",
};

/// The Hub's names of queries, keys and values if they are not packed.
const APART: Parts<3> = Parts::Apart(["attention.q_proj", "attention.k_proj", "attention.v_proj"]);

/// The settings of config.json that decide the graph; defaults are those of `transformers.GteConfig`.
#[derive(Deserialize)]
#[serde(default)]
struct Gte {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    hidden_act: String,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f32,
    tie_word_embeddings: bool,
    head_dim: Option<usize>,
    /// `None`: positions are learned.
    #[serde(skip)]
    rotation: Option<Rotation>,
    /// Root-mean-square norms in the layers.
    #[serde(skip)]
    rms: bool,
    /// The activation function of the masked-LM head.
    #[serde(skip)]
    head_act: String,
}

impl Default for Gte {
    fn default() -> Self {
        Self {
            vocab_size: 250_048,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: "gelu".into(),
            max_position_embeddings: 8192,
            type_vocab_size: 1,
            layer_norm_eps: 1e-12,
            tie_word_embeddings: true,
            head_dim: None,
            rotation: None,
            rms: false,
            head_act: "gelu".into(),
        }
    }
}

/// The settings of "new" alone, and those with other defaults there.
#[derive(Deserialize)]
#[serde(default)]
struct New {
    vocab_size: usize,
    max_position_embeddings: usize,
    layer_norm_type: String,
    position_embedding_type: String,
    logn_attention_scale: bool,
    rope_theta: f64,
    rope_scaling: Option<Scaling>,
}

impl Default for New {
    fn default() -> Self {
        Self {
            vocab_size: 30528,
            max_position_embeddings: 2048,
            layer_norm_type: "layer_norm".into(),
            position_embedding_type: "rope".into(),
            logn_attention_scale: false,
            rope_theta: 10_000.0,
            rope_scaling: None,
        }
    }
}

#[derive(Deserialize)]
struct Scaling {
    rope_type: Option<String>,
    /// The former name of `rope_type`; files may have both.
    r#type: Option<String>,
    factor: Option<f64>,
    mixed_b: Option<f64>,
}

/// `model_type` "gte".
pub(crate) fn gte(json: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    let mut gte: Gte = config::read(json)?;
    let head_dim = gte.check()?;
    gte.rotation = Some(Rotation::read(json, 160_000.0, head_dim, gte.max_position_embeddings)?.endless());
    Ok(Box::new(gte))
}

/// `model_type` "new".
pub(crate) fn new(json: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    let mut gte: Gte = config::read(json)?;
    let new: New = config::read(json)?;
    gte.vocab_size = new.vocab_size;
    gte.max_position_embeddings = new.max_position_embeddings;
    gte.head_act = gte.hidden_act.clone();
    config::only("logn_attention_scale", &new.logn_attention_scale, &false)?;
    gte.head_dim = None;
    let head_dim = gte.check()?;
    gte.rms = match new.layer_norm_type.as_str() {
        "layer_norm" => false,
        "rms_norm" => true,
        _ => return Err(not_implemented("layer_norm_type", &new.layer_norm_type)),
    };
    gte.rotation = match new.position_embedding_type.as_str() {
        "rope" => Some(Rotation::Fixed(new.rotary(head_dim)?).endless()),
        "absolute" => None,
        _ => return Err(not_implemented("position_embedding_type", &new.position_embedding_type)),
    };
    Ok(Box::new(gte))
}

fn not_implemented(key: &'static str, value: &str) -> GraphError {
    GraphError::NotImplemented { key, value: format!("\"{value}\"") }
}

impl New {
    /// With NTK scaling, angles are those of a base `factor` times as large, and a little smaller still: equation (6)
    /// of <https://kexue.fm/archives/9706>. With `mixed_b` the base stays, and angles shrink by (10), (12) and (13).
    fn rotary(&self, dim: usize) -> Result<Rotary, GraphError> {
        if dim < 2 || !dim.is_multiple_of(2) {
            return Err(GraphError::Config(format!("heads of {dim} numbers cannot have rotary embeddings")));
        }
        if self.rope_theta <= 0.0 {
            return Err(GraphError::Config(format!("rope_theta = {} is not a positive number", self.rope_theta)));
        }
        let plain = |base| Rotary::plain(base, dim, self.max_position_embeddings);
        let Some(scaling) = &self.rope_scaling else { return Ok(plain(self.rope_theta)) };
        let kind = scaling.rope_type.as_deref().or(scaling.r#type.as_deref()).unwrap_or("(none)");
        if kind != "ntk" {
            return Err(not_implemented("rope_scaling.type", kind));
        }
        let factor = scaling.factor.ok_or_else(|| GraphError::Config("rope_scaling has no factor".into()))?;
        // Below 1 the reference scales in long texts only.
        if factor < 1.0 {
            return Err(GraphError::NotImplemented { key: "rope_scaling.factor", value: factor.to_string() });
        }
        let pairs = dim as f64 / 2.0;
        let Some(b) = scaling.mixed_b else {
            let mut rotary = plain(self.rope_theta * factor);
            rotary.frequencies.iter_mut().for_each(|f| *f /= factor.powf(1.0 / pairs));
            return Ok(rotary);
        };
        let mut rotary = plain(self.rope_theta);
        let strength = factor.ln() / pairs.powf(b);
        for (i, frequency) in rotary.frequencies.iter_mut().enumerate() {
            *frequency /= (strength * (i as f64 + 1.0).powf(b)).exp();
        }
        Ok(rotary)
    }
}

impl Architecture for Gte {
    fn name(&self) -> &'static str {
        "gte"
    }

    fn sizes(&self) -> Sizes {
        Sizes {
            hidden: self.hidden_size,
            vocab: self.vocab_size,
            max_positions: self.rotation.is_none().then_some(self.max_position_embeddings),
            token_types: self.type_vocab_size,
        }
    }

    fn anchor(&self) -> &'static str {
        WORDS
    }

    fn packable(&self) -> bool {
        let head_and_activation = self.head_dim().and_then(|head_dim| {
            let activation = Activation::parse("hidden_act", &self.hidden_act)?;
            Ok((head_dim, activation))
        });
        head_and_activation.is_ok_and(|(head_dim, activation)| {
            let (heads, inner) = (self.num_attention_heads, self.intermediate_size);
            gated::packable(self.hidden_size, heads, head_dim, inner, activation, self.rotation.as_ref())
        })
    }

    fn encode(&self, b: &mut Builder<'_>, rows: Rows) -> Result<Value, GraphError> {
        let native = b.has("layers.0.post_attention_layernorm.weight");
        let mut names = if native { gated::NATIVE_NAMES } else { NAMES };
        if b.has("encoder.layer.0.attention.q_proj.weight") {
            names.qkv = APART;
        }
        let layer = Layer {
            names,
            hidden: self.hidden_size,
            heads: self.num_attention_heads,
            head_dim: self.head_dim()?,
            inner: self.intermediate_size,
            activation: Activation::parse("hidden_act", &self.hidden_act)?,
            biases: Biases { attention: true, up: false, down: true },
            rms: self.rms,
            eps: self.layer_norm_eps,
        };
        let mut x = self.embeddings(b)?;
        let rope = self.rotation.as_ref().map(|rotation| rotation.rope(b));
        for n in 0..self.num_hidden_layers {
            let last = n + 1 == self.num_hidden_layers;
            x = layer.write(b, &x, n, rope.as_ref(), if last { rows } else { Rows::All })?;
        }
        Ok(x)
    }

    /// Pooler (dense, tanh) over the first token, then the classifier.
    fn logits(&self, b: &mut Builder<'_>, x: &Value, labels: usize) -> Result<Value, GraphError> {
        post_norm::classifier(b, x, ["pooler.dense", "/classifier"], Activation::Tanh, self.hidden_size, labels)
    }

    fn token_logits(&self, b: &mut Builder<'_>, x: &Value) -> Result<Value, GraphError> {
        let head = MaskedLm {
            dense: "/lm_head.dense",
            norm: if b.has("/lm_head.norm.weight") { "/lm_head.norm" } else { "/lm_head.layer_norm" },
            decoder: "/lm_head.decoder",
            bias: "/lm_head.decoder.bias",
            words: WORDS,
            tied: self.tie_word_embeddings,
            hidden: self.hidden_size,
            width: self.hidden_size,
            vocab: self.vocab_size,
            activation: Activation::parse("hidden_act", &self.head_act)?,
            eps: self.layer_norm_eps,
        };
        head.token_logits(b, x)
    }
}

impl Gte {
    fn head_dim(&self) -> Result<usize, GraphError> {
        self.head_dim.map_or_else(|| config::head_dim(self.hidden_size, self.num_attention_heads), Ok)
    }

    /// Refuses what no graph could be built of; the numbers of a head.
    fn check(&self) -> Result<usize, GraphError> {
        config::positive("num_hidden_layers", self.num_hidden_layers)?;
        config::positive("num_attention_heads", self.num_attention_heads)?;
        config::positive("max_position_embeddings", self.max_position_embeddings)?;
        Activation::parse("hidden_act", &self.hidden_act)?;
        let head_dim = self.head_dim()?;
        gated::check_sizes(&[
            ("num_attention_heads", self.num_attention_heads),
            ("head_dim", head_dim),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
        ])?;
        Ok(head_dim)
    }

    /// The sum of the embeddings, normalised (always by a layer norm), flat.
    fn embeddings(&self, b: &mut Builder<'_>) -> Result<Value, GraphError> {
        let hidden = self.hidden_size;
        let mut sum = b.words(WORDS, self.vocab_size, hidden)?;
        if self.type_vocab_size > 0 {
            let types = b.type_embeddings("embeddings.token_type_embeddings.weight", self.type_vocab_size, hidden)?;
            sum = b.op("Add", &[&sum, &types], &[]);
        }
        if self.rotation.is_none() {
            let table = "embeddings.position_embeddings.weight";
            let positions = b.learned_positions(table, self.max_position_embeddings, hidden)?;
            sum = b.op("Add", &[&sum, &positions], &[]);
        }
        let sum = b.flatten(&sum, hidden);
        b.layer_norm(&sum, "embeddings.LayerNorm", hidden, self.layer_norm_eps)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_implemented_is_named() {
        let refused = |changes: Json, what: &str| {
            let mut config = json!({"hidden_size": 16, "num_attention_heads": 2});
            config.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            let error = new(&config).map(drop).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        };
        refused(json!({"logn_attention_scale": true}), "logn_attention_scale = true is not implemented");
        refused(json!({"layer_norm_type": "group_norm"}), "layer_norm_type = \"group_norm\"");
        refused(json!({"position_embedding_type": "alibi"}), "position_embedding_type = \"alibi\"");
        refused(json!({"rope_scaling": {"type": "linear", "factor": 2}}), "rope_scaling.type = \"linear\"");
        refused(json!({"rope_scaling": {"type": "ntk", "factor": 0.5}}), "rope_scaling.factor = 0.5");
        refused(json!({"rope_scaling": {"type": "ntk"}}), "rope_scaling has no factor");
        refused(json!({"hidden_act": "mish"}), "hidden_act = \"mish\"");
    }

    /// A model that once had 512 positions and now has four times as many: the slowest wave is four times as long.
    #[test]
    fn scaling_stretches_the_slowest_wave_by_its_factor() {
        let scaling = Scaling { rope_type: Some("ntk".into()), r#type: None, factor: Some(4.0), mixed_b: None };
        let scaled = New { rope_scaling: Some(scaling), ..New::default() }.rotary(16).unwrap();
        let plain = New::default().rotary(16).unwrap();
        let stretched = plain.frequencies[7] / scaled.frequencies[7];
        assert!((stretched - 4.0).abs() < 1e-6, "{stretched}");
        assert!(plain.frequencies[0] / scaled.frequencies[0] < 1.2);
    }
}
