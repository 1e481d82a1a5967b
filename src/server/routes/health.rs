//! Health checks.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::tags;
use crate::server::http::unix_time;
use crate::server::{ApiError, App};

/// The server is healthy.
#[derive(Serialize, ToSchema)]
pub(crate) struct Well {
    /// Seconds since 1970.
    #[schema(example = 1_763_700_000)]
    unix: u64,
}

/// Liveness of the server, independent of its models
#[utoipa::path(get, path = "/livez", tag = tags::SERVER, security(()),
    responses((status = 200, description = "Alive", body = Well)))]
pub(crate) async fn live() -> Json<Well> {
    Json(Well { unix: unix_time() })
}

/// Readiness: all models are loaded, and the server is not shutting down
#[utoipa::path(get, path = "/readyz", tag = tags::SERVER, security(()),
    responses((status = 200, description = "Ready", body = Well)))]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Result<Json<Well>, ApiError> {
    if app.is_ready() {
        return Ok(Json(Well { unix: unix_time() }));
    }
    let (why, code) = match app.models.not_ready_reason() {
        _ if app.is_draining() => ("the server is shutting down".to_owned(), "draining"),
        not_ready_reason => (not_ready_reason.unwrap_or_else(|| "models are loading".to_owned()), "unavailable"),
    };
    Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, why).code(code))
}

/// The same as `/readyz`, under Infinity's and TEI's name
#[utoipa::path(get, path = "/health", tag = tags::SERVER, security(()),
    responses((status = 200, description = "Ready", body = Well)))]
pub(crate) async fn health(app: State<Arc<App>>) -> Result<Json<Well>, ApiError> {
    ready(app).await
}
