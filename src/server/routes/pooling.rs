//! `POST /pooling`: vLLM's, for vectors of texts (`task` "embed") and of tokens ("token_embed").

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use utoipa::ToSchema;

use super::embed_call::{self, Vectors, Wanted, embedder};
use super::embeddings::{EmbeddingsRequest, Layout};
use super::reply::{Usage, new_id};
use crate::server::app::unix_time;
use crate::server::extract::{Body, shorten};
use crate::server::metrics::Work;
use crate::server::{ApiError, App};

pub fn router() -> Router<Arc<App>> {
    Router::new().route("/pooling", post(pooling))
}

/// Vectors, in the order of the inputs.
#[derive(ToSchema)]
#[allow(dead_code, reason = "replies are written by hand; this describes them")]
pub struct PoolingReply {
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

/// The vector or the vectors of one input.
#[derive(ToSchema)]
#[allow(dead_code, reason = "replies are written by hand; this describes them")]
struct PoolingObject {
    /// The index of the input.
    index: usize,
    #[schema(example = "pooling")]
    object: String,
    data: Pooled,
}

/// A vector, one for each token, or their bytes in base64.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "replies are written by hand; this describes them")]
enum Pooled {
    Vector(Vec<f32>),
    Tokens(Vec<Vec<f32>>),
    Base64(String),
    #[schema(value_type = Object)]
    Types(std::collections::BTreeMap<String, String>),
}

/// Vectors of texts or of tokens (vLLM)
///
/// As `/embeddings`, with the `task` "embed" for one vector a text or "token_embed" for one a token, scaled to length 1
/// unless `use_activation` is false. Without a task, what the model is made for.
#[utoipa::path(
    post, path = "/pooling", tag = "OpenAI, Infinity, Cohere, Jina",
    request_body = EmbeddingsRequest,
    responses((status = 200, description = "One result an input, in order", body = PoolingReply))
)]
pub async fn pooling(
    State(app): State<Arc<App>>,
    Body(mut request): Body<EmbeddingsRequest>,
) -> Result<Response, ApiError> {
    let wanted = match request.task.take().as_deref() {
        None => Wanted::Any,
        Some("embed") => Wanted::OneVector("task"),
        Some("token_embed") => Wanted::HiddenStates,
        Some(other @ ("classify" | "token_classify" | "score")) => {
            let reason =
                format!("\"{other}\" is not served here; labels are at /classify, scores at /score and /rerank");
            return Err(ApiError::bad_value("task", reason));
        }
        Some(other) => {
            let reason = format!("\"{}\" is not known; \"embed\" and \"token_embed\" are", shorten(other));
            return Err(ApiError::bad_value("task", reason));
        }
    };
    let served = match wanted {
        Wanted::HiddenStates => super::served_for(&app, request.model.as_deref(), Work::EmbedTokens)?,
        _ => embedder(&app, request.model.as_deref())?,
    };
    let (mut call, layout) = request.resolve(served.spec.embedding_dtype, &app.limits)?;
    if wanted != Wanted::Any {
        call.wanted = wanted;
    }
    let service = served.acquire(app.limits.model_return).await?;
    let vectors = call.answer(&app, &service).await?;
    embed_call::reply(vectors, 0, move |vectors| write_reply(vectors, service.name(), &layout)).await
}

fn write_reply(vectors: &Vectors, name: &str, layout: &Layout) -> Vec<u8> {
    let size: usize = vectors.numbers().iter().map(|numbers| 80 + layout.size(*numbers)).sum();
    let mut out = Vec::with_capacity(512 + size);
    out.extend_from_slice(br#"{"object":"list","data":["#);
    vectors.each(|index, numbers, width| {
        let start = if index == 0 { "" } else { "," };
        out.extend_from_slice(format!(r#"{start}{{"index":{index},"object":"pooling","data":"#).as_bytes());
        layout.write(numbers, width, &mut out);
        out.push(b'}');
    });
    let rest = serde_json::json!({
        "id": new_id(), "created": unix_time(), "model": name, "usage": Usage::of(vectors.tokens()),
    });
    out.extend_from_slice(b"],");
    out.extend_from_slice(rest.to_string().trim_start_matches('{').as_bytes());
    out
}
