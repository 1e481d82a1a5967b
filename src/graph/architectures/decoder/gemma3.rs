//! config.json of Gemma 3's text model (`gemma3_text`).
//!
//! Unlike Llama's kind it scales the word embeddings, has norms after attention and feed-forward as well as before,
//! rotates heads by two sets of angles, and may be bidirectional.
//!
//! Reference: `transformers`, `models/gemma3/{configuration,modeling}_gemma3.py`.

use serde::Deserialize;
use serde_json::Value as Json;

use super::super::rotary::{Rotation, Surroundings};
use super::head::Head;
use super::layers::{self, FULL, SLIDING, Sight};
use super::stack::{Biases, Decoder, Norms};
use crate::graph::builder::Activation;
use crate::graph::{GraphError, config};

/// The settings that decide the graph; defaults are those of `transformers.Gemma3TextConfig`.
#[derive(Deserialize)]
#[serde(default)]
struct Gemma3 {
    vocab_size: usize,
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    num_key_value_heads: usize,
    head_dim: usize,
    hidden_activation: String,
    max_position_embeddings: usize,
    rms_norm_eps: f32,
    attention_bias: bool,
    query_pre_attn_scalar: f64,
    sliding_window: Option<usize>,
    sliding_window_pattern: usize,
    layer_types: Option<Vec<String>>,
    attn_logit_softcapping: Option<f64>,
    use_bidirectional_attention: bool,
    is_causal: bool,
    rope_theta: f64,
    rope_local_base_freq: f64,
    rope_scaling: Option<serde_json::Map<String, Json>>,
    rope_parameters: Option<serde_json::Map<String, Json>>,
    partial_rotary_factor: Option<f64>,
}

impl Default for Gemma3 {
    fn default() -> Self {
        Self {
            vocab_size: 262_208,
            hidden_size: 2304,
            intermediate_size: 9216,
            num_hidden_layers: 26,
            num_attention_heads: 8,
            num_key_value_heads: 4,
            head_dim: 256,
            hidden_activation: "gelu_pytorch_tanh".into(),
            max_position_embeddings: 131_072,
            rms_norm_eps: 1e-6,
            attention_bias: false,
            query_pre_attn_scalar: 256.0,
            sliding_window: Some(4096),
            sliding_window_pattern: 6,
            layer_types: None,
            attn_logit_softcapping: None,
            use_bidirectional_attention: false,
            is_causal: true,
            rope_theta: 1_000_000.0,
            rope_local_base_freq: 10_000.0,
            rope_scaling: None,
            rope_parameters: None,
            partial_rotary_factor: None,
        }
    }
}

pub(in crate::graph) fn gemma3(json: &Json) -> Result<Decoder, GraphError> {
    let gemma: Gemma3 = config::read(json)?;
    config::only("attn_logit_softcapping", &gemma.attn_logit_softcapping, &None)?;
    config::only("partial_rotary_factor", &gemma.partial_rotary_factor.unwrap_or(1.0), &1.0)?;
    config::positive("hidden_size", gemma.hidden_size)?;
    config::positive("max_position_embeddings", gemma.max_position_embeddings)?;
    config::positive("sliding_window", gemma.sliding_window.unwrap_or(1))?;
    layers::check(gemma.num_hidden_layers, gemma.num_attention_heads, gemma.num_key_value_heads)?;
    if gemma.query_pre_attn_scalar <= 0.0 {
        return Err(GraphError::Config(format!("query_pre_attn_scalar is {}", gemma.query_pre_attn_scalar)));
    }
    let sliding = gemma.sliding()?;
    let sight = gemma.sight(json, sliding.contains(&true))?;
    let bias = gemma.attention_bias;
    Ok(Decoder {
        name: "gemma3_text",
        vocab: gemma.vocab_size,
        hidden: gemma.hidden_size,
        inner: gemma.intermediate_size,
        heads: gemma.num_attention_heads,
        kv_heads: gemma.num_key_value_heads,
        head_dim: gemma.head_dim,
        activation: Activation::parse("hidden_activation", &gemma.hidden_activation)?,
        positions: gemma.max_position_embeddings,
        word_scale: Some((gemma.hidden_size as f64).sqrt() as f32),
        score_scale: Some(gemma.query_pre_attn_scalar.powf(-0.5) as f32),
        rotations: vec![gemma.full_rotation()?, gemma.sliding_rotation()?],
        layers: sliding.into_iter().map(|sliding| sight.layer(sliding, usize::from(sliding))).collect(),
        biases: Biases { qkv: bias, attended: bias, feed_forward: false },
        norms: Norms {
            eps: gemma.rms_norm_eps,
            offset: true,
            attention: "input_layernorm",
            attended: Some("post_attention_layernorm"),
            feed_forward: "pre_feedforward_layernorm",
            fed_forward: Some("post_feedforward_layernorm"),
            heads: true,
        },
        head: Head::read(json, true, Some(0))?,
    })
}

impl Gemma3 {
    /// For each layer whether it has a window: by `layer_types`, or all except every n-th.
    fn sliding(&self) -> Result<Vec<bool>, GraphError> {
        let number = self.num_hidden_layers;
        if let Some(types) = &self.layer_types {
            return layers::sliding(types, number);
        }
        config::positive("sliding_window_pattern", self.sliding_window_pattern)?;
        Ok((1..=number).map(|layer| !layer.is_multiple_of(self.sliding_window_pattern)).collect())
    }

    fn sight(&self, json: &Json, sliding: bool) -> Result<Sight, GraphError> {
        let window = self.sliding_window.filter(|_| !json.get("sliding_window").is_some_and(Json::is_null));
        let Some(window) = window else {
            if sliding {
                return Err(GraphError::Config(format!("layer_types has {SLIDING}, but sliding_window is null")));
            }
            return Ok(Sight::of(self.is_causal && !self.use_bidirectional_attention, None));
        };
        Ok(match (self.use_bidirectional_attention, self.is_causal) {
            (false, causal) => Sight::of(causal, Some(window)),
            // Half the window to either side …
            (true, true) => Sight::of(false, Some(window / 2)),
            // … and one more, as in the reference, if config.json sets both.
            (true, false) => Sight::of(false, Some(window / 2 + 1)),
        })
    }

    /// Angles in layers without a window. `rope_scaling` applies to these alone.
    fn full_rotation(&self) -> Result<Rotation, GraphError> {
        let mut parameters = self.parameters(FULL)?;
        for (key, value) in self.rope_scaling.iter().flatten() {
            if key == "type" && value != "default" {
                return Err(GraphError::NotImplemented {
                    key: "rope_scaling",
                    value: format!("{{\"type\": {value}}}"),
                });
            }
            parameters.insert(key.clone(), value.clone());
        }
        self.rotation(parameters, self.rope_theta)
    }

    fn sliding_rotation(&self) -> Result<Rotation, GraphError> {
        self.rotation(self.parameters(SLIDING)?, self.rope_local_base_freq)
    }

    fn rotation(&self, parameters: serde_json::Map<String, Json>, base: f64) -> Result<Rotation, GraphError> {
        let around = Surroundings { base, dim: self.head_dim, positions: self.max_position_embeddings, trained: None };
        Rotation::of(&Json::Object(parameters), around)
    }

    /// The `rope_parameters` of layers of type `kind`.
    fn parameters(&self, kind: &str) -> Result<serde_json::Map<String, Json>, GraphError> {
        let all = self.rope_parameters.iter().flatten();
        if let Some((key, value)) = all.clone().find(|(key, _)| ![FULL, SLIDING].contains(&key.as_str())) {
            return Err(GraphError::NotImplemented {
                key: "rope_parameters",
                value: format!("{{\"{key}\": {value}}}"),
            });
        }
        match all.clone().find(|(key, _)| key.as_str() == kind).map(|(_, value)| value) {
            None | Some(Json::Null) => Ok(serde_json::Map::new()),
            Some(Json::Object(parameters)) => Ok(parameters.clone()),
            Some(other) => Err(GraphError::Config(format!("rope_parameters: {kind} is {other}"))),
        }
    }
}
