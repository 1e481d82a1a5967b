//! A graph as a self-contained file: the weights inside, or in one file beside it.
//!
//! Format: ONNX, `onnx.proto3`; a protobuf message is limited to 2 GB, so the weights of larger models are external
//! data, in one file named after the model's. Numbers are little-endian in both, as on all processors infa is for.

use prost::Message;

use super::proto::{ModelProto, StringStringEntryProto, TensorProto};
use super::{Graph, GraphError};

/// Weights of more bytes than this go to a file of their own; the graph itself needs some of the 2 GB, too.
pub const MOST_INSIDE: usize = 1900 << 20;

/// Alignment of a tensor in external data: a page, so that it can be mapped.
const ALIGNMENT: usize = 4096;

/// A graph, ready to be written.
pub struct Export<'g> {
    /// The bytes of the `.onnx` file.
    pub model: Vec<u8>,
    /// The content of the external file: bytes with their offsets, ascending. Empty if the weights are inside.
    pub data: Vec<(usize, &'g [u8])>,
}

/// Puts `graph` and its weights together, with `metadata` for readers of the file. Weights of more than
/// `most_inside` bytes ([`MOST_INSIDE`], but for tests) go to the file called `data_file`.
///
/// # Errors
/// None that a user can cause: the graph was written here.
pub fn export<'g>(
    graph: &'g Graph,
    metadata: &[(&str, String)],
    data_file: &str,
    most_inside: usize,
) -> Result<Export<'g>, GraphError> {
    let unreadable = |e: prost::DecodeError| GraphError::Config(format!("its graph cannot be read back: {e}"));
    let mut model = ModelProto::decode(graph.model.as_slice()).map_err(unreadable)?;
    model.metadata_props = metadata.iter().map(|(key, value)| entry(key, value.clone())).collect();
    let total: usize = graph.initializers.iter().map(|weight| weight.data.bytes().len()).sum();
    let inside = total <= most_inside;
    let mut data = Vec::new();
    let mut end = 0;
    let tensors = model.graph.iter_mut().flat_map(|graph| &mut graph.initializer);
    // The weights are those that are not in the model yet, in the same order.
    let weights = tensors.filter(|tensor| tensor.raw_data.is_none());
    for (tensor, weight) in weights.zip(&graph.initializers) {
        let bytes = weight.data.bytes();
        if inside {
            *tensor = TensorProto {
                raw_data: Some(bytes.to_vec()),
                external_data: Vec::new(),
                data_location: 0,
                ..std::mem::take(tensor)
            };
        } else {
            let (start, length) = (end, bytes.len());
            tensor.external_data = vec![
                entry("location", data_file.to_owned()),
                entry("offset", start.to_string()),
                entry("length", length.to_string()),
            ];
            data.push((start, bytes));
            end = (start + length).next_multiple_of(ALIGNMENT);
        }
    }
    Ok(Export { model: model.encode_to_vec(), data })
}

fn entry(key: &str, value: String) -> StringStringEntryProto {
    StringStringEntryProto { key: key.into(), value }
}
