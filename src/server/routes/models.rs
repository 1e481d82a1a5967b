//! `GET /models`: the served models.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::tags;
use crate::server::http::{ErrorBody, unix_time};
use crate::server::models::{Capability, ServedModel};
use crate::server::{ApiError, App};

/// The served models.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelList {
    /// In the order of the command line; a model with several names is listed once for each.
    data: Vec<ModelObject>,
    #[schema(example = "list")]
    object: &'static str,
}

/// A model in OpenAI's terms, with Infinity's fields.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelObject {
    /// The model's name.
    #[schema(example = "sentence-transformers/all-MiniLM-L6-v2")]
    id: String,
    /// The model's first name; entries with the same root are one model.
    #[schema(example = "sentence-transformers/all-MiniLM-L6-v2")]
    root: String,
    /// Maximum tokens of a text, special tokens included; null until the model is loaded.
    #[schema(example = 256)]
    max_model_len: Option<usize>,
    /// Statistics of the model's queue.
    stats: Stats,
    #[schema(example = "model")]
    object: &'static str,
    /// Always "infinity", as Infinity's own client accepts nothing else.
    #[schema(example = "infinity")]
    owned_by: &'static str,
    /// Start of the server, in seconds since 1970.
    #[schema(example = 1795273200)]
    created: u64,
    /// The inference engine.
    #[schema(example = "onnxruntime")]
    backend: &'static str,
    /// Uses of the model; empty until it is loaded.
    capabilities: Vec<Capability>,
}

/// Statistics of a model's queue.
#[derive(Debug, Default, Serialize, ToSchema)]
struct Stats {
    /// Fill level of the queue, 0 to 1.
    queue_fraction: f64,
    /// Number of waiting inputs.
    queue_absolute: usize,
    /// Number of inputs being computed.
    results_pending: usize,
    /// Maximum tokens of a batch: batches are limited by tokens, not by inputs.
    batch_size: usize,
}

/// The current statistics of the model's queue.
fn stats(model: &ServedModel) -> Stats {
    let Ok(loaded) = model.loaded() else { return Stats::default() };
    let now = loaded.stats();
    Stats {
        queue_fraction: now.tokens as f64 / now.capacity.max(1) as f64,
        queue_absolute: now.tasks,
        results_pending: now.running,
        batch_size: loaded.local().batch_tokens.min(i32::MAX as usize),
    }
}

impl ModelObject {
    /// The model under one of its names.
    fn of(model: &ServedModel, name: &str, app: &App) -> Self {
        let profile = model.profile();
        Self {
            id: name.to_owned(),
            root: model.spec.name.clone(),
            max_model_len: profile.as_ref().map(|profile| profile.max_length.min(i32::MAX as usize)),
            stats: stats(model),
            object: "model",
            owned_by: "infinity",
            created: unix_time().saturating_sub(app.started.elapsed().as_secs()),
            backend: "onnxruntime",
            capabilities: model.capabilities(),
        }
    }
}

/// List models
#[utoipa::path(
    get, path = "/models", tag = tags::OPENAI,
    responses((status = 200, description = "All models", body = ModelList))
)]
pub(crate) async fn models(State(app): State<Arc<App>>) -> Json<ModelList> {
    let entries = |model: &Arc<ServedModel>| -> Vec<ModelObject> {
        model.spec.names().map(|name| ModelObject::of(model, name, &app)).collect()
    };
    let data = app.models.all().iter().flat_map(entries).collect();
    Json(ModelList { data, object: "list" })
}

/// Fails for a path that is not UTF-8.
type Id = Result<Path<String>, PathRejection>;

/// Get a model
#[utoipa::path(
    get, path = "/models/{id}", tag = tags::OPENAI,
    params(("id" = String, Path, description = "The model's name, which may contain slashes")),
    responses(
        (status = 200, description = "The model", body = ModelObject),
        (status = 404, description = "The model does not exist", body = ErrorBody),
    )
)]
pub(crate) async fn one_model(State(app): State<Arc<App>>, id: Id) -> Result<Json<ModelObject>, ApiError> {
    let id = id.map(|Path(id)| id).unwrap_or_default();
    // The name must be exact, without wildcards.
    let model = if id.is_empty() { None } else { app.models.named(&id) };
    let model = model.filter(|model| model.spec.has_name(&id)).ok_or_else(|| app.models.unknown(&id))?;
    Ok(Json(ModelObject::of(model, &id, &app)))
}
