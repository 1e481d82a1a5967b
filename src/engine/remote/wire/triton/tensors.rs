//! Vectors out of Triton's replies: tensors, as JSON or as bytes, and the fields of a generation.

use std::collections::BTreeMap;

use half::f16;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::engine::remote::error::RemoteError;
use crate::engine::remote::http::Reply;
use crate::engine::remote::wire::numbers::{floats, little_endian, parse};

/// Says how many bytes of a body are JSON, where tensors follow as bytes.
const JSON_LENGTH: &str = "inference-header-content-length";

/// The numbers of the tensor `name`, row by row: of `rows` rows, all of one length. Without a name, of the only tensor
/// that has numbers.
pub(super) fn output(reply: &Reply, name: Option<&str>, rows: usize) -> Result<Vec<f32>, RemoteError> {
    #[derive(Deserialize)]
    struct Outputs<'b> {
        #[serde(borrow)]
        outputs: Vec<Output<'b>>,
    }
    #[derive(Deserialize)]
    struct Output<'b> {
        name: String,
        datatype: String,
        shape: Vec<usize>,
        #[serde(default)]
        parameters: Parameters,
        #[serde(borrow)]
        data: Option<&'b RawValue>,
    }
    #[derive(Default, Deserialize)]
    struct Parameters {
        binary_data_size: Option<usize>,
    }
    let length = reply.header(JSON_LENGTH).map(|length| length.parse::<usize>());
    let (head, mut binary) = match length {
        None => (&reply.body[..], &[][..]),
        Some(length) => {
            let split = length.ok().and_then(|length| reply.body.split_at_checked(length));
            split.ok_or_else(|| RemoteError::shape(format!("{JSON_LENGTH} says more than there is")))?
        }
    };
    let Outputs { outputs } = parse(head)?;
    let name = match name {
        Some(name) => name.to_owned(),
        None => {
            let numbers = outputs.iter().filter(|output| is_float(&output.datatype));
            let names: Vec<&str> = numbers.map(|output| output.name.as_str()).collect();
            only("tensor", &names)?.to_owned()
        }
    };
    for Output { name: found, datatype, shape, parameters, data } in outputs {
        let mut bytes = None;
        if let Some(size) = parameters.binary_data_size {
            let split = binary.split_at_checked(size);
            let (these, rest) = split.ok_or_else(|| RemoteError::shape("a tensor has less bytes than it says"))?;
            (bytes, binary) = (Some(these), rest);
        }
        if found != name {
            continue;
        }
        let numbers = match (bytes, data, datatype.as_str()) {
            (Some(bytes), _, "FP32") => little_endian(bytes)?,
            (Some(bytes), _, "FP16") => {
                let (halves, rest) = bytes.as_chunks::<2>();
                if !rest.is_empty() {
                    return Err(RemoteError::shape(format!("{} bytes are no float16 numbers", bytes.len())));
                }
                halves.iter().map(|&half| f16::from_le_bytes(half).to_f32()).collect()
            }
            // Row by row, as one list or as lists in lists.
            (None, Some(data), _) if is_float(&datatype) => flat(data)?.0,
            _ => return Err(RemoteError::shape(format!("the tensor {name} is {datatype}, or has no numbers"))),
        };
        let count = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
        if shape.first() != Some(&rows) || count != Some(numbers.len()) {
            let reason =
                format!("the tensor {name} of shape {shape:?} has {} numbers for {rows} inputs", numbers.len());
            return Err(RemoteError::shape(reason));
        }
        // Several vectors an input, such as one a token, are not one long vector.
        if shape.iter().skip(1).filter(|&&length| length != 1).count() > 1 {
            let reason = format!("the tensor {name} has the shape {shape:?}; vectors need [inputs, dimensions]");
            return Err(RemoteError::shape(reason));
        }
        return Ok(numbers);
    }
    Err(RemoteError::shape(format!("there is no tensor {name}")))
}

/// The numbers of the field `name` of a generation, which is all that is said of their shape: of `rows` rows of one
/// length. Without a name, of the only field that has a list of numbers.
///
/// <https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_generate.md>
pub(super) fn generated(reply: &Reply, name: Option<&str>, rows: usize) -> Result<Vec<f32>, RemoteError> {
    let fields: BTreeMap<String, &RawValue> = parse(&reply.body)?;
    let name = match name {
        Some(name) => name,
        None => {
            let lists = fields.iter().filter(|(_, value)| value.get().starts_with('['));
            only("field", &lists.map(|(name, _)| name.as_str()).collect::<Vec<_>>())?
        }
    };
    let field = fields.get(name).ok_or_else(|| RemoteError::shape(format!("there is no field {name}")))?;
    // A single number is no list.
    let (numbers, lists) = flat(field)?;
    if numbers.is_empty() || rows == 0 || !numbers.len().is_multiple_of(rows) {
        return Err(RemoteError::shape(format!("the field {name} has {} numbers for {rows} inputs", numbers.len())));
    }
    // Lists in lists show the shape: one an input, or one a number where dimensions of 1 are the innermost.
    if ![0, 1, rows, numbers.len()].contains(&lists) {
        return Err(RemoteError::shape(format!("the field {name} has {lists} vectors for {rows} inputs")));
    }
    Ok(numbers)
}

fn is_float(datatype: &str) -> bool {
    matches!(datatype, "FP32" | "FP16")
}

/// Numbers row by row, as one list or as lists in lists; and the number of the innermost lists, which are of one
/// length.
fn flat(data: &RawValue) -> Result<(Vec<f32>, usize), RemoteError> {
    let (text, mut lists, mut length) = (data.get(), 0, None);
    // An innermost list stands between a bracket that opens and the next bracket, if that one closes.
    for piece in text.split('[').skip(1) {
        let Some((list, _)) = piece.split_once(']') else { continue };
        let numbers = if list.trim().is_empty() { 0 } else { list.split(',').count() };
        if length.replace(numbers).is_some_and(|before| before != numbers) {
            return Err(RemoteError::shape("vectors of several lengths"));
        }
        lists += 1;
    }
    Ok((floats(&text.replace(['[', ']'], ""))?, lists))
}

/// The only one of `names`, each of a `thing` with numbers.
fn only<'n>(thing: &str, names: &[&'n str]) -> Result<&'n str, RemoteError> {
    match names {
        [only] => Ok(only),
        [] => Err(RemoteError::shape(format!("no {thing} has numbers"))),
        _ => Err(RemoteError::shape(format!("several {thing}s have numbers: {}", names.join(", ")))),
    }
}
