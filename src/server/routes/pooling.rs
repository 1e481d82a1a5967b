//! `POST /pooling` of vLLM, for vectors of texts (`task` "embed") and of tokens ("token_embed").

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use utoipa::ToSchema;

use super::embed_call::{self, VectorKind, Vectors, embedder, write_object};
use super::embeddings::{EmbeddingsRequest, Layout};
use super::tags;
use crate::engine::OutputKind;
use crate::server::http::{Body, Usage, new_id, shorten, unix_time};
use crate::server::{ApiError, App};

/// Vectors, in the order of the inputs.
#[derive(ToSchema)]
#[allow(dead_code, reason = "schema of a hand-written response")]
#[schema(as = PoolingReply)]
pub(crate) struct PoolingResponse {
    #[schema(example = "infa-5f0c6f5e-2a41-4f0f-9c6b-0d6f4f6f2f64")]
    id: String,
    #[schema(example = "list")]
    object: String,
    /// Seconds since 1970.
    #[schema(example = 1795273200)]
    created: u64,
    /// The model's name.
    model: String,
    data: Vec<PoolingObject>,
    usage: Usage,
}

/// The result of one input.
#[derive(ToSchema)]
#[allow(dead_code, reason = "schema of a hand-written response")]
struct PoolingObject {
    /// The index of the input.
    index: usize,
    #[schema(example = "pooling")]
    object: String,
    data: Pooled,
}

/// A vector, one vector per token, or their bytes in base64.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "schema of a hand-written response")]
enum Pooled {
    Vector(Vec<f32>),
    Tokens(Vec<Vec<f32>>),
    Base64(String),
    #[schema(value_type = Object)]
    Types(std::collections::BTreeMap<String, String>),
}

/// Create vectors of texts or of tokens (vLLM)
///
/// As `/embeddings`, with the `task` "embed" for one vector per text or "token_embed" for one per token, scaled to
/// length 1 unless `use_activation` is false. Without a task, the model's own kind.
#[utoipa::path(
    post, path = "/pooling", tag = tags::OPENAI,
    request_body = EmbeddingsRequest,
    responses((status = 200, description = "One result per input, in order", body = PoolingResponse))
)]
pub(crate) async fn pooling(
    State(app): State<Arc<App>>,
    Body(mut request): Body<EmbeddingsRequest>,
) -> Result<Response, ApiError> {
    let wanted = match request.task.take().as_deref() {
        None => VectorKind::Any,
        Some("embed") => VectorKind::OneVector("task"),
        Some("token_embed") => VectorKind::HiddenStates,
        Some(other @ ("classify" | "token_classify" | "score")) => {
            let reason =
                format!("\"{other}\" is not supported here; use /classify for labels, /score and /rerank for scores");
            return Err(ApiError::bad_value("task", reason));
        }
        Some(other) => {
            let reason = format!("\"{}\" is unknown; use \"embed\" or \"token_embed\"", shorten(other));
            return Err(ApiError::bad_value("task", reason));
        }
    };
    let served = match wanted {
        VectorKind::HiddenStates => app.models.choose(request.model.as_deref(), Some(OutputKind::TokenVectors))?,
        _ => embedder(&app, request.model.as_deref())?,
    };
    let (mut call, layout) = request.resolve(served.spec.embedding_dtype, &app.limits)?;
    if wanted != VectorKind::Any {
        call.wanted = wanted;
    }
    let loaded = app.acquire(served).await?;
    let vectors = call.run(&app, &loaded).await?;
    embed_call::respond(vectors, 0, move |vectors| write_response(vectors, loaded.name(), &layout)).await
}

fn write_response(vectors: &Vectors, name: &str, layout: &Layout) -> Vec<u8> {
    let tail = serde_json::json!({
        "id": new_id(), "created": unix_time(), "model": name, "usage": Usage::of(vectors.tokens()),
    });
    let head = r#"{"object":"list","data":["#;
    write_object(vectors, layout.response_size(vectors), head, &tail, |index, numbers, width, out| {
        out.extend_from_slice(format!(r#"{{"index":{index},"object":"pooling","data":"#).as_bytes());
        layout.write(numbers, width, out);
        out.push(b'}');
    })
}
