//! The routes, one file a family.

pub mod classify;
pub mod cohere;
mod embed_call;
pub mod embeddings;
mod fields;
mod foreign_ids;
pub mod health;
mod inputs;
pub mod kserve;
pub mod metrics;
pub mod models;
pub mod ollama;
pub mod pooling;
mod reply;
pub mod rerank;
pub mod score;
pub mod tei;
mod text_use;

use std::sync::Arc;

use axum::Router;

pub use self::reply::new_id;
use super::{ApiError, App, openapi};
use crate::server::metrics::Work;
use crate::server::models::Served;
use crate::server::service::Service;

/// All routes, bare and under `/v1`. With `key`, requests need a key, as the documentation says.
pub fn router(app: Arc<App>, key: bool) -> Router {
    let api = embeddings::router()
        .merge(rerank::router())
        .merge(classify::router())
        .merge(models::router())
        .merge(score::router());
    let api = api.merge(tei::router()).merge(cohere::router()).merge(pooling::router());
    let server = Router::new().merge(health::router()).merge(openapi::router(key)).merge(tei::root_router());
    // Their paths have a version of their own.
    let server = server.merge(rerank::v2_router()).merge(cohere::v2_router()).merge(kserve::router());
    let server = server.merge(embeddings::azure_router()).merge(ollama::router());
    server.merge(metrics::router()).merge(api.clone()).nest("/v1", api).with_state(app)
}

/// The model that a request names, or the first; one that was idle for long comes back first.
async fn model(app: &App, name: Option<&str>) -> Result<Arc<Service>, ApiError> {
    Ok(app.models.choose(name, None)?.acquire(app.limits.model_return).await?)
}

/// The model for `work`: the one that a request names, or the first that is made for it; one that was idle for long
/// comes back first.
async fn model_for(app: &App, name: Option<&str>, work: Work) -> Result<Arc<Service>, ApiError> {
    Ok(served_for(app, name, work)?.acquire(app.limits.model_return).await?)
}

/// As [`model_for`], before the model is in memory.
fn served_for<'a>(app: &'a App, name: Option<&str>, work: Work) -> Result<&'a Arc<Served>, ApiError> {
    Ok(app.models.choose(name, Some(work))?)
}
