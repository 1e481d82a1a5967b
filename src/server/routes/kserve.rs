//! The Open Inference Protocol, version 2, as KServe's and Triton's clients speak it: health, models, inference.
//!
//! A model's name may have slashes, as they are or as `%2F`: what follows it in the path tells where it ends.

mod infer;
mod parameters;
mod tensors;

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Serialize;
use utoipa::ToSchema;

use self::infer::Interface;
pub use self::infer::{__path_infer, infer};
use crate::server::error::KserveErrorBody;
use crate::server::models::Served;
use crate::server::openapi::tag;
use crate::server::service::{Failure, Service};
use crate::server::{ApiError, App};

pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/v2", get(server))
        .route("/v2/health/live", get(live))
        .route("/v2/health/ready", get(ready))
        .route("/v2/models/{*path}", get(get_model).post(post_model))
        .route("/v2/repository/index", post(index))
}

/// The version of every model.
const VERSION: &str = "1";

/// Why a request has no answer, in the protocol's shape.
#[derive(Debug)]
pub struct KserveError(ApiError);

impl KserveError {
    fn bad(message: impl Into<String>) -> Self {
        Self(ApiError::new(StatusCode::BAD_REQUEST, message))
    }
}

impl From<ApiError> for KserveError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<Failure> for KserveError {
    fn from(failure: Failure) -> Self {
        Self(failure.into())
    }
}

impl IntoResponse for KserveError {
    fn into_response(self) -> Response {
        self.0.kserve()
    }
}

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

/// A tensor's name, type and shape; −1 stands for any length.
#[derive(Serialize, ToSchema)]
pub struct TensorMetadata {
    #[schema(example = "text")]
    name: &'static str,
    #[schema(example = "BYTES")]
    datatype: &'static str,
    #[schema(example = json!([-1]))]
    shape: Vec<i64>,
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
#[utoipa::path(get, path = "/v2", operation_id = "server_metadata", tag = tag::KSERVE,
    responses((status = 200, description = "Name, version, extensions of the protocol", body = ServerMetadata)))]
pub async fn server() -> Json<ServerMetadata> {
    Json(ServerMetadata { name: "infa", version: env!("CARGO_PKG_VERSION"), extensions: ["binary_tensor_data"] })
}

/// Whether the server lives, models or not
#[utoipa::path(get, path = "/v2/health/live", operation_id = "server_live", tag = tag::KSERVE, security(()),
    responses((status = 200, description = "It lives", body = ServerLive)))]
pub async fn live() -> Json<ServerLive> {
    Json(ServerLive { live: true })
}

/// Whether all models are there
#[utoipa::path(get, path = "/v2/health/ready", operation_id = "server_ready", tag = tag::KSERVE, security(()), responses(
    (status = 200, description = "It is ready", body = ServerReady),
    (status = 503, description = "It is not", body = ServerReady)))]
pub async fn ready(State(app): State<Arc<App>>) -> (StatusCode, Json<ServerReady>) {
    let ready = app.is_ready();
    (status(ready), Json(ServerReady { ready }))
}

/// The models, and whether they are loaded
#[utoipa::path(post, path = "/v2/repository/index", operation_id = "repository_index", tag = tag::KSERVE,
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
#[utoipa::path(get, path = "/v2/models/{model}", operation_id = "model_metadata", tag = tag::KSERVE,
    params(("model" = String, Path, description = "The model's name")),
    responses(
        (status = 200, description = "Names, types and shapes of its tensors", body = ModelMetadata),
        (status = 404, description = "There is no such model", body = KserveErrorBody)))]
pub async fn metadata(app: Arc<App>, name: &str) -> Result<Json<ModelMetadata>, KserveError> {
    let service = found(&app, name)?.acquire(app.limits.model_return).await?;
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
#[utoipa::path(get, path = "/v2/models/{model}/ready", tag = tag::KSERVE,
    params(("model" = String, Path, description = "The model's name")),
    responses(
        (status = 200, description = "It is ready", body = ModelReady),
        (status = 404, description = "There is no such model", body = KserveErrorBody),
        (status = 503, description = "It is not", body = ModelReady)))]
pub async fn model_ready(app: Arc<App>, name: &str) -> Result<(StatusCode, Json<ModelReady>), KserveError> {
    let served = found(&app, name)?;
    let ready = served.is_ready() && !app.is_draining();
    Ok((status(ready), Json(ModelReady { name: served.spec.name.clone(), ready })))
}

fn status(ready: bool) -> StatusCode {
    if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// `GET /v2/models/…`
async fn get_model(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, KserveError> {
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
async fn post_model(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    request: Request,
) -> Result<Response, KserveError> {
    let path = whole(path)?;
    match path.strip_suffix("/infer") {
        Some(model) => infer(app, name(model)?, request).await,
        None => Err(not_found(format!("POST goes to /v2/models/NAME/infer, not to /v2/models/{path}"))),
    }
}

fn whole(path: Result<Path<String>, PathRejection>) -> Result<String, KserveError> {
    let Path(path) = path.map_err(|e| KserveError::bad(e.body_text()))?;
    Ok(path.trim_end_matches('/').to_owned())
}

/// The model's name, without the version that may follow it.
fn name(path: &str) -> Result<&str, KserveError> {
    match path.rsplit_once("/versions/") {
        Some((name, VERSION)) => Ok(name),
        Some((_, version)) if !version.contains('/') => {
            Err(not_found(format!("there is no version \"{version}\"; every model has the version {VERSION} alone")))
        }
        _ => Ok(path),
    }
}

/// The model of that name: a path says what there is, so that another name is not found even if there is one model.
fn found<'a>(app: &'a App, name: &str) -> Result<&'a Arc<Served>, KserveError> {
    Ok(app.models.resource(name).map_err(ApiError::from)?)
}

fn not_found(message: String) -> KserveError {
    KserveError(ApiError::new(StatusCode::NOT_FOUND, message))
}
