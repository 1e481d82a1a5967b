//! `GET /models`: what is served.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::tags;
use crate::server::http::{ErrorBody, unix_time};
use crate::server::models::{Capability, Served};
use crate::server::{ApiError, App};

/// The models that are served.
#[derive(Serialize, ToSchema)]
pub struct ModelList {
    /// In the order in which they were named; a model with several names is there once for each.
    data: Vec<ModelObject>,
    #[schema(example = "list")]
    object: &'static str,
}

/// A model.
#[derive(Serialize, ToSchema)]
pub struct ModelObject {
    /// Its name.
    #[schema(example = "sentence-transformers/all-MiniLM-L6-v2")]
    id: String,
    /// The model's first name: entries of the same root are one model.
    #[schema(example = "sentence-transformers/all-MiniLM-L6-v2")]
    root: String,
    /// Length of the longest text in tokens, special tokens included; null before the model was loaded.
    #[schema(example = 256)]
    max_model_len: Option<usize>,
    /// What its queue does.
    stats: Stats,
    #[schema(example = "model")]
    object: &'static str,
    /// Always "infinity": Infinity's own client reads nothing else.
    #[schema(example = "infinity")]
    owned_by: &'static str,
    /// When the server started, in seconds since 1970.
    #[schema(example = 1795273200)]
    created: u64,
    /// What computes.
    #[schema(example = "onnxruntime")]
    backend: &'static str,
    /// What it can be asked for; nothing before it was loaded.
    capabilities: Vec<Capability>,
}

/// What a model's queue does.
#[derive(Debug, Default, Serialize, ToSchema)]
struct Stats {
    /// How full the queue is, 0 to 1.
    queue_fraction: f64,
    /// Inputs that wait.
    queue_absolute: usize,
    /// Inputs that were begun and whose results are not there yet.
    results_pending: usize,
    /// Most tokens that are computed together: groups are bounded in tokens, not in inputs.
    batch_size: usize,
}

/// What is known of the model's queue now.
fn stats(model: &Served) -> Stats {
    let Ok(service) = model.service() else { return Stats::default() };
    let now = service.stats();
    Stats {
        queue_fraction: now.tokens as f64 / now.capacity.max(1) as f64,
        queue_absolute: now.tasks,
        results_pending: now.running,
        batch_size: service.local().batch_tokens.min(i32::MAX as usize),
    }
}

impl ModelObject {
    /// The model under one of its names.
    fn of(model: &Served, name: &str, app: &App) -> Self {
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

/// The models that are served
#[utoipa::path(
    get, path = "/models", tag = tags::OPENAI,
    responses((status = 200, description = "All of them", body = ModelList))
)]
pub async fn models(State(app): State<Arc<App>>) -> Json<ModelList> {
    let entries = |model: &Arc<Served>| -> Vec<ModelObject> {
        model.spec.names().map(|name| ModelObject::of(model, name, &app)).collect()
    };
    let data = app.models.all().iter().flat_map(entries).collect();
    Json(ModelList { data, object: "list" })
}

/// A path that is not UTF-8 is no id.
type Id = Result<Path<String>, PathRejection>;

/// One of the models that are served
#[utoipa::path(
    get, path = "/models/{id}", tag = tags::OPENAI,
    params(("id" = String, Path, description = "The model's name, slashes and all")),
    responses(
        (status = 200, description = "The model", body = ModelObject),
        (status = 404, description = "There is no such model", body = ErrorBody),
    )
)]
pub async fn one_model(State(app): State<Arc<App>>, id: Id) -> Result<Json<ModelObject>, ApiError> {
    let id = id.map(|Path(id)| id).unwrap_or_default();
    // Here a name must be one: no name stands for any model.
    let model = if id.is_empty() { None } else { app.models.named(&id) };
    let model = model.filter(|model| model.spec.has_name(&id)).ok_or_else(|| app.models.unknown(&id))?;
    Ok(Json(ModelObject::of(model, &id, &app)))
}
