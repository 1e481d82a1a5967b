//! `GET /metrics`: for Prometheus.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::server::metrics::Metrics;
use crate::server::openapi::tag;
use crate::server::{ApiError, App};

pub fn router() -> Router<Arc<App>> {
    Router::new().route("/metrics", get(metrics))
}

/// Metrics, in Prometheus' text format
#[utoipa::path(get, path = "/metrics", tag = tag::SERVER,
    responses((status = 200, description = "All of them", body = String, content_type = "text/plain")))]
pub async fn metrics(State(app): State<Arc<App>>) -> Response {
    match app.metrics.render(&app.models) {
        Ok(text) => ([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], text).into_response(),
        Err(e) => ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).openai(),
    }
}
