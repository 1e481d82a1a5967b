//! 404 for unknown paths and 405 for wrong methods.

use axum::extract::{OriginalUri, Request};
use axum::http::header::ALLOW;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::prefix::Outside;
use crate::server::ApiError;
use crate::server::routes::{ROUTES, Route, error_shape, without_v1};
use crate::suggest::suggest_by;

/// 404 for paths without a route.
pub(crate) async fn path(request: Request) -> Response {
    let original = request.extensions().get::<OriginalUri>().map_or(request.uri(), |original| &original.0);
    let path = request.uri().path();
    let under = || original.path().trim_end_matches('/').strip_suffix(path.trim_end_matches('/'));
    let prefix =
        request.extensions().get::<Outside>().map_or_else(|| under().unwrap_or_default(), |Outside(prefix)| prefix);
    let hint = similar(path).map(|path| format!("did you mean {prefix}{path}? ")).unwrap_or_default();
    let message = format!("no such route: {}; {hint}{prefix}/docs lists all routes", original.path());
    ApiError::new(StatusCode::NOT_FOUND, message).code("unknown_url").into_response()
}

/// Minimum similarity of a suggested path, and maximum bytes of a path that gets a suggestion.
const MIN_SIMILARITY: f64 = 0.88;
const MAX_LENGTH: usize = 64;

/// The route whose path is most similar to `path`, under `/v1` if `path` is.
fn similar(path: &str) -> Option<String> {
    let (bare, v1) = without_v1(path);
    let name = bare.trim_matches('/');
    if name.len() > MAX_LENGTH {
        return None;
    }
    let candidate = |route: &Route| {
        let start = if v1 && route.is_under_v1() { "/v1" } else { "" };
        (route.path.trim_matches('/').to_owned(), format!("{start}{}", route.path))
    };
    let fixed = ROUTES.iter().filter(|route| route.path != "/" && !route.path.contains('{'));
    suggest_by(name, fixed.map(candidate), MIN_SIMILARITY)
}

const METHOD_NOT_ALLOWED: &str = "method_not_allowed";

/// 405 for a route that does not accept the method.
pub(crate) async fn method(request: Request) -> ApiError {
    wrong_method(request.method(), request.uri().path(), "")
}

fn wrong_method(method: &Method, path: &str, hint: &str) -> ApiError {
    let message = format!("{path} does not accept {method}{hint}");
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, message).code(METHOD_NOT_ALLOWED)
}

/// Adds the accepted methods to the message of a 405. It must be outside of all routes: the header Allow is set when
/// the response leaves them.
pub(crate) async fn name_methods(request: Request, next: Next) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = next.run(request).await;
    if response.extensions().get::<ApiError>().is_none_or(|error| error.code != Some(METHOD_NOT_ALLOWED)) {
        return response;
    }
    let allowed = response.headers().get(ALLOW).and_then(|allowed| allowed.to_str().ok()).unwrap_or_default();
    // GET routes also accept HEAD.
    let methods: Vec<&str> = allowed.split(',').map(str::trim).filter(|&method| method != "HEAD").collect();
    let hint = format!(": use {}", methods.join(" or "));
    wrong_method(&method, uri.path(), &hint).write(response, error_shape(uri.path()))
}

/// 404 for paths outside of `--url-prefix`.
pub(crate) async fn outside_of_prefix(request: Request, next: Next) -> Response {
    match request.extensions().get::<Outside>() {
        Some(_) => path(request).await,
        None => next.run(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::similar;

    #[test]
    fn paths_that_are_nearly_right_get_a_suggestion() {
        for (path, route) in [
            ("/v1/embedding", "/v1/embeddings"),
            ("/embedings", "/embeddings"),
            ("/v1/reranks", "/v1/rerank"),
            ("/v1/model", "/v1/models"),
            ("/api/embedd", "/api/embed"),
            ("/v1/healthz", "/health"),
            ("/readyy", "/readyz"),
        ] {
            assert_eq!(similar(path).as_deref(), Some(route), "{path}");
        }
        for path in ["/", "/v1", "/v1/chat/completions", "/favicon.ico", "/wp-login.php", &"/embeddings".repeat(99)] {
            assert_eq!(similar(path), None, "{path}");
        }
    }
}
