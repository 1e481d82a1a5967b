//! Weights by reference: the graph names them, the session gets their address.

use std::collections::HashSet;
use std::ops::Range;

use super::super::proto::{LOCATION_EXTERNAL, StringStringEntryProto, TensorProto};
use super::super::{Element, GraphError, Initializer, below_root};
use super::graph_builder::Builder;
use super::matrix::Matrix;
use super::value::Value;
use crate::model::weights::TensorData;

impl Builder<'_> {
    /// The full name of a tensor in the file. `name` follows the model's prefix; with a leading `/` it belongs to a
    /// head beside the model: one level above its prefix.
    fn full_name(&self, name: &str) -> String {
        match name.strip_prefix('/') {
            None => format!("{}{name}", self.prefix),
            Some(name) => {
                let parent = self.prefix.trim_end_matches('.').rfind('.').map_or("", |dot| &self.prefix[..=dot]);
                format!("{parent}{name}")
            }
        }
    }

    /// As [`Builder::full_name`]; marks the tensor as part of the graph.
    pub(super) fn used(&mut self, name: &str) -> String {
        let full = self.full_name(name);
        self.used.insert(full.clone());
        full
    }

    /// Unused tensors of layers that the graph has: further layers, or biases of linear layers that should have none.
    /// Unused heads and buffers outside of layers are common and not listed.
    pub(super) fn left_over(&self) -> Vec<String> {
        let built: HashSet<String> = self.used.iter().filter_map(|name| kind_of_module(name)).collect();
        let unused = self.weights.tensors().map(|(name, _)| name).filter(|&name| !self.used.contains(name));
        let mut names: Vec<String> = unused
            .filter(|name| kind_of_module(name).is_some_and(|kind| built.contains(&kind)))
            .map(str::to_owned)
            .collect();
        names.sort_unstable();
        names
    }

    /// True if the file has this tensor.
    pub(in super::super) fn has(&self, name: &str) -> bool {
        self.weights.has(&self.full_name(name))
    }

    /// Number of rows of the weight `name` in the file, if it is there.
    pub(in super::super) fn rows_in_file(&self, name: &str) -> Option<usize> {
        self.weights.shape(&self.full_name(name)).and_then(|shape| shape.first().copied())
    }

    /// The numbers of the weight `name` of the file, which must have `shape`, and its full name.
    pub(super) fn data(&mut self, name: &str, shape: &[usize]) -> Result<(TensorData, String), GraphError> {
        let full = self.used(name);
        Ok((self.weights.float_tensor(&full, shape)?, full))
    }

    /// The weight `name` of the file, which must have `shape`.
    pub(in super::super) fn weight(&mut self, name: &str, shape: &[usize]) -> Result<Value, GraphError> {
        let (data, full) = self.data(name, shape)?;
        Ok(self.initializer(full, shape, Element::F32, data))
    }

    /// Rows `rows` of the weight `name`, which must have `shape`: one matrix of several that are packed in one.
    pub(in super::super) fn weight_rows(
        &mut self,
        name: &str,
        shape: &[usize],
        rows: Range<usize>,
    ) -> Result<Value, GraphError> {
        let full = self.used(name);
        let (name, data) = self.rows(&full, shape, rows.clone())?;
        let mut dims = shape.to_vec();
        dims[0] = rows.len();
        Ok(self.initializer(name, &dims, Element::F32, data))
    }

    /// The matrix `name` of the file, `[outputs, inputs]`, for products.
    pub(in super::super) fn matrix(&mut self, name: &str, outputs: usize, inputs: usize) -> Result<Matrix, GraphError> {
        self.matrix_rows(name, outputs, inputs, 0..outputs)
    }

    /// As [`Builder::matrix`], of rows `rows` of a matrix `[total, inputs]`.
    pub(in super::super) fn matrix_rows(
        &mut self,
        name: &str,
        total: usize,
        inputs: usize,
        rows: Range<usize>,
    ) -> Result<Matrix, GraphError> {
        let tensor = self.used(name);
        self.weights.check(&tensor, &[total, inputs])?;
        Ok(Matrix { tensor, total, rows, inputs })
    }

    /// Rows `rows` of the tensor `full`, which must have `shape`, and what they are called.
    pub(super) fn rows(
        &mut self,
        full: &str,
        shape: &[usize],
        rows: Range<usize>,
    ) -> Result<(String, TensorData), GraphError> {
        // If the whole matrix is in the graph too (tied word embeddings), it is converted already.
        let whole = match self.initializers.iter().find(|known| known.name == full) {
            Some(known) => known.data.clone(),
            None => self.weights.float_tensor(full, shape)?,
        };
        if rows == (0..shape[0]) {
            return Ok((full.to_owned(), whole));
        }
        let row: usize = shape[1..].iter().product();
        Ok((format!("{full}[{}..{}]", rows.start, rows.end), whole.slice(rows.start * row..rows.end * row)))
    }

    /// The weight `name`, changed by `change` number by number. `what` distinguishes it in the graph from the weight itself.
    pub(in super::super) fn weight_changed(
        &mut self,
        name: &str,
        shape: &[usize],
        what: &str,
        change: impl Fn(f32) -> f32,
    ) -> Result<Value, GraphError> {
        let full = self.used(name);
        let data = self.weights.float_tensor(&full, shape)?;
        let changed = data.as_slice().iter().map(|&x| change(x)).collect();
        Ok(self.initializer(format!("{full} {what}"), shape, Element::F32, TensorData::Owned(changed)))
    }

    /// True if the weight `name` is in the graph.
    pub(super) fn knows_weight(&self, name: &str) -> bool {
        self.shared.contains_key(&format!("weight {name}"))
    }

    /// A weight that is named twice (tied, or of layers that share theirs) is there once.
    pub(super) fn initializer(&mut self, name: String, shape: &[usize], element: Element, data: TensorData) -> Value {
        let key = format!("weight {name}");
        if let Some(value) = self.shared.get(&key) {
            return value.clone();
        }
        let (element, data) = self.in_precision(&name, element, data);
        let dims: Vec<i64> = shape.iter().map(|&d| d as i64).collect();
        self.graph.initializer.push(TensorProto {
            dims: dims.clone(),
            data_type: element.onnx(),
            name: name.clone(),
            raw_data: None,
            external_data: external_data(&data),
            data_location: LOCATION_EXTERNAL,
        });
        self.initializers.push(Initializer { name: name.clone(), shape: dims, element, data });
        self.shared.insert(key, Value(name.clone()));
        Value(name)
    }
}

/// The location of a weight's numbers in the safetensors file, whose layout is that of ONNX external data. Converted
/// numbers have no location; the session gets them by address.
fn external_data(data: &TensorData) -> Vec<StringStringEntryProto> {
    let entry = |key: &str, value: String| StringStringEntryProto { key: key.into(), value };
    match data.place().and_then(|(path, bytes)| Some((below_root(path)?, bytes))) {
        None => vec![entry("location", "memory".into())],
        Some((file, bytes)) => vec![
            entry("location", file.into()),
            entry("offset", bytes.start.to_string()),
            entry("length", bytes.len().to_string()),
        ],
    }
}

/// The module of a layer's tensor, whichever layer it is: `encoder.layer.3.output.dense.bias` →
/// `encoder.layer.#.output.dense`.
fn kind_of_module(tensor: &str) -> Option<String> {
    let (module, _) = tensor.rsplit_once('.')?;
    let number = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = module.split('.').map(|part| if number(part) { "#" } else { part }).collect();
    parts.contains(&"#").then(|| parts.join("."))
}
