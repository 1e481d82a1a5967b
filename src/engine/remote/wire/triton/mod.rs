//! The Open Inference Protocol, version 2, as Triton and KServe speak it: tensors in, tensors out.
//!
//! <https://github.com/kserve/open-inference-protocol>; tensors come back as bytes where the server has Triton's
//! extension for that, `binary_tensor_data`.

//!
//! Beside that, what the URL chooses: Triton's extension `generate`, one model behind an address of its own, and Triton's
//! frontend for OpenAI's API.

mod address;
mod tensors;

use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use self::address::{Address, Call, Model};
use self::tensors::{generated, output};
use super::openai::Openai;
use super::{Abilities, Ask, Embedded, Protocol, Scored, Unclear, Wanted};
use crate::engine::Role;
use crate::engine::remote::error::RemoteError;
use crate::engine::remote::http::{Reply, Request};

/// A server that speaks KServe's version 2.
#[derive(Default)]
pub(super) struct Triton {
    listed: bool,
    described: bool,
    model: Option<String>,
    interface: Interface,
    call: Call,
    /// The model that the URL names.
    named: Option<Model>,
    /// The URL is that of a model, and nothing else can be asked for.
    alone: bool,
}

/// The protocol of the server at `url`, and where its paths begin.
pub(super) fn at(url: &Url) -> (Box<dyn Protocol>, Url) {
    match Address::of(url) {
        Address::Server { base, model, call } => (Box::new(Triton { call, named: model, ..Triton::default() }), base),
        Address::Model { call, input } => {
            let interface = Interface { inputs: vec![Tensor::text(input)], output: None };
            (Box::new(Triton { call, interface, alone: true, ..Triton::default() }), url.clone())
        }
        Address::OpenAi { base } => (Box::new(Openai::new(false)), base),
    }
}

/// The tensors of the model, as infa's server has them until the server says otherwise.
#[derive(Debug, Clone, PartialEq)]
struct Interface {
    /// `text`, or `query` and `documents`.
    inputs: Vec<Tensor>,
    /// `None`: the only one with numbers.
    output: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Tensor {
    name: String,
    #[serde(default)]
    datatype: String,
    #[serde(default)]
    shape: Vec<i64>,
}

impl Tensor {
    /// As many texts as one likes.
    fn text(name: &str) -> Self {
        Self { name: name.into(), datatype: "BYTES".into(), shape: vec![-1] }
    }

    /// Whether Triton puts requests together by it: each row is an input of its own.
    fn is_batched(&self) -> bool {
        matches!(self.shape[..], [-1, _, ..])
    }
}

impl Default for Interface {
    fn default() -> Self {
        Self { inputs: vec![Tensor::text("text")], output: Some("embedding".into()) }
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
        Ok(Some(Self { output: Some(given.name.clone()), inputs: taken }))
    }
}

impl Triton {
    /// A request with `texts` for each of the model's inputs, about `inputs` inputs.
    fn ask(&self, ask: &Ask, texts: &[&[&str]], inputs: usize) -> Request {
        let tensors = self.interface.inputs.iter().zip(texts);
        let body = match self.call {
            Call::Generate => tensors.map(|(tensor, texts)| (tensor.name.clone(), json!(texts))).collect(),
            Call::Infer => {
                let tensor = |(tensor, texts): (&Tensor, &&[&str])| {
                    // Models that Triton batches have one text a row.
                    let mut shape = vec![1; tensor.shape.len().max(1)];
                    shape[0] = texts.len();
                    json!({"name": tensor.name, "datatype": "BYTES", "shape": shape, "data": texts})
                };
                let mut body = json!({"inputs": tensors.map(tensor).collect::<Vec<Json>>()});
                if let Some(output) = &self.interface.output {
                    body["outputs"] = json!([{"name": output, "parameters": {"binary_data": true}}]);
                }
                body
            }
        };
        let call = match self.call {
            Call::Infer => "infer",
            Call::Generate => "generate",
        };
        let mut path = self.path(ask);
        if !self.alone {
            path.push(call);
        }
        Request::post(&path, &body, inputs)
    }

    /// The path of the model.
    fn path<'p>(&'p self, ask: &'p Ask) -> Vec<&'p str> {
        if self.alone {
            return Vec::new();
        }
        let mut path = vec!["v2", "models", ask.model.as_deref().unwrap_or_default()];
        if let Some(version) = self.named.as_ref().and_then(|model| model.version.as_deref()) {
            path.extend(["versions", version]);
        }
        path
    }

    /// The numbers of a reply about `count` inputs.
    fn numbers(&self, reply: &Reply, count: usize) -> Result<Vec<f32>, RemoteError> {
        let name = self.interface.output.as_deref();
        match self.call {
            Call::Infer => output(reply, name, count),
            Call::Generate => generated(reply, name, count),
        }
    }
}

impl Protocol for Triton {
    fn abilities(&self) -> Abilities {
        Abilities { reranks: !self.alone, ..Abilities::PLAIN }
    }

    fn settle(&mut self, ask: &mut Ask) -> Result<(), Unclear> {
        let unclear = |reason: &str| Unclear { flag: "--model-id", reason: reason.into() };
        match (&self.named, &ask.model) {
            _ if self.alone && ask.model.is_some() => {
                Err(unclear("the URL is that of one model, and none is named to it"))
            }
            (Some(model), Some(other)) if model.name != *other => Err(unclear("the URL names another model")),
            (Some(model), _) => {
                ask.model = Some(model.name.clone());
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }

    fn question(&self, ask: &Ask) -> Option<Request> {
        match &ask.model {
            _ if self.alone => None,
            None if !self.listed => Some(Request::post(&["v2", "repository", "index"], &json!({"ready": true}), 0)),
            Some(_) if !self.described => Some(Request::get(&self.path(ask))),
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
                    let inputs = vec![Tensor::text("query"), Tensor::text("documents")];
                    Interface { inputs, output: Some("scores".into()) }
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
        self.ask(ask, &[texts], texts.len())
    }

    fn embedded(&self, reply: &Reply, count: usize) -> Result<Embedded, RemoteError> {
        let numbers = self.numbers(reply, count)?;
        if count == 0 || numbers.is_empty() {
            return Err(RemoteError::shape("the tensor has no numbers"));
        }
        let vectors = numbers.chunks(numbers.len() / count).map(<[f32]>::to_vec).collect();
        Ok(Embedded { vectors, tokens: None, model: None })
    }

    fn rerank(&self, ask: &Ask, query: &str, documents: &[&str]) -> Request {
        // Where each row is an input of its own, each document needs the query beside it.
        let batched = self.interface.inputs.first().is_some_and(Tensor::is_batched);
        let queries = vec![query; if batched { documents.len() } else { 1 }];
        self.ask(ask, &[&queries, documents], documents.len())
    }

    fn reranked(&self, reply: &Reply, count: usize) -> Result<Scored, RemoteError> {
        let numbers = self.numbers(reply, count)?;
        if numbers.len() != count {
            return Err(RemoteError::shape(format!("{} scores for {count} documents", numbers.len())));
        }
        Ok(Scored { scores: numbers.into_iter().map(f64::from).collect(), tokens: None, model: None })
    }
}

#[cfg(test)]
mod tests;
