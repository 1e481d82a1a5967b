//! Values, and attributes of nodes.

use crate::graph::proto::{
    ATTRIBUTE_FLOAT, ATTRIBUTE_INT, ATTRIBUTE_INTS, AttributeProto, DimensionProto, TensorShapeProto, TensorTypeProto,
    TypeProto, ValueInfoProto,
};

/// A value in the graph, by name.
#[derive(Debug, Clone)]
pub(crate) struct Value(pub(super) String);

/// An attribute of a node.
pub(crate) enum Attribute<'a> {
    Float(&'static str, f32),
    Int(&'static str, i64),
    Ints(&'static str, &'a [i64]),
}

pub(crate) fn attribute(a: &Attribute<'_>) -> AttributeProto {
    match *a {
        Attribute::Float(name, f) => {
            AttributeProto { name: name.into(), f: Some(f), r#type: ATTRIBUTE_FLOAT, ..AttributeProto::default() }
        }
        Attribute::Int(name, i) => {
            AttributeProto { name: name.into(), i: Some(i), r#type: ATTRIBUTE_INT, ..AttributeProto::default() }
        }
        Attribute::Ints(name, ints) => AttributeProto {
            name: name.into(),
            ints: ints.to_vec(),
            r#type: ATTRIBUTE_INTS,
            ..AttributeProto::default()
        },
    }
}

pub(crate) fn value_info(name: &str, elem_type: i32, dims: &[Result<i64, &str>]) -> ValueInfoProto {
    let dim = dims
        .iter()
        .map(|d| match *d {
            Ok(n) => DimensionProto { dim_value: Some(n), dim_param: None },
            Err(symbol) => DimensionProto { dim_value: None, dim_param: Some(symbol.into()) },
        })
        .collect();
    let tensor_type = TensorTypeProto { elem_type, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type: Some(tensor_type) }) }
}
