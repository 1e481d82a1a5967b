//! `/predict`: the labels of texts or of pairs of texts.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::fields::{Refused, refused_schema};
use super::super::inputs::List;
use super::super::model_for;
use super::inputs::{PredictInputs, characters, predict_schema};
use super::parts::{Part, Parts, Replies};
use super::{Cost, Direction, Reply, TeiBody, TeiError, truncation};
use crate::engine::{Input, Labelled, RequestOptions};
use crate::server::metrics::Work;
use crate::server::openapi::tag;
use crate::server::{ApiError, App, Limits, floats};

/// What is to be judged.
#[derive(PartialEq, Deserialize, ToSchema)]
#[schema(example = json!({"inputs": "I like it."}))]
pub struct PredictRequest {
    #[schema(schema_with = predict_schema)]
    inputs: PredictInputs,
    /// Whether logits stay logits. Otherwise scores are their softmax, or with one label the sigmoid, unless the model
    /// says something else.
    #[serde(default)]
    raw_scores: bool,
    /// Whether a text that is too long is cut; if false, it is an error. Left out: what the server was started with.
    truncate: Option<bool>,
    /// Which end of it goes.
    truncation_direction: Option<Direction>,
    /// Which model; without it the first classifier.
    model: Option<String>,
    /// Of Hugging Face's clients, which send it empty: what they would have it say is not followed.
    #[serde(rename = "parameters")]
    #[schema(schema_with = refused_schema)]
    _parameters: Option<Refused>,
}

/// A label and its score.
#[derive(Serialize, ToSchema)]
pub struct Prediction<'l> {
    #[schema(example = 0.9)]
    score: f64,
    #[schema(example = "admiration")]
    label: &'l str,
}

/// The labels of one input, or of several.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "the schema of what is written without it")]
pub enum Predictions<'l> {
    One(Vec<Prediction<'l>>),
    Many(Vec<Vec<Prediction<'l>>>),
}

/// The labels of each text or pair of texts, best first
#[utoipa::path(post, path = "/predict", tag = tag::TEI, request_body = PredictRequest,
    responses((status = 200, description = "The labels; of a list of inputs one list each", body = Predictions)))]
pub async fn predict(
    State(app): State<Arc<App>>,
    TeiBody(request): TeiBody<PredictRequest>,
) -> Result<Reply, TeiError> {
    predict_with(&app, request).await
}

impl PredictRequest {
    /// The options, without inputs, and the inputs; whether there is one that came by itself.
    pub(super) fn taken(mut self, limits: &Limits) -> Result<(Self, Vec<Input>, bool), ApiError> {
        let nothing = PredictInputs { list: List::empty(), single: false };
        let PredictInputs { list, single } = std::mem::replace(&mut self.inputs, nothing);
        Ok((self, list.checked("inputs", limits)?, single))
    }
}

pub(super) async fn predict_with(app: &App, request: PredictRequest) -> Result<Reply, TeiError> {
    let (options, inputs, single) = request.taken(&app.limits)?;
    let parts = Parts::one(Part { single, ..Part::alone(inputs.len()) });
    Ok(predict_together(app, options, inputs, parts).await?.only())
}

/// The replies of `/predict` to requests with the same options.
pub(super) async fn predict_together(
    app: &App,
    options: PredictRequest,
    inputs: Vec<Input>,
    parts: Parts,
) -> Result<Replies, TeiError> {
    let started = Instant::now();
    let PredictRequest { raw_scores, truncate, truncation_direction, model, .. } = options;
    let service = model_for(app, model.as_deref(), Work::Classify).await?;
    let truncate = truncation(&service, truncate, truncation_direction);
    let characters = characters(&inputs);
    let name = |index: usize| {
        let place = parts.place(index);
        if place.single {
            format!("{}inputs", place.prefix)
        } else {
            format!("{}inputs[{}]", place.prefix, place.index)
        }
    };
    let answer = service.classify(inputs, raw_scores, RequestOptions { truncate, ..RequestOptions::default() }).await;
    let answer = answer.map_err(|e| TeiError::of(e, name))?;
    let cost = Cost::of(&answer, started, characters);
    let numbers = answer.results.iter().map(|labelled| labelled.labels.len()).sum();
    let body = floats::write(numbers, move || {
        let one = |labelled: &Labelled, out: &mut Vec<u8>| {
            floats::list(&labelled.labels, out, |label, out| {
                floats::json(&Prediction { score: label.score, label: &label.name }, out);
            });
        };
        let reply = |(part, results): (Part, &[Labelled])| {
            let mut out = Vec::new();
            match results.first() {
                Some(labelled) if part.single => one(labelled, &mut out),
                _ => floats::list(results, &mut out, one),
            }
            out
        };
        parts.split(&answer.results).into_iter().map(reply).collect()
    });
    Ok(Replies::new(body.await?, cost))
}
