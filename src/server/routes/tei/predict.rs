//! `/predict`: labels of texts or of pairs of texts.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::inputs::{PredictInputs, characters, predict_schema};
use super::together::{Cost, Parts, Place, Responses, TeiTask, alone, failed, truncation};
use crate::engine::{Input, Labelled, OutputKind, RequestOptions};
use crate::server::http::{Body, write};
use crate::server::routes::fields::{Direction, Refused, refused_schema};
use crate::server::routes::inputs::List;
use crate::server::routes::tags;
use crate::server::{ApiError, App, Limits};

/// Inputs to classify.
#[derive(PartialEq, Deserialize, ToSchema)]
#[schema(example = json!({"inputs": "I like it."}))]
pub(crate) struct PredictRequest {
    #[schema(schema_with = predict_schema)]
    inputs: PredictInputs,
    /// True for logits as scores. By default scores are their softmax, or with one label the sigmoid, unless the
    /// model's configuration differs.
    #[serde(default)]
    raw_scores: bool,
    /// False makes a text that is too long an error. By default, the server's setting.
    truncate: Option<bool>,
    /// The end at which it is cut.
    truncation_direction: Option<Direction>,
    /// The model's name; by default the first classifier.
    model: Option<String>,
    /// Sent empty by Hugging Face's clients; other values are not supported.
    #[schema(schema_with = refused_schema)]
    parameters: Option<Refused>,
}

/// A label and its score.
#[derive(Serialize, ToSchema)]
pub(crate) struct Prediction<'l> {
    #[schema(example = 0.9)]
    score: f64,
    #[schema(example = "admiration")]
    label: &'l str,
}

/// The labels of one input, or of several.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "schema of a hand-written response")]
pub(crate) enum Predictions<'l> {
    One(Vec<Prediction<'l>>),
    Many(Vec<Vec<Prediction<'l>>>),
}

/// Classify texts or pairs of texts
#[utoipa::path(post, path = "/predict", tag = tags::TEI, request_body = PredictRequest,
    responses((status = 200, description = "The labels, best first; for a list of inputs, one list each", body = Predictions)))]
pub(crate) async fn predict(
    State(app): State<Arc<App>>,
    Body(request): Body<PredictRequest>,
) -> Result<Response, ApiError> {
    alone::<Predict>(&app, request).await
}

/// `/predict`
pub(crate) struct Predict;

impl TeiTask for Predict {
    type Request = PredictRequest;
    type Options = PredictRequest;
    type Input = Input;

    fn taken(mut request: PredictRequest, limits: &Limits) -> Result<(PredictRequest, Vec<Input>, bool), ApiError> {
        let nothing = PredictInputs { list: List::empty(), single: false };
        let PredictInputs { list, single } = std::mem::replace(&mut request.inputs, nothing);
        Ok((request, list.checked("inputs", limits)?, single))
    }

    fn field(place: &Place) -> String {
        if place.single { "inputs".into() } else { format!("inputs[{}]", place.index) }
    }

    async fn compute(
        app: &App,
        options: PredictRequest,
        inputs: Vec<Input>,
        parts: Parts,
    ) -> Result<Responses, ApiError> {
        let mut cost = Cost::begin(characters(&inputs));
        let PredictRequest { raw_scores, truncate, truncation_direction, model, .. } = options;
        let loaded = app.model_for(model.as_deref(), OutputKind::Labels).await?;
        let truncate = truncation(&loaded, truncate, truncation_direction);
        let options = RequestOptions { truncate, ..RequestOptions::default() };
        let computed = loaded.classify(inputs, raw_scores, options).await.map_err(|e| failed::<Self>(e, &parts))?;
        cost.count(&computed);
        let numbers = computed.results.iter().map(|labelled| labelled.labels.len()).sum();
        Responses::write(parts, computed.results, numbers, cost, |part, results: &[Labelled], out| {
            let one = |labelled: &Labelled, out: &mut Vec<u8>| {
                write::list(&labelled.labels, out, |label, out| {
                    write::json(&Prediction { score: label.score, label: &label.name }, out);
                });
            };
            match results.first() {
                Some(labelled) if part.single => one(labelled, out),
                _ => write::list(results, out, one),
            }
        })
        .await
    }
}
