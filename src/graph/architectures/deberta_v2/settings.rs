//! The settings of config.json that decide the graph of a DeBERTa-v2.

use serde::{Deserialize, Deserializer};

use crate::graph::builder::Activation;
use crate::graph::{GraphError, config};

/// Defaults are those of `transformers.DebertaV2Config`, and of its model's code for what that has not.
#[derive(Deserialize)]
#[serde(default)]
pub(super) struct Settings {
    pub(super) vocab_size: usize,
    pub(super) hidden_size: usize,
    /// Of the word embeddings, where it is not that of the layers.
    embedding_size: Option<usize>,
    pub(super) num_hidden_layers: usize,
    pub(super) num_attention_heads: usize,
    attention_head_size: Option<usize>,
    pub(super) intermediate_size: usize,
    hidden_act: String,
    pub(super) max_position_embeddings: usize,
    pub(super) type_vocab_size: usize,
    pub(super) layer_norm_eps: f32,
    pub(super) relative_attention: bool,
    /// Below 1: as `max_position_embeddings`.
    max_relative_positions: i64,
    /// Below 1: none, every distance has an embedding.
    position_buckets: i64,
    pub(super) position_biased_input: bool,
    #[serde(deserialize_with = "parts")]
    pos_att_type: Vec<String>,
    pub(super) share_att_key: bool,
    #[serde(deserialize_with = "parts")]
    norm_rel_ebd: Vec<String>,
    pub(super) conv_kernel_size: usize,
    pub(super) conv_groups: usize,
    conv_act: String,
    pooler_hidden_act: String,
    pooler_hidden_size: Option<usize>,
    pub(super) legacy: bool,
    pub(super) tie_word_embeddings: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            vocab_size: 128_100,
            hidden_size: 1536,
            embedding_size: None,
            num_hidden_layers: 24,
            num_attention_heads: 24,
            attention_head_size: None,
            intermediate_size: 6144,
            hidden_act: "gelu".into(),
            max_position_embeddings: 512,
            type_vocab_size: 0,
            layer_norm_eps: 1e-7,
            relative_attention: false,
            max_relative_positions: -1,
            position_buckets: -1,
            position_biased_input: true,
            pos_att_type: Vec::new(),
            share_att_key: false,
            norm_rel_ebd: Vec::new(),
            conv_kernel_size: 0,
            conv_groups: 1,
            conv_act: "tanh".into(),
            pooler_hidden_act: "gelu".into(),
            pooler_hidden_size: None,
            legacy: true,
            tie_word_embeddings: true,
        }
    }
}

/// A list, or its entries in one string, "p2c|c2p".
fn parts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Parts {
        One(String),
        List(Vec<String>),
    }
    let parts = match Parts::deserialize(deserializer)? {
        Parts::One(text) => text.to_lowercase().split('|').map(|part| part.trim().to_owned()).collect(),
        Parts::List(list) => list,
    };
    Ok(parts.into_iter().filter(|part| !part.is_empty() && part != "none").collect())
}

impl Settings {
    /// Checks that everything is implemented; returns the size of a head.
    pub(super) fn check(&self) -> Result<usize, GraphError> {
        config::positive("num_hidden_layers", self.num_hidden_layers)?;
        config::positive("max_position_embeddings", self.max_position_embeddings)?;
        let head_dim = config::head_dim(self.hidden_size, self.num_attention_heads)?;
        config::only("attention_head_size", &self.attention_head_size.unwrap_or(head_dim), &head_dim)?;
        config::only("pooler_hidden_size", &self.pooler_hidden_size.unwrap_or(self.hidden_size), &self.hidden_size)?;
        for (key, parts, known) in [
            ("pos_att_type", &self.pos_att_type, &["c2p", "p2c"][..]),
            ("norm_rel_ebd", &self.norm_rel_ebd, &["layer_norm"]),
        ] {
            if let Some(unknown) = parts.iter().find(|part| !known.contains(&part.as_str())) {
                return Err(GraphError::NotImplemented { key, value: format!("\"{unknown}\"") });
            }
        }
        if self.conv_kernel_size > 0 {
            // An even one would make the text shorter.
            if self.conv_kernel_size.is_multiple_of(2) {
                let value = self.conv_kernel_size.to_string();
                return Err(GraphError::NotImplemented { key: "conv_kernel_size", value });
            }
            if self.conv_groups == 0 || !self.hidden_size.is_multiple_of(self.conv_groups) {
                let (hidden, groups) = (self.hidden_size, self.conv_groups);
                let reason = format!("hidden_size {hidden} cannot be divided among conv_groups {groups}");
                return Err(GraphError::Config(reason));
            }
        }
        for key in ["hidden_act", "pooler_hidden_act", "conv_act"] {
            self.activation(key)?;
        }
        Ok(head_dim)
    }

    /// The activation function that the setting `key` names.
    pub(super) fn activation(&self, key: &'static str) -> Result<Activation, GraphError> {
        let name = match key {
            "pooler_hidden_act" => &self.pooler_hidden_act,
            "conv_act" => &self.conv_act,
            _ => &self.hidden_act,
        };
        Activation::parse(key, name)
    }

    /// Width of the word embeddings.
    pub(super) fn embedding_size(&self) -> usize {
        self.embedding_size.unwrap_or(self.hidden_size)
    }

    /// True if attention has this part: "c2p" (from content to position) or "p2c".
    pub(super) fn attends(&self, part: &str) -> bool {
        self.pos_att_type.iter().any(|own| own == part)
    }

    /// True if the relative embeddings are normalised.
    pub(super) fn norms_relative(&self) -> bool {
        !self.norm_rel_ebd.is_empty()
    }

    /// The largest relative position that is distinguished from larger ones.
    pub(super) fn max_relative(&self) -> usize {
        usize::try_from(self.max_relative_positions).ok().filter(|&n| n > 0).unwrap_or(self.max_position_embeddings)
    }

    /// Number of buckets that relative positions of one sign fall into; `None`: each has its own.
    pub(super) fn buckets(&self) -> Option<usize> {
        usize::try_from(self.position_buckets).ok().filter(|&n| n > 0)
    }

    /// Factor of the scores: 1/√(head_dim · number of parts that are added up).
    pub(super) fn score_scale(&self, head_dim: usize) -> f32 {
        let parts = 1 + ["c2p", "p2c"].into_iter().filter(|part| self.attends(part)).count();
        1.0 / ((head_dim * parts) as f32).sqrt()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::graph::architectures::deberta_v2::encoder::read;

    #[test]
    fn what_is_not_implemented_is_named() {
        for (config, named) in [
            (json!({"pos_att_type": "p2c|p2p"}), "pos_att_type = \"p2p\""),
            (json!({"norm_rel_ebd": "batch_norm"}), "norm_rel_ebd = \"batch_norm\""),
            (json!({"attention_head_size": 32}), "attention_head_size = 32"),
            (json!({"pooler_hidden_size": 32}), "pooler_hidden_size = 32"),
            (json!({"conv_kernel_size": 4}), "conv_kernel_size = 4"),
            (json!({"conv_kernel_size": 3, "conv_groups": 5}), "conv_groups 5"),
            (json!({"conv_kernel_size": 3, "conv_act": "mish"}), "conv_act = \"mish\""),
            (json!({"hidden_act": "xielu"}), "hidden_act = \"xielu\""),
            (json!({"pooler_hidden_act": "mish"}), "pooler_hidden_act = \"mish\""),
            (json!({"num_attention_heads": 7}), "num_attention_heads 7"),
            (relative(json!({"position_buckets": 1})), "position_buckets = 1 of 512 relative positions"),
            (
                relative(json!({"position_buckets": 256, "max_relative_positions": 100})),
                "position_buckets = 256 of 100",
            ),
            (relative(json!({"max_relative_positions": 1_u64 << 40})), "max_relative_positions = 1099511627776"),
        ] {
            let error = read(&config).err().unwrap().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    fn relative(mut config: Json) -> Json {
        config["relative_attention"] = true.into();
        config["pos_att_type"] = "p2c|c2p".into();
        config
    }

    #[test]
    fn lists_come_in_two_spellings() {
        let parts = |json: Json| config::read::<Settings>(&json!({ "pos_att_type": json })).unwrap().pos_att_type;
        assert_eq!(parts(json!("P2C | c2p")), ["p2c", "c2p"]);
        assert_eq!(parts(json!(["c2p"])), ["c2p"]);
        assert!(parts(json!("none")).is_empty());
        assert!(parts(Json::Null).is_empty());
    }
}
