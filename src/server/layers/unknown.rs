//! 404 for unknown paths and 405 for wrong methods.

use axum::extract::{OriginalUri, Request};
use axum::http::header::ALLOW;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::paths::error_shape;
use super::prefix::Outside;
use crate::server::ApiError;

/// 404 for paths without a route.
pub async fn path(request: Request) -> Response {
    let asked = request.extensions().get::<OriginalUri>().map_or(request.uri(), |original| &original.0);
    let message = format!("there is no {}; /docs shows what there is", asked.path());
    ApiError::new(StatusCode::NOT_FOUND, message).code("unknown_url").into_response()
}

const METHOD_NOT_ALLOWED: &str = "method_not_allowed";

/// 405 for a route that does not accept the method.
pub async fn method(request: Request) -> ApiError {
    wrong_method(request.method(), request.uri().path(), "")
}

fn wrong_method(method: &Method, path: &str, hint: &str) -> ApiError {
    let message = format!("{path} does not answer {method}{hint}");
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message).code(METHOD_NOT_ALLOWED)
}

/// Adds the accepted methods to the message of a 405. It must be outside of all routes: the header Allow is set when
/// the response leaves them.
pub async fn name_methods(request: Request, next: Next) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let reply = next.run(request).await;
    if reply.extensions().get::<ApiError>().is_none_or(|error| error.code != Some(METHOD_NOT_ALLOWED)) {
        return reply;
    }
    let allowed = reply.headers().get(ALLOW).and_then(|allowed| allowed.to_str().ok()).unwrap_or_default();
    // GET routes also accept HEAD.
    let methods: Vec<&str> = allowed.split(',').map(str::trim).filter(|&method| method != "HEAD").collect();
    let hint = format!(": use {}", methods.join(" or "));
    wrong_method(&method, uri.path(), &hint).write(reply, error_shape(uri.path()))
}

/// 404 for paths outside of `--url-prefix`.
pub async fn outside_of_prefix(request: Request, next: Next) -> Response {
    match request.extensions().get::<Outside>() {
        Some(Outside) => path(request).await,
        None => next.run(request).await,
    }
}
