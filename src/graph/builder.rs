//! What the architectures share: nodes, weights by reference, and the layers of a transformer.
//!
//! Operators are chosen by measurement on CPU: `Gemm` with a transposed B takes PyTorch's `[out, in]` weights as they
//! lie in the file and adds the bias itself; `Add` + `LayerNormalization` beats the fused `SkipLayerNormalization`
//! tenfold; `MultiHeadAttention` takes its flash path only without mask or bias, which unpadded batches never need.

use prost::Message;

use super::GraphError;
use super::proto::{
    ATTRIBUTE_FLOAT, ATTRIBUTE_INT, AttributeProto, DimensionProto, GraphProto, LOCATION_EXTERNAL, ModelProto,
    NodeProto, OperatorSetIdProto, StringStringEntryProto, TENSOR_FLOAT, TENSOR_INT64, TensorProto, TensorShapeProto,
    TensorTypeProto, TypeProto, ValueInfoProto,
};
use crate::model::weights::{TensorData, Weights};

/// ONNX Runtime's own operator domain.
const MICROSOFT: &str = "com.microsoft";
/// IR 8 and opset 17 are the oldest with `LayerNormalization`: every ONNX Runtime infa accepts reads them.
const IR_VERSION: i64 = 8;
const OPSET: i64 = 17;

/// A weight that the session gets by address, not inside the model.
#[derive(Clone)]
pub struct Initializer {
    /// Its name in the graph.
    pub name: String,
    /// Its shape.
    pub shape: Vec<i64>,
    /// Where its numbers are.
    pub data: TensorData,
}

/// A value in the graph, by name.
#[derive(Debug, Clone)]
pub(super) struct Value(String);

/// An attribute of a node.
pub(super) enum Attribute {
    Float(&'static str, f32),
    Int(&'static str, i64),
}

/// The activation functions of `hidden_act`, with the formulas `transformers` gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Activation {
    /// x · Φ(x), by erf.
    Gelu,
    /// 0.5 · x · (1 + tanh(√(2/π) · (x + 0.044715 x³))): `gelu_new`, `gelu_pytorch_tanh`.
    GeluTanh,
    /// max(x, 0)
    Relu,
    /// x · sigmoid(x)
    Silu,
}

impl Activation {
    pub(super) fn parse(name: &str) -> Result<Self, GraphError> {
        match name {
            "gelu" => Ok(Self::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" | "gelu_fast" => Ok(Self::GeluTanh),
            "relu" => Ok(Self::Relu),
            "silu" | "swish" => Ok(Self::Silu),
            _ => Err(GraphError::NotImplemented { key: "hidden_act", value: format!("\"{name}\"") }),
        }
    }
}

/// A graph under construction, over the weights of one file.
pub(super) struct Builder<'w> {
    weights: &'w Weights,
    prefix: String,
    graph: GraphProto,
    initializers: Vec<Initializer>,
    counter: usize,
}

impl<'w> Builder<'w> {
    /// `anchor` is a tensor every checkpoint of the architecture has; what stands before it in the file
    /// (`bert.`, say) is the prefix of all the others.
    pub(super) fn new(weights: &'w Weights, anchor: &str) -> Result<Self, GraphError> {
        let prefix = weights.prefix_of(anchor)?;
        let graph = GraphProto { name: "infa".into(), ..GraphProto::default() };
        Ok(Self { weights, prefix, graph, initializers: Vec::new(), counter: 0 })
    }

    /// Declares an i64 input of shape `[batch, sequence]`.
    pub(super) fn input_ids(&mut self, name: &str) -> Value {
        self.graph.input.push(value_info(name, TENSOR_INT64, &[Err("batch"), Err("sequence")]));
        Value(name.to_owned())
    }

    /// The weight `name` of the file (after the prefix), which must have `shape`.
    pub(super) fn weight(&mut self, name: &str, shape: &[usize]) -> Result<Value, GraphError> {
        let full = format!("{}{name}", self.prefix);
        let data = self.weights.float_tensor(&full, shape)?;
        let dims: Vec<i64> = shape.iter().map(|&d| d as i64).collect();
        self.graph.initializer.push(TensorProto {
            dims: dims.clone(),
            data_type: TENSOR_FLOAT,
            name: full.clone(),
            raw_data: None,
            external_data: self.external_data(&data),
            data_location: LOCATION_EXTERNAL,
        });
        self.initializers.push(Initializer { name: full.clone(), shape: dims, data });
        Ok(Value(full))
    }

    /// Where a weight's numbers lie: in the safetensors file itself, whose tensors are laid out as ONNX wants external
    /// data. Converted numbers lie nowhere; the session is given those by address.
    fn external_data(&self, data: &TensorData) -> Vec<StringStringEntryProto> {
        let entry = |key: &str, value: String| StringStringEntryProto { key: key.into(), value };
        let name = self.weights.file().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut entries = vec![entry("location", name)];
        if let TensorData::Mapped { start, end, .. } = data {
            entries.push(entry("offset", start.to_string()));
            entries.push(entry("length", (end - start).to_string()));
        }
        entries
    }

    /// A small constant of integers, inside the model.
    pub(super) fn ints(&mut self, values: &[i64]) -> Value {
        self.int_tensor(values, vec![values.len() as i64])
    }

    /// A constant integer without dimensions.
    pub(super) fn scalar(&mut self, value: i64) -> Value {
        self.int_tensor(&[value], Vec::new())
    }

    fn int_tensor(&mut self, values: &[i64], dims: Vec<i64>) -> Value {
        let name = self.fresh("const");
        self.graph.initializer.push(TensorProto {
            dims,
            data_type: TENSOR_INT64,
            name: name.clone(),
            raw_data: Some(values.iter().flat_map(|v| v.to_le_bytes()).collect()),
            ..TensorProto::default()
        });
        Value(name)
    }

    /// Appends an ONNX operator with one output.
    pub(super) fn op(&mut self, op: &str, inputs: &[&Value], attributes: &[Attribute]) -> Value {
        self.node("", op, inputs, attributes)
    }

    fn node(&mut self, domain: &str, op: &str, inputs: &[&Value], attributes: &[Attribute]) -> Value {
        let output = self.fresh(op);
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(|v| v.0.clone()).collect(),
            output: vec![output.clone()],
            name: output.clone(),
            op_type: op.into(),
            attribute: attributes.iter().map(attribute).collect(),
            domain: domain.into(),
        });
        Value(output)
    }

    fn fresh(&mut self, stem: &str) -> String {
        self.counter += 1;
        format!("{stem}_{}", self.counter)
    }

    /// `x · Wᵀ + b` with `{name}.weight` `[out, in]` and `{name}.bias` `[out]`; `x` is `[rows, in]`.
    pub(super) fn linear(&mut self, x: &Value, name: &str, input: usize, output: usize) -> Result<Value, GraphError> {
        let weight = self.weight(&format!("{name}.weight"), &[output, input])?;
        let bias = self.weight(&format!("{name}.bias"), &[output])?;
        Ok(self.op("Gemm", &[x, &weight, &bias], &[Attribute::Int("transB", 1)]))
    }

    /// Layer normalisation over the last axis, with `{name}.weight` and `{name}.bias`.
    pub(super) fn layer_norm(&mut self, x: &Value, name: &str, size: usize, eps: f32) -> Result<Value, GraphError> {
        // Checkpoints converted from TensorFlow call them gamma and beta.
        let old = self.weights.has(&format!("{}{name}.gamma", self.prefix));
        let (weight, bias) = if old { ("gamma", "beta") } else { ("weight", "bias") };
        let weight = self.weight(&format!("{name}.{weight}"), &[size])?;
        let bias = self.weight(&format!("{name}.{bias}"), &[size])?;
        Ok(self.op(
            "LayerNormalization",
            &[x, &weight, &bias],
            &[Attribute::Int("axis", -1), Attribute::Float("epsilon", eps)],
        ))
    }

    /// The activation function, elementwise.
    pub(super) fn activation(&mut self, x: &Value, activation: Activation) -> Value {
        match activation {
            Activation::Gelu => self.node(MICROSOFT, "Gelu", &[x], &[]),
            Activation::GeluTanh => self.node(MICROSOFT, "FastGelu", &[x], &[]),
            Activation::Relu => self.op("Relu", &[x], &[]),
            Activation::Silu => {
                let sigmoid = self.op("Sigmoid", &[x], &[]);
                self.op("Mul", &[x, &sigmoid], &[])
            }
        }
    }

    /// Scaled dot-product attention of every query with every key of its text; `[batch, sequence, hidden]` each.
    pub(super) fn attention(&mut self, q: &Value, k: &Value, v: &Value, heads: usize) -> Value {
        self.node(MICROSOFT, "MultiHeadAttention", &[q, k, v], &[Attribute::Int("num_heads", heads as i64)])
    }

    /// Gives `value` its final name and serialises the model. `dims` are numbers or symbols.
    pub(super) fn finish(
        mut self,
        value: &Value,
        name: &str,
        dims: &[Result<i64, &str>],
    ) -> (Vec<u8>, Vec<Initializer>) {
        self.graph.node.push(NodeProto {
            input: vec![value.0.clone()],
            output: vec![name.into()],
            name: name.into(),
            op_type: "Identity".into(),
            ..NodeProto::default()
        });
        self.graph.output.push(value_info(name, TENSOR_FLOAT, dims));
        let model = ModelProto {
            ir_version: IR_VERSION,
            producer_name: "infa".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(self.graph),
            opset_import: vec![
                OperatorSetIdProto { domain: String::new(), version: OPSET },
                OperatorSetIdProto { domain: MICROSOFT.into(), version: 1 },
            ],
        };
        (model.encode_to_vec(), self.initializers)
    }
}

fn attribute(a: &Attribute) -> AttributeProto {
    match *a {
        Attribute::Float(name, f) => {
            AttributeProto { name: name.into(), f: Some(f), r#type: ATTRIBUTE_FLOAT, ..AttributeProto::default() }
        }
        Attribute::Int(name, i) => {
            AttributeProto { name: name.into(), i: Some(i), r#type: ATTRIBUTE_INT, ..AttributeProto::default() }
        }
    }
}

fn value_info(name: &str, elem_type: i32, dims: &[Result<i64, &str>]) -> ValueInfoProto {
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
