//! Tensors of texts in requests and of numbers in responses, as JSON or as bytes after it.
//!
//! With the binary extension, the body begins with `Inference-Header-Content-Length` bytes of JSON; the tensors' bytes
//! follow in their order. A text is its length, as a little-endian u32, and its bytes; numbers are little-endian f32.

use std::fmt;

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value as Json};
use utoipa::ToSchema;

use super::parameters::{few, scalars};
use crate::server::ApiError;
use crate::server::http::{deserialize_shapes, write};
use crate::server::routes::inputs::List;

/// The version of every model.
pub(crate) const VERSION: &str = "1";

/// Maximum dimensions of a tensor.
const MAX_DIMENSIONS: usize = 8;

/// A tensor of a request.
#[derive(serde::Deserialize, ToSchema)]
pub(crate) struct Tensor {
    /// `text`; or `query` and `documents`.
    #[schema(example = "text")]
    pub name: String,
    /// One length per dimension.
    #[serde(deserialize_with = "few::<_, _, MAX_DIMENSIONS>")]
    #[schema(example = json!([2]))]
    shape: Vec<i64>,
    /// Must be `BYTES`, the type of texts.
    #[schema(example = "BYTES")]
    datatype: String,
    /// `binary_data_size`: the number of the tensor's bytes after the JSON.
    #[serde(default, deserialize_with = "scalars")]
    #[schema(value_type = Object)]
    parameters: Map<String, Json>,
    /// The texts, nested in rows or flat.
    #[schema(value_type = Option<Vec<String>>, example = json!(["What is Deep Learning?", "Deep Learning is not …"]))]
    data: Option<Data>,
}

/// The elements of a tensor in JSON, independent of its nesting.
struct Data {
    texts: List<String>,
    /// True for a single text without a list, which LiteLLM sends with its length in characters as the shape.
    bare: bool,
    /// The position and kind of the first element that is not a text.
    foreign: Option<(usize, &'static str)>,
}

impl Tensor {
    /// Its texts. `binary`: the remaining bytes after the JSON; those of this tensor are removed from it.
    pub(crate) fn texts(self, binary: &mut &[u8]) -> Result<List<String>, ApiError> {
        let Self { name, shape, datatype, parameters, data } = self;
        let bad = |what: String| Err(ApiError::bad_request(format!("input \"{name}\": {what}")));
        if datatype != "BYTES" {
            return bad(format!("datatype {datatype:?} is not supported; send texts as BYTES"));
        }
        let length = |length: &i64| usize::try_from(*length).ok();
        let Some(count) = shape.iter().try_fold(1_usize, |all, each| all.checked_mul(length(each)?)) else {
            return bad(format!("invalid shape {shape:?}"));
        };
        let size = match parameters.get("binary_data_size") {
            None => None,
            Some(size) => match size.as_u64().and_then(|size| usize::try_from(size).ok()) {
                Some(size) => Some(size),
                None => return bad(format!("parameters.binary_data_size: must be a number of bytes, not {size}")),
            },
        };
        let bare = data.as_ref().is_some_and(|data| data.bare);
        let texts = match (data, size) {
            (Some(_), Some(_)) => return bad("data and parameters.binary_data_size exclude each other".into()),
            (None, None) => return bad("missing data (or parameters.binary_data_size)".into()),
            (Some(Data { foreign: Some((at, kind)), .. }), None) => {
                return bad(format!("data[{at}]: must be a string, not {kind}"));
            }
            (Some(Data { texts, foreign: None, .. }), None) => texts,
            (None, Some(size)) => {
                let Some((own, rest)) = binary.split_at_checked(size) else {
                    let left = binary.len();
                    return bad(format!("its {size} bytes exceed the {left} that follow the JSON"));
                };
                *binary = rest;
                match elements(own) {
                    Ok(texts) => texts,
                    Err(what) => return bad(what),
                }
            }
        };
        if texts.count() != count && !bare {
            return bad(format!("the shape {shape:?} is for {count} texts, but there are {}", texts.count()));
        }
        Ok(texts)
    }
}

/// Parses texts that follow their lengths.
fn elements(mut bytes: &[u8]) -> Result<List<String>, String> {
    let mut texts = List::empty();
    while !bytes.is_empty() {
        let at = texts.count();
        let (length, rest) =
            bytes.split_first_chunk().ok_or_else(|| format!("the length of element {at} is incomplete"))?;
        let length = u32::from_le_bytes(*length);
        let own = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
        let (own, rest) =
            own.ok_or_else(|| format!("element {at} has {length} bytes, but only {} are left", rest.len()))?;
        texts.push(str::from_utf8(own).map_err(|e| format!("element {at} is not UTF-8: {e}"))?.to_owned());
        bytes = rest;
    }
    Ok(texts)
}

deserialize_shapes!(Data, "a list of strings", {
    fn visit_str<E: Error>(self, text: &str) -> Result<Data, E> {
        Ok(Data { texts: List::one(text.to_owned()), bare: true, foreign: None })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Data, A::Error> {
        let mut data = Data { texts: List::empty(), bare: false, foreign: None };
        Elements(&mut data).visit_seq(seq)?;
        Ok(data)
    }
});

/// Collects elements, including those of inner lists.
struct Elements<'d>(&'d mut Data);

impl Elements<'_> {
    fn foreign<E>(self, kind: &'static str) -> Result<(), E> {
        self.0.foreign.get_or_insert((self.0.texts.count(), kind));
        Ok(())
    }
}

impl<'de> serde::de::DeserializeSeed<'de> for Elements<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Elements<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of strings")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.0.texts.push(text.to_owned());
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Elements(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        self.foreign("an object")
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.foreign("a truth value")
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.foreign("a number")
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.foreign("a number")
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.foreign("a number")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.foreign("null")
    }
}

/// A tensor of a response.
pub(crate) struct Output {
    pub name: &'static str,
    pub shape: Vec<usize>,
    pub numbers: Vec<f32>,
}

impl Output {
    /// The body of a response with this tensor, and with `binary` the number of its bytes that are JSON.
    pub(crate) fn response(&self, model: &str, id: Option<&str>, binary: bool) -> (Vec<u8>, Option<usize>) {
        let mut out = b"{\"model_name\":".to_vec();
        write::json(model, &mut out);
        out.extend_from_slice(b",\"model_version\":");
        write::json(VERSION, &mut out);
        if let Some(id) = id {
            out.extend_from_slice(b",\"id\":");
            write::json(id, &mut out);
        }
        out.extend_from_slice(b",\"outputs\":[{\"name\":");
        write::json(self.name, &mut out);
        out.extend_from_slice(b",\"datatype\":\"FP32\",\"shape\":");
        write::json(&self.shape, &mut out);
        if !binary {
            out.extend_from_slice(b",\"data\":");
            write::numbers(&self.numbers, &mut out);
            out.extend_from_slice(b"}]}");
            return (out, None);
        }
        out.extend_from_slice(b",\"parameters\":{\"binary_data_size\":");
        write::json(&size_of_val(self.numbers.as_slice()), &mut out);
        out.extend_from_slice(b"}}]}");
        let json = out.len();
        out.reserve(size_of_val(self.numbers.as_slice()));
        for number in &self.numbers {
            out.extend_from_slice(&number.to_le_bytes());
        }
        (out, Some(json))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::server::Limits;
    use crate::server::routes::inputs::MAX_KEPT;

    fn texts(tensor: Json, binary: &[u8]) -> Result<(Vec<String>, usize), String> {
        let tensor: Tensor = serde_json::from_value(tensor).unwrap();
        let mut rest = binary;
        let texts = tensor.texts(&mut rest).map_err(|e| e.message)?;
        Ok((texts.checked("texts", &Limits::default()).unwrap(), rest.len()))
    }

    fn packed(texts: &[&str]) -> Vec<u8> {
        texts.iter().flat_map(|text| [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()).collect()
    }

    #[test]
    fn texts_as_json_may_be_nested_as_the_shape_is() {
        let both = vec!["a".to_owned(), "b".to_owned()];
        for (shape, data) in [
            (json!([2]), json!(["a", "b"])),
            (json!([2, 1]), json!([["a"], ["b"]])),
            (json!([1, 2]), json!([["a", "b"]])),
            (json!([2, 1]), json!(["a", "b"])),
        ] {
            let tensor = json!({"name": "text", "shape": shape, "datatype": "BYTES", "data": data});
            assert_eq!(texts(tensor, b"").unwrap(), (both.clone(), 0));
        }
    }

    #[test]
    fn texts_as_bytes_are_as_many_as_the_tensor_says() {
        let mut bytes = packed(&["", "日本"]);
        let size = bytes.len();
        bytes.extend(b"next");
        let tensor =
            json!({"name": "text", "shape": [2], "datatype": "BYTES", "parameters": {"binary_data_size": size}});
        assert_eq!(texts(tensor, &bytes).unwrap(), (vec![String::new(), "日本".to_owned()], 4));
    }

    #[test]
    fn texts_are_counted_beyond_those_that_are_kept() {
        let (count, limits) = (MAX_KEPT + 3, Limits { client_batch: usize::MAX, ..Limits::default() });
        let bytes = packed(&vec!["a"; count]);
        let binary = json!({"parameters": {"binary_data_size": bytes.len()}});
        for (rest, bytes) in [(json!({"data": vec![["a"]; count]}), &[][..]), (binary, &bytes[..])] {
            let mut tensor = json!({"name": "text", "shape": [count, 1], "datatype": "BYTES"});
            tensor.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            let tensor: Tensor = serde_json::from_value(tensor).unwrap();
            let mut left = bytes;
            let texts = tensor.texts(&mut left).map_err(|e| e.message).unwrap();
            assert_eq!((texts.count(), left.len()), (count, 0));
            assert!(texts.checked("text", &limits).unwrap_err().message.contains(&count.to_string()));
        }
    }

    #[test]
    fn a_shape_has_few_dimensions() {
        let read = |dimensions: usize| {
            let tensor = json!({"name": "text", "shape": vec![1; dimensions], "datatype": "BYTES", "data": ["a"]});
            serde_json::from_value::<Tensor>(tensor).map(|tensor| tensor.shape.len()).map_err(|e| e.to_string())
        };
        assert_eq!(read(MAX_DIMENSIONS), Ok(MAX_DIMENSIONS));
        assert!(read(MAX_DIMENSIONS + 1).unwrap_err().contains("a list of at most 8"));
    }

    #[test]
    fn a_tensor_that_cannot_be_is_named() {
        let tensor = |shape: Json, rest: Json| {
            let mut tensor = json!({"name": "text", "shape": shape, "datatype": "BYTES"});
            tensor.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
            tensor
        };
        let size = |size: Json| json!({"parameters": {"binary_data_size": size}});
        for (tensor, bytes, wanted) in [
            (tensor(json!([1]), json!({"data": ["a"], "datatype": "FP32"})), vec![], "FP32"),
            (tensor(json!([3]), json!({"data": ["a", "b"]})), vec![], "is for 3 texts, but there are 2"),
            (tensor(json!([-1]), json!({"data": ["a"]})), vec![], "shape [-1]"),
            (tensor(json!([1_i64 << 62, 1_i64 << 62]), json!({"data": ["a"]})), vec![], "shape ["),
            (tensor(json!([1]), json!({})), vec![], "missing data"),
            (tensor(json!([2]), json!({"data": ["a", 7]})), vec![], "data[1]: must be a string, not a number"),
            (tensor(json!([2]), json!({"data": [{"a": [1]}]})), vec![], "data[0]: must be a string, not an object"),
            (tensor(json!([1]), size(json!(9))), packed(&["a"]), "its 9 bytes exceed the 5"),
            (tensor(json!([1]), size(json!(-1))), vec![], "binary_data_size: must be a number of bytes, not -1"),
            (tensor(json!([1]), size(json!("5"))), vec![], "must be a number of bytes, not \"5\""),
            (tensor(json!([1]), size(json!(3))), vec![1, 0, 0], "the length of element 0 is incomplete"),
            (tensor(json!([1]), size(json!(5))), vec![255, 255, 255, 255, 0], "has 4294967295 bytes"),
            (tensor(json!([1]), size(json!(5))), vec![1, 0, 0, 0, 0xff], "element 0 is not UTF-8"),
            (tensor(json!([2]), size(json!(5))), packed(&["a"]), "is for 2 texts, but there are 1"),
        ] {
            let said = texts(tensor.clone(), &bytes).unwrap_err();
            assert!(said.contains("input \"text\"") && said.contains(wanted), "{tensor}: {said}");
        }
    }

    #[test]
    fn numbers_as_json_and_as_bytes() {
        let output = Output { name: "scores", shape: vec![2], numbers: vec![0.5, -1.0] };
        let (body, header) = output.response("a/b", Some("7"), false);
        let json: Json = serde_json::from_slice(&body).unwrap();
        let tensor = json!({"name": "scores", "datatype": "FP32", "shape": [2], "data": [0.5, -1.0]});
        assert_eq!(json, json!({"model_name": "a/b", "model_version": "1", "id": "7", "outputs": [tensor]}));
        assert_eq!(header, None);

        let (body, header) = output.response("a/b", None, true);
        let (json, bytes) = body.split_at(header.unwrap());
        let json: Json = serde_json::from_slice(json).unwrap();
        assert_eq!(json["outputs"][0]["parameters"], json!({"binary_data_size": 8}));
        assert_eq!(bytes, [0, 0, 0, 0x3f, 0, 0, 0x80, 0xbf]);
    }
}
