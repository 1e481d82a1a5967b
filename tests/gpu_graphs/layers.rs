//! The nodes of a layer, from its attention to the next one's, for each kind of layer.

use infa::parts::graph::{Output, Precision, Request, Rows};

use crate::model::{build, directory, on_gpus, proto};

/// The nodes from the last attention but one up to the last.
fn layer(name: &str, precision: Precision) -> String {
    let request = Request { padded: false, ..on_gpus(Output::Hidden(Rows::All), precision) };
    let nodes = proto(&build(&directory(name), &request).unwrap()).node;
    let attentions: Vec<usize> = (0..nodes.len()).filter(|&at| nodes[at].op_type.ends_with("Attention")).collect();
    let [.., from, to] = attentions[..] else { panic!("{name} has {} layers", attentions.len()) };
    nodes[from..to].iter().map(|node| node.op_type.as_str()).collect::<Vec<_>>().join(" ")
}

#[test]
fn layers_have_no_more_nodes_than_they_need() {
    for &(name, precision, expected) in LAYERS {
        assert_eq!(layer(name, precision), expected, "{name}, {precision:?}");
    }
}

const LAYERS: &[(&str, Precision, &str)] = &[
    (
        "xlm-roberta-embed",
        Precision::Float16,
        "PackedMultiHeadAttention FusedMatMul SkipLayerNormalization FusedMatMul BiasGelu FusedMatMul SkipLayerNormalization FusedMatMul Reshape",
    ),
    (
        "xlm-roberta-embed",
        Precision::Float32,
        "PackedMultiHeadAttention FusedMatMul SkipLayerNormalization FusedMatMul BiasGelu FusedMatMul SkipLayerNormalization FusedMatMul Reshape",
    ),
    (
        "xlm-roberta-embed",
        Precision::Bfloat16,
        "Attention FusedMatMul SkipLayerNormalization FusedMatMul BiasGelu FusedMatMul SkipLayerNormalization FusedMatMul Add FusedMatMul Add FusedMatMul Add",
    ),
    (
        "nomic-v1.5",
        Precision::Float16,
        "PackedMultiHeadAttention FusedMatMul SkipLayerNormalization FusedMatMul FusedMatMul QuickGelu Mul FusedMatMul SkipLayerNormalization FusedMatMul Reshape RotaryEmbedding Reshape FusedMatMul Reshape RotaryEmbedding Reshape FusedMatMul",
    ),
    (
        "gte-rms",
        Precision::Float16,
        "PackedMultiHeadAttention FusedMatMul SkipSimplifiedLayerNormalization FusedMatMul FusedMatMul FastGelu Mul FusedMatMul SkipSimplifiedLayerNormalization FusedMatMul Add Reshape RotaryEmbedding Reshape FusedMatMul Add Reshape RotaryEmbedding Reshape FusedMatMul Add",
    ),
    (
        "gte-multilingual",
        Precision::Float16,
        "PackedMultiHeadAttention FusedMatMul SkipLayerNormalization FusedMatMul FusedMatMul QuickGelu Mul FusedMatMul SkipLayerNormalization FusedMatMul Add Reshape RotaryEmbedding Reshape FusedMatMul Add Reshape RotaryEmbedding Reshape FusedMatMul Add",
    ),
    (
        "modernbert-embed",
        Precision::Float16,
        "PackedMultiHeadAttention FusedMatMul SkipLayerNormalization FusedMatMul FusedMatMul Gelu Mul FusedMatMul SkipLayerNormalization FusedMatMul Reshape RotaryEmbedding Reshape FusedMatMul Reshape RotaryEmbedding Reshape FusedMatMul",
    ),
    (
        "jina-v2",
        Precision::Float16,
        "PackedMultiHeadAttention FusedMatMul SkipLayerNormalization FusedMatMul FusedMatMul Gelu Mul FusedMatMul SkipLayerNormalization FusedMatMul Reshape",
    ),
    (
        "jina-v2-code",
        Precision::Float16,
        "Attention FusedMatMul Add Add LayerNormalization Add LayerNormalization FusedMatMul FusedMatMul Gelu Mul FusedMatMul Add Add LayerNormalization FusedMatMul Add FusedMatMul Add FusedMatMul Add LayerNormalization LayerNormalization",
    ),
    (
        "mpnet-embed",
        Precision::Float16,
        "PackedMultiHeadAttention FusedMatMul SkipLayerNormalization FusedMatMul BiasGelu FusedMatMul SkipLayerNormalization FusedMatMul Reshape",
    ),
    (
        "eurobert-embed",
        Precision::Float16,
        "PackedMultiHeadAttention FusedMatMul SkipSimplifiedLayerNormalization FusedMatMul FusedMatMul QuickGelu Mul FusedMatMul SkipSimplifiedLayerNormalization FusedMatMul Reshape RotaryEmbedding Reshape FusedMatMul Reshape RotaryEmbedding Reshape Reshape Expand Reshape FusedMatMul Reshape Expand Reshape",
    ),
    (
        "deberta-v3-embed",
        Precision::Float16,
        "Attention FusedMatMul SkipLayerNormalization FusedMatMul BiasGelu FusedMatMul SkipLayerNormalization FusedMatMul Add FusedMatMul Add FusedMatMul Add FusedMatMul Add Reshape Transpose Reshape Transpose FusedMatMul Reshape Gather FusedMatMul Add Reshape Transpose Reshape Transpose FusedMatMul Reshape Gather Add Add",
    ),
    (
        "qwen3-embedding",
        Precision::Float16,
        "Attention FusedMatMul SkipSimplifiedLayerNormalization FusedMatMul FusedMatMul QuickGelu Mul FusedMatMul SkipSimplifiedLayerNormalization FusedMatMul Reshape SimplifiedLayerNormalization Reshape RotaryEmbedding FusedMatMul Reshape SimplifiedLayerNormalization Reshape RotaryEmbedding FusedMatMul",
    ),
    (
        "llama-embedding",
        Precision::Float32,
        "Attention FusedMatMul SkipSimplifiedLayerNormalization FusedMatMul FusedMatMul Add QuickGelu Add Mul FusedMatMul SkipSimplifiedLayerNormalization FusedMatMul Add RotaryEmbedding FusedMatMul Add RotaryEmbedding FusedMatMul Add",
    ),
    (
        "mistral-e5",
        Precision::Bfloat16,
        "Attention FusedMatMul SkipSimplifiedLayerNormalization FusedMatMul FusedMatMul QuickGelu Mul FusedMatMul SkipSimplifiedLayerNormalization FusedMatMul RotaryEmbedding FusedMatMul RotaryEmbedding FusedMatMul",
    ),
    (
        "gemma3-embedding",
        Precision::Bfloat16,
        "Attention FusedMatMul SimplifiedLayerNormalization SkipSimplifiedLayerNormalization FusedMatMul FusedMatMul FastGelu Mul FusedMatMul SimplifiedLayerNormalization SkipSimplifiedLayerNormalization FusedMatMul Reshape SimplifiedLayerNormalization Reshape RotaryEmbedding FusedMatMul Reshape SimplifiedLayerNormalization Reshape RotaryEmbedding FusedMatMul",
    ),
];
