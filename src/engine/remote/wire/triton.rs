//! The Open Inference Protocol, version 2, as Triton and KServe speak it: tensors in, tensors out.
//!
//! <https://github.com/kserve/open-inference-protocol>; tensors come back as bytes where the server has Triton's
//! extension for that, `binary_tensor_data`.

use half::f16;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::numbers::{floats, little_endian, parse};
use super::{Abilities, Ask, Embedded, Protocol, Scored, Unclear, Wanted};
use crate::engine::Role;
use crate::engine::remote::error::RemoteError;
use crate::engine::remote::http::{Reply, Request};

/// Says how many bytes of a body are JSON, where tensors follow as bytes.
const JSON_LENGTH: &str = "inference-header-content-length";

/// A server that speaks KServe's version 2.
#[derive(Default)]
pub(super) struct Triton {
    listed: bool,
    described: bool,
    model: Option<String>,
    interface: Interface,
}

/// The tensors of the model, as infa's server has them until the server says otherwise.
#[derive(Debug, Clone, PartialEq)]
struct Interface {
    /// `text`, or `query` and `documents`.
    inputs: Vec<Tensor>,
    output: String,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Tensor {
    name: String,
    #[serde(default)]
    datatype: String,
    #[serde(default)]
    shape: Vec<i64>,
}

impl Default for Interface {
    fn default() -> Self {
        let text = Tensor { name: "text".into(), datatype: "BYTES".into(), shape: vec![-1] };
        Self { inputs: vec![text], output: "embedding".into() }
    }
}

impl Interface {
    /// What the model's metadata says.
    fn read(body: &[u8], wanted: Wanted) -> Result<Option<Self>, Unclear> {
        #[derive(Deserialize)]
        struct Metadata {
            inputs: Vec<Tensor>,
            outputs: Vec<Tensor>,
        }
        let Ok(Metadata { inputs, outputs }) = serde_json::from_slice(body) else { return Ok(None) };
        let names = |tensors: &[Tensor]| {
            let name = |tensor: &Tensor| format!("{} {}", tensor.name, tensor.datatype);
            tensors.iter().map(name).collect::<Vec<_>>().join(", ")
        };
        let unclear = |what: &str| {
            let reason = format!("the model {what}: it takes {} and gives {}", names(&inputs), names(&outputs));
            Unclear { flag: "--engine", reason }
        };
        let bytes: Vec<&Tensor> = inputs.iter().filter(|tensor| tensor.datatype == "BYTES").collect();
        let named = |name: &str| bytes.iter().copied().find(|tensor| tensor.name == name);
        let (taken, wanted, output) = match wanted {
            Wanted::Scores => {
                let pair = named("query").zip(named("documents")).filter(|_| bytes.len() == 2);
                let (query, documents) = pair.ok_or_else(|| unclear("takes no query and documents"))?;
                (vec![query.clone(), documents.clone()], "scores", "gives no scores")
            }
            _ => {
                let only = if let [only] = bytes[..] { Some(only) } else { named("text") };
                let text = only.filter(|_| named("query").is_none()).ok_or_else(|| unclear("takes no texts"))?;
                (vec![text.clone()], "embedding", "gives no vectors")
            }
        };
        if inputs.len() > taken.len() {
            return Err(unclear("needs other inputs, too"));
        }
        let numbers: Vec<&Tensor> =
            outputs.iter().filter(|tensor| matches!(tensor.datatype.as_str(), "FP32" | "FP16")).collect();
        let only = if let [only] = numbers[..] { Some(only) } else { None };
        let given = only.or_else(|| numbers.iter().copied().find(|tensor| tensor.name == wanted));
        let given = given.ok_or_else(|| unclear(output))?;
        Ok(Some(Self { output: given.name.clone(), inputs: taken }))
    }
}

impl Triton {
    fn infer(&self, ask: &Ask, texts: &[&[&str]], inputs: usize) -> Request {
        let tensor = |(tensor, texts): (&Tensor, &&[&str])| {
            // Models that Triton batches have one text a row.
            let mut shape = vec![1; tensor.shape.len().max(1)];
            shape[0] = texts.len();
            json!({"name": tensor.name, "datatype": "BYTES", "shape": shape, "data": texts})
        };
        let tensors: Vec<Json> = self.interface.inputs.iter().zip(texts).map(tensor).collect();
        let output = json!({"name": self.interface.output, "parameters": {"binary_data": true}});
        let body = json!({"inputs": tensors, "outputs": [output]});
        let model = ask.model.as_deref().unwrap_or_default();
        Request::post(&["v2", "models", model, "infer"], &body, inputs)
    }
}

impl Protocol for Triton {
    fn abilities(&self) -> Abilities {
        Abilities::PLAIN
    }

    fn question(&self, ask: &Ask) -> Option<Request> {
        match &ask.model {
            None if !self.listed => Some(Request::post(&["v2", "repository", "index"], &json!({"ready": true}), 0)),
            Some(model) if !self.described => Some(Request::get(&["v2", "models", model])),
            _ => None,
        }
    }

    fn answered(&mut self, ask: &mut Ask, wanted: Wanted, reply: Result<&Reply, &RemoteError>) -> Result<(), Unclear> {
        #[derive(Deserialize)]
        struct Entry {
            name: String,
        }
        if ask.model.is_none() {
            self.listed = true;
            let entries = reply.ok().and_then(|reply| serde_json::from_slice::<Vec<Entry>>(&reply.body).ok());
            let names: Vec<String> = entries.unwrap_or_default().into_iter().map(|entry| entry.name).collect();
            match &names[..] {
                [only] => ask.model = Some(only.clone()),
                [] => {
                    let reason = "the server does not say which models it has; name one of them".into();
                    return Err(Unclear { flag: "--model-id", reason });
                }
                _ => {
                    let reason = format!("the server has several models; name one of them: {}", names.join(", "));
                    return Err(Unclear { flag: "--model-id", reason });
                }
            }
        } else {
            self.described = true;
            let read = reply.ok().map(|reply| Interface::read(&reply.body, wanted)).transpose()?.flatten();
            self.interface = read.unwrap_or_else(|| match wanted {
                Wanted::Scores => {
                    let tensor = |name: &str| Tensor { name: name.into(), datatype: "BYTES".into(), shape: vec![-1] };
                    Interface { inputs: vec![tensor("query"), tensor("documents")], output: "scores".into() }
                }
                _ => Interface::default(),
            });
        }
        self.model.clone_from(&ask.model);
        Ok(())
    }

    fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    fn embed(&self, ask: &Ask, _: Role, texts: &[&str]) -> Request {
        self.infer(ask, &[texts], texts.len())
    }

    fn embedded(&self, reply: &Reply, count: usize) -> Result<Embedded, RemoteError> {
        let numbers = output(reply, &self.interface.output, count)?;
        if count == 0 || numbers.is_empty() {
            return Err(RemoteError::shape("the tensor has no numbers"));
        }
        let vectors = numbers.chunks(numbers.len() / count).map(<[f32]>::to_vec).collect();
        Ok(Embedded { vectors, tokens: None, model: None })
    }

    fn rerank(&self, ask: &Ask, query: &str, documents: &[&str]) -> Request {
        self.infer(ask, &[&[query], documents], documents.len())
    }

    fn reranked(&self, reply: &Reply, count: usize) -> Result<Scored, RemoteError> {
        let numbers = output(reply, &self.interface.output, count)?;
        if numbers.len() != count {
            return Err(RemoteError::shape(format!("{} scores for {count} documents", numbers.len())));
        }
        Ok(Scored { scores: numbers.into_iter().map(f64::from).collect(), tokens: None, model: None })
    }
}

/// The numbers of the tensor `name`, row by row: of `rows` rows, all of one length.
fn output(reply: &Reply, name: &str, rows: usize) -> Result<Vec<f32>, RemoteError> {
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
            (None, Some(data), "FP32" | "FP16") => floats(&data.get().replace(['[', ']'], ""))?,
            _ => return Err(RemoteError::shape(format!("the tensor {name} is {datatype}, or has no numbers"))),
        };
        let said = shape.iter().try_fold(1_usize, |product, &n| product.checked_mul(n));
        if shape.first() != Some(&rows) || said != Some(numbers.len()) {
            let reason =
                format!("the tensor {name} of shape {shape:?} has {} numbers for {rows} inputs", numbers.len());
            return Err(RemoteError::shape(reason));
        }
        return Ok(numbers);
    }
    Err(RemoteError::shape(format!("there is no tensor {name}")))
}
