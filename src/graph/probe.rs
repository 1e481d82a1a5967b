//! A graph of a single matrix product, to measure the peak speed of a machine.

use prost::Message;

use super::builder::{Attribute, IR_VERSION, OPSET, attribute, value_info};
use super::proto::{
    GraphProto, LOCATION_EXTERNAL, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TENSOR_FLOAT,
    TensorProto,
};
use super::{Element, Graph, Initializer, Layout};
use crate::model::weights::TensorData;

const PRODUCT: &str = "product";

/// `x · Wᵀ`, both of them weights: `x` `[rows, inner]`, `W` `[outputs, inner]`, as layers multiply; f32, random
/// numbers. The graph has no inputs; its output is the product, `[rows, outputs]`.
pub(crate) fn product(rows: usize, inner: usize, outputs: usize) -> Graph {
    let mut rng = fastrand::Rng::with_seed(0);
    let mut weight = |name: &str, rows: usize| {
        // None of them subnormal, and no sums that overflow.
        let numbers = std::iter::repeat_with(|| rng.f32() - 0.5).take(rows * inner).collect();
        let shape = vec![rows as i64, inner as i64];
        Initializer { name: name.into(), shape, element: Element::F32, data: TensorData::Owned(numbers) }
    };
    let initializers = vec![weight("x", rows), weight("w", outputs)];
    let external = |weight: &Initializer| TensorProto {
        dims: weight.shape.clone(),
        data_type: weight.element.onnx(),
        name: weight.name.clone(),
        raw_data: None,
        external_data: vec![StringStringEntryProto { key: "location".into(), value: "memory".into() }],
        data_location: LOCATION_EXTERNAL,
    };
    let graph = GraphProto {
        node: vec![NodeProto {
            input: vec!["x".into(), "w".into()],
            output: vec![PRODUCT.into()],
            name: PRODUCT.into(),
            op_type: "Gemm".into(),
            attribute: vec![attribute(&Attribute::Int("transB", 1))],
            domain: String::new(),
        }],
        name: "infa".into(),
        initializer: initializers.iter().map(external).collect(),
        input: Vec::new(),
        output: vec![value_info(PRODUCT, TENSOR_FLOAT, &[Ok(rows as i64), Ok(outputs as i64)])],
    };
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "infa".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        metadata_props: Vec::new(),
    };
    Graph {
        model: model.encode_to_vec(),
        initializers,
        operators: Vec::new(),
        layout: Layout::Rectangle,
        feeds: Vec::new(),
        output: PRODUCT,
        per_token: true,
        width: outputs,
        max_positions: None,
        vocab_size: 0,
    }
}
