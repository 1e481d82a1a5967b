//! All routes: path, error shape, handler.

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, get, post};

use super::ollama::catalog;
use super::rerank::ranking;
use super::tei::{any, embed, info, predict, similarity, tokenize, vertex};
use super::{classify, cohere, embeddings, health, kserve, metrics, models, ollama, pooling, rerank, score};
use crate::server::App;
use crate::server::http::ErrorShape::{self, Cohere, Infinity, Kserve, Openai, Tei};

/// A path, where it exists, and the shape of its errors.
pub(crate) struct Route {
    pub path: &'static str,
    shape: ErrorShape,
    place: Place,
    handler: Handler,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The path also exists under `/v1`.
    WithV1,
    /// It has its own version, or none.
    Alone,
    /// As `Alone`; a health check, which needs no key and always gets a response.
    Health,
}

type Handler = fn() -> MethodRouter<Arc<App>>;

const fn api(path: &'static str, shape: ErrorShape, handler: Handler) -> Route {
    Route { path, shape, place: Place::WithV1, handler }
}

const fn alone(path: &'static str, shape: ErrorShape, handler: Handler) -> Route {
    Route { path, shape, place: Place::Alone, handler }
}

const fn check(path: &'static str, shape: ErrorShape, handler: Handler) -> Route {
    Route { path, shape, place: Place::Health, handler }
}

/// Names of models contain slashes, so the rest of some paths is parsed by hand.
pub(crate) const ROUTES: &[Route] = &[
    api("/embeddings", Infinity, || post(embeddings::route::embeddings)),
    api("/embeddings_image", Openai, || post(embeddings::route::embeddings_image)),
    api("/embeddings_audio", Openai, || post(embeddings::route::embeddings_audio)),
    api("/engines/{*rest}", Openai, || post(embeddings::route::engine)),
    api("/rerank", Infinity, || post(rerank::route::rerank)),
    api("/ranking", Openai, || post(ranking::ranking)),
    api("/retrieval/{*path}", Openai, || post(ranking::retrieval)),
    api("/classify", Infinity, || post(classify::classify)),
    api("/models", Openai, || get(models::models)),
    api("/models/{*id}", Openai, || get(models::one_model)),
    api("/score", Openai, || post(score::score)),
    api("/pooling", Openai, || post(pooling::pooling)),
    api("/embed", Tei, || post(cohere::route::embed)),
    api("/embed_all", Tei, || post(embed::embed_all)),
    api("/embed_sparse", Tei, || post(embed::embed_sparse)),
    api("/similarity", Tei, || post(similarity::similarity)),
    api("/predict", Tei, || post(predict::predict)),
    api("/tokenize", Tei, || post(tokenize::tokenize)),
    api("/decode", Tei, || post(tokenize::decode)),
    api("/info", Tei, || get(info::info)),
    api("/invocations", Tei, || post(any::invocations)),
    api("/vertex", Tei, || post(vertex::vertex)),
    alone("/", Openai, || post(any::root)),
    alone("/metrics", Openai, || get(metrics::metrics)),
    check("/livez", Openai, || get(health::live)),
    check("/readyz", Openai, || get(health::ready)),
    check("/health", Openai, || get(health::health)),
    check("/ping", Openai, || get(any::ping)),
    // Cohere's API version 2; all else under /v2 is the Open Inference Protocol's.
    alone("/v2/rerank", Openai, || post(rerank::route::rerank_v2)),
    alone("/v2/embed", Cohere, || post(cohere::route::embed_v2)),
    alone("/v2", Kserve, || get(kserve::route::server)),
    check("/v2/health/live", Kserve, || get(kserve::route::live)),
    check("/v2/health/ready", Kserve, || get(kserve::route::ready)),
    alone("/v2/models/{*path}", Kserve, || get(kserve::route::get_model).post(kserve::route::post_model)),
    alone("/v2/repository/index", Kserve, || post(kserve::route::index)),
    alone("/openai/deployments/{*rest}", Openai, || post(embeddings::route::deployment)),
    alone("/openai/v1/embeddings", Openai, || post(embeddings::route::embeddings)),
    alone("/openai/models", Openai, || get(models::models)),
    alone("/openai/v1/models", Openai, || get(models::models)),
    alone("/api/embed", Kserve, || post(ollama::route::embed)),
    alone("/api/embeddings", Kserve, || post(ollama::route::embeddings)),
    alone("/api/tags", Kserve, || get(catalog::tags)),
    alone("/api/show", Kserve, || post(catalog::show)),
    alone("/api/ps", Kserve, || get(catalog::ps)),
    alone("/api/version", Kserve, || get(catalog::version)),
];

impl Route {
    pub(crate) fn is_under_v1(&self) -> bool {
        self.place == Place::WithV1
    }

    fn matches(&self, path: &str) -> bool {
        match self.path.split_once("{*") {
            Some((start, _)) => path.strip_prefix(start).is_some_and(|rest| !rest.is_empty()),
            None => path == self.path,
        }
    }
}

/// A path's part after `/v1`, and true if it has that beginning.
pub(crate) fn without_v1(path: &str) -> (&str, bool) {
    path.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).map_or((path, false), |rest| (rest, true))
}

pub(crate) fn route_of(path: &str) -> Option<&'static Route> {
    let (bare, v1) = without_v1(path);
    ROUTES.iter().find(|route| route.matches(bare) && (!v1 || route.is_under_v1()))
}

/// True for health checks, also under `/v1`, where they have no route.
pub(crate) fn is_health(path: &str) -> bool {
    ROUTES.iter().any(|route| route.place == Place::Health && route.path == without_v1(path).0)
}

/// The error shape of a path: its route's, or that of the routes with the same beginning.
pub(crate) fn error_shape(path: &str) -> ErrorShape {
    match route_of(path).map(|route| route.shape) {
        // Under `/v1`, clients of Jina, Voyage and vLLM send the same requests, and read a text.
        Some(Infinity) if without_v1(path).1 => Openai,
        Some(shape) => shape,
        None if path.starts_with("/v2/") || path.starts_with("/api/") => Kserve,
        None => Openai,
    }
}

pub(crate) fn router() -> Router<Arc<App>> {
    let add = |router: Router<Arc<App>>, route: &Route| router.route(route.path, (route.handler)());
    let under_v1 = ROUTES.iter().filter(|route| route.is_under_v1()).fold(Router::new(), add);
    ROUTES.iter().fold(Router::new(), add).nest("/v1", under_v1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn health_checks_are_the_same_under_v1() {
        for path in ["/health", "/v1/health", "/livez", "/readyz", "/v2/health/ready"] {
            assert!(is_health(path), "{path}");
        }
        for path in ["/", "/healthy", "/health/", "/v1", "/v1health", "/models", "/metrics", "/docs", "//health"] {
            assert!(!is_health(path), "{path}");
        }
    }

    #[test]
    fn error_shapes_follow_the_routes_and_their_beginnings() {
        for path in ["/embed", "/v1/embed", "/info"] {
            assert_eq!(error_shape(path), Tei, "{path}");
        }
        for path in ["/embeddings", "/rerank", "/classify"] {
            assert_eq!(error_shape(path), Infinity, "{path}");
        }
        for path in ["/v2", "/v2/models/a/infer", "/v2/health/ready", "/v2/models", "/v2/logging", "/v2/rerank/x"] {
            assert_eq!(error_shape(path), Kserve, "{path}");
        }
        for path in ["/v1/embeddings", "/v1/rerank", "/v2/rerank", "/v2models", "/v1/v2", "/nothing", "/", "/ping"] {
            assert_eq!(error_shape(path), Openai, "{path}");
        }
    }
}
