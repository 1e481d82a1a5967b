//! What the server answers, as an OpenAPI document, and the page that shows it.
//!
//! Each route's file describes its own route; here they are collected, and what is the same for all of them is added:
//! how a request may fail. Nothing is fetched from elsewhere: the page's scripts and styles are in the binary.
//!
//! Every schema of a request has an `example` of its required fields alone, which the page fills in: a test posts them all.

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

use super::http::{CohereErrorBody, ErrorBody, KserveErrorBody, TeiErrorBody};
use super::routes::{self, tags};
use super::{ApiError, App};

const ABOUT: &str = "Text embeddings, reranking and classification.\n\n\
    Every request below is filled in with an example that works: open a route and press Execute. \
    Every route of an API also answers under /v1, so that a client's base URL may end in it or not.";

/// A route is added by one line in `paths`.
#[derive(OpenApi)]
#[openapi(
    info(title = "infa", description = ABOUT),
    // Relative to the document, so that a prefix, ours or a proxy's, needs no setting here.
    servers((url = "./")),
    security(("key" = [])),
    tags(
        (name = tags::OPENAI, description = "Embeddings, scores of documents, labels."),
        (name = tags::TEI, description = "The native routes of text-embeddings-inference."),
        (name = tags::COHERE, description = "Cohere's embeddings, of both versions of its API."),
        (name = tags::OLLAMA, description = "Ollama's embeddings, and what its clients ask before."),
        (name = tags::KSERVE, description = "The Open Inference Protocol, with binary tensors."),
        (name = tags::SERVER, description = "What is served, and whether it is well.")
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
    components(schemas(ErrorBody, TeiErrorBody, KserveErrorBody, CohereErrorBody)),
    modifiers(&Key, &Failures)
)]
struct Routes;

/// The key, where the server wants one.
struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut Document) {
        let key = Http::builder().scheme(HttpAuthScheme::Bearer).description(Some("One of the server's --api-key."));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(key.build()));
    }
}

/// What may go wrong with any request, in the shape that the route's clients read.
struct Failures;

/// Status, meaning, and whether it needs a body or a model to go wrong.
const FAILURES: &[(StatusCode, &str, bool)] = &[
    (StatusCode::BAD_REQUEST, "A value cannot be, or the model cannot do that", true),
    (StatusCode::UNAUTHORIZED, "No key, or a wrong one", false),
    (StatusCode::NOT_FOUND, "There is no such model", true),
    (StatusCode::REQUEST_TIMEOUT, "The body did not come in time", true),
    (StatusCode::PAYLOAD_TOO_LARGE, "The body is too large, or has too many inputs", true),
    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is not JSON, or compressed in an unknown way", true),
    (StatusCode::UNPROCESSABLE_ENTITY, "The body is malformed", true),
    (StatusCode::FAILED_DEPENDENCY, "The model cannot do that", true),
    (StatusCode::TOO_MANY_REQUESTS, "The queue is full: try again after Retry-After seconds", false),
    (StatusCode::INTERNAL_SERVER_ERROR, "The server's own fault", false),
    (StatusCode::SERVICE_UNAVAILABLE, "The model is being loaded, or the server is shutting down", false),
];

impl Modify for Failures {
    fn modify(&self, document: &mut Document) {
        for item in document.paths.paths.values_mut() {
            for (operation, has_body) in operations(item) {
                let shape = match operation.tags.as_deref().and_then(<[String]>::first).map(String::as_str) {
                    Some(tags::TEI) => "TeiErrorBody",
                    Some(tags::KSERVE | tags::OLLAMA) => "KserveErrorBody",
                    Some(tags::COHERE) => "CohereErrorBody",
                    _ => "ErrorBody",
                };
                // Whether the server is well, it tells everybody, however busy it is.
                let open = operation.security.as_ref().is_some_and(|needed| needed.len() == 1);
                let always = [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS];
                for (status, meaning, of_body) in FAILURES {
                    let foreign = *status == StatusCode::FAILED_DEPENDENCY && shape != "TeiErrorBody";
                    if *of_body && !has_body || open && always.contains(status) || foreign {
                        continue;
                    }
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

/// The operations of a path, and whether they take a body.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&mut Operation, bool)> {
    let all = [(&mut item.get, false), (&mut item.post, true)];
    all.into_iter().filter_map(|(operation, has_body)| Some((operation.as_mut()?, has_body)))
}

/// The document of this server. With `key`, requests need one; without, the page must not show locks.
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
            // What stands in a path is the name of a model.
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
    // Relative to the page: the prefix stays. The validator would be asked over the network.
    let config = Config::new(["../openapi.json"]).validator_url("none");
    Arc::new(config.persist_authorization(true).try_it_out_enabled(true).display_request_duration(true))
});

/// The page's own frames around code are so high that those of wrapped lines cover the lines beside them.
const STYLE: &str = ".swagger-ui .markdown code,.swagger-ui .renderedMarkdown code{padding:1px 4px}";

/// The document, the page, and the way there. With `key`, requests need a key.
pub fn router(key: bool) -> Router<Arc<App>> {
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

/// From the root, with the prefix that the client used, if any.
async fn to_docs(OriginalUri(uri): OriginalUri) -> Redirect {
    Redirect::temporary(&format!("{}/docs/", uri.path().trim_end_matches('/')))
}

/// The page's files are named relative to it, so its address must end in a slash.
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
        Ok(None) => ApiError::new(StatusCode::NOT_FOUND, format!("there is no file docs/{file}")).into_response(),
        Err(e) => ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).into_response(),
    }
}
