//! Requests to a model of a KServe server, and their replies.

use reqwest::Url;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::address::{Address, Call, Model};
use super::interface::{Interface, Tensor};
use super::tensors::{generated, output};
use crate::engine::Role;
use crate::engine::remote::error::RemoteError;
use crate::engine::remote::http::{Reply, Request};
use crate::engine::remote::wire::openai::Openai;
use crate::engine::remote::wire::{Abilities, Embedded, Parameters, Protocol, RemoteTask, Scored};
use crate::model::{Setting, SettingError};

/// A server that speaks KServe's version 2.
#[derive(Default)]
pub(crate) struct Triton {
    listed: bool,
    described: bool,
    model: Option<String>,
    interface: Interface,
    call: Call,
    /// The model that the URL names.
    named: Option<Model>,
    /// The URL is that of a model, without metadata.
    alone: bool,
}

/// The protocol of the server at `url`, and where its paths begin.
pub(crate) fn at(url: &Url) -> (Box<dyn Protocol>, Url) {
    match Address::of(url) {
        Address::Server { base, model, call } => (Box::new(Triton { call, named: model, ..Triton::default() }), base),
        Address::Model { call, input } => {
            let interface = Interface { inputs: vec![Tensor::text(input)], output: None };
            (Box::new(Triton { call, interface, alone: true, ..Triton::default() }), url.clone())
        }
        Address::OpenAi { base } => (Box::new(Openai::after(&[])), base),
    }
}

impl Triton {
    /// A request with `texts` for each of the model's inputs, about `inputs` inputs.
    fn ask(&self, parameters: &Parameters, texts: &[&[&str]], inputs: usize) -> Request {
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
        let mut path = self.path(parameters);
        if !self.alone {
            path.push(call);
        }
        Request::post(&path, &body, inputs)
    }

    fn path<'p>(&'p self, parameters: &'p Parameters) -> Vec<&'p str> {
        if self.alone {
            return Vec::new();
        }
        let mut path = vec!["v2", "models", parameters.model.as_deref().unwrap_or_default()];
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

    fn settle(&mut self, parameters: &mut Parameters) -> Result<(), SettingError> {
        let unclear = |reason: &str| SettingError::new(Setting::ModelId, reason);
        match (&self.named, &parameters.model) {
            _ if self.alone && parameters.model.is_some() => {
                Err(unclear("the URL is that of one model, and none is named to it"))
            }
            (Some(model), Some(other)) if model.name != *other => Err(unclear("the URL names another model")),
            (Some(model), _) => {
                parameters.model = Some(model.name.clone());
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }

    fn next_query(&self, parameters: &Parameters) -> Option<Request> {
        match &parameters.model {
            _ if self.alone => None,
            None if !self.listed => Some(Request::post(&["v2", "repository", "index"], &json!({"ready": true}), 0)),
            Some(_) if !self.described => Some(Request::get(&self.path(parameters))),
            _ => None,
        }
    }

    fn read_reply(
        &mut self,
        parameters: &mut Parameters,
        task: RemoteTask,
        reply: Result<&Reply, &RemoteError>,
    ) -> Result<(), SettingError> {
        #[derive(Deserialize)]
        struct Entry {
            name: String,
        }
        if parameters.model.is_none() {
            self.listed = true;
            let entries = reply.ok().and_then(|reply| serde_json::from_slice::<Vec<Entry>>(&reply.body).ok());
            let names: Vec<String> = entries.unwrap_or_default().into_iter().map(|entry| entry.name).collect();
            match &names[..] {
                [only] => parameters.model = Some(only.clone()),
                [] => {
                    let reason = "the server does not say which models it has; name one of them";
                    return Err(SettingError::new(Setting::ModelId, reason));
                }
                _ => {
                    let reason = format!("the server has several models; name one of them: {}", names.join(", "));
                    return Err(SettingError::new(Setting::ModelId, reason));
                }
            }
        } else {
            self.described = true;
            let read = reply.ok().map(|reply| Interface::read(&reply.body, task)).transpose()?.flatten();
            self.interface = read.unwrap_or_else(|| match task {
                RemoteTask::Scores => {
                    let inputs = vec![Tensor::text("query"), Tensor::text("documents")];
                    Interface { inputs, output: Some("scores".into()) }
                }
                _ => Interface::default(),
            });
        }
        self.model.clone_from(&parameters.model);
        Ok(())
    }

    fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    fn embed(&self, parameters: &Parameters, _: Role, texts: &[&str]) -> Request {
        self.ask(parameters, &[texts], texts.len())
    }

    fn embedded(&self, reply: &Reply, count: usize) -> Result<Embedded, RemoteError> {
        let numbers = self.numbers(reply, count)?;
        if count == 0 || numbers.is_empty() {
            return Err(RemoteError::shape("the tensor has no numbers"));
        }
        let vectors = numbers.chunks(numbers.len() / count).map(<[f32]>::to_vec).collect();
        Ok(Embedded { values: vectors, tokens: None, model: None })
    }

    fn rerank(&self, parameters: &Parameters, query: &str, documents: &[&str]) -> Request {
        // If each row is an input of its own, each document needs the query beside it.
        let batched = self.interface.inputs.first().is_some_and(Tensor::is_batched);
        let queries = vec![query; if batched { documents.len() } else { 1 }];
        self.ask(parameters, &[&queries, documents], documents.len())
    }

    fn reranked(&self, reply: &Reply, count: usize) -> Result<Scored, RemoteError> {
        let numbers = self.numbers(reply, count)?;
        if numbers.len() != count {
            return Err(RemoteError::shape(format!("{} scores for {count} documents", numbers.len())));
        }
        Ok(Scored { values: numbers.into_iter().map(f64::from).collect(), tokens: None, model: None })
    }
}
