//! What the CPU provider needs to compute a graph for GPUs: kernels of this test for operators that it lacks, and, as it
//! computes nothing in bfloat16, float32 with every result rounded to bfloat16.

use std::collections::HashMap;

use infa::parts::graph::Precision;

use crate::kernels;
use crate::proto::{
    ATTRIBUTE_INT, AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TENSOR_BFLOAT16,
    TENSOR_FLOAT, TENSOR_FLOAT16, TensorProto,
};

/// Operators whose results are in the format of the layers.
const ROUNDED: &[&str] = &[
    "Attention",
    "BiasGelu",
    "FastGelu",
    "FusedMatMul",
    "Gelu",
    "LayerNormalization",
    "QuickGelu",
    "RotaryEmbedding",
    "SimplifiedLayerNormalization",
    "SkipLayerNormalization",
    "SkipSimplifiedLayerNormalization",
];

/// Changes a model so that the CPU provider computes it.
pub(crate) fn emulate(model: &mut ModelProto, precision: Precision) {
    model.opset_import.push(OperatorSetIdProto { domain: kernels::DOMAIN.into(), version: 1 });
    let graph = model.graph.as_mut().unwrap();
    if precision == Precision::Bfloat16 {
        graph.initializer.iter_mut().for_each(widen);
    }
    let GraphProto { node, .. } = graph;
    let mut nodes = Vec::with_capacity(node.len());
    for mut node in std::mem::take(node) {
        if kernels::OPERATORS.contains(&node.op_type.as_str()) {
            node.domain = kernels::DOMAIN.into();
            let restores_floats = node.op_type == "RestorePadding" && !node.input[0].starts_with("Relu");
            if precision == Precision::Float16 && !restores_floats {
                in_float32(node, &mut nodes);
                continue;
            }
        }
        if precision == Precision::Bfloat16 {
            in_bfloat16(node, &mut nodes);
            continue;
        }
        nodes.push(node);
    }
    graph.node = nodes;
}

/// `node` with its float16 inputs and its output cast: the kernels here are in float32.
fn in_float32(mut node: NodeProto, nodes: &mut Vec<NodeProto>) {
    let integers: &[usize] = if node.op_type == "RestorePadding" { &[1] } else { &[4, 5] };
    for (number, input) in node.input.iter_mut().enumerate() {
        if !input.is_empty() && !integers.contains(&number) {
            let wide = format!("{} wide {number}", node.name);
            nodes.push(cast(input, &wide, TENSOR_FLOAT));
            *input = wide;
        }
    }
    let output = std::mem::replace(&mut node.output[0], format!("{} wide", node.name));
    let wide = node.output[0].clone();
    nodes.push(node);
    nodes.push(cast(&wide, &output, TENSOR_FLOAT16));
}

/// `node` in float32, and its results rounded to bfloat16.
fn in_bfloat16(mut node: NodeProto, nodes: &mut Vec<NodeProto>) {
    let to = node.attribute.iter_mut().find(|a| node.op_type == "Cast" && a.name == "to");
    let rounds = to.is_some_and(|to| {
        let rounds = to.i == Some(TENSOR_BFLOAT16.into());
        if rounds {
            to.i = Some(TENSOR_FLOAT.into());
        }
        rounds
    });
    if !rounds && !ROUNDED.contains(&node.op_type.as_str()) {
        nodes.push(node);
        return;
    }
    let names: HashMap<String, String> = node
        .output
        .iter_mut()
        .filter(|output| !output.is_empty())
        .map(|output| {
            let exact = format!("{output} exact");
            (std::mem::replace(output, exact.clone()), exact)
        })
        .collect();
    nodes.push(node);
    for (name, exact) in names {
        let rounded = format!("{name} rounded");
        nodes.push(cast(&exact, &rounded, TENSOR_BFLOAT16));
        nodes.push(cast(&rounded, &name, TENSOR_FLOAT));
    }
}

fn cast(from: &str, to: &str, element: i32) -> NodeProto {
    let to_element = AttributeProto {
        name: "to".into(),
        i: Some(element.into()),
        r#type: ATTRIBUTE_INT,
        ..AttributeProto::default()
    };
    NodeProto {
        input: vec![from.into()],
        output: vec![to.into()],
        name: format!("{to} cast"),
        op_type: "Cast".into(),
        attribute: vec![to_element],
        domain: String::new(),
    }
}

/// A tensor in bfloat16 → in float32.
fn widen(tensor: &mut TensorProto) {
    if tensor.data_type == TENSOR_BFLOAT16 {
        tensor.data_type = TENSOR_FLOAT;
        let raw = tensor.raw_data.take().unwrap();
        let wide = raw.chunks_exact(2).flat_map(|half| [0, 0, half[0], half[1]]);
        tensor.raw_data = Some(wide.collect());
    }
}
