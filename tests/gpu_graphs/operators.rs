//! Every operator of every graph has a kernel in ONNX Runtime's CUDA provider for the types it meets, which needs no cuDNN.

use std::collections::{BTreeSet, HashMap};

use infa::parts::graph::{Lexical, Output, Precision, Request, Rows};

use crate::model::{build, directory, fixtures, on_gpus, proto};
use crate::proto::{GraphProto, NodeProto, TENSOR_BFLOAT16, TENSOR_FLOAT, TENSOR_FLOAT16, TENSOR_INT32, TENSOR_INT64};

const BOOL: i32 = 9;
const FLOATS: &[i32] = &[TENSOR_FLOAT, TENSOR_FLOAT16, TENSOR_BFLOAT16];
const NUMBERS: &[i32] = &[TENSOR_FLOAT, TENSOR_FLOAT16, TENSOR_BFLOAT16, TENSOR_INT64];
const ANY: &[i32] = &[TENSOR_FLOAT, TENSOR_FLOAT16, TENSOR_BFLOAT16, TENSOR_INT64, TENSOR_INT32, BOOL];

/// The kernels of ONNX Runtime 1.31.1, by the classes in its CUDA library, for opset 23: operator, and the types of its
/// first input (of `Where`: the second).
const KERNELS: &[(&str, &[i32])] = &[
    ("Abs", NUMBERS),
    ("Add", NUMBERS),
    ("Attention", FLOATS),
    ("BiasGelu", FLOATS),
    ("Cast", ANY),
    ("Clip", &[TENSOR_FLOAT, TENSOR_FLOAT16, TENSOR_INT64]),
    ("Concat", ANY),
    // In bfloat16 from opset 22 on.
    ("Cos", &[TENSOR_FLOAT, TENSOR_FLOAT16]),
    ("Equal", &[TENSOR_FLOAT, TENSOR_FLOAT16, TENSOR_INT64, BOOL]),
    ("Expand", ANY),
    ("FastGelu", FLOATS),
    ("FusedMatMul", FLOATS),
    ("Gather", ANY),
    ("Gelu", FLOATS),
    ("Greater", &[TENSOR_FLOAT, TENSOR_FLOAT16, TENSOR_INT64]),
    ("Identity", ANY),
    ("LayerNormalization", FLOATS),
    ("Less", &[TENSOR_FLOAT, TENSOR_FLOAT16, TENSOR_INT64]),
    ("Log", &[TENSOR_FLOAT, TENSOR_FLOAT16]),
    ("MatMul", FLOATS),
    ("Max", NUMBERS),
    ("Mul", NUMBERS),
    ("Neg", NUMBERS),
    ("Or", &[BOOL]),
    ("PackedMultiHeadAttention", &[TENSOR_FLOAT, TENSOR_FLOAT16]),
    ("Pow", &[TENSOR_FLOAT]),
    ("QuickGelu", FLOATS),
    ("Relu", FLOATS),
    ("Reshape", ANY),
    ("RestorePadding", &[TENSOR_FLOAT, TENSOR_FLOAT16]),
    ("RotaryEmbedding", FLOATS),
    ("SimplifiedLayerNormalization", FLOATS),
    ("Sin", &[TENSOR_FLOAT, TENSOR_FLOAT16]),
    ("SkipLayerNormalization", FLOATS),
    ("SkipSimplifiedLayerNormalization", FLOATS),
    ("Slice", ANY),
    ("Sub", NUMBERS),
    ("Tanh", FLOATS),
    // In bfloat16 from opset 24 on.
    ("TopK", &[TENSOR_FLOAT, TENSOR_FLOAT16]),
    ("Transpose", ANY),
    ("Unsqueeze", ANY),
    ("Where", &[TENSOR_FLOAT, TENSOR_FLOAT16, TENSOR_BFLOAT16, TENSOR_INT64]),
];

/// Inputs that these operators read on the CPU, where only constants are.
const ON_THE_CPU: &[(&str, &[usize])] =
    &[("Expand", &[1]), ("Reshape", &[1]), ("Slice", &[1, 2, 3, 4]), ("TopK", &[1]), ("Unsqueeze", &[1])];

/// The element types of all values of a graph.
fn types(graph: &GraphProto) -> HashMap<String, i32> {
    let mut types: HashMap<String, i32> =
        graph.initializer.iter().map(|tensor| (tensor.name.clone(), tensor.data_type)).collect();
    for input in &graph.input {
        let tensor = input.r#type.as_ref().unwrap().tensor_type.as_ref().unwrap();
        types.insert(input.name.clone(), tensor.elem_type);
    }
    for node in &graph.node {
        let to = node.attribute.iter().find(|attribute| attribute.name == "to");
        let of_first = match (node.op_type.as_str(), to) {
            ("Cast", Some(to)) => i32::try_from(to.i.unwrap()).unwrap(),
            ("Equal" | "Greater" | "Less" | "Or", _) => BOOL,
            _ => types[compared(node)],
        };
        for (number, output) in node.output.iter().enumerate().filter(|(_, output)| !output.is_empty()) {
            let integers = node.op_type == "TopK" && number == 1;
            types.insert(output.clone(), if integers { TENSOR_INT64 } else { of_first });
        }
    }
    types
}

/// The input whose type decides about a node's kernel.
fn compared(node: &NodeProto) -> &str {
    &node.input[usize::from(node.op_type == "Where")]
}

#[test]
fn every_operator_has_a_kernel_on_gpus() {
    let lexical = |sum| Output::Lexical(Lexical { sum, twice: true });
    let outputs = [Output::Hidden(Rows::All), Output::Hidden(Rows::Last), Output::Mean, Output::Logits];
    let mut used = BTreeSet::new();
    for name in fixtures() {
        for precision in [Precision::Float32, Precision::Float16, Precision::Bfloat16] {
            for padded in [false, true] {
                for output in outputs.into_iter().chain([lexical(false), lexical(true)]) {
                    let request = Request { token_types: true, padded, ..on_gpus(output, precision) };
                    // Not every fixture has every head.
                    let Ok(graph) = build(&directory(&name), &request) else { continue };
                    check(&name, &proto(&graph), &mut used);
                }
            }
        }
    }
    // No line of the table is for nothing.
    let unused: Vec<&str> = KERNELS.iter().map(|(name, _)| *name).filter(|name| !used.contains(*name)).collect();
    assert_eq!(unused, [""; 0]);
}

fn check(name: &str, graph: &GraphProto, used: &mut BTreeSet<String>) {
    let types = types(graph);
    for node in &graph.node {
        let kernel = KERNELS.iter().find(|(op, _)| *op == node.op_type);
        let element = types[compared(node)];
        let known = kernel.is_some_and(|(_, elements)| elements.contains(&element));
        assert!(known, "{name}: {} has no kernel for type {element}", node.op_type);
        used.insert(node.op_type.clone());
        let on_the_cpu = ON_THE_CPU.iter().filter(|(op, _)| *op == node.op_type).flat_map(|(_, inputs)| *inputs);
        for value in on_the_cpu.filter_map(|&number| node.input.get(number)) {
            let constant = graph.initializer.iter().any(|tensor| tensor.name == *value);
            assert!(constant, "{name}: {} reads {value} on the CPU", node.op_type);
        }
        // What is added or multiplied is of one type.
        if let ("Add" | "Attention" | "Mul" | "Sub" | "FusedMatMul" | "MatMul" | "Max", [a, b, ..]) =
            (node.op_type.as_str(), node.input.as_slice())
        {
            assert_eq!(types[a], types[b], "{name}: {}", node.name);
        }
    }
}
