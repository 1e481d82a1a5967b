//! Health, models, and the paths below a model.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::infer::infer;
use super::interface::{Interface, TensorMetadata};
use super::tensors::VERSION;
use crate::server::http::KserveErrorBody;
use crate::server::models::{Failure, LoadedModel, ServedModel};
use crate::server::routes::tags;
use crate::server::{ApiError, App};

/// Name and version of the server.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServerMetadata {
    #[schema(example = "infa")]
    name: &'static str,
    #[schema(example = "0.1.0")]
    version: &'static str,
    #[schema(example = json!(["binary_tensor_data"]))]
    extensions: [&'static str; 1],
}

/// Liveness of the server.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServerLive {
    live: bool,
}

/// Readiness of the server.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServerReady {
    ready: bool,
}

/// Readiness of a model.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelReady {
    name: String,
    ready: bool,
}

/// The input and output tensors of a model.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelMetadata {
    name: String,
    #[schema(example = json!(["1"]))]
    versions: [&'static str; 1],
    #[schema(example = "onnxruntime")]
    platform: &'static str,
    inputs: Vec<TensorMetadata>,
    outputs: Vec<TensorMetadata>,
}

/// A model and its state.
#[derive(Serialize, ToSchema)]
pub(crate) struct IndexEntry {
    name: String,
    #[schema(example = "1")]
    version: &'static str,
    #[schema(example = "READY")]
    state: &'static str,
    reason: String,
}

/// Name and version of the server
#[utoipa::path(get, path = "/v2", operation_id = "server_metadata", tag = tags::KSERVE,
    responses((status = 200, description = "Name, version, extensions of the protocol", body = ServerMetadata)))]
pub(crate) async fn server() -> Json<ServerMetadata> {
    Json(ServerMetadata { name: "infa", version: env!("CARGO_PKG_VERSION"), extensions: ["binary_tensor_data"] })
}

/// Liveness of the server, independent of its models
#[utoipa::path(get, path = "/v2/health/live", operation_id = "server_live", tag = tags::KSERVE, security(()),
    responses((status = 200, description = "Alive", body = ServerLive)))]
pub(crate) async fn live() -> Json<ServerLive> {
    Json(ServerLive { live: true })
}

/// Readiness of the server
#[utoipa::path(get, path = "/v2/health/ready", operation_id = "server_ready", tag = tags::KSERVE, security(()), responses(
    (status = 200, description = "Ready", body = ServerReady),
    (status = 503, description = "Not ready", body = ServerReady)))]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<ServerReady>) {
    let ready = app.is_ready();
    (status(ready), Json(ServerReady { ready }))
}

/// List models with their state
#[utoipa::path(post, path = "/v2/repository/index", operation_id = "repository_index", tag = tags::KSERVE,
    responses((status = 200, description = "All models", body = Vec<IndexEntry>)))]
pub(crate) async fn index(State(app): State<Arc<App>>) -> Json<Vec<IndexEntry>> {
    let entry = |name: &String, loaded: Result<Arc<LoadedModel>, Failure>| {
        let (state, reason) = match loaded {
            Ok(_) => ("READY", String::new()),
            Err(e) => ("UNAVAILABLE", e.to_string()),
        };
        IndexEntry { name: name.clone(), version: VERSION, state, reason }
    };
    Json(app.models.all().iter().map(|model| entry(&model.spec.name, model.loaded())).collect())
}

/// Get the input and output tensors of a model
///
/// Also under `/v2/models/{model}/versions/1`. The name may contain slashes.
#[utoipa::path(get, path = "/v2/models/{model}", operation_id = "model_metadata", tag = tags::KSERVE,
    params(("model" = String, Path, description = "The model's name")),
    responses(
        (status = 200, description = "Names, types and shapes of its tensors", body = ModelMetadata),
        (status = 404, description = "The model does not exist", body = KserveErrorBody)))]
pub(crate) async fn metadata(app: Arc<App>, name: &str) -> Result<Json<ModelMetadata>, ApiError> {
    let loaded = app.acquire(found(&app, name)?).await?;
    let interface = Interface::of(&loaded)?;
    Ok(Json(ModelMetadata {
        name: loaded.name().to_owned(),
        versions: [VERSION],
        platform: "onnxruntime",
        inputs: interface.inputs(),
        outputs: vec![interface.output(&loaded)],
    }))
}

/// Readiness of a model
///
/// Also under `/v2/models/{model}/versions/1/ready`.
#[utoipa::path(get, path = "/v2/models/{model}/ready", tag = tags::KSERVE,
    params(("model" = String, Path, description = "The model's name")),
    responses(
        (status = 200, description = "Ready", body = ModelReady),
        (status = 404, description = "The model does not exist", body = KserveErrorBody),
        (status = 503, description = "Not ready", body = ModelReady)))]
pub(crate) async fn model_ready(app: Arc<App>, name: &str) -> Result<(StatusCode, Json<ModelReady>), ApiError> {
    let served = found(&app, name)?;
    let ready = served.is_ready() && !app.is_draining();
    Ok((status(ready), Json(ModelReady { name: served.spec.name.clone(), ready })))
}

fn status(ready: bool) -> StatusCode {
    if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// `GET /v2/models/…`
pub(crate) async fn get_model(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let path = whole(path)?;
    if let Some(model) = path.strip_suffix("/ready") {
        return Ok(model_ready(app, name(model)?).await?.into_response());
    }
    // Triton's extensions: the message says that the extension is missing, not the model.
    for (suffix, extension) in EXTENSIONS {
        if let Some(model) = path.strip_suffix(suffix)
            && let Ok(served) = found(&app, name(model)?)
        {
            let model = &served.spec.name;
            return Err(not_found(format!("Triton's {extension} is not supported (the model {model} exists)")));
        }
    }
    Ok(metadata(app, name(&path)?).await?.into_response())
}

/// Paths of Triton's extensions for a model.
const EXTENSIONS: &[(&str, &str)] =
    &[("/config", "model configuration"), ("/stats", "statistics"), ("/trace/setting", "trace extension")];

/// `POST /v2/models/…/infer`
pub(crate) async fn post_model(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let path = whole(path)?;
    match path.strip_suffix("/infer") {
        Some(model) => {
            let loaded = app.acquire(found(&app, name(model)?)?).await?;
            infer(app, &loaded, request).await
        }
        None => Err(not_found(format!("no such route: POST /v2/models/{path}; use /v2/models/NAME/infer"))),
    }
}

fn whole(path: Result<Path<String>, PathRejection>) -> Result<String, ApiError> {
    let Path(path) = path.map_err(|e| ApiError::bad_request(e.body_text()))?;
    Ok(path.trim_end_matches('/').to_owned())
}

/// The model's name, without an optional version.
fn name(path: &str) -> Result<&str, ApiError> {
    match path.rsplit_once("/versions/") {
        Some((name, VERSION)) => Ok(name),
        Some((_, version)) if !version.contains('/') => {
            Err(not_found(format!("unknown version \"{version}\"; every model has only version {VERSION}")))
        }
        _ => Ok(path),
    }
}

/// The model with that exact name: a name in a path must exist, even on a server of one model.
fn found<'a>(app: &'a App, name: &str) -> Result<&'a Arc<ServedModel>, ApiError> {
    Ok(app.models.resource(name)?)
}

fn not_found(message: String) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, message)
}
