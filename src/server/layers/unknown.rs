//! 404 and 405, in the shape of every other error.

use axum::extract::{OriginalUri, Request};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;

use super::error_for;
use super::prefix::Outside;
use crate::server::ApiError;

/// Whatever has no route.
pub async fn path(request: Request) -> Response {
    let asked = request.extensions().get::<OriginalUri>().map_or(request.uri(), |original| &original.0);
    let message = format!("there is no {}; /docs shows what there is", asked.path());
    error_for(request.uri().path(), ApiError::new(StatusCode::NOT_FOUND, message).code("unknown_url"))
}

/// A route that is asked in another way than it answers.
pub async fn method(request: Request) -> Response {
    let (method, path) = (request.method(), request.uri().path());
    let message = format!("{path} is not for {method}; the header Allow says what it is for");
    error_for(path, ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message).code("method_not_allowed"))
}

/// Whatever is not under `--url-prefix` is not there.
pub async fn outside_of_prefix(request: Request, next: Next) -> Response {
    match request.extensions().get::<Outside>() {
        Some(Outside) => path(request).await,
        None => next.run(request).await,
    }
}
