//! config.json of Llama, Mistral, Qwen2 and Qwen3, with the defaults and the fixed choices of each.

use serde::Deserialize;
use serde_json::Value as Json;

use super::super::rotary::Rotation;
use super::head::Head;
use super::layers::{self, FULL, SLIDING, Sight};
use super::stack::{Biases, Decoder, Layer, Norms};
use crate::graph::builder::Activation;
use crate::graph::{GraphError, config};

/// The base of rotary embeddings where config.json has none.
const BASE: f64 = 10_000.0;

/// The settings that decide the graph. Those whose default differs from family to family are optional here.
#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    vocab_size: Option<usize>,
    hidden_size: usize,
    intermediate_size: Option<usize>,
    pub num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    hidden_act: String,
    max_position_embeddings: Option<usize>,
    rms_norm_eps: f32,
    pub attention_bias: bool,
    pub mlp_bias: bool,
    use_sliding_window: bool,
    sliding_window: Option<usize>,
    max_window_layers: usize,
    layer_types: Option<Vec<String>>,
    is_causal: bool,
    use_bidirectional_attention: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            vocab_size: None,
            hidden_size: 4096,
            intermediate_size: None,
            num_hidden_layers: 32,
            num_attention_heads: 32,
            num_key_value_heads: None,
            head_dim: None,
            hidden_act: "silu".into(),
            max_position_embeddings: None,
            rms_norm_eps: 1e-6,
            attention_bias: false,
            mlp_bias: false,
            use_sliding_window: false,
            sliding_window: None,
            max_window_layers: 28,
            layer_types: None,
            is_causal: true,
            use_bidirectional_attention: false,
        }
    }
}

/// The defaults of a family.
pub(super) struct Absent {
    pub vocab: usize,
    pub inner: usize,
    /// `None`: as many as heads of queries.
    pub kv_heads: Option<usize>,
    pub positions: usize,
    pub head_dim: Option<usize>,
}

const QWEN: Absent = Absent { vocab: 151_936, inner: 22016, kv_heads: Some(32), positions: 32768, head_dim: None };

pub(in crate::graph) fn llama(json: &Json) -> Result<Decoder, GraphError> {
    let absent = Absent { vocab: 32000, inner: 11008, kv_heads: None, positions: 2048, head_dim: None };
    let (settings, mut decoder) = read("llama", json, &absent)?;
    let layer = Sight::of(settings.is_causal, None).layer(false, 0);
    decoder.layers = vec![layer; settings.num_hidden_layers];
    let bias = settings.attention_bias;
    decoder.biases = Biases { qkv: bias, attended: bias, feed_forward: settings.mlp_bias };
    Ok(decoder)
}

/// Its window holds in all layers; only null in config.json turns it off.
pub(in crate::graph) fn mistral(json: &Json) -> Result<Decoder, GraphError> {
    let absent = Absent { vocab: 32000, inner: 14336, kv_heads: Some(8), positions: 4096 * 32, head_dim: None };
    let (settings, mut decoder) = read("mistral", json, &absent)?;
    let window = match json.get("sliding_window") {
        Some(Json::Null) => None,
        _ => Some(settings.sliding_window.unwrap_or(4096)),
    };
    let (sliding, kind) = if window.is_some() { (true, SLIDING) } else { (false, FULL) };
    if let Some(other) = settings.layer_types.iter().flatten().find(|&other| other != kind) {
        return Err(GraphError::NotImplemented { key: "layer_types", value: format!("\"{other}\"") });
    }
    let layer = Sight::of(settings.is_causal, window).layer(sliding, 0);
    decoder.layers = vec![layer; settings.num_hidden_layers];
    Ok(decoder)
}

pub(in crate::graph) fn qwen2(json: &Json) -> Result<Decoder, GraphError> {
    let (settings, mut decoder) = read("qwen2", json, &QWEN)?;
    decoder.layers = qwen_layers(&settings)?;
    decoder.biases.qkv = true;
    Ok(decoder)
}

pub(in crate::graph) fn qwen3(json: &Json) -> Result<Decoder, GraphError> {
    let (settings, mut decoder) = read("qwen3", json, &Absent { head_dim: Some(128), ..QWEN })?;
    decoder.layers = qwen_layers(&settings)?;
    let bias = settings.attention_bias;
    decoder.biases = Biases { qkv: bias, attended: bias, feed_forward: false };
    decoder.norms.heads = true;
    Ok(decoder)
}

/// The settings of all families, still without layers and biases.
pub(super) fn read(name: &'static str, json: &Json, absent: &Absent) -> Result<(Settings, Decoder), GraphError> {
    let settings: Settings = config::read(json)?;
    config::only("use_bidirectional_attention", &settings.use_bidirectional_attention, &false)?;
    config::positive("sliding_window", settings.sliding_window.unwrap_or(1))?;
    let (hidden, heads) = (settings.hidden_size, settings.num_attention_heads);
    let head_dim = settings.head_dim.or(absent.head_dim).map_or_else(|| config::head_dim(hidden, heads), Ok)?;
    // Null is a value of its own: as many as heads of queries.
    let kv_heads = match json.get("num_key_value_heads") {
        None => absent.kv_heads.unwrap_or(heads),
        Some(_) => settings.num_key_value_heads.unwrap_or(heads),
    };
    layers::check(settings.num_hidden_layers, heads, kv_heads)?;
    let positions = settings.max_position_embeddings.unwrap_or(absent.positions);
    config::positive("max_position_embeddings", positions)?;
    let decoder = Decoder {
        name,
        vocab: settings.vocab_size.unwrap_or(absent.vocab),
        hidden,
        inner: settings.intermediate_size.unwrap_or(absent.inner),
        heads,
        kv_heads,
        head_dim,
        activation: Activation::parse("hidden_act", &settings.hidden_act)?,
        positions,
        word_scale: None,
        score_scale: None,
        rotations: vec![Rotation::read(json, BASE, head_dim, positions)?],
        layers: Vec::new(),
        biases: Biases::default(),
        norms: Norms {
            eps: settings.rms_norm_eps,
            offset: false,
            attention: "input_layernorm",
            attended: None,
            feed_forward: "post_attention_layernorm",
            fed_forward: None,
            heads: false,
        },
        head: Head::read(json, false, None)?,
    };
    Ok((settings, decoder))
}

/// Qwen's layers: by `layer_types`, or with windows from `max_window_layers` on, where windows are in use.
fn qwen_layers(settings: &Settings) -> Result<Vec<Layer>, GraphError> {
    let window = settings.use_sliding_window.then(|| settings.sliding_window.unwrap_or(4096));
    let number = settings.num_hidden_layers;
    let sliding = match &settings.layer_types {
        Some(types) => layers::sliding(types, number)?,
        None => (0..number).map(|layer| window.is_some() && layer >= settings.max_window_layers).collect(),
    };
    if window.is_none() && sliding.contains(&true) {
        return Err(GraphError::Config(format!("layer_types has {SLIDING}, but use_sliding_window is false")));
    }
    let sight = Sight::of(settings.is_causal, window);
    Ok(sliding.into_iter().map(|sliding| sight.layer(sliding, 0)).collect())
}
