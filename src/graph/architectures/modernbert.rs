//! ModernBERT: rotary positions, layers that see every token among layers that see only near ones, gated feed-forward,
//! norms before and not after.
//!
//! Reference: `transformers`, `models/modernbert/modeling_modernbert.py`; Warner et al. 2024,
//! <https://arxiv.org/abs/2412.13663>.

use serde::Deserialize;
use serde_json::Value as Json;

use super::architecture::{Architecture, Sizes};
use super::gated;
use super::rotary::{Rotation, Surroundings};
use crate::graph::builder::{
    Activation, Attention, Builder, Mask, PackedLayer, PackedLinear, PackedNorm, PackedNorms, Rope, Value,
};
use crate::graph::{GraphError, Rows, config};

/// The settings of config.json that decide the graph; defaults are those of `transformers.ModernBertConfig`.
#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    head_dim: Option<usize>,
    hidden_activation: String,
    max_position_embeddings: usize,
    norm_eps: f32,
    norm_bias: bool,
    attention_bias: bool,
    mlp_bias: bool,
    local_attention: usize,
    sliding_window: Option<usize>,
    global_attn_every_n_layers: usize,
    layer_types: Option<Vec<Layer>>,
    classifier_pooling: Pooling,
    classifier_bias: bool,
    classifier_activation: String,
    decoder_bias: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            vocab_size: 50368,
            hidden_size: 768,
            intermediate_size: 1152,
            num_hidden_layers: 22,
            num_attention_heads: 12,
            head_dim: None,
            hidden_activation: "gelu".into(),
            max_position_embeddings: 8192,
            norm_eps: 1e-5,
            norm_bias: false,
            attention_bias: false,
            mlp_bias: false,
            local_attention: 128,
            sliding_window: None,
            global_attn_every_n_layers: 3,
            layer_types: None,
            classifier_pooling: Pooling::Cls,
            classifier_bias: false,
            classifier_activation: "gelu".into(),
            decoder_bias: true,
        }
    }
}

/// The tokens that a layer's queries see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
enum Layer {
    #[serde(rename = "full_attention")]
    Full,
    #[serde(rename = "sliding_attention")]
    Sliding,
}

/// The input of the classifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Pooling {
    Cls,
    Mean,
}

struct ModernBert {
    settings: Settings,
    head_dim: usize,
    /// The window of a [`Layer::Sliding`], in positions.
    reach: usize,
    full: Rotation,
    sliding: Rotation,
}

pub(crate) fn read(json: &Json) -> Result<Box<dyn Architecture>, GraphError> {
    let settings: Settings = config::read(json)?;
    config::positive("num_hidden_layers", settings.num_hidden_layers)?;
    config::positive("max_position_embeddings", settings.max_position_embeddings)?;
    config::positive("intermediate_size", settings.intermediate_size)?;
    gated::check_sizes(&[
        ("hidden_size", settings.hidden_size),
        ("intermediate_size", settings.intermediate_size),
        ("sliding_window", settings.sliding_window.unwrap_or(settings.local_attention)),
    ])?;
    let head_dim = config::head_dim(settings.hidden_size, settings.num_attention_heads)?;
    config::only("head_dim", &settings.head_dim.unwrap_or(head_dim), &head_dim)?;
    config::positive("global_attn_every_n_layers", settings.global_attn_every_n_layers)?;
    let count = settings.num_hidden_layers;
    if let Some(layers) = settings.layer_types.as_ref().filter(|layers| layers.len() != count) {
        let reason = format!("layer_types has {} entries and num_hidden_layers is {count}", layers.len());
        return Err(GraphError::Config(reason));
    }
    let positions = settings.max_position_embeddings;
    if let Some(scaling) = json.get("rope_scaling").filter(|scaling| !scaling.is_null()) {
        return Err(GraphError::NotImplemented { key: "rope_scaling", value: scaling.to_string() });
    }
    let parameters = json.get("rope_parameters").filter(|parameters| !parameters.is_null());
    if let Some(flat) =
        parameters.filter(|p| ["full_attention", "sliding_attention"].iter().all(|&k| p.get(k).is_none()))
    {
        return Err(GraphError::NotImplemented { key: "rope_parameters", value: flat.to_string() });
    }
    // `local_attention` counts both sides.
    let reach = settings.sliding_window.unwrap_or(settings.local_attention / 2);
    let model = ModernBert {
        head_dim,
        reach,
        full: rotation(json, "full_attention", "global_rope_theta", 160_000.0, head_dim, positions)?,
        sliding: rotation(json, "sliding_attention", "local_rope_theta", 10_000.0, head_dim, positions)?,
        settings,
    };
    Activation::parse("hidden_activation", &model.settings.hidden_activation)?;
    Activation::parse("classifier_activation", &model.settings.classifier_activation)?;
    Ok(Box::new(model))
}

/// The rotation of the layers of one kind: `rope_parameters` of `transformers` 5, or the base by its `old` name.
fn rotation(
    json: &Json,
    kind: &str,
    old: &'static str,
    default: f64,
    dim: usize,
    positions: usize,
) -> Result<Rotation, GraphError> {
    let own = json.get("rope_parameters").and_then(|parameters| parameters.get(kind)).unwrap_or(&Json::Null);
    let base = match json.get(old) {
        None => default,
        Some(base) => base
            .as_f64()
            .filter(|&base| base > 0.0)
            .ok_or_else(|| GraphError::NotImplemented { key: old, value: base.to_string() })?,
    };
    Ok(Rotation::of(own, Surroundings { base, dim, positions, trained: None })?.endless())
}

impl Settings {
    fn kind(&self, layer: usize) -> Layer {
        match &self.layer_types {
            Some(layers) => layers[layer],
            None if layer.is_multiple_of(self.global_attn_every_n_layers) => Layer::Full,
            None => Layer::Sliding,
        }
    }
}

impl Architecture for ModernBert {
    fn name(&self) -> &'static str {
        "modernbert"
    }

    fn sizes(&self) -> Sizes {
        Sizes {
            hidden: self.settings.hidden_size,
            vocab: self.settings.vocab_size,
            max_positions: None,
            token_types: 0,
        }
    }

    fn anchor(&self) -> &'static str {
        WORDS
    }

    fn packable(&self) -> bool {
        let s = &self.settings;
        Activation::parse("hidden_activation", &s.hidden_activation).is_ok_and(|activation| {
            [&self.full, &self.sliding].into_iter().all(|rotation| {
                let (heads, inner) = (s.num_attention_heads, s.intermediate_size);
                gated::packable(s.hidden_size, heads, self.head_dim, inner, activation, Some(rotation))
            })
        })
    }

    fn encode(&self, b: &mut Builder<'_>, rows: Rows) -> Result<Value, GraphError> {
        let hidden = self.settings.hidden_size;
        let words = b.words(WORDS, self.settings.vocab_size, hidden)?;
        let x = b.flatten(&words, hidden);
        let mut x = self.norm(b, &x, "embeddings.norm")?;
        let [mut full, mut sliding] = [None, None];
        for layer in 0..self.settings.num_hidden_layers {
            let (rope, reach) = match self.settings.kind(layer) {
                Layer::Full => (full.get_or_insert_with(|| self.full.rope(b)), None),
                Layer::Sliding => (sliding.get_or_insert_with(|| self.sliding.rope(b)), Some(self.reach)),
            };
            let last = layer + 1 == self.settings.num_hidden_layers;
            let rows = if last { rows } else { Rows::All };
            if b.writes_layers() {
                x = b.packed_layer(&x, &self.packed(layer, rope, reach, rows)?)?;
                continue;
            }
            x = self.attention(b, &x, layer, rope, reach, rows)?;
            x = self.feed_forward(b, &x, layer)?;
        }
        self.norm(b, &x, "final_norm")
    }

    fn classified_rows(&self) -> Rows {
        match self.settings.classifier_pooling {
            Pooling::Cls => Rows::First,
            Pooling::Mean => Rows::All,
        }
    }

    /// The prediction head over the first token or the mean of all, then the classifier.
    fn logits(&self, b: &mut Builder<'_>, x: &Value, labels: usize) -> Result<Value, GraphError> {
        let hidden = self.settings.hidden_size;
        let pooled = match self.settings.classifier_pooling {
            Pooling::Cls => x.clone(),
            Pooling::Mean => b.mean_of_texts(x, hidden),
        };
        let x = self.prediction_head(b, &pooled)?;
        b.linear(&x, "/classifier", hidden, labels)
    }

    /// The prediction head, then the decoder, whose matrix is that of the word embeddings unless the file has one.
    fn token_logits(&self, b: &mut Builder<'_>, x: &Value) -> Result<Value, GraphError> {
        let (vocab, hidden) = (self.settings.vocab_size, self.settings.hidden_size);
        let x = self.prediction_head(b, x)?;
        let own = "/decoder.weight";
        let weight = b.matrix(if b.has(own) { own } else { WORDS }, vocab, hidden)?;
        let bias = if self.settings.decoder_bias { Some(b.weight("/decoder.bias", &[vocab])?) } else { None };
        b.product(&x, &weight, bias.as_ref())
    }
}

const WORDS: &str = "embeddings.tok_embeddings.weight";

impl ModernBert {
    fn norm(&self, b: &mut Builder<'_>, x: &Value, name: &str) -> Result<Value, GraphError> {
        let s = &self.settings;
        b.layer_norm_with(x, name, s.hidden_size, s.norm_eps, s.norm_bias)
    }

    /// Layer number `layer` as one operator of our own.
    fn packed<'a>(
        &self,
        layer: usize,
        rope: &'a Rope,
        reach: Option<usize>,
        rows: Rows,
    ) -> Result<PackedLayer<'a>, GraphError> {
        let s = &self.settings;
        let (hidden, inner) = (s.hidden_size, s.intermediate_size);
        let name = |part: &str| format!("layers.{layer}.{part}");
        let [query, key, value] =
            [0, 1, 2].map(|part| PackedLinear::part(name("attn.Wqkv"), part, 3, hidden, s.attention_bias));
        let [gate, up] = [0, 1].map(|part| PackedLinear::part(name("mlp.Wi"), part, 2, inner, s.mlp_bias));
        let norm = |part: &str| PackedNorm::Layer { name: name(part), bias: s.norm_bias };
        Ok(PackedLayer {
            hidden,
            heads: s.num_attention_heads,
            kv_heads: s.num_attention_heads,
            head_dim: self.head_dim,
            inner,
            activation: Activation::parse("hidden_activation", &s.hidden_activation)?,
            eps: s.norm_eps,
            query,
            key,
            value,
            attended: PackedLinear::whole(name("attn.Wo"), hidden, s.attention_bias),
            up,
            gate: Some(gate),
            down: PackedLinear::whole(name("mlp.Wo"), hidden, s.mlp_bias),
            // The embeddings are normalised already.
            norms: PackedNorms {
                inputs: [if layer == 0 { PackedNorm::Identity } else { norm("attn_norm") }, norm("mlp_norm")],
                ..PackedNorms::default()
            },
            head_norms: None,
            rope: Some(rope),
            scale: None,
            mask: Mask { causal: false, reach },
            slopes: &[],
            bias: None,
            rows,
        })
    }

    /// `rows` of flat `x` with what they take from the tokens they see.
    fn attention(
        &self,
        b: &mut Builder<'_>,
        x: &Value,
        layer: usize,
        rope: &Rope,
        reach: Option<usize>,
        rows: Rows,
    ) -> Result<Value, GraphError> {
        let s = &self.settings;
        let (hidden, heads, head_dim) = (s.hidden_size, s.num_attention_heads, self.head_dim);
        // The embeddings are normalised already.
        let normed = if layer == 0 { x.clone() } else { self.norm(b, x, &format!("layers.{layer}.attn_norm"))? };
        let asking = b.pick(&normed, hidden, rows);
        let packed = format!("layers.{layer}.attn.Wqkv");
        let third = |b: &mut Builder<'_>, x: &Value, part: usize| {
            b.linear_rows(x, &packed, hidden, 3 * hidden, part * hidden..(part + 1) * hidden, s.attention_bias)
        };
        let (q, k, v) = (third(b, &asking, 0)?, third(b, &normed, 1)?, third(b, &normed, 2)?);
        let q = b.rotate(&q, rope, heads, head_dim, rows);
        let k = b.rotate(&k, rope, heads, head_dim, Rows::All);
        let context = b.attention(&Attention {
            q: &q,
            k: &k,
            v: &v,
            heads,
            kv_heads: heads,
            head_dim,
            scale: None,
            mask: Mask { causal: false, reach },
            bias: None,
            rows,
        });
        let attended = b.linear_with(&context, &format!("layers.{layer}.attn.Wo"), hidden, hidden, s.attention_bias)?;
        let x = b.pick(x, hidden, rows);
        Ok(b.op("Add", &[&x, &attended], &[]))
    }

    /// `x` with its feed-forward: the first matrix' output has two halves, and one, through the activation, gates the
    /// other.
    fn feed_forward(&self, b: &mut Builder<'_>, x: &Value, layer: usize) -> Result<Value, GraphError> {
        let s = &self.settings;
        let (hidden, inner) = (s.hidden_size, s.intermediate_size);
        let normed = self.norm(b, x, &format!("layers.{layer}.mlp_norm"))?;
        let packed = format!("layers.{layer}.mlp.Wi");
        let both = inner.saturating_mul(2);
        let active = b.linear_rows(&normed, &packed, hidden, both, 0..inner, s.mlp_bias)?;
        let active = b.activation(&active, Activation::parse("hidden_activation", &s.hidden_activation)?);
        let gate = b.linear_rows(&normed, &packed, hidden, both, inner..both, s.mlp_bias)?;
        let gated = b.op("Mul", &[&active, &gate], &[]);
        let outer = b.linear_with(&gated, &format!("layers.{layer}.mlp.Wo"), inner, hidden, s.mlp_bias)?;
        Ok(b.op("Add", &[x, &outer], &[]))
    }

    /// Dense, activation and norm: the input of the classifier and of the decoder.
    fn prediction_head(&self, b: &mut Builder<'_>, x: &Value) -> Result<Value, GraphError> {
        let s = &self.settings;
        let x = b.linear_with(x, "/head.dense", s.hidden_size, s.hidden_size, s.classifier_bias)?;
        let x = b.activation(&x, Activation::parse("classifier_activation", &s.classifier_activation)?);
        self.norm(b, &x, "/head.norm")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(config: Json) -> String {
        read(&config).err().unwrap().to_string()
    }

    #[test]
    fn what_is_not_implemented_is_named() {
        for (config, named) in [
            (json!({"rope_scaling": {"rope_type": "linear", "factor": 2}}), "rope_scaling = {"),
            (json!({"rope_parameters": {"rope_theta": 5}}), "rope_parameters = {"),
            (json!({"rope_parameters": {"full_attention": {"rope_type": "su"}}}), "rope_type = \"su\""),
            (json!({"local_rope_theta": null}), "local_rope_theta = null"),
            (json!({"global_rope_theta": -1}), "global_rope_theta = -1"),
            (json!({"layer_types": ["full_attention"]}), "layer_types has 1 entries and num_hidden_layers is 22"),
            (json!({"layer_types": ["chunked_attention"]}), "chunked_attention"),
            (json!({"global_attn_every_n_layers": 0}), "global_attn_every_n_layers is 0"),
            (json!({"local_attention": -1}), "-1"),
            (json!({"head_dim": 32}), "head_dim = 32"),
            (json!({"hidden_size": 36, "num_attention_heads": 4}), "heads of 9 numbers"),
            (json!({"classifier_pooling": "max"}), "max"),
            (json!({"classifier_activation": "mish"}), "classifier_activation = \"mish\""),
            (json!({"hidden_activation": "xielu"}), "hidden_activation = \"xielu\""),
        ] {
            let error = refusal(config);
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn every_third_layer_sees_all_unless_the_layers_are_listed() {
        let settings = |json: Json| config::read::<Settings>(&json).unwrap();
        let default = settings(json!({}));
        assert_eq!([0, 1, 2, 3].map(|layer| default.kind(layer) == Layer::Full), [true, false, false, true]);
        let listed = settings(json!({"layer_types": ["sliding_attention", "full_attention"]}));
        assert_eq!([0, 1].map(|layer| listed.kind(layer) == Layer::Full), [false, true]);
    }
}
