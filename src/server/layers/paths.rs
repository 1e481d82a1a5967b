//! Facts about paths for the layers: health checks, error shapes, needless slashes.
//!
//! Doubled and trailing slashes, from base URLs that end in a slash, are removed first, so that no layer, above all the
//! check of the key, sees another path than the routes do.

use std::borrow::Cow;

use axum::http::Uri;
use axum::http::uri::PathAndQuery;

use crate::server::http::ErrorShape;

/// The path without `/v1`.
fn bare(path: &str) -> &str {
    path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(path)
}

/// True for health checks, which need no key and always get a response.
pub fn is_health(path: &str) -> bool {
    matches!(bare(path), "/health" | "/livez" | "/readyz" | "/ping" | "/v2/health/live" | "/v2/health/ready")
}

/// The error shape of a path.
pub fn error_shape(path: &str) -> ErrorShape {
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
    match bare(path) {
        // Cohere's API version 2; all else under /v2 is the Open Inference Protocol's.
        _ if path == "/v2/embed" => ErrorShape::Cohere,
        _ if path == "/v2/rerank" => ErrorShape::Openai,
        _ if path == "/v2" || path.starts_with("/v2/") || path.starts_with("/api/") => ErrorShape::Kserve,
        bare if TEI.contains(&bare) => ErrorShape::Tei,
        // Under `/v1`, clients of Jina, Voyage and vLLM send the same requests, and read a text.
        _ if ["/embeddings", "/rerank", "/classify"].contains(&path) => ErrorShape::Infinity,
        _ => ErrorShape::Openai,
    }
}

/// The documentation page, whose files have addresses relative to it: its slash stays.
const PAGE: &str = "/docs/";

/// The path with runs of slashes collapsed.
pub fn single_slashes(path: &str) -> Cow<'_, str> {
    if !path.contains("//") {
        return path.into();
    }
    let mut single = String::with_capacity(path.len());
    for c in path.chars() {
        if c != '/' || !single.ends_with('/') {
            single.push(c);
        }
    }
    single.into()
}

/// The path without a final slash, except for the root and the documentation page.
pub fn without_last_slash(path: &str) -> &str {
    if path == PAGE { path } else { path.strip_suffix('/').filter(|rest| !rest.is_empty()).unwrap_or(path) }
}

/// `uri` with another path and the same query.
pub fn with_path(uri: &Uri, path: &str) -> Option<Uri> {
    let query = uri.query().map_or(String::new(), |query| format!("?{query}"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{path}{query}")).ok()?);
    Uri::from_parts(parts).ok()
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
            assert_eq!(error_shape(path), ErrorShape::Tei, "{path}");
        }
        for path in ["/embeddings", "/rerank", "/classify"] {
            assert_eq!(error_shape(path), ErrorShape::Infinity, "{path}");
        }
        for path in ["/v2", "/v2/models/a/infer", "/v2/health/ready", "/v2/models", "/v2/logging", "/v2/rerank/x"] {
            assert_eq!(error_shape(path), ErrorShape::Kserve, "{path}");
        }
        for path in ["/v1/embeddings", "/v1/rerank", "/v2/rerank", "/v2models", "/v1/v2", "/nothing", "/"] {
            assert_eq!(error_shape(path), ErrorShape::Openai, "{path}");
        }
    }

    #[test]
    fn slashes_in_a_row_become_one() {
        for (path, expected) in [
            ("/", "/"),
            ("//", "/"),
            ("///v1//embeddings///", "/v1/embeddings/"),
            ("/v1/models/a%2F%2Fb", "/v1/models/a%2F%2Fb"),
            ("*", "*"),
        ] {
            assert_eq!(single_slashes(path), expected, "{path}");
        }
    }

    #[test]
    fn the_slash_at_the_end_goes_where_it_means_nothing() {
        for (path, expected) in
            [("/", "/"), ("/rerank/", "/rerank"), ("/rerank", "/rerank"), ("/docs/", "/docs/"), ("/docs/a/", "/docs/a")]
        {
            assert_eq!(without_last_slash(path), expected, "{path}");
        }
    }

    #[test]
    fn the_query_stays() {
        let uri: Uri = "http://host//info//?model=a//b&x".parse().unwrap();
        assert_eq!(with_path(&uri, "/info").unwrap(), "http://host/info?model=a//b&x");
    }
}
