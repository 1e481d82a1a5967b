//! Ollama's list and descriptions of models, which its clients read before they request vectors.

use std::sync::Arc;
use std::time::SystemTime;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::name::model;
use crate::model::source::WeightsFile;
use crate::server::http::Body;
use crate::server::models::{Capability, LoadedModel, ServedModel};
use crate::server::routes::tags;
use crate::server::{ApiError, App};

/// The served models.
#[derive(Serialize, ToSchema)]
pub(crate) struct OllamaModels {
    models: Vec<OllamaModel>,
}

/// A model in Ollama's terms.
#[derive(Serialize, ToSchema)]
pub(crate) struct OllamaModel {
    name: String,
    model: String,
    /// Start of the server.
    #[schema(example = "2026-11-28T12:00:00Z")]
    modified_at: String,
    /// Bytes of the model's files; 0 until it is loaded.
    size: u64,
    /// The SHA-256 of the model's name.
    digest: String,
    details: OllamaDetails,
    /// "embedding" for models with vectors.
    capabilities: Vec<&'static str>,
}

/// Details of a model.
#[derive(Serialize, ToSchema)]
struct OllamaDetails {
    parent_model: &'static str,
    /// "safetensors" or "onnx"; empty until the model is loaded.
    format: &'static str,
    /// The model's architecture.
    family: String,
    families: Vec<String>,
    parameter_size: &'static str,
    quantization_level: &'static str,
}

/// The name of a model.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({}))]
#[serde(expecting = "an object")]
pub(crate) struct OllamaShowRequest {
    /// The name, with or without ":latest".
    #[serde(alias = "name")]
    #[schema(example = "default/not-specified")]
    model: Option<String>,
}

/// Information about a model.
#[derive(Serialize, ToSchema)]
#[schema(as = OllamaShowReply)]
pub(crate) struct OllamaShowResponse {
    details: OllamaDetails,
    /// `general.architecture`, and under the architecture's name `context_length` and `embedding_length`.
    #[schema(value_type = Object)]
    model_info: Value,
    /// "embedding" for models with vectors.
    capabilities: Vec<&'static str>,
    /// Start of the server.
    #[schema(example = "2026-11-28T12:00:00Z")]
    modified_at: String,
}

/// The version of the server.
#[derive(Serialize, ToSchema)]
pub(crate) struct OllamaVersion {
    #[schema(example = "0.1.0")]
    version: &'static str,
}

/// The architecture in config.json.
fn architecture(loaded: &LoadedModel) -> String {
    let config = &loaded.model().config;
    config.get("model_type").and_then(Value::as_str).unwrap_or("unknown").to_owned()
}

fn details(loaded: Option<&LoadedModel>) -> OllamaDetails {
    let family = loaded.map(architecture).unwrap_or_default();
    let format = match loaded.map(|loaded| &loaded.model().weights) {
        None => "",
        Some(WeightsFile::Safetensors(_)) => "safetensors",
        Some(WeightsFile::Onnx(_)) => "onnx",
    };
    let families = if family.is_empty() { Vec::new() } else { vec![family.clone()] };
    OllamaDetails { parent_model: "", format, family, families, parameter_size: "", quantization_level: "" }
}

fn capabilities(served: &ServedModel) -> Vec<&'static str> {
    if served.capabilities().contains(&Capability::Embed) { vec!["embedding"] } else { Vec::new() }
}

fn started(app: &App) -> String {
    humantime::format_rfc3339_seconds(SystemTime::now() - app.started.elapsed()).to_string()
}

fn entry(served: &Arc<ServedModel>, app: &App) -> OllamaModel {
    let name = &served.spec.name;
    OllamaModel {
        name: name.clone(),
        model: name.clone(),
        modified_at: started(app),
        size: served.profile().map_or(0, |profile| profile.size),
        digest: Sha256::digest(name).iter().map(|byte| format!("{byte:02x}")).collect(),
        details: details(served.loaded().ok().as_deref()),
        capabilities: capabilities(served),
    }
}

/// List models (Ollama)
#[utoipa::path(get, path = "/api/tags", tag = tags::OLLAMA,
    responses((status = 200, description = "All models", body = OllamaModels)))]
pub(crate) async fn tags(State(app): State<Arc<App>>) -> Json<OllamaModels> {
    Json(OllamaModels { models: app.models.all().iter().map(|served| entry(served, &app)).collect() })
}

/// List loaded models (Ollama)
#[utoipa::path(get, path = "/api/ps", tag = tags::OLLAMA,
    responses((status = 200, description = "The loaded models", body = OllamaModels)))]
pub(crate) async fn ps(State(app): State<Arc<App>>) -> Json<OllamaModels> {
    let loaded = app.models.all().iter().filter(|served| served.is_loaded());
    Json(OllamaModels { models: loaded.map(|served| entry(served, &app)).collect() })
}

/// Get information about a model (Ollama)
#[utoipa::path(post, path = "/api/show", tag = tags::OLLAMA, request_body = OllamaShowRequest,
    responses((status = 200, description = "The model", body = OllamaShowResponse)))]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Body(request): Body<OllamaShowRequest>,
) -> Result<Json<OllamaShowResponse>, ApiError> {
    let served = model(&app, request.model.as_deref())?;
    let loaded = app.acquire(served).await?;
    let architecture = architecture(&loaded);
    let model_info = serde_json::json!({
        "general.architecture": architecture,
        format!("{architecture}.context_length"): loaded.local().max_length,
        format!("{architecture}.embedding_length"): loaded.dimensions(),
    });
    Ok(Json(OllamaShowResponse {
        details: details(Some(&loaded)),
        model_info,
        capabilities: capabilities(served),
        modified_at: started(&app),
    }))
}

/// Get the server's version (Ollama)
#[utoipa::path(get, path = "/api/version", tag = tags::OLLAMA,
    responses((status = 200, description = "The version", body = OllamaVersion)))]
pub(crate) async fn version() -> Json<OllamaVersion> {
    Json(OllamaVersion { version: env!("CARGO_PKG_VERSION") })
}
