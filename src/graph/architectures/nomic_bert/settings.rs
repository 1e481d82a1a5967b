//! config.json of nomic_bert in its two spellings: with GPT-2's keys as on the Hub, and with BERT's as `transformers`
//! has it.

use crate::graph::GraphError;
use crate::graph::architectures::gated::{self, Biases};
use crate::graph::architectures::rotary::Rotation;
use crate::graph::builder::Activation;
use serde::Deserialize;
use serde_json::Value as Json;

use crate::graph::builder::{GrowingRotary, Rotary};
use crate::graph::config;

/// Settings with two spellings.
const SAME: [(&str, &str); 5] = [
    ("n_embd", "hidden_size"),
    ("n_layer", "num_hidden_layers"),
    ("n_head", "num_attention_heads"),
    ("n_inner", "intermediate_size"),
    ("n_positions", "max_position_embeddings"),
];

pub(super) fn read(json: &Json) -> Result<NomicBert, GraphError> {
    let some = |key: &str| json.get(key).filter(|value| !value.is_null());
    if some("n_embd").is_none() {
        return config::read::<Native>(json)?.model(json);
    }
    for (key, other) in SAME {
        if let (Some(a), Some(b)) = (some(key), some(other))
            && a != b
        {
            return Err(GraphError::Config(format!("{key} = {a} contradicts {other} = {b}")));
        }
    }
    config::read::<Hub>(json)?.model()
}

/// config.json as `transformers` spells it, with its defaults.
#[derive(Deserialize)]
#[serde(default)]
struct Native {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    hidden_act: String,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    layer_norm_eps: f32,
    head_dim: Option<usize>,
    tie_word_embeddings: bool,
}

impl Default for Native {
    fn default() -> Self {
        Self {
            vocab_size: 30528,
            hidden_size: 768,
            num_hidden_layers: 12,
            num_attention_heads: 12,
            intermediate_size: 3072,
            hidden_act: "silu".into(),
            max_position_embeddings: 2048,
            type_vocab_size: 2,
            layer_norm_eps: 1e-12,
            head_dim: None,
            tie_word_embeddings: true,
        }
    }
}

/// config.json as the Hub spells it, with the defaults of its code.
#[derive(Deserialize)]
#[serde(default)]
struct Hub {
    vocab_size: usize,
    n_embd: usize,
    n_layer: usize,
    n_head: usize,
    n_inner: Option<usize>,
    n_positions: i64,
    activation_function: String,
    type_vocab_size: usize,
    layer_norm_epsilon: f32,
    pad_vocab_size_multiple: usize,
    qkv_proj_bias: bool,
    mlp_fc1_bias: bool,
    mlp_fc2_bias: bool,
    rotary_emb_fraction: f64,
    rotary_emb_base: f64,
    rotary_emb_interleaved: bool,
    rotary_scaling_factor: f64,
    max_trained_positions: usize,
    // The settings below have one value in all models, and only that one is implemented.
    rotary_emb_scale_base: Option<f64>,
    rotary_head_dim: bool,
    num_heads_kv: Option<usize>,
    prenorm: bool,
    parallel_block: bool,
    use_rms_norm: bool,
    causal: bool,
    num_experts: usize,
    moe_every_n_layers: usize,
}

impl Default for Hub {
    fn default() -> Self {
        Self {
            vocab_size: 50257,
            n_embd: 768,
            n_layer: 12,
            n_head: 12,
            n_inner: None,
            n_positions: 1024,
            activation_function: "gelu_new".into(),
            type_vocab_size: 2,
            layer_norm_epsilon: 1e-5,
            pad_vocab_size_multiple: 1,
            qkv_proj_bias: true,
            mlp_fc1_bias: true,
            mlp_fc2_bias: true,
            rotary_emb_fraction: 0.0,
            rotary_emb_base: 10_000.0,
            rotary_emb_interleaved: false,
            rotary_scaling_factor: 0.0,
            max_trained_positions: 2048,
            rotary_emb_scale_base: None,
            rotary_head_dim: false,
            num_heads_kv: None,
            prenorm: false,
            parallel_block: false,
            use_rms_norm: false,
            causal: false,
            num_experts: 0,
            moe_every_n_layers: 0,
        }
    }
}

impl Native {
    fn model(self, json: &Json) -> Result<NomicBert, GraphError> {
        let head_dim = match self.head_dim {
            Some(head_dim) => head_dim,
            None => config::head_dim(self.hidden_size, self.num_attention_heads)?,
        };
        config::positive("num_hidden_layers", self.num_hidden_layers)?;
        config::positive("num_attention_heads", self.num_attention_heads)?;
        gated::check_sizes(&[
            ("num_attention_heads", self.num_attention_heads),
            ("head_dim", head_dim),
            ("intermediate_size", self.intermediate_size),
            ("max_position_embeddings", self.max_position_embeddings),
        ])?;
        let rotation = Rotation::read(json, 1000.0, head_dim, self.max_position_embeddings)?;
        let activation = Activation::parse("hidden_act", &self.hidden_act)?;
        Ok(NomicBert {
            vocab: self.vocab_size,
            hidden: self.hidden_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            head_dim,
            inner: self.intermediate_size,
            rounded_inner: self.intermediate_size,
            gated: true,
            activation,
            head_activation: activation,
            head_bias: true,
            tied: self.tie_word_embeddings,
            biases: Biases { attention: false, up: false, down: false },
            types: self.type_vocab_size,
            eps: self.layer_norm_eps,
            max_positions: None,
            positions: Positions::Rotated(rotation.endless()),
        })
    }
}

impl Hub {
    fn model(self) -> Result<NomicBert, GraphError> {
        if let Some(base) = self.rotary_emb_scale_base {
            return Err(GraphError::NotImplemented { key: "rotary_emb_scale_base", value: base.to_string() });
        }
        config::only("rotary_head_dim", &self.rotary_head_dim, &false)?;
        config::only("num_heads_kv", &self.num_heads_kv.unwrap_or(self.n_head), &self.n_head)?;
        config::only("prenorm", &self.prenorm, &false)?;
        config::only("parallel_block", &self.parallel_block, &false)?;
        config::only("use_rms_norm", &self.use_rms_norm, &false)?;
        config::only("causal", &self.causal, &false)?;
        config::only("num_experts", &self.num_experts, &0)?;
        config::only("moe_every_n_layers", &self.moe_every_n_layers, &0)?;
        config::positive("pad_vocab_size_multiple", self.pad_vocab_size_multiple)?;
        config::positive("n_layer", self.n_layer)?;
        gated::check_sizes(&[
            ("vocab_size", self.vocab_size),
            ("pad_vocab_size_multiple", self.pad_vocab_size_multiple),
            ("n_embd", self.n_embd),
            ("n_inner", self.n_inner.unwrap_or(0)),
            ("max_trained_positions", self.max_trained_positions),
        ])?;

        let head_dim = config::head_dim(self.n_embd, self.n_head)?;
        let (gated, activation, head_activation) = match self.activation_function.as_str() {
            "swiglu" => (true, Activation::Silu, Activation::Silu),
            "geglu" => (true, Activation::Gelu, Activation::Gelu),
            "glu" => (true, Activation::Sigmoid, Activation::Gelu),
            "gelu" => (false, Activation::Gelu, Activation::Gelu),
            // The layers take the exact function under these names, too; only the head follows the setting.
            "gelu_new" | "gelu_fast" | "gelu_pytorch_tanh" => (false, Activation::Gelu, Activation::GeluTanh),
            other => {
                return Err(GraphError::NotImplemented { key: "activation_function", value: format!("\"{other}\"") });
            }
        };
        let inner = self.n_inner.unwrap_or(if gated { 8 * self.n_embd / 3 } else { 4 * self.n_embd });
        let positions = match usize::try_from(self.n_positions) {
            Ok(positions) if positions > 0 => positions,
            _ => 2048,
        };
        gated::check_sizes(&[("n_positions", positions)])?;
        Ok(NomicBert {
            vocab: self.vocab_size.next_multiple_of(self.pad_vocab_size_multiple),
            hidden: self.n_embd,
            layers: self.n_layer,
            heads: self.n_head,
            head_dim,
            inner,
            rounded_inner: if gated { inner.next_multiple_of(256) } else { inner },
            gated,
            activation,
            head_activation,
            head_bias: self.mlp_fc1_bias,
            tied: true,
            biases: Biases { attention: self.qkv_proj_bias, up: self.mlp_fc1_bias, down: self.mlp_fc2_bias },
            types: self.type_vocab_size,
            eps: self.layer_norm_epsilon,
            positions: self.positions(head_dim, positions)?,
            max_positions: Some(positions),
        })
    }

    /// Learned positions if no part of a head is to turn.
    fn positions(&self, head_dim: usize, positions: usize) -> Result<Positions, GraphError> {
        if self.rotary_emb_fraction <= 0.0 {
            return Ok(Positions::Learned(positions));
        }
        let numbers = head_dim as f64 * self.rotary_emb_fraction;
        let dim = numbers as usize;
        for (key, number) in
            [("rotary_emb_base", self.rotary_emb_base), ("rotary_scaling_factor", self.rotary_scaling_factor)]
        {
            if number < 0.0 || number == 0.0 && key == "rotary_emb_base" {
                return Err(GraphError::Config(format!("{key} = {number} is not a positive number")));
            }
        }
        let growing = self.rotary_scaling_factor > 0.0;
        let least = if growing { 4 } else { 2 };
        if dim < least || dim > head_dim || !dim.is_multiple_of(2) || numbers.fract() != 0.0 {
            let value = self.rotary_emb_fraction.to_string();
            return Err(GraphError::NotImplemented { key: "rotary_emb_fraction", value });
        }
        let (base, interleaved) = (self.rotary_emb_base, self.rotary_emb_interleaved);
        Ok(Positions::Rotated(if growing {
            config::positive("max_trained_positions", self.max_trained_positions)?;
            let (factor, trained) = (self.rotary_scaling_factor, self.max_trained_positions);
            Rotation::Growing(GrowingRotary { base, dim, factor, trained, interleaved })
        } else {
            Rotation::Fixed(Rotary { interleaved, ..Rotary::plain(base, dim, positions) })
        }))
    }
}

/// The settings that decide the graph, of either spelling.
pub(super) struct NomicBert {
    pub(super) vocab: usize,
    pub(super) hidden: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    pub(super) head_dim: usize,
    /// Width of the feed-forward part.
    pub(super) inner: usize,
    /// The feed-forward width that the Hub's `inner` stands for, unless the file has exactly `inner`.
    pub(super) rounded_inner: usize,
    pub(super) gated: bool,
    pub(super) activation: Activation,
    /// Of the masked-LM head.
    pub(super) head_activation: Activation,
    pub(super) head_bias: bool,
    pub(super) tied: bool,
    pub(super) biases: Biases,
    pub(super) types: usize,
    pub(super) eps: f32,
    pub(super) positions: Positions,
    pub(super) max_positions: Option<usize>,
}

pub(super) enum Positions {
    Rotated(Rotation),
    Learned(usize),
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(changes: Json, what: &str) {
        let mut config =
            json!({"n_embd": 16, "n_head": 2, "rotary_emb_fraction": 1.0, "activation_function": "swiglu"});
        config.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        let error = read(&config).map(drop).unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
    }

    #[test]
    fn what_is_not_implemented_is_named() {
        refused(json!({"prenorm": true}), "prenorm = true is not implemented");
        refused(json!({"causal": true}), "causal = true");
        refused(json!({"use_rms_norm": true}), "use_rms_norm = true");
        refused(json!({"num_experts": 8, "moe_every_n_layers": 2}), "num_experts = 8");
        refused(json!({"rotary_emb_scale_base": 512}), "rotary_emb_scale_base = 512");
        refused(json!({"num_heads_kv": 1}), "num_heads_kv = 1");
        refused(json!({"activation_function": "relu"}), "activation_function = \"relu\"");
        refused(json!({"rotary_emb_fraction": 0.3}), "rotary_emb_fraction = 0.3");
    }

    #[test]
    fn what_is_wrong_is_named() {
        refused(json!({"hidden_size": 24}), "n_embd = 16 contradicts hidden_size = 24");
        refused(json!({"n_layer": 0}), "n_layer is 0");
        refused(json!({"rotary_emb_base": 0}), "rotary_emb_base = 0");
        refused(json!({"rotary_scaling_factor": -2}), "rotary_scaling_factor = -2");
        refused(json!({"n_inner": 1_u64 << 63}), "n_inner = 9223372036854775808 is too large");
        refused(json!({"n_head": 3}), "cannot be divided");
    }

    #[test]
    fn the_feed_forward_width_is_rounded_up_where_it_is_gated() {
        let config = |function: &str| {
            let config = json!({"n_embd": 768, "n_head": 12, "activation_function": function});
            read(&config).unwrap().rounded_inner
        };
        assert_eq!((config("swiglu"), config("gelu")), (2048, 3072));
    }
}
