//! `POST /ranking`, and `/retrieval/NAME/reranking`: NVIDIA NIM's rerankers, its own server's and its hosted ones.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::question::{Question, Ranked};
use crate::engine::RequestOptions;
use crate::server::extract::Body;
use crate::server::metrics::Work;
use crate::server::routes::inputs::{
    Document, Documents, Truncation, document_schema, documents_schema, truncation_schema,
};
use crate::server::routes::model_for;
use crate::server::routes::reply::{Usage, json, written};
use crate::server::whole::whole;
use crate::server::{ApiError, App};

/// A query, and the passages to be ordered by how well they answer it. Fields that are not listed are ignored.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"query": {"text": "What do cats eat?"}, "passages": [{"text": "Cats eat fish."}]}))]
#[serde(expecting = "an object")]
pub struct RankingRequest {
    #[schema(schema_with = document_schema)]
    query: Document,
    #[schema(schema_with = documents_schema)]
    passages: Documents,
    /// The name of a model; if it is missing, the one in the path, or else the first cross-encoder.
    model: Option<String>,
    #[schema(schema_with = truncation_schema)]
    truncate: Option<Truncation>,
    /// The number of passages in the reply, the best ones; all by default.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1)]
    top_k: Option<usize>,
    /// litellm's name of `top_k`.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1)]
    top_n: Option<usize>,
}

/// The best passages, best first; ties by index.
#[derive(Serialize, ToSchema)]
pub struct RankingReply {
    rankings: Vec<Ranking>,
    usage: Usage,
}

/// One passage.
#[derive(Serialize, ToSchema)]
struct Ranking {
    /// Its index in the request.
    index: usize,
    /// How well it answers the query: the model's logit, without an activation function.
    logit: f64,
}

/// Passages are ordered by how well they answer a query (NVIDIA NIM)
#[utoipa::path(
    post, path = "/ranking", tag = "OpenAI, Infinity, Cohere, Jina",
    request_body = RankingRequest,
    responses((status = 200, description = "The passages, best first", body = RankingReply))
)]
pub async fn ranking(State(app): State<Arc<App>>, Body(request): Body<RankingRequest>) -> Result<Response, ApiError> {
    rank(&app, request, None).await
}

/// Passages are ordered by how well they answer a query (NVIDIA's hosted models)
///
/// As `/ranking`; the name of the model is in the path, slashes and all. One in the body goes before it.
#[utoipa::path(
    post, path = "/retrieval/{model}/reranking", tag = "OpenAI, Infinity, Cohere, Jina",
    request_body = RankingRequest,
    params(("model" = String, Path, description = "The model's name", example = "default/not-specified")),
    responses((status = 200, description = "The passages, best first", body = RankingReply))
)]
pub async fn retrieval(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    Body(request): Body<RankingRequest>,
) -> Result<Response, ApiError> {
    let path = path.map(|Path(path)| path).unwrap_or_default();
    let Some(name) = path.strip_suffix("/reranking") else {
        let message = "only /retrieval/NAME/reranking answers here; /docs shows what there is";
        return Err(ApiError::new(StatusCode::NOT_FOUND, message).code("unknown_url"));
    };
    rank(&app, request, Some(name.to_owned())).await
}

async fn rank(app: &App, request: RankingRequest, name: Option<String>) -> Result<Response, ApiError> {
    let RankingRequest { query, passages: Documents(passages), model, truncate, top_k, top_n } = request;
    let passages = passages.checked("passages", &app.limits)?;
    if top_k == Some(0) || top_n == Some(0) {
        return Err(ApiError::bad_value(if top_k == Some(0) { "top_k" } else { "top_n" }, "0 is not above 0"));
    }
    if top_k.zip(top_n).is_some_and(|(k, n)| k != n) {
        return Err(ApiError::bad_value("top_n", "it means the same as top_k, which has another value"));
    }
    let truncate = truncate.and_then(|Truncation(truncate)| truncate);
    let question = Question {
        query: query.text,
        model: model.filter(|name| !name.is_empty()).or(name),
        raw: true,
        call: RequestOptions { truncate, ..RequestOptions::default() },
        top_n: top_k.or(top_n).unwrap_or(usize::MAX),
        with_documents: false,
        max_chunks: None,
        limits: Vec::new(),
    };
    let service = model_for(app, question.model.as_deref(), Work::Rerank).await?;
    let passages = passages.into_iter().map(|passage| passage.text).collect();
    let (answer, ranks) = question.ask(&service, passages).await.map_err(|e| ApiError::of_inputs(e, "passages"))?;
    let ranking = |Ranked { index, score, .. }| Ranking { index, logit: score };
    let size = Ranked::size(&ranks);
    let rankings = ranks.into_iter().map(ranking).collect();
    Ok(json(written(size, RankingReply { rankings, usage: Usage::of(answer.tokens) }).await?))
}
