//! A panic while a request is served ends that request, not the server.

use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use futures_util::FutureExt;

use super::error_for;
use crate::server::ApiError;

pub async fn catch(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    // What was borrowed from outside is the shared state, whose locks do not mind a panic.
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().copied();
            let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("a panic");
            tracing::error!("{path}: the server has a fault: {text}");
            let message = "the server has a fault; its log says more under this x-request-id";
            error_for(&path, ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message).code("internal_error"))
        }
    }
}
