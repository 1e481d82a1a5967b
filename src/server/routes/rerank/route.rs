//! `/rerank` of all dialects.

use std::sync::Arc;

use axum::extract::{FromRequest, MatchedPath, Request, State};
use axum::response::Response;
use utoipa::ToSchema;

use super::call::{Ranked, RerankCall};
use super::request::{Documented, RerankRequest, Resolved, is_teis};
use super::response::{Rank, RerankResponse, Shape, VoyageResponse};
use crate::engine::OutputKind;
use crate::server::http::{Body, ErrorBody, ErrorShape, TeiErrorBody, json, off_thread, write, written};
use crate::server::models::{Failure, of_inputs};
use crate::server::routes::inputs::{Document, List};
use crate::server::routes::tags;
use crate::server::routes::tei::together::{Cost, Parts, Place, Responses, TeiTask, failed, respond_alone};
use crate::server::{ApiError, App, Limits};

/// The response to `documents`, Voyage's, or TEI's to `texts`.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "schema of the route's responses")]
#[schema(as = AnyReply)]
enum AnyResponse {
    Documents(RerankResponse),
    Voyage(VoyageResponse),
    Texts(Vec<Rank>),
}

/// The error of a request with `documents`, or TEI's of one with `texts`.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "schema of the route's responses")]
pub(crate) enum AnyError {
    Documents(ErrorBody),
    Texts(TeiErrorBody),
}

/// A request body with errors in the shape of its own dialect.
pub(crate) struct RerankBody(RerankRequest);

impl<S: Send + Sync> FromRequest<S> for RerankBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        // A layer has read it within its limits.
        let bytes = axum::body::to_bytes(body, usize::MAX).await.map_err(|e| ApiError::bad_value("body", e))?;
        let request = Request::from_parts(parts, bytes.clone().into());
        match Body::from_request(request, state).await {
            Ok(Body(request)) => Ok(Self(request)),
            Err(error) => {
                let is_teis = tokio::task::spawn_blocking(move || is_teis(&bytes)).await;
                Err(if is_teis.unwrap_or(false) { error.shaped(ErrorShape::Tei) } else { error })
            }
        }
    }
}

/// Rerank documents
///
/// Infinity's, Cohere's (v1), Jina's and vLLM's route with `documents`, Voyage's with `top_k`,
/// text-embeddings-inference's with `texts`. Documents in the response are strings under `/rerank` and objects under
/// `/v1/rerank`.
#[utoipa::path(
    post, path = "/rerank", tag = tags::OPENAI,
    request_body = RerankRequest,
    responses(
        (status = 200, description = "The documents, best first", body = AnyResponse),
        (status = 424, description = "The model gives no scores of documents (for texts)", body = TeiErrorBody),
    )
)]
pub(crate) async fn rerank(
    State(app): State<Arc<App>>,
    path: MatchedPath,
    RerankBody(request): RerankBody,
) -> Result<Response, ApiError> {
    respond(&app, request, path.as_str().starts_with("/v1/")).await
}

/// Rerank documents (Cohere v2)
///
/// As `/rerank`, except that documents in the response, if requested, are objects with `text`.
#[utoipa::path(
    post, path = "/v2/rerank", tag = tags::OPENAI,
    request_body = RerankRequest,
    responses(
        (status = 200, description = "The documents, best first", body = AnyResponse),
        (status = 424, description = "The model gives no scores of documents (for texts)", body = TeiErrorBody),
    )
)]
pub(crate) async fn rerank_v2(
    State(app): State<Arc<App>>,
    RerankBody(request): RerankBody,
) -> Result<Response, ApiError> {
    respond(&app, request, true).await
}

/// The response in the dialect of the request. With `objects`, documents in it are objects in any case.
pub(crate) async fn respond(app: &App, request: RerankRequest, objects: bool) -> Result<Response, ApiError> {
    // The dialect of the body decides, also on TEI's own routes.
    let shaped = |is_teis, error: ApiError| error.shaped(if is_teis { ErrorShape::Tei } else { ErrorShape::Openai });
    let Resolved { call, documents, is_voyages } = request.resolve().map_err(|(e, is_teis)| shaped(is_teis, e))?;
    match documents {
        Documented::Documents(documents) => {
            rank_documents(app, call, documents, objects, is_voyages).await.map_err(|e| shaped(false, e))
        }
        Documented::Texts(texts) => {
            let response = async {
                let texts = texts.checked("texts", &app.limits)?;
                respond_alone::<RerankTexts>(app, vec![call], texts, false).await
            };
            response.await.map_err(|e| shaped(true, e))
        }
    }
}

/// The response of Infinity, Cohere, Jina, vLLM or Voyage.
async fn rank_documents(
    app: &App,
    call: RerankCall,
    documents: List<Document>,
    objects: bool,
    is_voyages: bool,
) -> Result<Response, ApiError> {
    let documents = documents.checked("documents", &app.limits)?;
    let objects = objects || documents.iter().all(|document| document.object);
    let documents: Vec<String> = documents.into_iter().map(|document| document.text).collect();
    let loaded = app.model_for(call.model.as_deref(), OutputKind::Score).await?;
    call.check(&loaded)?;
    let chunks = call.max_chunks;
    let (computed, ranks) = call.run(&loaded, documents).await.map_err(|e| match e {
        Failure::Input { index, reason, too_long: true } if chunks.is_some() => {
            let reason = format!("documents[{index}]: {reason}; only one chunk per document is supported");
            ApiError::bad_value("max_chunks_per_doc", reason)
        }
        other => of_inputs(other, "documents"),
    })?;
    // Voyage's clients read strings.
    let shape = if objects && !is_voyages { Shape::Object } else { Shape::Text };
    let size = Ranked::size(&ranks);
    let body = if is_voyages {
        written(size, VoyageResponse::new(ranks, shape, loaded.name(), computed.tokens)).await?
    } else {
        written(size, RerankResponse::new(ranks, shape, loaded.name(), computed.tokens, computed.results.len())).await?
    };
    Ok(json(body))
}

/// TEI's rerank: documents in `texts`.
pub(crate) struct RerankTexts;

impl TeiTask for RerankTexts {
    type Request = RerankRequest;
    type Options = Vec<RerankCall>;
    type Input = String;

    fn taken(request: RerankRequest, limits: &Limits) -> Result<(Vec<RerankCall>, Vec<String>, bool), ApiError> {
        let Resolved { call, documents, .. } = request.resolve().map_err(|(e, _)| e)?;
        match documents {
            Documented::Texts(texts) => Ok((vec![call], texts.checked("texts", limits)?, false)),
            Documented::Documents(_) => Err(ApiError::bad_value("documents", "send texts")),
        }
    }

    fn field(place: &Place) -> String {
        format!("texts[{}]", place.index)
    }

    fn join(own: &mut Vec<RerankCall>, other: Vec<RerankCall>) -> Result<(), Vec<RerankCall>> {
        match (own.first(), other.first()) {
            (Some(one), Some(another)) if one.is_like(another) => {
                own.extend(other);
                Ok(())
            }
            _ => Err(other),
        }
    }

    async fn compute(
        app: &App,
        calls: Vec<RerankCall>,
        mut texts: Vec<String>,
        parts: Parts,
    ) -> Result<Responses, ApiError> {
        let mut cost = Cost::begin(0);
        let name = calls.first().and_then(|call| call.model.clone());
        let loaded = app.model_for(name.as_deref(), OutputKind::Score).await?;
        let mut with_texts = Vec::with_capacity(calls.len());
        for (call, count) in calls.into_iter().zip(parts.counts()) {
            call.check(&loaded)?;
            let rest = texts.split_off(count.min(texts.len()));
            let own = std::mem::replace(&mut texts, rest);
            // The query counts with each text, but is tokenized once.
            let query = call.query.chars().count();
            cost.characters += own.iter().map(|text| query + text.chars().count()).sum::<usize>();
            with_texts.push((call, own));
        }
        let ranked = RerankCall::run_all(with_texts, &loaded).await;
        let (computed, ranks) = ranked.map_err(|failure| failed::<Self>(failure, &parts))?;
        cost.count(&computed);
        let size = ranks.iter().map(|ranks| Ranked::size(ranks)).sum();
        let json = off_thread(size, move || {
            let rank = |Ranked { index, score, document }| Rank::new(index, score, document);
            let one = |ranks: Vec<Ranked>| {
                let mut out = Vec::new();
                write::json(&ranks.into_iter().map(rank).collect::<Vec<Rank>>(), &mut out);
                out
            };
            Ok(ranks.into_iter().map(one).collect())
        });
        Ok(Responses::new(json.await?, cost))
    }
}
