//! `POST /ranking` and `/retrieval/NAME/reranking`: NVIDIA NIM's rerankers, self-hosted and hosted.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::call::{Ranked, RerankCall};
use crate::engine::OutputKind;
use crate::server::http::{Body, Usage, json, whole, written};
use crate::server::models::of_inputs;
use crate::server::routes::fields::top;
use crate::server::routes::inputs::{
    Document, Documents, Truncation, document_schema, documents_schema, truncation_schema,
};
use crate::server::routes::tags;
use crate::server::{ApiError, App};

/// A query and the passages to order by relevance. Unknown fields are ignored.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"query": {"text": "What do cats eat?"}, "passages": [{"text": "Cats eat fish."}]}))]
#[serde(expecting = "an object")]
pub(crate) struct RankingRequest {
    #[schema(schema_with = document_schema)]
    query: Document,
    #[schema(schema_with = documents_schema)]
    passages: Documents,
    /// The model's name; if missing, the one in the path, or else the first cross-encoder.
    model: Option<String>,
    #[schema(schema_with = truncation_schema)]
    truncate: Option<Truncation>,
    /// Maximum passages in the response, the best ones; all by default.
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
#[schema(as = RankingReply)]
pub(crate) struct RankingResponse {
    rankings: Vec<Ranking>,
    usage: Usage,
}

/// A passage.
#[derive(Serialize, ToSchema)]
struct Ranking {
    /// Its index in the request.
    index: usize,
    /// Relevance to the query: the model's logit, without an activation function.
    logit: f64,
}

/// Rerank passages (NVIDIA NIM)
#[utoipa::path(
    post, path = "/ranking", tag = tags::OPENAI,
    request_body = RankingRequest,
    responses((status = 200, description = "The passages, best first", body = RankingResponse))
)]
pub(crate) async fn ranking(
    State(app): State<Arc<App>>,
    Body(request): Body<RankingRequest>,
) -> Result<Response, ApiError> {
    rank(&app, request, None).await
}

/// Rerank passages (NVIDIA's hosted models)
///
/// As `/ranking`, with the model's name in the path, which may contain slashes. A name in the body overrides it.
#[utoipa::path(
    post, path = "/retrieval/{model}/reranking", tag = tags::OPENAI,
    request_body = RankingRequest,
    params(("model" = String, Path, description = "The model's name", example = "default/not-specified")),
    responses((status = 200, description = "The passages, best first", body = RankingResponse))
)]
pub(crate) async fn retrieval(
    State(app): State<Arc<App>>,
    path: Result<Path<String>, PathRejection>,
    Body(request): Body<RankingRequest>,
) -> Result<Response, ApiError> {
    let path = path.map(|Path(path)| path).unwrap_or_default();
    let Some(name) = path.strip_suffix("/reranking") else {
        let message = "no such route: use /retrieval/NAME/reranking; /docs lists all routes";
        return Err(ApiError::new(StatusCode::NOT_FOUND, message).code("unknown_url"));
    };
    rank(&app, request, Some(name.to_owned())).await
}

async fn rank(app: &App, request: RankingRequest, name: Option<String>) -> Result<Response, ApiError> {
    let RankingRequest { query, passages: Documents(passages), model, truncate, top_k, top_n } = request;
    let passages = passages.checked("passages", &app.limits)?;
    let top_n = top(("top_k", top_k), ("top_n", top_n))?;
    let call = RerankCall {
        query: query.text,
        model: model.filter(|name| !name.is_empty()).or(name),
        raw: true,
        truncate,
        top_n,
        with_documents: false,
        max_chunks: None,
        limits: Vec::new(),
    };
    let loaded = app.model_for(call.model.as_deref(), OutputKind::Score).await?;
    let passages = passages.into_iter().map(|passage| passage.text).collect();
    let (computed, ranks) = call.run(&loaded, passages).await.map_err(|e| of_inputs(e, "passages"))?;
    let ranking = |Ranked { index, score, .. }| Ranking { index, logit: score };
    let size = Ranked::size(&ranks);
    let rankings = ranks.into_iter().map(ranking).collect();
    Ok(json(written(size, RankingResponse { rankings, usage: Usage::of(computed.tokens) }).await?))
}
