//! A graph under construction: nodes, constants, inputs and the output.

use super::cuda::target::Cuda;
use super::matrix::Products;
use super::own_operators::OwnOperators;
use super::value::{Attribute, Value, attribute, value_info};
use crate::graph::int8::Input;
use crate::graph::proto::{
    GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TENSOR_FLOAT, TENSOR_INT64, TensorProto,
};
use crate::graph::{
    Feed, GraphError, INPUT_IDS, Initializer, LENGTHS, Layout, OPERATOR_DOMAIN, Operators, Precision, Rows,
};
use crate::kernels::{Format, Operator, Set};
use crate::model::weights::Weights;
use prost::Message;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// ONNX Runtime's own operator domain.
const MICROSOFT: &str = "com.microsoft";

/// IR 8 and opset 17 are the oldest with `LayerNormalization`: every ONNX Runtime infa accepts reads them.
pub(crate) const IR_VERSION: i64 = 8;

pub(crate) const OPSET: i64 = 17;

/// The IR and the opset of graphs for CUDA: the oldest with `Attention`.
const CUDA_VERSIONS: (i64, i64) = (11, 23);

/// A graph under construction, over the weights of one model.
///
/// Token rows are kept flat, `[batch · sequence, width]`, as `Gemm` needs them; [`Builder::sequences`] splits them into
/// texts again. Values that many layers need (shapes, positions, masks) are created once.
pub(crate) struct Builder<'w> {
    pub(super) weights: &'w Weights,
    /// The prefix of the names of the model's own tensors in the file (`bert.`, say).
    pub(super) prefix: String,
    pub(crate) operators: Operators,
    pub(super) graph: GraphProto,
    pub(super) initializers: Vec<Initializer>,
    pub(super) counter: usize,
    pub(super) shared: HashMap<String, Value>,
    /// Names in the file of the tensors that are part of the graph.
    pub(super) used: HashSet<String>,
    /// The inputs so far, by name.
    pub(super) feeds: Vec<(String, Feed)>,
    pub(super) input_ids: Value,
    pub(super) token_types: Option<Value>,
    pub(super) attention_mask: Option<Value>,
    /// True if attention uses the mask.
    pub(super) masks: bool,
    /// The number of a masked score, where a graph for CUDA does not have its own.
    pub(super) masked: f32,
    pub(super) products: Products<'w>,
    /// Names of the values that come straight from a normalisation.
    pub(super) normalised: HashSet<String>,
    /// True if what is built belongs to the layers; else to a head.
    pub(super) in_layers: bool,
    /// Length of the queries of all attentions so far together.
    pub(crate) attention_width: usize,
    /// Operators of our own; `None`: ONNX Runtime computes everything.
    pub(super) own: Option<OwnOperators>,
    /// The properties of a graph for CUDA.
    pub(super) cuda: Option<Cuda>,
    /// True if texts are padded, and rows are picked once all are computed.
    pub(super) pads: bool,
}

impl<'w> Builder<'w> {
    /// `anchor` is a tensor every checkpoint of the architecture has; the part before it in the file (`bert.`, for
    /// example) is the prefix of all the others. With `token_types` the graph has an input for them.
    pub(crate) fn new(
        weights: &'w Weights,
        anchor: &str,
        operators: Operators,
        token_types: bool,
        products: Products<'w>,
    ) -> Result<Self, GraphError> {
        let prefix = weights.prefix_of(anchor)?;
        let graph = GraphProto { name: "infa".into(), ..GraphProto::default() };
        let mut builder = Self {
            weights,
            prefix,
            operators,
            graph,
            initializers: Vec::new(),
            counter: 0,
            shared: HashMap::new(),
            used: HashSet::new(),
            feeds: Vec::new(),
            input_ids: Value(INPUT_IDS.into()),
            token_types: None,
            attention_mask: None,
            masks: false,
            masked: Precision::Float32.masked(),
            products,
            normalised: HashSet::new(),
            in_layers: true,
            attention_width: 0,
            own: None,
            cuda: None,
            pads: false,
        };
        builder.feed(Feed::Ids);
        builder.token_types = token_types.then(|| builder.feed(Feed::Types));
        Ok(builder)
    }

    /// Token ids, i64 `[batch, sequence]`.
    pub(crate) fn input_ids(&self) -> Value {
        self.input_ids.clone()
    }

    /// Token types, i64 `[batch, sequence]`; `None` means that all are 0.
    pub(crate) fn token_types(&self) -> Option<Value> {
        self.token_types.clone()
    }

    /// Products are operators of our own. If it `packs` texts, inputs are `[1, tokens]`, one text behind the other, and layers
    /// are operators, too.
    pub(crate) fn use_own_operators(&mut self, set: Set, format: Format, packs: bool) {
        self.own = Some(OwnOperators::new(set, format, packs));
        if !packs {
            return;
        }
        self.feed(Feed::Positions);
        self.feed(Feed::Lengths);
    }

    /// The graph is for CUDA; `described`: its layers are written by [`Builder::packed_layer`].
    pub(crate) fn use_cuda(&mut self, precision: Precision, layout: Layout, described: bool) {
        self.cuda = Some(Cuda { precision, layout, described, overflow: None, sum: None });
    }

    /// Texts are padded to rectangles, and hidden from attention by the mask. What computes the graph may do so in `precision`.
    pub(crate) fn pad_texts(&mut self, precision: Precision) {
        self.pads = true;
        self.masked = precision.masked();
        self.mask_tokens();
    }

    /// True if rows are picked once all are computed.
    pub(crate) fn picks_at_the_end(&self) -> bool {
        self.pads || self.cuda.as_ref().is_some_and(|cuda| !cuda.described)
    }

    /// True if rows are picked by numbers that are inputs.
    pub(in super::super) fn picks_by_number(&self) -> bool {
        self.pads || self.is_cuda()
    }

    /// True if the graph is for CUDA.
    pub(in super::super) fn is_cuda(&self) -> bool {
        self.cuda.is_some()
    }

    /// The layout of texts in the inputs; `packed`: one behind the other for operators of our own.
    pub(crate) fn layout(&self, packed: bool) -> Layout {
        match &self.cuda {
            Some(cuda) => cuda.layout,
            None if packed => Layout::Packed,
            None if self.pads => Layout::Padded,
            None => Layout::Rectangle,
        }
    }

    /// The number format of products.
    pub(crate) fn products(&self) -> &Products<'w> {
        &self.products
    }

    /// True if layers are written by [`Builder::packed_layer`].
    pub(in super::super) fn writes_layers(&self) -> bool {
        self.is_packed() || self.cuda.as_ref().is_some_and(|cuda| cuda.described)
    }

    /// True if texts are packed for operators of our own.
    pub(in super::super) fn is_packed(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.packs)
    }

    /// Adds the attention mask as an input.
    pub(crate) fn mask_tokens(&mut self) {
        self.attention_mask = Some(self.feed(Feed::Mask));
    }

    /// Flat `x` `[batch · sequence, …]` with 0 in the rows of tokens that are masked.
    pub(crate) fn without_masked_rows(&mut self, x: &Value) -> Value {
        let Some(mask) = self.attention_mask.clone() else { return x.clone() };
        let column = self.ints(&[-1, 1]);
        let mask = self.op("Reshape", &[&mask, &column], &[]);
        let mask = self.op("Cast", &[&mask], &[Attribute::Int("to", TENSOR_FLOAT.into())]);
        self.op("Mul", &[x, &mask], &[])
    }

    /// True if attention uses that input.
    pub(crate) fn masks(&self) -> bool {
        self.masks
    }

    /// A small constant of integers, inside the model.
    pub(crate) fn ints(&mut self, values: &[i64]) -> Value {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(TENSOR_INT64, vec![values.len() as i64], raw)
    }

    /// A constant integer without dimensions.
    pub(crate) fn scalar(&mut self, value: i64) -> Value {
        self.constant(TENSOR_INT64, Vec::new(), value.to_le_bytes().to_vec())
    }

    /// A constant of 32-bit floats of shape `dims`, inside the model.
    pub(crate) fn floats(&mut self, values: &[f32], dims: &[i64]) -> Value {
        let raw = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(TENSOR_FLOAT, dims.to_vec(), raw)
    }

    /// A constant number without dimensions, in the format of the layers.
    pub(crate) fn float(&mut self, value: f32) -> Value {
        let precision = self.precision();
        self.constant(precision.element().onnx(), Vec::new(), precision.bytes(value))
    }

    pub(super) fn constant(&mut self, data_type: i32, dims: Vec<i64>, raw: Vec<u8>) -> Value {
        let name = self.fresh("const");
        self.graph.initializer.push(TensorProto {
            dims,
            data_type,
            name: name.clone(),
            raw_data: Some(raw),
            ..TensorProto::default()
        });
        Value(name)
    }

    /// Appends an ONNX operator with one output.
    pub(crate) fn op(&mut self, op: &str, inputs: &[&Value], attributes: &[Attribute<'_>]) -> Value {
        self.node("", op, inputs, attributes)
    }

    /// Appends an operator of ONNX Runtime's own with one output; never with [`Operators::Standard`].
    pub(super) fn microsoft(&mut self, op: &str, inputs: &[&Value], attributes: &[Attribute<'_>]) -> Value {
        self.node(MICROSOFT, op, inputs, attributes)
    }

    pub(super) fn node(&mut self, domain: &str, op: &str, inputs: &[&Value], attributes: &[Attribute<'_>]) -> Value {
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

    /// Gives the operator that was appended last `N` more outputs.
    pub(super) fn more_outputs<const N: usize>(&mut self) -> [Value; N] {
        let names = std::array::from_fn(|_| self.fresh("more"));
        if let Some(node) = self.graph.node.last_mut() {
            node.output.extend(names.iter().cloned());
        }
        names.map(Value)
    }

    /// The output number `number` of the operator that was appended last; those before it are left out if they are not used.
    pub(super) fn further_output(&mut self, number: usize) -> Value {
        let name = self.fresh("more");
        if let Some(node) = self.graph.node.last_mut() {
            node.output.resize(number, String::new());
            node.output.push(name.clone());
        }
        Value(name)
    }

    /// An input that is left out.
    pub(super) fn absent() -> Value {
        Value(String::new())
    }

    pub(super) fn fresh(&mut self, stem: &str) -> String {
        self.counter += 1;
        format!("{stem}_{}", self.counter)
    }

    /// A value that is made once a `key`.
    pub(crate) fn shared(&mut self, key: &str, make: impl FnOnce(&mut Self) -> Value) -> Value {
        if let Some(value) = self.shared.get(key) {
            return value.clone();
        }
        let value = make(self);
        self.shared.insert(key.to_owned(), value.clone());
        value
    }

    /// The number of tokens of a text, or of the longest where texts are packed, i64 `[1]`.
    pub(crate) fn length(&mut self) -> Value {
        self.shared("length", |b| {
            if b.is_packed() {
                return b.op("ReduceMax", &[&Value(LENGTHS.into())], &[Attribute::Int("keepdims", 1)]);
            }
            let ids = b.input_ids();
            b.op("Shape", &[&ids], &[Attribute::Int("start", 1), Attribute::Int("end", 2)])
        })
    }

    /// Positions 0, 1, 2 … of a text's tokens, i64 `[sequence]`.
    pub(crate) fn positions(&mut self) -> Value {
        if self.is_cuda() {
            return self.feed(Feed::Steps);
        }
        self.shared("positions", |b| {
            let length = b.length();
            let none = b.ints(&[]);
            let length = b.op("Reshape", &[&length, &none], &[]);
            let (zero, one) = (b.scalar(0), b.scalar(1));
            b.op("Range", &[&zero, &length, &one], &[])
        })
    }

    /// `[batch, sequence, width]` → `[batch · sequence, width]`; any other leading dimensions likewise. In padded graphs for
    /// CUDA, rows stay `[batch, sequence, width]`.
    pub(crate) fn flatten(&mut self, x: &Value, width: usize) -> Value {
        if self.is_cuda() && !self.is_unpadded() {
            return x.clone();
        }
        let flat = self.shared(&format!("flat {width}"), |b| b.ints(&[-1, width as i64]));
        let y = self.op("Reshape", &[x, &flat], &[]);
        self.same_rows(x, y)
    }

    /// Undoes the flattening of `rows`: `[batch · sequence, width]` → `[batch, sequence, width]`, and one row a text →
    /// `[batch, 1, width]`.
    pub(crate) fn sequences(&mut self, x: &Value, width: usize, rows: Rows) -> Value {
        if self.is_cuda() {
            return x.clone();
        }
        let shape = match rows {
            Rows::All => self.shared(&format!("sequences {width}"), |b| {
                let ids = b.input_ids();
                let batch_and_length = b.op("Shape", &[&ids], &[]);
                let width = b.ints(&[width as i64]);
                b.op("Concat", &[&batch_and_length, &width], &[Attribute::Int("axis", 0)])
            }),
            Rows::First | Rows::Last => self.shared(&format!("single {width}"), |b| b.ints(&[-1, 1, width as i64])),
        };
        let y = self.op("Reshape", &[x, &shape], &[]);
        self.same_rows(x, y)
    }

    /// The selected rows of flat `x` `[batch · sequence, width]`: all of them, or one for each text, `[batch, width]`.
    pub(crate) fn pick(&mut self, x: &Value, width: usize, rows: Rows) -> Value {
        if self.picks_by_number() {
            return self.pick_by_number(x, width, rows);
        }
        let index = match rows {
            Rows::All => return x.clone(),
            Rows::First => 0,
            Rows::Last => -1,
        };
        if self.is_packed() {
            let at = self.picked_row(rows);
            let y = self.op("Gather", &[x, &at], &[]);
            return self.same_rows(x, y);
        }
        let whole = self.sequences(x, width, Rows::All);
        let index = self.scalar(index);
        let y = self.op("Gather", &[&whole, &index], &[Attribute::Int("axis", 1)]);
        self.same_rows(x, y)
    }

    /// The number of the first or of the last row of each text that is packed, i64 `[texts]`.
    fn picked_row(&mut self, rows: Rows) -> Value {
        self.shared(&format!("picked {rows:?}"), |b| {
            let (lengths, axis) = (Value(LENGTHS.into()), b.scalar(0));
            let exclusive = i64::from(rows == Rows::First);
            let ends = b.op("CumSum", &[&lengths, &axis], &[Attribute::Int("exclusive", exclusive)]);
            if rows == Rows::First {
                return ends;
            }
            let one = b.scalar(1);
            b.op("Sub", &[&ends, &one], &[])
        })
    }

    /// The number of each packed text's last row whose token is not `skipped` (booleans `[1, tokens]`), or of its first row
    /// if all are. i64 `[texts]`
    pub(crate) fn last_row_but(&mut self, skipped: &Value) -> Value {
        let (first, last) = (self.picked_row(Rows::First), self.picked_row(Rows::Last));
        let (axis, row) = (self.scalar(0), self.ints(&[-1]));
        let counted = self.op("Reshape", &[skipped, &row], &[]);
        let counted = self.op("Not", &[&counted], &[]);
        let numbers = self.op("Cast", &[&counted], &[Attribute::Int("to", TENSOR_INT64.into())]);
        // The rows that count, after one that stands for none; and how many there are up to each row.
        let rows = self.op("NonZero", &[&counted], &[]);
        let rows = self.op("Reshape", &[&rows, &row], &[]);
        let none = self.ints(&[0]);
        let rows = self.op("Concat", &[&none, &rows], &[Attribute::Int("axis", 0)]);
        let counts = self.op("CumSum", &[&numbers, &axis], &[]);
        let count = self.op("Gather", &[&counts, &last], &[]);
        let row = self.op("Gather", &[&rows, &count], &[]);
        // A row of a text before stands for none, too.
        self.op("Max", &[&first, &row], &[])
    }

    /// Notes that rows of `y` are rows of `x`: normalised if those are.
    fn same_rows(&mut self, x: &Value, y: Value) -> Value {
        if self.normalised.contains(&x.0) {
            self.normalised.insert(y.0.clone());
        }
        y
    }

    /// Gives `value` its final name and serialises the model; inputs of products that were watched are further outputs.
    /// `dims` are numbers or symbols.
    pub(crate) fn finish(mut self, value: &Value, name: &str, dims: &[Result<i64, &str>]) -> Finished {
        self.output(value, name, dims);
        let left_over = self.left_over();
        let (mut watched, mut missing) = (Vec::new(), Vec::new());
        match std::mem::replace(&mut self.products, Products::Float32) {
            Products::Float32 => {}
            Products::Watched(inputs) => {
                for (number, (value, input)) in inputs.into_iter().enumerate() {
                    self.output(&value, &format!("input {number}"), &[Err("rows"), Ok(input.width as i64)]);
                    watched.push(input);
                }
            }
            Products::Int8 { missing: names, .. } => missing = names,
        }
        let operators = self.own.take().map_or_else(Vec::new, |own| own.operators);
        let (ir_version, version) = if self.is_cuda() { CUDA_VERSIONS } else { (IR_VERSION, OPSET) };
        let mut opset_import = vec![OperatorSetIdProto { domain: String::new(), version }];
        if self.operators != Operators::Standard {
            opset_import.push(OperatorSetIdProto { domain: MICROSOFT.into(), version: 1 });
        }
        if !operators.is_empty() {
            opset_import.push(OperatorSetIdProto { domain: OPERATOR_DOMAIN.into(), version: 1 });
        }
        let model = ModelProto {
            ir_version,
            producer_name: "infa".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            graph: Some(self.graph),
            opset_import,
            metadata_props: Vec::new(),
        };
        Finished {
            model: model.encode_to_vec(),
            initializers: self.initializers,
            feeds: self.feeds,
            operators,
            watched,
            missing,
            attention_width: self.attention_width,
            left_over,
            overflow: self.cuda.and_then(|cuda| cuda.overflow),
        }
    }

    fn output(&mut self, value: &Value, name: &str, dims: &[Result<i64, &str>]) {
        self.graph.node.push(NodeProto {
            input: vec![value.0.clone()],
            output: vec![name.into()],
            name: name.into(),
            op_type: "Identity".into(),
            ..NodeProto::default()
        });
        self.graph.output.push(value_info(name, TENSOR_FLOAT, dims));
    }
}

/// The result of a builder.
pub(crate) struct Finished {
    /// The serialised model, without the weights.
    pub model: Vec<u8>,
    pub initializers: Vec<Initializer>,
    pub feeds: Vec<(String, Feed)>,
    /// Operators of our own.
    pub operators: Vec<Arc<dyn Operator>>,
    /// Inputs of products, if they were watched.
    pub watched: Vec<Input>,
    /// Matrices that the int8 weights did not have.
    pub missing: Vec<String>,
    /// Length of the queries of all attentions together.
    pub attention_width: usize,
    /// Tensors of the file that belong to layers, and have no place in them.
    pub left_over: Vec<String>,
    /// A weight with a number that the precision cannot hold.
    pub overflow: Option<String>,
}
