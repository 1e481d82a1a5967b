//! The routes, and the schema of their responses.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use utoipa::ToSchema;

use super::{EmbeddingsRequest, Layout};
use crate::server::http::{Body, ErrorBody, Usage, new_id, shorten, unix_time};
use crate::server::routes::embed_call::{self, Vectors, embedder, write_object};
use crate::server::routes::tags;
use crate::server::routes::text_use::TextUse;
use crate::server::{ApiError, App};

/// Vectors, in the order of the inputs.
#[derive(ToSchema)]
#[allow(dead_code, reason = "schema of a hand-written response")]
#[schema(as = EmbeddingsReply)]
pub(crate) struct EmbeddingsResponse {
    #[schema(example = "list")]
    object: String,
    data: Vec<EmbeddingObject>,
    /// The model's name.
    model: String,
    usage: Usage,
    #[schema(example = "infa-5f0c6f5e-2a41-4f0f-9c6b-0d6f4f6f2f64")]
    id: String,
    /// Seconds since 1970.
    #[schema(example = 1795273200)]
    created: u64,
}

/// The vector of one input.
#[derive(ToSchema)]
#[allow(dead_code, reason = "schema of a hand-written response")]
struct EmbeddingObject {
    #[schema(example = "embedding")]
    object: String,
    embedding: Vector,
    /// The index of the input.
    index: usize,
}

/// A list of numbers; their bytes in base64; a list of vectors, one per token (ColBERT); or an object with one of these
/// per type, if the request names several types.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "schema of a hand-written response")]
enum Vector {
    Numbers(Vec<f32>),
    Base64(String),
    Tokens(Vec<Vec<f32>>),
    #[schema(value_type = Object)]
    Types(BTreeMap<String, String>),
}

/// Create vectors of texts
///
/// OpenAI's, Infinity's, Jina's, Voyage's, NIM's and vLLM's route, with the fields of all of them. A list of inputs has
/// at most --max-client-batch-size items, in batches of the server's choice. A ColBERT model gives a list of vectors
/// for each text.
#[utoipa::path(
    post, path = "/embeddings", tag = tags::OPENAI,
    request_body = EmbeddingsRequest,
    responses((status = 200, description = "One vector per input, in order", body = EmbeddingsResponse))
)]
pub(crate) async fn embeddings(
    State(app): State<Arc<App>>,
    Body(request): Body<EmbeddingsRequest>,
) -> Result<Response, ApiError> {
    let model = request.model.clone();
    respond(&app, request, model).await
}

/// Create vectors of texts (Azure)
///
/// As `/embeddings`; the deployment is the model's name, with slashes as %2F or as they are.
#[utoipa::path(
    post, path = "/openai/deployments/{deployment}/embeddings", tag = tags::OPENAI,
    params(("deployment" = String, Path, description = "The model's name")),
    request_body = EmbeddingsRequest,
    responses((status = 200, description = "One vector per input, in order", body = EmbeddingsResponse))
)]
pub(crate) async fn deployment(
    State(app): State<Arc<App>>,
    rest: Rest,
    Body(request): Body<EmbeddingsRequest>,
) -> Result<Response, ApiError> {
    let name = name_in(rest, "/openai/deployments")?;
    respond(&app, request, Some(name)).await
}

/// Create vectors of texts (OpenAI's first clients)
///
/// As `/embeddings`; the engine is the model's name.
#[utoipa::path(
    post, path = "/engines/{engine}/embeddings", tag = tags::OPENAI,
    params(("engine" = String, Path, description = "The model's name")),
    request_body = EmbeddingsRequest,
    responses((status = 200, description = "One vector per input, in order", body = EmbeddingsResponse))
)]
pub(crate) async fn engine(
    State(app): State<Arc<App>>,
    rest: Rest,
    Body(request): Body<EmbeddingsRequest>,
) -> Result<Response, ApiError> {
    let name = name_in(rest, "/engines")?;
    respond(&app, request, Some(name)).await
}

/// Images are not supported
#[utoipa::path(
    post, path = "/embeddings_image", tag = tags::OPENAI,
    responses((status = 400, description = "Images are not supported", body = ErrorBody))
)]
pub(crate) async fn embeddings_image() -> ApiError {
    ApiError::bad_value("input", "images are not supported; send texts to /embeddings").code(ApiError::UNSUPPORTED)
}

/// Audio is not supported
#[utoipa::path(
    post, path = "/embeddings_audio", tag = tags::OPENAI,
    responses((status = 400, description = "Audio is not supported", body = ErrorBody))
)]
pub(crate) async fn embeddings_audio() -> ApiError {
    ApiError::bad_value("input", "audio is not supported; send texts to /embeddings").code(ApiError::UNSUPPORTED)
}

/// Fails for a path that is not UTF-8.
type Rest = Result<Path<String>, PathRejection>;

/// The name in `NAME/embeddings`, the rest of a path under `head`.
fn name_in(rest: Rest, head: &str) -> Result<String, ApiError> {
    let rest = rest.map(|Path(rest)| rest).unwrap_or_default();
    let rest = rest.trim_end_matches('/');
    match rest.strip_suffix("/embeddings") {
        Some(name) if !name.is_empty() => Ok(name.to_owned()),
        _ => {
            let message = format!("no such route: {head}/{}; use {head}/NAME/embeddings", shorten(rest));
            Err(ApiError::new(StatusCode::NOT_FOUND, message).code("unknown_url"))
        }
    }
}

/// NIM's other form of a text's use: MODEL-query and MODEL-passage for a model called MODEL.
fn suffix<'n>(app: &App, name: &'n str) -> Option<(&'n str, TextUse)> {
    let (model, word) = name.rsplit_once('-').filter(|(_, word)| ["query", "passage"].contains(word))?;
    let is_suffix = app.models.meant(name).is_none() && app.models.meant(model).is_some();
    is_suffix.then(|| (model, TextUse { field: "model", word: word.to_owned() }))
}

/// The response of the model called `name`.
async fn respond(app: &App, request: EmbeddingsRequest, name: Option<String>) -> Result<Response, ApiError> {
    let (name, by_name) = match name.as_deref().and_then(|name| suffix(app, name)) {
        Some((model, text_use)) => (Some(model), Some(text_use)),
        None => (name.as_deref(), None),
    };
    let served = embedder(app, name)?;
    let (mut call, layout) = request.resolve(served.spec.embedding_dtype, &app.limits)?;
    call.text_use = call.text_use.or(by_name);
    let loaded = app.acquire(served).await?;
    let vectors = call.run(app, &loaded).await?;
    embed_call::respond(vectors, 0, move |vectors| write_response(vectors, loaded.name(), &layout)).await
}

/// The response, written directly: the numbers never become a tree of JSON values.
fn write_response(vectors: &Vectors, name: &str, layout: &Layout) -> Vec<u8> {
    let tail = serde_json::json!({
        "model": name, "usage": Usage::of(vectors.tokens()), "id": new_id(), "created": unix_time(),
    });
    let head = r#"{"object":"list","data":["#;
    write_object(vectors, layout.response_size(vectors), head, &tail, |index, numbers, width, out| {
        out.extend_from_slice(format!(r#"{{"object":"embedding","index":{index},"embedding":"#).as_bytes());
        layout.write(numbers, width, out);
        out.push(b'}');
    })
}
