//! The settings of config.json, and the refused ones. `tests/architectures.rs` tests the graphs.
#![allow(clippy::unwrap_used)]

use serde_json::{Value as Json, json};

use super::stack::Decoder;
use super::{gemma3, llama, mistral, qwen2, qwen3};
use crate::graph::GraphError;
use crate::graph::builder::Mask;

type Read = fn(&Json) -> Result<Decoder, GraphError>;
const FAMILIES: [(&str, Read); 5] =
    [("llama", llama), ("mistral", mistral), ("qwen2", qwen2), ("qwen3", qwen3), ("gemma3", gemma3)];

/// A small config.json with `more`.
fn small(more: Json) -> Json {
    let mut config = json!({
        "vocab_size": 10, "hidden_size": 32, "intermediate_size": 8, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 100,
    });
    for (key, value) in more.as_object().unwrap() {
        config[key] = value.clone();
    }
    config
}

/// The reach of each layer, if all are causal or, with `causal` false, none is.
fn reaches(read: Read, more: Json, causal: bool) -> Vec<Option<usize>> {
    let decoder = read(&small(more)).unwrap();
    assert!(decoder.layers.iter().all(|layer| layer.mask == Mask { causal, ..layer.mask }));
    decoder.layers.iter().map(|layer| layer.mask.reach).collect()
}

#[test]
fn windows_of_mistral() {
    assert_eq!(reaches(mistral, json!({}), true), [Some(4095); 2]);
    assert_eq!(reaches(mistral, json!({"sliding_window": null}), true), [None; 2]);
    assert_eq!(reaches(mistral, json!({"sliding_window": 7}), true), [Some(6); 2]);
    assert_eq!(reaches(mistral, json!({"sliding_window": 7, "is_causal": false}), false), [Some(7); 2]);
    let layer_types = json!(["sliding_attention", "sliding_attention"]);
    assert_eq!(reaches(mistral, json!({"layer_types": layer_types}), true), [Some(4095); 2]);
}

#[test]
fn windows_of_qwen() {
    for read in [qwen2 as Read, qwen3] {
        assert_eq!(reaches(read, json!({"sliding_window": 7, "max_window_layers": 0}), true), [None; 2]);
        let windows = json!({"use_sliding_window": true, "sliding_window": 7, "max_window_layers": 1});
        assert_eq!(reaches(read, windows, true), [None, Some(6)]);
        // 28 layers come first by default, and a window has 4,096 tokens.
        assert_eq!(reaches(read, json!({"use_sliding_window": true}), true), [None; 2]);
        let types = json!({"use_sliding_window": true, "layer_types": ["sliding_attention", "full_attention"]});
        assert_eq!(reaches(read, types, true), [Some(4095), None]);
    }
}

#[test]
fn windows_of_gemma() {
    let types = |more: Json| {
        let mut all = json!({"layer_types": ["sliding_attention", "full_attention"], "sliding_window": 10});
        more.as_object().unwrap().iter().for_each(|(key, value)| all[key] = value.clone());
        all
    };
    assert_eq!(reaches(gemma3, types(json!({})), true), [Some(9), None]);
    assert_eq!(reaches(gemma3, types(json!({"use_bidirectional_attention": true})), false), [Some(5), None]);
    assert_eq!(reaches(gemma3, types(json!({"is_causal": false})), false), [Some(10), None]);
    assert_eq!(reaches(gemma3, json!({"sliding_window_pattern": 2}), true), [Some(4095), None]);
    assert_eq!(reaches(gemma3, json!({}), true), [Some(4095); 2]);
    let full = json!({"sliding_window": null, "layer_types": ["full_attention", "full_attention"]});
    assert_eq!(reaches(gemma3, full, true), [None; 2]);
}

#[test]
fn what_is_absent_and_what_is_null() {
    let kv_heads = |read: Read, config: &Json| read(config).map(|decoder| decoder.kv_heads).map_err(|e| e.to_string());
    let mut config = small(json!({"num_key_value_heads": null}));
    for (name, read) in FAMILIES.into_iter().take(4) {
        assert_eq!(kv_heads(read, &config), Ok(4), "{name}");
    }
    config.as_object_mut().unwrap().remove("num_key_value_heads");
    assert_eq!(kv_heads(llama, &config), Ok(4));
    let error = "config.json: num_attention_heads 4 cannot share num_key_value_heads 8";
    assert_eq!(kv_heads(mistral, &config), Err(error.into()));
    config["head_dim"] = Json::Null;
    assert_eq!(llama(&config).unwrap().head_dim, 8);
    config.as_object_mut().unwrap().remove("head_dim");
    config["num_key_value_heads"] = json!(1);
    assert_eq!(qwen2(&config).unwrap().head_dim, 8);
    assert_eq!(qwen3(&config).unwrap().head_dim, 128);
    assert_eq!(gemma3(&config).unwrap().head_dim, 256);
}

#[test]
fn what_is_not_implemented_is_named() {
    let refused = |read: Read, more: Json, what: &str| {
        let error = read(&small(more)).unwrap_err();
        assert!(matches!(error, GraphError::NotImplemented { .. }), "{error}");
        assert!(error.to_string().contains(what), "{error}");
    };
    for (_, read) in FAMILIES {
        let rope = json!({"rope_type": "longrope"});
        let settings = json!({"rope_scaling": rope, "rope_parameters": {}});
        refused(read, settings, "rope_type = \"longrope\"");
        refused(read, json!({"partial_rotary_factor": 0.5}), "partial_rotary_factor");
    }
    for (_, read) in FAMILIES.into_iter().take(4) {
        refused(read, json!({"hidden_act": "quick_gelu"}), "hidden_act = \"quick_gelu\"");
        refused(read, json!({"use_bidirectional_attention": true}), "use_bidirectional_attention = true");
    }
    for (_, read) in FAMILIES.into_iter().skip(1) {
        let types = json!({"layer_types": ["chunked_attention", "full_attention"]});
        refused(read, types, "layer_types = \"chunked_attention\"");
    }
    refused(mistral, json!({"layer_types": ["sliding_attention", "full_attention"]}), "layer_types");
    refused(gemma3, json!({"attn_logit_softcapping": 50.0}), "attn_logit_softcapping");
    refused(gemma3, json!({"hidden_activation": "selu"}), "hidden_activation = \"selu\"");
    refused(gemma3, json!({"rope_scaling": {"type": "linear", "factor": 8}}), "rope_scaling = {\"type\": \"linear\"}");
    refused(gemma3, json!({"rope_parameters": {"rope_theta": 1e6}}), "rope_parameters = {\"rope_theta\"");
}

#[test]
fn what_makes_no_sense_is_named() {
    let refused = |read: Read, more: Json, what: &str| {
        let error = read(&small(more)).unwrap_err();
        assert!(matches!(error, GraphError::Config(_)), "{error}");
        assert!(error.to_string().contains(what), "{error}");
    };
    for (_, read) in FAMILIES {
        refused(read, json!({"num_hidden_layers": 0}), "num_hidden_layers is 0");
        refused(read, json!({"num_hidden_layers": 1_000_000_000_000u64}), "num_hidden_layers is 1000000000000");
        refused(read, json!({"num_attention_heads": 0}), "num_attention_heads");
        refused(read, json!({"num_key_value_heads": 0}), "num_key_value_heads is 0");
        refused(read, json!({"num_key_value_heads": 3}), "cannot share num_key_value_heads 3");
        refused(read, json!({"head_dim": 7}), "heads of 7 numbers");
        refused(read, json!({"head_dim": 1_000_000_000_000u64}), "heads of 1000000000000 numbers");
        refused(read, json!({"max_position_embeddings": 0}), "max_position_embeddings is 0");
        refused(read, json!({"hidden_size": "many"}), "invalid type");
        refused(read, json!({"sliding_window": 0}), "sliding_window is 0");
    }
    for read in [qwen2 as Read, qwen3, gemma3] {
        refused(read, json!({"layer_types": ["full_attention"]}), "layer_types has 1 entries for 2 layers");
    }
    let off = json!({"layer_types": ["sliding_attention", "full_attention"]});
    refused(qwen3, off.clone(), "use_sliding_window is false");
    let mut gemma = off;
    gemma["sliding_window"] = Json::Null;
    refused(gemma3, gemma, "sliding_window is null");
    refused(gemma3, json!({"sliding_window_pattern": 0}), "sliding_window_pattern is 0");
    refused(gemma3, json!({"query_pre_attn_scalar": 0}), "query_pre_attn_scalar is 0");
}
