//! The routes of Cohere's embed.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde::de::IgnoredAny;
use utoipa::ToSchema;

use super::request::CohereEmbedRequest;
use super::response::{CohereResponse, Version};
use crate::server::http::{Body, CohereErrorBody, ErrorShape, TeiErrorBody, off_thread, parse, read};
use crate::server::routes::embed_call::{self, embedder};
use crate::server::routes::tags;
use crate::server::routes::tei::embed::{Embed, EmbedRequest};
use crate::server::routes::tei::together::alone;
use crate::server::{ApiError, App};

/// A body of `/embed`, parsed by the dialect of its fields.
enum Dialect {
    Cohere(Result<CohereEmbedRequest, ApiError>),
    Tei(Result<EmbedRequest, ApiError>),
}

impl Dialect {
    fn parse(bytes: &[u8]) -> Self {
        /// The fields that distinguish the dialects.
        #[derive(Deserialize)]
        struct Fields {
            texts: Option<IgnoredAny>,
            images: Option<IgnoredAny>,
            inputs: Option<IgnoredAny>,
        }
        match serde_json::from_slice(bytes) {
            Ok(Fields { texts, images, inputs: Some(_) }) if texts.is_some() || images.is_some() => {
                let message = "inputs: inputs and texts exclude each other; send inputs (TEI) or texts (Cohere)";
                Self::Tei(Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message).param("inputs")))
            }
            Ok(Fields { texts, images, .. }) if texts.is_some() || images.is_some() => Self::Cohere(parse(bytes)),
            // Malformed bodies count as TEI's: its parser reports the position.
            _ => Self::Tei(parse(bytes)),
        }
    }
}

/// Create vectors of texts
///
/// TEI's route. Requests with `texts` are Cohere's: see `/v1/embed`.
#[utoipa::path(post, path = "/embed", tag = tags::TEI, request_body = EmbedRequest,
    responses((status = 200, description = "One vector per text, in order", body = Vec<Vec<f32>>)))]
pub(crate) async fn embed(State(app): State<Arc<App>>, request: Request) -> Result<Response, ApiError> {
    let bytes = read(request).await?;
    match off_thread(bytes.len(), move || Ok(Dialect::parse(&bytes))).await? {
        Dialect::Tei(request) => alone::<Embed>(&app, request?).await,
        Dialect::Cohere(request) => {
            let response = async { respond(&app, request?, Version::One).await };
            response.await.map_err(|error| error.shaped(ErrorShape::Cohere))
        }
    }
}

/// The error of a request with `texts`, or TEI's of one with `inputs` or neither.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "schema of the route's errors")]
pub(crate) enum EmbedError {
    Texts(CohereErrorBody),
    Inputs(TeiErrorBody),
}

/// Create vectors of texts (Cohere v1)
///
/// Without `embedding_types`, the vectors are a list, otherwise an object with a list for each type.
#[utoipa::path(
    post, path = "/v1/embed", operation_id = "cohere_embed_v1", tag = tags::COHERE,
    request_body = CohereEmbedRequest,
    responses((status = 200, description = "One vector per text, in order", body = CohereResponse))
)]
#[allow(dead_code, reason = "TEI's route serves this path; this documents Cohere's use of it")]
pub(crate) fn embed_v1() {}

/// Create vectors of texts (Cohere v2)
///
/// The vectors are an object with a list for each of `embedding_types`.
#[utoipa::path(
    post, path = "/v2/embed", operation_id = "cohere_embed_v2", tag = tags::COHERE,
    request_body = CohereEmbedRequest,
    responses((status = 200, description = "One vector per text, in order", body = CohereResponse))
)]
pub(crate) async fn embed_v2(
    State(app): State<Arc<App>>,
    Body(request): Body<CohereEmbedRequest>,
) -> Result<Response, ApiError> {
    respond(&app, request, Version::Two).await
}

async fn respond(app: &App, request: CohereEmbedRequest, version: Version) -> Result<Response, ApiError> {
    let served = embedder(app, request.model.as_deref())?;
    let (size, limits) = (request.size(), app.limits.clone());
    // The texts are copied for the response.
    let (call, layout) = off_thread(size, move || request.resolve(version, &limits)).await?;
    let vectors = call.run(app, &*app.acquire(served).await?).await?;
    embed_call::respond(vectors, size, move |vectors| layout.write(vectors)).await
}
