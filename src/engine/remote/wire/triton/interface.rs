//! The tensors that a model takes and gives.

use serde::Deserialize;

use crate::engine::remote::wire::RemoteTask;
use crate::model::{Setting, SettingError};

/// The tensors of the model, as infa's server has them until the server says otherwise.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Interface {
    /// `text`, or `query` and `documents`.
    pub inputs: Vec<Tensor>,
    /// `None`: the only one with numbers.
    pub output: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Tensor {
    pub name: String,
    #[serde(default)]
    pub datatype: String,
    #[serde(default)]
    pub shape: Vec<i64>,
}

impl Tensor {
    /// A tensor of any number of texts.
    pub(crate) fn text(name: &str) -> Self {
        Self { name: name.into(), datatype: "BYTES".into(), shape: vec![-1] }
    }

    /// True if Triton puts requests together by it: each row is an input of its own.
    pub(crate) fn is_batched(&self) -> bool {
        matches!(self.shape[..], [-1, _, ..])
    }
}

impl Default for Interface {
    fn default() -> Self {
        Self { inputs: vec![Tensor::text("text")], output: Some("embedding".into()) }
    }
}

impl Interface {
    pub(crate) fn read(body: &[u8], task: RemoteTask) -> Result<Option<Self>, SettingError> {
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
            SettingError::new(Setting::Engine, reason)
        };
        let bytes: Vec<&Tensor> = inputs.iter().filter(|tensor| tensor.datatype == "BYTES").collect();
        let named = |name: &str| bytes.iter().copied().find(|tensor| tensor.name == name);
        let (taken, name, output) = match task {
            RemoteTask::Scores => {
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
        let given = only.or_else(|| numbers.iter().copied().find(|tensor| tensor.name == name));
        let given = given.ok_or_else(|| unclear(output))?;
        Ok(Some(Self { output: Some(given.name.clone()), inputs: taken }))
    }
}
