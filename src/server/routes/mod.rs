//! The routes, one file a family.

pub mod classify;
pub mod embeddings;
pub mod health;
mod inputs;
pub mod kserve;
pub mod metrics;
pub mod models;
mod reply;
pub mod rerank;
pub mod tei;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;

use super::extract::shorten;
use super::{ApiError, App, openapi};
use crate::server::models::Served;
use crate::server::service::Service;

/// All routes, bare and under `/v1`. With `key`, requests need a key, as the documentation says.
pub fn router(app: Arc<App>, key: bool) -> Router {
    let api = embeddings::router().merge(rerank::router()).merge(classify::router()).merge(models::router());
    let api = api.merge(tei::router());
    let server = Router::new().merge(health::router()).merge(openapi::router(key)).merge(tei::root_router());
    // Their paths have a version of their own.
    let server = server.merge(rerank::v2_router()).merge(kserve::router());
    server.merge(metrics::router()).merge(api.clone()).nest("/v1", api).with_state(app)
}

/// The model that a request names; one that was idle for long comes back first.
async fn model(app: &App, name: Option<&str>) -> Result<Arc<Service>, ApiError> {
    Ok(served(app, name)?.acquire(app.limits.model_return).await?)
}

/// What is served under the name that a request names.
fn served<'a>(app: &'a App, name: Option<&str>) -> Result<&'a Arc<Served>, ApiError> {
    app.models.find(name).ok_or_else(|| no_such_model(app, name.unwrap_or_default()))
}

/// 404, with the names that there are.
fn no_such_model(app: &App, name: &str) -> ApiError {
    let known: Vec<&str> = app.models.all().iter().map(|model| model.spec.name.as_str()).collect();
    let message = format!("there is no model \"{}\" here; there is {}", shorten(name), known.join(", "));
    ApiError::new(StatusCode::NOT_FOUND, message).param("model").code("model_not_found")
}
