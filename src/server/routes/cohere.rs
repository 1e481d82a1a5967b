//! Cohere's embed: `POST /v2/embed`, and `POST /v1/embed`, which is TEI's path as well.
//!
//! At the latter a request with `texts` or `images` is Cohere's, one with `inputs` TEI's: no client sends both. Cohere's are
//! answered in Cohere's shape, errors too.

mod reply;
mod request;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use serde::de::IgnoredAny;
use utoipa::ToSchema;

pub use self::reply::CohereReply;
pub use self::request::CohereEmbedRequest;
use super::embed_call::{self, embedder};
use super::tei::TeiError;
use super::tei::embed::{EmbedRequest, embed_with};
use crate::server::error::{CohereErrorBody, TeiErrorBody};
use crate::server::extract::{self, Body};
use crate::server::openapi::tag;
use crate::server::{ApiError, App};

pub fn router() -> Router<Arc<App>> {
    Router::new().route("/embed", post(embed))
}

/// Cohere's second version, which has its own number in the path.
pub fn v2_router() -> Router<Arc<App>> {
    Router::new().route("/v2/embed", post(embed_v2))
}

/// The version of Cohere's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// An error in Cohere's shape.
pub struct CohereError(ApiError);

impl From<ApiError> for CohereError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl IntoResponse for CohereError {
    fn into_response(self) -> Response {
        self.0.cohere()
    }
}

/// A JSON body whose errors are Cohere's.
pub struct CohereBody<T>(T);

impl<T: serde::de::DeserializeOwned + Send + 'static, S: Send + Sync> FromRequest<S> for CohereBody<T> {
    type Rejection = CohereError;

    async fn from_request(request: Request, state: &S) -> Result<Self, CohereError> {
        let Body(body) = Body::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// A body of `/embed`, parsed by the dialect that its fields show.
enum Dialect {
    Cohere(Result<CohereEmbedRequest, ApiError>),
    Tei(Result<EmbedRequest, ApiError>),
}

impl Dialect {
    fn parse(bytes: &[u8]) -> Self {
        /// The fields that tell the dialects apart.
        #[derive(Deserialize)]
        struct Fields {
            texts: Option<IgnoredAny>,
            images: Option<IgnoredAny>,
            inputs: Option<IgnoredAny>,
        }
        match serde_json::from_slice(bytes) {
            Ok(Fields { texts, images, inputs: Some(_) }) if texts.is_some() || images.is_some() => {
                let message =
                    "inputs: there are both, inputs and texts; send inputs (as to TEI) or texts (as to Cohere)";
                Self::Tei(Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message).param("inputs")))
            }
            Ok(Fields { texts, images, .. }) if texts.is_some() || images.is_some() => {
                Self::Cohere(extract::parse(bytes))
            }
            // What is malformed is TEI's, too: its parser says where.
            _ => Self::Tei(extract::parse(bytes)),
        }
    }
}

/// A vector for each text
///
/// TEI's. Texts in a field `texts` are Cohere's way to ask: see `/v1/embed`.
#[utoipa::path(post, path = "/embed", tag = tag::TEI, request_body = EmbedRequest,
    responses((status = 200, description = "One vector a text, in order", body = Vec<Vec<f32>>)))]
pub async fn embed(State(app): State<Arc<App>>, request: Request) -> Response {
    let bytes = match extract::read(request, &()).await {
        Ok(bytes) => bytes,
        Err(e) => return e.tei(),
    };
    match extract::off_thread(bytes.len(), move || Ok(Dialect::parse(&bytes))).await {
        Ok(Dialect::Cohere(Ok(request))) => answer(&app, request, Version::One).await.into_response(),
        Ok(Dialect::Cohere(Err(e))) => e.cohere(),
        Ok(Dialect::Tei(Ok(request))) => embed_with(&app, request).await.into_response(),
        Ok(Dialect::Tei(Err(e))) | Err(e) => TeiError::from(e).into_response(),
    }
}

/// The error of a request with `texts`, or TEI's of one with `inputs` or neither.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes what the route may answer")]
enum EmbedError {
    Texts(CohereErrorBody),
    Inputs(TeiErrorBody),
}

/// A vector for each text (Cohere v1)
///
/// Without `embedding_types` the vectors are a list, else an object with a list for each type.
#[utoipa::path(
    post, path = "/v1/embed", operation_id = "cohere_embed_v1", tag = tag::COHERE,
    request_body = CohereEmbedRequest,
    responses(
        (status = 200, description = "One vector a text, in order", body = CohereReply),
        (status = 400, description = "A value cannot be, or the model cannot do that", body = EmbedError),
        (status = 401, description = "No key, or a wrong one", body = EmbedError),
        (status = 404, description = "There is no such model", body = EmbedError),
        (status = 408, description = "The body did not come in time", body = EmbedError),
        (status = 413, description = "The body is too large, or has too many inputs", body = EmbedError),
        (status = 415, description = "The body is not JSON, or compressed in an unknown way", body = EmbedError),
        (status = 422, description = "The body is malformed", body = EmbedError),
        (status = 429, description = "The queue is full: try again after Retry-After seconds", body = EmbedError),
        (status = 500, description = "The server's own fault", body = EmbedError),
        (status = 503, description = "The model is being loaded, or the server is shutting down", body = EmbedError),
    )
)]
#[allow(dead_code, reason = "the route of TEI answers this path; this describes Cohere's use of it")]
pub fn embed_v1() {}

/// A vector for each text (Cohere v2)
///
/// The vectors are an object with a list for each of `embedding_types`.
#[utoipa::path(
    post, path = "/v2/embed", operation_id = "cohere_embed_v2", tag = tag::COHERE,
    request_body = CohereEmbedRequest,
    responses((status = 200, description = "One vector a text, in order", body = CohereReply))
)]
pub async fn embed_v2(
    State(app): State<Arc<App>>,
    CohereBody(request): CohereBody<CohereEmbedRequest>,
) -> Result<Response, CohereError> {
    answer(&app, request, Version::Two).await
}

async fn answer(app: &App, request: CohereEmbedRequest, version: Version) -> Result<Response, CohereError> {
    let served = embedder(app, request.model.as_deref())?;
    let (size, limits) = (request.size(), app.limits.clone());
    // The texts are copied for the reply.
    let (call, layout) = extract::off_thread(size, move || request.resolve(version, &limits)).await?;
    let service = served.acquire(app.limits.model_return).await.map_err(ApiError::from)?;
    let vectors = call.answer(app, &service).await?;
    Ok(embed_call::reply(vectors, size, move |vectors| layout.write(vectors)).await?)
}
