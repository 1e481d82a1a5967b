//! Two computations of the same value; a run takes one of them.

use super::super::proto::{
    ATTRIBUTE_GRAPH, AttributeProto, GraphProto, NodeProto, TENSOR_FLOAT, TensorTypeProto, TypeProto, ValueInfoProto,
};
use super::graph_builder::Builder;
use super::value::Value;

impl Builder<'_> {
    /// The f32 value of `then` where `condition` (one bool) holds, else that of `otherwise`. Both may use every value
    /// made before.
    pub(super) fn branch(
        &mut self,
        condition: &Value,
        then: impl FnOnce(&mut Self) -> Value,
        otherwise: impl FnOnce(&mut Self) -> Value,
    ) -> Value {
        let then = self.subgraph("then_branch", then);
        let otherwise = self.subgraph("else_branch", otherwise);
        let output = self.fresh("If");
        self.graph.node.push(NodeProto {
            input: vec![condition.0.clone()],
            output: vec![output.clone()],
            name: output.clone(),
            op_type: "If".into(),
            attribute: vec![then, otherwise],
            ..NodeProto::default()
        });
        Value(output)
    }

    /// The nodes that `make` appends, as an attribute. Constants and weights stay with the whole graph.
    fn subgraph(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Value) -> AttributeProto {
        let outside = std::mem::take(&mut self.graph.node);
        let shared = self.shared.clone();
        let value = make(self);
        // Nodes of a branch cannot be used outside of it; weights are not nodes.
        self.shared.retain(|key, _| shared.contains_key(key) || key.starts_with("weight "));
        let node = std::mem::replace(&mut self.graph.node, outside);
        let tensor_type = Some(TensorTypeProto { elem_type: TENSOR_FLOAT, shape: None });
        let output = vec![ValueInfoProto { name: value.0, r#type: Some(TypeProto { tensor_type }) }];
        let graph = GraphProto { node, name: self.fresh(name), output, ..GraphProto::default() };
        AttributeProto { name: name.into(), g: Some(graph), r#type: ATTRIBUTE_GRAPH, ..AttributeProto::default() }
    }
}
