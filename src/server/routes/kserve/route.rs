//! Health, the models, and the paths below a model.

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
use crate::server::models::{Failure, Served, Service};
use crate::server::routes::tags;
use crate::server::{ApiError, App};

/// What the server is.
#[derive(Serialize, ToSchema)]
pub struct ServerMetadata {
    #[schema(example = "infa")]
    name: &'static str,
    #[schema(example = "0.1.0")]
    version: &'static str,
    #[schema(example = json!(["binary_tensor_data"]))]
    extensions: [&'static str; 1],
}

/// Whether the server lives.
#[derive(Serialize, ToSchema)]
pub struct ServerLive {
    live: bool,
}

/// Whether the server answers requests.
#[derive(Serialize, ToSchema)]
pub struct ServerReady {
    ready: bool,
}

/// Whether a model answers requests.
#[derive(Serialize, ToSchema)]
pub struct ModelReady {
    name: String,
    ready: bool,
}

/// What a model takes and gives.
#[derive(Serialize, ToSchema)]
pub struct ModelMetadata {
    name: String,
    #[schema(example = json!(["1"]))]
    versions: [&'static str; 1],
    #[schema(example = "onnxruntime")]
    platform: &'static str,
    inputs: Vec<TensorMetadata>,
    outputs: Vec<TensorMetadata>,
}

/// A model, and whether it is loaded.
#[derive(Serialize, ToSchema)]
pub struct IndexEntry {
    name: String,
    #[schema(example = "1")]
    version: &'static str,
    #[schema(example = "READY")]
    state: &'static str,
    reason: String,
}

/// What the server is
#[utoipa::path(get, path = "/v2", operation_id = "server_metadata", tag = tags::KSERVE,
    responses((status = 200, description = "Name, version, extensions of the protocol", body = ServerMetadata)))]
pub async fn server() -> Json<ServerMetadata> {
    Json(ServerMetadata { name: "infa", version: env!("CARGO_PKG_VERSION"), extensions: ["binary_tensor_data"] })
}

/// Whether the server lives, models or not
#[utoipa::path(get, path = "/v2/health/live", operation_id = "server_live", tag = tags::KSERVE, security(()),
    responses((status = 200, description = "It lives", body = ServerLive)))]
pub async fn live() -> Json<ServerLive> {
    Json(ServerLive { live: true })
}

/// Whether all models are there
#[utoipa::path(get, path = "/v2/health/ready", operation_id = "server_ready", tag = tags::KSERVE, security(()), responses(
    (status = 200, description = "It is ready", body = ServerReady),
    (status = 503, description = "It is not", body = ServerReady)))]
pub async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<ServerReady>) {
    let ready = app.is_ready();
    (status(ready), Json(ServerReady { ready }))
}

/// The models, and whether they are loaded
#[utoipa::path(post, path = "/v2/repository/index", operation_id = "repository_index", tag = tags::KSERVE,
    responses((status = 200, description = "All models", body = Vec<IndexEntry>)))]
pub async fn index(State(app): State<Arc<App>>) -> Json<Vec<IndexEntry>> {
    let entry = |name: &String, service: Result<Arc<Service>, Failure>| {
        let (state, reason) = match service {
            Ok(_) => ("READY", String::new()),
            Err(e) => ("UNAVAILABLE", e.to_string()),
        };
        IndexEntry { name: name.clone(), version: VERSION, state, reason }
    };
    Json(app.models.all().iter().map(|model| entry(&model.spec.name, model.service())).collect())
}

/// What a model takes and gives
///
/// Also under `/v2/models/{model}/versions/1`. Slashes in the name may stand as they are.
#[utoipa::path(get, path = "/v2/models/{model}", operation_id = "model_metadata", tag = tags::KSERVE,
    params(("model" = String, Path, description = "The model's name")),
    responses(
        (status = 200, description = "Names, types and shapes of its tensors", body = ModelMetadata),
        (status = 404, description = "There is no such model", body = KserveErrorBody)))]
pub async fn metadata(app: Arc<App>, name: &str) -> Result<Json<ModelMetadata>, ApiError> {
    let service = app.acquire(found(&app, name)?).await?;
    let interface = Interface::of(&service)?;
    Ok(Json(ModelMetadata {
        name: service.name().to_owned(),
        versions: [VERSION],
        platform: "onnxruntime",
        inputs: interface.inputs(),
        outputs: vec![interface.output(&service)],
    }))
}

/// Whether a model is there
///
/// Also under `/v2/models/{model}/versions/1/ready`.
#[utoipa::path(get, path = "/v2/models/{model}/ready", tag = tags::KSERVE,
    params(("model" = String, Path, description = "The model's name")),
    responses(
        (status = 200, description = "It is ready", body = ModelReady),
        (status = 404, description = "There is no such model", body = KserveErrorBody),
        (status = 503, description = "It is not", body = ModelReady)))]
pub async fn model_ready(app: Arc<App>, name: &str) -> Result<(StatusCode, Json<ModelReady>), ApiError> {
    let served = found(&app, name)?;
    let ready = served.is_ready() && !app.is_draining();
    Ok((status(ready), Json(ModelReady { name: served.spec.name.clone(), ready })))
}

fn status(ready: bool) -> StatusCode {
    if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// `GET /v2/models/…`
pub async fn get_model(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let path = whole(path)?;
    if let Some(model) = path.strip_suffix("/ready") {
        return Ok(model_ready(app, name(model)?).await?.into_response());
    }
    // Triton's extensions: what there is not is the extension, and not the model.
    for (suffix, extension) in EXTENSIONS {
        if let Some(model) = path.strip_suffix(suffix)
            && let Ok(served) = found(&app, name(model)?)
        {
            let model = &served.spec.name;
            return Err(not_found(format!("the model {model} is here, but Triton's {extension} is not served")));
        }
    }
    Ok(metadata(app, name(&path)?).await?.into_response())
}

/// Triton's additional fields of a model.
const EXTENSIONS: &[(&str, &str)] =
    &[("/config", "model configuration"), ("/stats", "statistics"), ("/trace/setting", "trace extension")];

/// `POST /v2/models/…/infer`
pub async fn post_model(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let path = whole(path)?;
    match path.strip_suffix("/infer") {
        Some(model) => {
            let service = app.acquire(found(&app, name(model)?)?).await?;
            infer(app, &service, request).await
        }
        None => Err(not_found(format!("POST goes to /v2/models/NAME/infer, not to /v2/models/{path}"))),
    }
}

fn whole(path: Result<Path<String>, PathRejection>) -> Result<String, ApiError> {
    let Path(path) = path.map_err(|e| ApiError::bad_request(e.body_text()))?;
    Ok(path.trim_end_matches('/').to_owned())
}

/// The model's name, without the version that may follow it.
fn name(path: &str) -> Result<&str, ApiError> {
    match path.rsplit_once("/versions/") {
        Some((name, VERSION)) => Ok(name),
        Some((_, version)) if !version.contains('/') => {
            Err(not_found(format!("there is no version \"{version}\"; every model has the version {VERSION} alone")))
        }
        _ => Ok(path),
    }
}

/// The model of that name: a path says what there is, so that another name is not found even if there is one model.
fn found<'a>(app: &'a App, name: &str) -> Result<&'a Arc<Served>, ApiError> {
    Ok(app.models.resource(name)?)
}

fn not_found(message: String) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, message)
}
