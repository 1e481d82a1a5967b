//! The OpenAPI document of the server, and the page that shows it.
//!
//! Each route's file describes its own route; this file collects them and adds the errors that all routes share. The
//! page's scripts and styles are in the binary.
//!
//! Every request schema has an `example` of its required fields alone, which the page fills in; a test posts all of
//! them.

use std::sync::{Arc, LazyLock, OnceLock};

use axum::Router;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use bytes::Bytes;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi as Document, Ref, RefOr, ResponseBuilder, Schema};
use utoipa::{Modify, OpenApi};
use utoipa_swagger_ui::Config;

use super::http::{CohereErrorBody, ErrorBody, ErrorShape, KserveErrorBody, TeiErrorBody};
use super::routes::cohere::route::EmbedError;
use super::routes::rerank::route::AnyError;
use super::routes::{self, error_shape, tags};
use super::{ApiError, App};

const ABOUT: &str = "Text embeddings, reranking and classification.\n\n\
    Every request below has a working example: open a route and press Execute. \
    Every route of an API is also available under /v1, so a client's base URL may include it or not.";

/// `paths` has one line for each route.
#[derive(OpenApi)]
#[openapi(
    info(title = "infa", description = ABOUT),
    // Relative to the document, so that a prefix, infa's or a proxy's, needs no setting here.
    servers((url = "./")),
    security(("key" = [])),
    tags(
        (name = tags::OPENAI, description = "Embeddings, reranking, classification."),
        (name = tags::TEI, description = "The native routes of text-embeddings-inference."),
        (name = tags::COHERE, description = "Cohere's embeddings, API versions 1 and 2."),
        (name = tags::OLLAMA, description = "Ollama's embeddings and list of models."),
        (name = tags::KSERVE, description = "The Open Inference Protocol, with binary tensors."),
        (name = tags::SERVER, description = "Health and metrics.")
    ),
    paths(
        routes::health::live,
        routes::health::ready,
        routes::health::health,
        routes::metrics::metrics,
        routes::models::models,
        routes::models::one_model,
        routes::embeddings::route::embeddings,
        routes::embeddings::route::deployment,
        routes::embeddings::route::engine,
        routes::embeddings::route::embeddings_image,
        routes::embeddings::route::embeddings_audio,
        routes::pooling::pooling,
        routes::cohere::route::embed_v1,
        routes::cohere::route::embed_v2,
        routes::ollama::route::embed,
        routes::ollama::route::embeddings,
        routes::ollama::catalog::tags,
        routes::ollama::catalog::show,
        routes::ollama::catalog::ps,
        routes::ollama::catalog::version,
        routes::rerank::route::rerank,
        routes::rerank::route::rerank_v2,
        routes::rerank::ranking::ranking,
        routes::rerank::ranking::retrieval,
        routes::score::score,
        routes::classify::classify,
        routes::cohere::route::embed,
        routes::tei::embed::embed_all,
        routes::tei::embed::embed_sparse,
        routes::tei::similarity::similarity,
        routes::tei::predict::predict,
        routes::tei::tokenize::tokenize,
        routes::tei::tokenize::decode,
        routes::tei::info::info,
        routes::tei::any::root,
        routes::tei::any::invocations,
        routes::tei::vertex::vertex,
        routes::tei::any::ping,
        routes::kserve::route::server,
        routes::kserve::route::live,
        routes::kserve::route::ready,
        routes::kserve::route::metadata,
        routes::kserve::route::model_ready,
        routes::kserve::infer::infer,
        routes::kserve::route::index,
    ),
    components(schemas(ErrorBody, TeiErrorBody, KserveErrorBody, CohereErrorBody, AnyError, EmbedError)),
    modifiers(&Key, &Failures)
)]
struct Routes;

/// Adds the API key.
struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut Document) {
        let key = Http::builder().scheme(HttpAuthScheme::Bearer).description(Some("One of the server's --api-key."));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(key.build()));
    }
}

/// Adds the errors of all routes, in the shape of each route's clients.
struct Failures;

/// Status, description, and true for errors of routes that have a body or a model.
const FAILURES: &[(StatusCode, &str, bool)] = &[
    (StatusCode::BAD_REQUEST, "A value is invalid, or the model does not support the operation", true),
    (StatusCode::UNAUTHORIZED, "The API key is missing or wrong", false),
    (StatusCode::NOT_FOUND, "The model does not exist", true),
    (StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time", true),
    (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large, or has too many inputs", true),
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not JSON, or its encoding is unknown", true),
    (StatusCode::UNPROCESSABLE_ENTITY, "The body is malformed", true),
    (StatusCode::FAILED_DEPENDENCY, "The model does not support the operation", true),
    (StatusCode::TOO_MANY_REQUESTS, "The queue is full: retry after Retry-After seconds", false),
    (StatusCode::INTERNAL_SERVER_ERROR, "Internal error", false),
    (StatusCode::SERVICE_UNAVAILABLE, "The model is loading, or the server is shutting down", false),
];

impl Modify for Failures {
    fn modify(&self, document: &mut Document) {
        for (path, item) in &mut document.paths.paths {
            for (operation, has_body) in operations(item) {
                let shape = match error_shape(path) {
                    _ if path == "/v1/embed" => "EmbedError",
                    _ if path == "/" => "TeiErrorBody",
                    ErrorShape::Tei => "TeiErrorBody",
                    ErrorShape::Kserve => "KserveErrorBody",
                    ErrorShape::Cohere => "CohereErrorBody",
                    ErrorShape::Openai | ErrorShape::Infinity => "ErrorBody",
                };
                let is_rerank = path.ends_with("/rerank");
                // Health routes need no key and are not limited.
                let open = operation.security.as_ref().is_some_and(|needed| needed.len() == 1);
                let always = [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS];
                for (status, meaning, of_body) in FAILURES {
                    let foreign = *status == StatusCode::FAILED_DEPENDENCY && shape != "TeiErrorBody";
                    if *of_body && !has_body || open && always.contains(status) || foreign {
                        continue;
                    }
                    // Layers respond before the dialect of the body is known.
                    let of_layer =
                        [StatusCode::UNAUTHORIZED, StatusCode::REQUEST_TIMEOUT, StatusCode::UNSUPPORTED_MEDIA_TYPE];
                    let shape = if is_rerank && !of_layer.contains(status) { "AnyError" } else { shape };
                    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(shape))).build();
                    let response =
                        ResponseBuilder::new().description(*meaning).content("application/json", content).build();
                    let known = &mut operation.responses.responses;
                    known.entry(status.as_str().to_owned()).or_insert(RefOr::T(response));
                }
            }
        }
    }
}

/// The operations of a path, each with true if it takes a body.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&mut Operation, bool)> {
    let all = [(&mut item.get, false), (&mut item.post, true)];
    all.into_iter().filter_map(|(operation, has_body)| Some((operation.as_mut()?, has_body)))
}

/// The document of this server. With `key`, requests need a key; without, the page must not show locks.
fn describe(app: &App, key: bool) -> Bytes {
    let mut document = Routes::openapi();
    if !key {
        document.security = None;
        if let Some(components) = &mut document.components {
            components.security_schemes.clear();
        }
    }
    let first = app.models.all().first().map(|model| model.spec.name.as_str());
    for item in document.paths.paths.values_mut() {
        for (operation, _) in operations(item) {
            if !key {
                operation.security = None;
            }
            // Path parameters are names of models.
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter
                    && parameter.parameter_in == ParameterIn::Path
                    && let Some(RefOr::T(Schema::Object(name))) = &mut parameter.schema
                {
                    name.example = first.map(Into::into);
                }
            }
        }
    }
    document.to_json().unwrap_or_default().into()
}

static PAGE: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    // Relative to the page: the prefix stays. The validator would send requests over the network.
    let config = Config::new(["../openapi.json"]).validator_url("none");
    Arc::new(config.persist_authorization(true).try_it_out_enabled(true).display_request_duration(true))
});

/// The default frames around wrapped code cover neighbouring lines.
const STYLE: &str = ".swagger-ui .markdown code,.swagger-ui .renderedMarkdown code{padding:1px 4px}";

/// Routes of the document and the page. With `key`, requests need a key.
pub(crate) fn router(key: bool) -> Router<Arc<App>> {
    let document = OnceLock::new();
    let document = Arc::new(move |app: &App| document.get_or_init(|| describe(app, key)).clone());
    Router::new()
        .route("/", get(to_docs))
        .route("/openapi.json", get(async move |State(app): State<Arc<App>>| json(document(&app))))
        .route("/docs", get(to_page))
        .route("/docs/", get(|| page(Path(String::new()))))
        .route("/docs/{*file}", get(page))
}

fn json(document: Bytes) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], document).into_response()
}

/// Redirects from the root, keeping the client's prefix.
async fn to_docs(OriginalUri(uri): OriginalUri) -> Redirect {
    Redirect::temporary(&format!("{}/docs/", uri.path().trim_end_matches('/')))
}

/// Redirects to an address that ends in a slash, as the page names its files relative to it.
async fn to_page(OriginalUri(uri): OriginalUri) -> Redirect {
    Redirect::temporary(&format!("{}/", uri.path()))
}

async fn page(Path(file): Path<String>) -> Response {
    match utoipa_swagger_ui::serve(&file, Arc::clone(&PAGE)) {
        Ok(Some(page)) if file.is_empty() || file == "index.html" => {
            let html = String::from_utf8_lossy(&page.bytes);
            let html = html.replace("<title>Swagger UI</title>", "<title>infa</title>");
            let html = html.replace("</head>", &format!("<style>{STYLE}</style></head>"));
            ([(header::CONTENT_TYPE, page.content_type)], html).into_response()
        }
        Ok(Some(file)) => {
            let encoding = file.gzpipped.then_some([(header::CONTENT_ENCODING, "gzip")]);
            ([(header::CONTENT_TYPE, file.content_type)], encoding, file.bytes.into_owned()).into_response()
        }
        Ok(None) => ApiError::new(StatusCode::NOT_FOUND, format!("no such file: docs/{file}")).into_response(),
        Err(e) => ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::routes::{ROUTES, route_of};

    #[test]
    fn the_document_has_the_routes() {
        let document = Routes::openapi().paths.paths;
        for path in document.keys() {
            assert!(route_of(path).is_some(), "{path} is documented, but has no route");
        }
        for route in ROUTES {
            // Azure's names of documented routes.
            let start = route.path.split('*').next().unwrap_or_default();
            let is_alias = route.path.starts_with("/openai/") && !start.ends_with('{');
            let has =
                document.keys().any(|path| if start.ends_with('{') { path.starts_with(start) } else { path == start });
            assert!(has || is_alias, "{} is not documented", route.path);
        }
    }
}
