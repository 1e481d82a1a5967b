//! 404 and 405.

use axum::extract::{OriginalUri, Request};
use axum::http::header::ALLOW;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::paths::error_shape;
use super::prefix::Outside;
use crate::server::ApiError;

/// Whatever has no route.
pub async fn path(request: Request) -> Response {
    let asked = request.extensions().get::<OriginalUri>().map_or(request.uri(), |original| &original.0);
    let message = format!("there is no {}; /docs shows what there is", asked.path());
    ApiError::new(StatusCode::NOT_FOUND, message).code("unknown_url").into_response()
}

const METHOD_NOT_ALLOWED: &str = "method_not_allowed";

/// A route that is asked by another method than it answers.
pub async fn method(request: Request) -> ApiError {
    wrong_method(request.method(), request.uri().path(), "")
}

fn wrong_method(method: &Method, path: &str, hint: &str) -> ApiError {
    let message = format!("{path} does not answer {method}{hint}");
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message).code(METHOD_NOT_ALLOWED)
}

/// Names the methods that a route answers, where it was asked by another one. To be put around all routes: they have
/// named them in the header Allow only when the reply has left them.
pub async fn name_methods(request: Request, next: Next) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let reply = next.run(request).await;
    if reply.extensions().get::<ApiError>().is_none_or(|error| error.code != Some(METHOD_NOT_ALLOWED)) {
        return reply;
    }
    let allowed = reply.headers().get(ALLOW).and_then(|allowed| allowed.to_str().ok()).unwrap_or_default();
    // What answers GET answers HEAD.
    let methods: Vec<&str> = allowed.split(',').map(str::trim).filter(|&method| method != "HEAD").collect();
    let hint = format!(": use {}", methods.join(" or "));
    wrong_method(&method, uri.path(), &hint).write(reply, error_shape(uri.path()))
}

/// Whatever is not under `--url-prefix` is not there.
pub async fn outside_of_prefix(request: Request, next: Next) -> Response {
    match request.extensions().get::<Outside>() {
        Some(Outside) => path(request).await,
        None => next.run(request).await,
    }
}
