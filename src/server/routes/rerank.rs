//! `POST /rerank`: Infinity's, Cohere's, Jina's, vLLM's, Voyage's and TEI's; and NIM's `/ranking`.
//!
//! One route for all of them. TEI's clients send `texts` and get a list; Voyage's send `top_k`, if only as null, and get
//! an object with `data`; the others send `documents` and get an object with `results`, in which a document, if it was
//! asked for, is
//!
//! * a string at `/rerank`, as Infinity has it, whose clients read nothing else, unless the documents came as objects;
//! * the object `{"text": …}` at `/v1/rerank` and `/v2/rerank`, as Cohere, Jina and vLLM have it.
//!
//! Infinity's and vLLM's clients send identical bodies: only the path tells them apart. Where no documents were asked for,
//! the field is missing: some clients do not read `null`.

mod question;
mod ranking;
mod reply;
mod request;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{FromRequest, MatchedPath, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use utoipa::ToSchema;

pub use self::question::Question;
use self::question::Ranked;
pub use self::ranking::{__path_ranking, __path_retrieval, ranking, retrieval};
use self::reply::Shape;
pub use self::reply::{Rank, RerankReply, VoyageReply};
pub use self::request::RerankRequest;
use self::request::{Asked, Documented};
use super::inputs::{Document, List};
use super::model_for;
use super::reply::{json, written};
use super::tei::parts::{Part, Parts, Replies};
use super::tei::{Cost, Reply, TeiError};
use crate::server::error::{ErrorBody, TeiErrorBody};
use crate::server::extract::{Body, off_thread};
use crate::server::metrics::Work;
use crate::server::service::Failure;
use crate::server::{ApiError, App, Limits, floats};

pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/rerank", post(rerank))
        .route("/ranking", post(ranking))
        .route("/retrieval/{*path}", post(retrieval))
}

/// Cohere's second version, which has its own number in the path.
pub fn v2_router() -> Router<Arc<App>> {
    Router::new().route("/v2/rerank", post(rerank_v2))
}

/// The reply to `documents`, Voyage's, or TEI's to `texts`.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes what the route may answer")]
enum AnyReply {
    Documents(RerankReply),
    Voyage(VoyageReply),
    Texts(Vec<Rank>),
}

/// The error of a request with `documents`, or TEI's of one with `texts`.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes what the route may answer")]
enum AnyError {
    Documents(ErrorBody),
    Texts(TeiErrorBody),
}

/// A request's body, whose errors have the shape that the body is written in.
pub struct RerankBody(RerankRequest);

impl<S: Send + Sync> FromRequest<S> for RerankBody {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        // A layer has read it already, within its limits.
        let bytes = match axum::body::to_bytes(body, usize::MAX).await {
            Ok(bytes) => bytes,
            Err(e) => return Err(ApiError::bad_value("body", e).openai()),
        };
        let request = Request::from_parts(parts, bytes.clone().into());
        match Body::from_request(request, state).await {
            Ok(Body(request)) => Ok(Self(request)),
            Err(e) => {
                let is_teis = tokio::task::spawn_blocking(move || request::is_teis(&bytes)).await;
                Err(if is_teis.unwrap_or(false) { TeiError::from(e).into_response() } else { e.openai() })
            }
        }
    }
}

/// Documents are ordered by how well they answer a query
///
/// As Infinity, Cohere (v1), Jina and vLLM do it, with `documents`; as Voyage does it, with `top_k`; as
/// text-embeddings-inference does it, with `texts`. Documents come back as strings under `/rerank`, and as objects under
/// `/v1/rerank`.
#[utoipa::path(
    post, path = "/rerank", tag = "OpenAI, Infinity, Cohere, Jina",
    request_body = RerankRequest,
    responses(
        (status = 200, description = "The documents, best first", body = AnyReply),
        (status = 400, description = "A value cannot be, or the model cannot do that", body = AnyError),
        (status = 404, description = "There is no such model", body = AnyError),
        (status = 413, description = "The body is too large, or has too many inputs", body = AnyError),
        (status = 422, description = "The body is malformed", body = AnyError),
        (status = 424, description = "The model gives no scores of documents (to texts)", body = TeiErrorBody),
        (status = 429, description = "The queue is full: try again after Retry-After seconds", body = AnyError),
        (status = 500, description = "The server's own fault", body = AnyError),
        (status = 503, description = "The model is being loaded, or the server is shutting down", body = AnyError),
    )
)]
pub async fn rerank(State(app): State<Arc<App>>, path: MatchedPath, RerankBody(request): RerankBody) -> Response {
    answer(&app, request, path.as_str().starts_with("/v1/")).await
}

/// Documents are ordered by how well they answer a query (Cohere v2)
///
/// As `/rerank`, except that the documents of the reply, if they are asked for, are objects with a `text`.
#[utoipa::path(
    post, path = "/v2/rerank", tag = "OpenAI, Infinity, Cohere, Jina",
    request_body = RerankRequest,
    responses(
        (status = 200, description = "The documents, best first", body = AnyReply),
        (status = 400, description = "A value cannot be, or the model cannot do that", body = AnyError),
        (status = 404, description = "There is no such model", body = AnyError),
        (status = 413, description = "The body is too large, or has too many inputs", body = AnyError),
        (status = 422, description = "The body is malformed", body = AnyError),
        (status = 424, description = "The model gives no scores of documents (to texts)", body = TeiErrorBody),
        (status = 429, description = "The queue is full: try again after Retry-After seconds", body = AnyError),
        (status = 500, description = "The server's own fault", body = AnyError),
        (status = 503, description = "The model is being loaded, or the server is shutting down", body = AnyError),
    )
)]
pub async fn rerank_v2(State(app): State<Arc<App>>, RerankBody(request): RerankBody) -> Response {
    answer(&app, request, true).await
}

/// The answer in the shape of the request. `objects`: whether documents are objects however they came.
pub(super) async fn answer(app: &App, request: RerankRequest, objects: bool) -> Response {
    let asked = match request.resolve() {
        Ok(asked) => asked,
        Err((e, true)) => return TeiError::from(e).into_response(),
        Err((e, false)) => return e.openai(),
    };
    let Asked { question, documents, is_voyages } = asked;
    match documents {
        Documented::Documents(documents) => {
            rank_documents(app, question, documents, objects, is_voyages).await.unwrap_or_else(ApiError::openai)
        }
        Documented::Texts(texts) => rank_texts(app, question, texts).await.into_response(),
    }
}

/// As Infinity, Cohere, Jina, vLLM and Voyage answer.
async fn rank_documents(
    app: &App,
    question: Question,
    documents: List<Document>,
    objects: bool,
    is_voyages: bool,
) -> Result<Response, ApiError> {
    let documents = documents.checked("documents", &app.limits)?;
    let objects = objects || documents.iter().all(|document| document.object);
    let documents: Vec<String> = documents.into_iter().map(|document| document.text).collect();
    let service = model_for(app, question.model.as_deref(), Work::Rerank).await?;
    question.check(&service)?;
    let chunks = question.max_chunks;
    let (answer, ranks) = question.ask(&service, documents).await.map_err(|e| match e {
        Failure::Input { index, reason, too_long: true } if chunks.is_some() => {
            let reason = format!("documents[{index}]: {reason}; a document has one chunk here, the part that fits");
            ApiError::bad_value("max_chunks_per_doc", reason)
        }
        other => ApiError::of_inputs(other, "documents"),
    })?;
    // Voyage's clients read strings.
    let shape = if objects && !is_voyages { Shape::Object } else { Shape::Text };
    let size = Ranked::size(&ranks);
    let body = if is_voyages {
        written(size, VoyageReply::new(ranks, shape, service.name(), answer.tokens)).await?
    } else {
        written(size, RerankReply::new(ranks, shape, service.name(), answer.tokens, answer.results.len())).await?
    };
    Ok(json(body))
}

/// As TEI answers.
async fn rank_texts(app: &App, question: Question, texts: List<String>) -> Result<Reply, TeiError> {
    let texts = texts.checked("texts", &app.limits)?;
    let parts = Parts::one(Part::alone(texts.len()));
    Ok(rank_together(app, vec![(question, texts)], parts).await?.only())
}

/// A question in TEI's form, and its texts.
///
/// # Errors
/// Those of the request's own route.
pub(super) fn taken(request: RerankRequest, limits: &Limits) -> Result<(Question, Vec<String>), ApiError> {
    let Asked { question, documents, .. } = request.resolve().map_err(|(e, _)| e)?;
    match documents {
        Documented::Texts(texts) => Ok((question, texts.checked("texts", limits)?)),
        Documented::Documents(_) => Err(ApiError::bad_value("documents", "send texts")),
    }
}

/// As TEI answers questions that can be asked together ([`Question::is_like`]).
pub(super) async fn rank_together(
    app: &App,
    questions: Vec<(Question, Vec<String>)>,
    parts: Parts,
) -> Result<Replies, TeiError> {
    let started = Instant::now();
    let name = questions.first().and_then(|(question, _)| question.model.clone());
    let service = model_for(app, name.as_deref(), Work::Rerank).await?;
    let mut characters = 0;
    for (question, texts) in &questions {
        question.check(&service)?;
        // The query counts with each text, but is read once.
        let query = question.query.chars().count();
        characters += texts.iter().map(|text| query + text.chars().count()).sum::<usize>();
    }
    let answered = Question::ask_all(questions, &service).await;
    let (answer, ranks) = answered.map_err(|e| {
        TeiError::of(e, |index| {
            let place = parts.place(index);
            format!("{}texts[{}]", place.prefix, place.index)
        })
    })?;
    let size = ranks.iter().map(|ranks| Ranked::size(ranks)).sum();
    let cost = Cost::of(&answer, started, characters);
    let json = off_thread(size, move || {
        let rank = |Ranked { index, score, document }| Rank::new(index, score, document);
        let one = |ranks: Vec<Ranked>| {
            let mut out = Vec::new();
            floats::json(&ranks.into_iter().map(rank).collect::<Vec<Rank>>(), &mut out);
            out
        };
        Ok(ranks.into_iter().map(one).collect())
    });
    Ok(Replies::new(json.await?, cost))
}
