//! What the model is that engines run.

use super::report::{FileHash, ModelReport};
use crate::fetch::{Cancel, FetchError};
use crate::graph::cost::{self, Cost};
use crate::graph::{self, Lexical, Output, Rows};
use crate::model::Model;
use crate::model::fingerprint::{self, FileSum};
use crate::model::splade::SpladePooling;
use crate::model::weights::Weights;

/// What is known of a model by its files, all of which are read; `dimensions` and `max_length` are for its engine to
/// tell.
///
/// # Errors
/// When a file cannot be read, or once somebody asked to stop.
pub fn facts(model: &Model, cancel: &Cancel) -> Result<ModelReport, FetchError> {
    let cost = cost(model);
    let hash = |FileSum { name, bytes, sha256 }| FileHash { name, bytes, sha256 };
    Ok(ModelReport {
        id: model.name.clone(),
        revision: fingerprint::revision(model),
        architecture: architecture(model),
        dimensions: None,
        max_length: None,
        flop_per_token: cost.map(|cost| cost.per_token),
        attention_flop_per_token_and_position: cost.map(|cost| cost.per_token_and_position),
        files: fingerprint::files(model, cancel)?.into_iter().map(hash).collect(),
    })
}

fn architecture(model: &Model) -> Option<String> {
    let known = graph::describe(&model.config).map(|description| description.architecture.to_owned());
    known.ok().or_else(|| Some(model.config.get("model_type")?.as_str()?.to_owned()))
}

/// What the model computes, if its graph is built from its weights: what a ready `.onnx` file computes is not known, and
/// static embeddings are looked up.
fn cost(model: &Model) -> Option<Cost> {
    if model.is_static() {
        return None;
    }
    let weights = Weights::open(model.weights.safetensors()?).ok()?;
    let output = match model.sentence.splade {
        Some(SpladePooling { sum, twice }) => Output::Lexical(Lexical { sum, twice }),
        None => Output::Hidden(Rows::All),
    };
    match cost::of(&model.config, &weights, output) {
        Ok(cost) => Some(cost),
        // Whoever runs the model will say so.
        Err(e) => {
            tracing::debug!("what {} computes is not known: {e}", model.name);
            None
        }
    }
}
