//! Whether the server lives and is ready.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use crate::server::app::unix_time;
use crate::server::{ApiError, App};

pub fn router() -> Router<Arc<App>> {
    Router::new().route("/livez", get(live)).route("/readyz", get(ready)).route("/health", get(ready))
}

async fn live() -> Json<serde_json::Value> {
    Json(json!({"unix": unix_time()}))
}

async fn ready(State(app): State<Arc<App>>) -> Response {
    if app.is_ready() {
        Json(json!({"unix": unix_time()})).into_response()
    } else {
        let why = if app.is_draining() { "the server is shutting down" } else { "models are being loaded" };
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, why).openai()
    }
}
