//! Replies to failed requests: routes and layers return an [`ApiError`], whose shape depends on the path; a panic becomes
//! one.

use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use super::paths::error_shape;
use crate::panic_guard::message_of;
use crate::server::ApiError;

/// Writes the bodies of errors.
pub async fn write(request: Request, next: Next) -> Response {
    let shape = error_shape(request.uri().path());
    let reply = next.run(request).await;
    match reply.extensions().get::<ApiError>().cloned() {
        Some(error) => error.write(reply, shape),
        None => reply,
    }
}

/// Turns a panic while a request is served into a 500: it ends that request, not the server.
pub async fn catch_panics(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    // What was borrowed from outside is the shared state, whose locks do not mind a panic.
    AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|panic| {
        tracing::error!("{path}: the server has a fault: {}", message_of(panic.as_ref()));
        let message = "the server has a fault; its log says more under this x-request-id";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message).code("internal_error").into_response()
    })
}
