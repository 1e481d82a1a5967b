//! The paths and their handlers.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::ollama::catalog;
use super::rerank::ranking;
use super::tei::{any, embed, info, predict, similarity, tokenize, vertex};
use super::{classify, cohere, embeddings, health, kserve, metrics, models, ollama, pooling, rerank, score};
use crate::server::App;

/// All routes, with and without `/v1`.
pub fn router() -> Router<Arc<App>> {
    whole_paths().merge(with_or_without_v1()).nest("/v1", with_or_without_v1())
}

/// Paths that also exist under `/v1`. Names of models contain slashes, so the rest of some paths is parsed by hand.
fn with_or_without_v1() -> Router<Arc<App>> {
    Router::new()
        .route("/embeddings", post(embeddings::route::embeddings))
        .route("/embeddings_image", post(embeddings::route::embeddings_image))
        .route("/embeddings_audio", post(embeddings::route::embeddings_audio))
        .route("/engines/{*rest}", post(embeddings::route::engine))
        .route("/rerank", post(rerank::route::rerank))
        .route("/ranking", post(ranking::ranking))
        .route("/retrieval/{*path}", post(ranking::retrieval))
        .route("/classify", post(classify::classify))
        .route("/models", get(models::models))
        .route("/models/{*id}", get(models::one_model))
        .route("/score", post(score::score))
        .route("/pooling", post(pooling::pooling))
        .route("/embed", post(cohere::route::embed))
        .route("/embed_all", post(embed::embed_all))
        .route("/embed_sparse", post(embed::embed_sparse))
        .route("/similarity", post(similarity::similarity))
        .route("/predict", post(predict::predict))
        .route("/tokenize", post(tokenize::tokenize))
        .route("/decode", post(tokenize::decode))
        .route("/info", get(info::info))
        .route("/invocations", post(any::invocations))
        .route("/vertex", post(vertex::vertex))
}

/// Paths with their own version, or without one.
fn whole_paths() -> Router<Arc<App>> {
    Router::new()
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/health", get(health::health))
        .route("/metrics", get(metrics::metrics))
        .route("/", post(any::root))
        .route("/ping", get(any::ping))
        .route("/v2/rerank", post(rerank::route::rerank_v2))
        .route("/v2/embed", post(cohere::route::embed_v2))
        .route("/v2", get(kserve::route::server))
        .route("/v2/health/live", get(kserve::route::live))
        .route("/v2/health/ready", get(kserve::route::ready))
        .route("/v2/models/{*path}", get(kserve::route::get_model).post(kserve::route::post_model))
        .route("/v2/repository/index", post(kserve::route::index))
        .route("/openai/deployments/{*rest}", post(embeddings::route::deployment))
        .route("/openai/v1/embeddings", post(embeddings::route::embeddings))
        .route("/openai/models", get(models::models))
        .route("/openai/v1/models", get(models::models))
        .route("/api/embed", post(ollama::route::embed))
        .route("/api/embeddings", post(ollama::route::embeddings))
        .route("/api/tags", get(catalog::tags))
        .route("/api/show", post(catalog::show))
        .route("/api/ps", get(catalog::ps))
        .route("/api/version", get(catalog::version))
}
