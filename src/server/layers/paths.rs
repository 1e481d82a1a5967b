//! What layers must know of paths: which ones are health, and which ones speak of errors in TEI's way.

use axum::response::Response;

use crate::server::ApiError;

/// Without `/v1`, under which everything answers as well.
fn bare(path: &str) -> &str {
    path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

/// Whether `path` only tells whether the server lives and is ready: asked by those who have no key, and answered
/// whatever else is going on.
pub fn is_health(path: &str) -> bool {
    matches!(bare(path), "/health" | "/livez" | "/readyz" | "/ping" | "/v2/health/live" | "/v2/health/ready")
}

/// Whether the clients of `path` read `{"error": "…"}`: TEI's own routes, and those of KServe.
fn has_plain_errors(path: &str) -> bool {
    const TEI: &[&str] = &[
        "/embed",
        "/embed_all",
        "/embed_sparse",
        "/predict",
        "/similarity",
        "/tokenize",
        "/decode",
        "/info",
        "/ping",
        "/invocations",
        "/vertex",
    ];
    const KSERVE: &[&str] = &["/v2/models", "/v2/health", "/v2/repository"];
    let path = bare(path);
    let under = |head: &&str| path.strip_prefix(*head).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    TEI.contains(&path) || path == "/v2" || KSERVE.iter().any(under)
}

/// The reply to a request for `path` that no route has seen, in the shape that its clients read.
pub fn error_for(path: &str, error: ApiError) -> Response {
    if has_plain_errors(path) { error.tei() } else { error.openai() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_is_health_with_and_without_v1() {
        for path in ["/health", "/v1/health", "/livez", "/readyz", "/v2/health/ready"] {
            assert!(is_health(path), "{path}");
        }
        for path in ["/", "/healthy", "/health/", "/v1", "/v1health", "/models", "/metrics", "/docs", "//health"] {
            assert!(!is_health(path), "{path}");
        }
    }

    #[test]
    fn each_path_has_the_errors_of_its_clients() {
        for path in ["/embed", "/v1/embed", "/info", "/v2/models/a/infer", "/v2/health/ready"] {
            assert!(has_plain_errors(path), "{path}");
        }
        for path in ["/embeddings", "/v1/embeddings", "/v2/rerank", "/rerank", "/v2/modelsque", "/nothing", "/"] {
            assert!(!has_plain_errors(path), "{path}");
        }
    }
}
