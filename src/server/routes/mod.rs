//! The routes, one file a family.

mod embeddings;
mod health;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;

use super::{ApiError, App};
use crate::server::service::Service;

/// All routes, bare and under `/v1`.
pub fn router(app: Arc<App>) -> Router {
    let api = embeddings::router();
    Router::new().merge(health::router()).merge(api.clone()).nest("/v1", api).with_state(app)
}

/// The model that a request names; one that was idle for long comes back first.
async fn model(app: &App, name: Option<&str>) -> Result<Arc<Service>, ApiError> {
    let Some(served) = app.models.find(name) else {
        let known: Vec<&str> = app.models.all().iter().map(|model| model.spec.name.as_str()).collect();
        let message = format!("there is no model \"{}\" here; there is {}", name.unwrap_or(""), known.join(", "));
        return Err(ApiError::new(StatusCode::NOT_FOUND, message).param("model").code("model_not_found"));
    };
    Ok(served.acquire(app.limits.model_return).await?)
}
