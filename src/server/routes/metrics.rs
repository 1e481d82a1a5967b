//! `GET /metrics`, for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::tags;
use crate::server::metrics::Metrics;
use crate::server::{ApiError, App};

/// Metrics, in Prometheus' text format
#[utoipa::path(get, path = "/metrics", tag = tags::SERVER,
    responses((status = 200, description = "All metrics", body = String, content_type = "text/plain")))]
pub(crate) async fn metrics(State(app): State<Arc<App>>) -> Response {
    for model in app.models.all() {
        let stats = model.loaded().map(|loaded| loaded.stats()).unwrap_or_default();
        app.metrics.set_model(&model.spec.metrics, stats, model.is_loaded(), model.is_loading());
    }
    match app.metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, Metrics::CONTENT_TYPE)], text).into_response(),
        Err(e) => ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).into_response(),
    }
}
