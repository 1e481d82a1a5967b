//! 404 and 405, in the shape of every other error.

use axum::extract::{OriginalUri, Request};
use axum::http::header::{ALLOW, CONTENT_LENGTH};
use axum::http::{Method, StatusCode};
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

/// Marks the reply of a route that does not answer the request's method.
#[derive(Debug, Clone, Copy)]
struct WrongMethod;

/// A route that is asked by another method than it answers.
pub async fn method(request: Request) -> Response {
    let mut reply = wrong_method(request.method(), request.uri().path(), "");
    reply.extensions_mut().insert(WrongMethod);
    reply
}

fn wrong_method(method: &Method, path: &str, hint: &str) -> Response {
    let message = format!("{path} does not answer {method}{hint}");
    error_for(path, ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message).code("method_not_allowed"))
}

/// Names the methods that a route answers, where it was asked by another one. To be put around all routes: they have
/// named them in the header Allow only when the reply has left them.
pub async fn name_methods(request: Request, next: Next) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let reply = next.run(request).await;
    if reply.extensions().get::<WrongMethod>().is_none() {
        return reply;
    }
    let (mut head, _) = reply.into_parts();
    let allowed = head.headers.get(ALLOW).and_then(|allowed| allowed.to_str().ok()).unwrap_or_default();
    // What answers GET answers HEAD.
    let methods: Vec<&str> = allowed.split(',').map(str::trim).filter(|&method| method != "HEAD").collect();
    let hint = format!(": use {}", methods.join(" or "));
    let (_, body) = wrong_method(&method, uri.path(), &hint).into_parts();
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, body)
}

/// Whatever is not under `--url-prefix` is not there.
pub async fn outside_of_prefix(request: Request, next: Next) -> Response {
    match request.extensions().get::<Outside>() {
        Some(Outside) => path(request).await,
        None => next.run(request).await,
    }
}
