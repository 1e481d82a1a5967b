//! The checked settings of layers and heads in config.json.

use super::stack::Layer;
use crate::graph::builder::Mask;
use crate::graph::{GraphError, config};

/// A layer type: every key that causality allows.
pub(super) const FULL: &str = "full_attention";
/// A layer type: only the keys of a window.
pub(super) const SLIDING: &str = "sliding_attention";

/// Maximum number of layers, and of heads in a layer: far above any model's, against a damaged config.json.
const MOST: usize = 1 << 14;

/// The windows of layers of both types.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sight {
    /// Only its own position and those before.
    pub causal: bool,
    /// The window of layers with one, in positions.
    pub reach: Option<usize>,
}

impl Sight {
    /// As in the reference: a causal window of `window` positions counts the query's own; a bidirectional one reaches
    /// that far to both sides.
    pub(super) fn of(causal: bool, window: Option<usize>) -> Self {
        Self { causal, reach: window.map(|window| if causal { window.saturating_sub(1) } else { window }) }
    }

    /// A layer of either type.
    pub(super) fn layer(self, sliding: bool, rotation: usize) -> Layer {
        Layer { mask: Mask { causal: self.causal, reach: self.reach.filter(|_| sliding) }, rotation }
    }
}

/// Refuses numbers of layers and heads that no model has, and heads of queries that cannot share `kv_heads` evenly.
pub(super) fn check(layers: usize, heads: usize, kv_heads: usize) -> Result<(), GraphError> {
    for (key, number) in
        [("num_hidden_layers", layers), ("num_attention_heads", heads), ("num_key_value_heads", kv_heads)]
    {
        config::positive(key, number)?;
        if number > MOST {
            return Err(GraphError::Config(format!("{key} is {number}")));
        }
    }
    if !heads.is_multiple_of(kv_heads) {
        let reason = format!("num_attention_heads {heads} cannot share num_key_value_heads {kv_heads}");
        return Err(GraphError::Config(reason));
    }
    Ok(())
}

/// For each of `layers` layers whether it has a window.
pub(super) fn sliding(types: &[String], layers: usize) -> Result<Vec<bool>, GraphError> {
    if types.len() != layers {
        return Err(GraphError::Config(format!("layer_types has {} entries for {layers} layers", types.len())));
    }
    let sliding = |kind: &String| match kind.as_str() {
        SLIDING => Ok(true),
        FULL => Ok(false),
        other => Err(GraphError::NotImplemented { key: "layer_types", value: format!("\"{other}\"") }),
    };
    types.iter().map(sliding).collect()
}
