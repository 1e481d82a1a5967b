//! Responses to failed requests: the body of an [`ApiError`] in the shape of the path, also for panics.

use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::panic_guard::message_of;
use crate::server::ApiError;
use crate::server::routes::error_shape;

/// Writes the bodies of error responses.
pub(crate) async fn write(request: Request, next: Next) -> Response {
    let shape = error_shape(request.uri().path());
    let response = next.run(request).await;
    match response.extensions().get::<ApiError>().cloned() {
        Some(error) => error.write(response, shape),
        None => response,
    }
}

/// Turns a panic of a request into a 500; the server continues.
pub(crate) async fn catch_panics(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    // The shared state's locks tolerate a panic.
    AssertUnwindSafe(next.run(request)).catch_unwind().await.unwrap_or_else(|panic| {
        tracing::error!("{path}: internal error: {}", message_of(panic.as_ref()));
        let message = "internal error; the server's log has details under this x-request-id";
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message).code("internal_error").into_response()
    })
}
