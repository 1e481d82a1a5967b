//! What layers must know of paths: which ones are health, and which errors their clients read.

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

/// The shape of errors that the clients of a path read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// OpenAI's, with what others read beside it.
    Openai,
    /// `{"error": "…", "error_type": "…"}`
    Tei,
    /// `{"error": "…"}`, Ollama's as well.
    Kserve,
    /// `{"message": "…", "id": "…"}`
    Cohere,
}

impl Shape {
    fn of(path: &str) -> Self {
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
        // Cohere's second version; everything else under /v2 is the Open Inference Protocol's.
        const COHERE: &[&str] = &["/v2/rerank", "/v2/embed"];
        let is_kserve = (path == "/v2" || path.starts_with("/v2/")) && !COHERE.contains(&path);
        match bare(path) {
            _ if is_kserve || path.starts_with("/api/") => Self::Kserve,
            "/v2/embed" => Self::Cohere,
            bare if TEI.contains(&bare) => Self::Tei,
            _ => Self::Openai,
        }
    }
}

/// The reply to a request for `path` that no route has seen, in the shape that its clients read.
pub fn error_for(path: &str, error: ApiError) -> Response {
    match Shape::of(path) {
        Shape::Openai => error.openai(),
        Shape::Tei => error.tei(),
        Shape::Kserve => error.kserve(),
        Shape::Cohere => error.cohere(),
    }
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
        for path in ["/embed", "/v1/embed", "/info"] {
            assert_eq!(Shape::of(path), Shape::Tei, "{path}");
        }
        for path in ["/v2", "/v2/models/a/infer", "/v2/health/ready", "/v2/models", "/v2/logging", "/v2/rerank/x"] {
            assert_eq!(Shape::of(path), Shape::Kserve, "{path}");
        }
        for path in ["/embeddings", "/v1/embeddings", "/v2/rerank", "/rerank", "/v2models", "/v1/v2", "/nothing", "/"] {
            assert_eq!(Shape::of(path), Shape::Openai, "{path}");
        }
    }
}
