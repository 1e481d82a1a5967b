//! `POST /rerank`: Infinity's, Cohere's, Jina's and TEI's.
//!
//! One route for all of them. TEI's clients send `texts` and get a list; the others send `documents` and get an object,
//! in which a document, if it was asked for, is
//!
//! * a string, as Infinity has it, at `/rerank` and `/v1/rerank`: litellm's `infinity/` reads nothing else;
//! * the object `{"text": …}`, as Cohere has it, at `/v2/rerank`; at the other two if the documents came as such
//!   objects, or if Cohere's own SDK asks (it says so in the header `X-Fern-SDK-Name`), whose first version calls
//!   `/v1/rerank`.
//!
//! Jina's clients read both. Where no documents were asked for, the field is missing: some clients do not read `null`.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::inputs::{Document, List, Truncation, documents_schema, texts_schema, truncation_schema};
use super::model_for;
use super::reply::{Usage, new_id};
use super::tei::{Cost, Direction, Reply, TeiError};
use crate::engine::Call;
use crate::model::tokenizer::Truncate;
use crate::server::app::unix_time;
use crate::server::error::{ErrorBody, TeiErrorBody};
use crate::server::extract::Body;
use crate::server::metrics::Work;
use crate::server::service::{Answer, Failure, Relevance, Service};
use crate::server::{ApiError, App};

pub fn router() -> Router<Arc<App>> {
    Router::new().route("/rerank", post(rerank))
}

/// Cohere's second version, which has its own number in the path.
pub fn v2_router() -> Router<Arc<App>> {
    Router::new().route("/v2/rerank", post(rerank_v2))
}

/// A query, and the documents to be ordered by how well they answer it: either `documents` or TEI's `texts`. Fields that
/// are not listed, such as Cohere's `max_chunks_per_doc` and `rank_fields`, are ignored.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"query": "What do cats eat?", "documents": ["Cats eat fish.", "A bridge of stone."]}))]
#[serde(expecting = "an object")]
pub struct RerankRequest {
    /// What is asked.
    #[schema(example = "What do cats eat?")]
    query: String,
    #[schema(schema_with = documents_schema, required = false, example = json!(["Cats eat fish.", "A bridge of stone."]))]
    documents: Option<List<Document>>,
    /// TEI's word for documents: the reply is TEI's, too.
    #[schema(schema_with = texts_schema, required = false)]
    texts: Option<List<String>>,
    /// The name of a model; the first one if it is missing, empty or "default/not-specified".
    #[schema(example = "default/not-specified")]
    model: Option<String>,
    /// Only so many of the best.
    #[schema(minimum = 1)]
    top_n: Option<usize>,
    /// Whether the reply has the documents.
    return_documents: Option<bool>,
    /// TEI's word for `return_documents`.
    return_text: Option<bool>,
    /// Whether scores are the model's logits, without an activation function.
    raw_scores: Option<bool>,
    #[schema(schema_with = truncation_schema)]
    truncate: Option<Truncation>,
    /// TEI's: which end of a document that is too long goes.
    truncation_direction: Option<Direction>,
}

/// The best documents, best first; ties by index.
#[derive(Serialize, ToSchema)]
pub struct RerankReply {
    #[schema(example = "rerank")]
    object: &'static str,
    results: Vec<RerankResult>,
    /// The model's name.
    model: String,
    usage: Usage,
    /// Cohere's account.
    meta: Meta,
    #[schema(example = "infa-5f0c6f5e-2a41-4f0f-9c6b-0d6f4f6f2f64")]
    id: String,
    /// Seconds since 1970.
    #[schema(example = 1795273200)]
    created: u64,
}

/// One document.
#[derive(Serialize, ToSchema)]
struct RerankResult {
    /// How well it answers the query.
    relevance_score: f64,
    /// Which of the request's it is.
    index: usize,
    /// The document, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    document: Option<Shown>,
}

/// A document as the client knows documents.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Shown {
    /// Infinity's.
    Text(String),
    /// Cohere's and Jina's.
    Object {
        /// The text.
        text: String,
    },
}

/// Cohere's account of a request.
#[derive(Serialize, ToSchema)]
struct Meta {
    api_version: ApiVersion,
    billed_units: BilledUnits,
    tokens: MetaTokens,
}

/// The version of Cohere's API that is spoken.
#[derive(Serialize, ToSchema)]
struct ApiVersion {
    #[schema(example = "2")]
    version: &'static str,
}

/// What Cohere would count.
#[derive(Serialize, ToSchema)]
struct BilledUnits {
    /// One for each 100 documents that were begun.
    search_units: usize,
}

/// Tokens.
#[derive(Serialize, ToSchema)]
struct MetaTokens {
    input_tokens: usize,
    output_tokens: usize,
}

/// TEI's result: one document.
#[derive(Serialize, ToSchema)]
pub struct Rank {
    /// Which of the request's it is.
    index: usize,
    /// How well it answers the query.
    score: f64,
    /// The document, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    text: Option<String>,
}

/// The reply to `documents`, or TEI's to `texts`.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "describes what the route may answer")]
enum AnyReply {
    Documents(RerankReply),
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

/// Documents are ordered by how well they answer a query
///
/// As Infinity, Cohere (v1) and Jina do it, with `documents`; as text-embeddings-inference does it, with `texts`.
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
pub async fn rerank(State(app): State<Arc<App>>, headers: HeaderMap, Body(request): Body<RerankRequest>) -> Response {
    let sdk = headers.get("x-fern-sdk-name").and_then(|name| name.to_str().ok()).unwrap_or_default();
    answer(&app, request, sdk.contains("cohere")).await
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
pub async fn rerank_v2(State(app): State<Arc<App>>, Body(request): Body<RerankRequest>) -> Response {
    answer(&app, request, true).await
}

/// What is asked, whatever the shape.
struct Question {
    query: String,
    model: Option<String>,
    raw: bool,
    call: Call,
    top_n: usize,
    with_documents: bool,
}

/// In the shape in which it was asked. `objects`: whether documents are objects however they came.
async fn answer(app: &App, request: RerankRequest, objects: bool) -> Response {
    let RerankRequest { query, documents, texts, model, return_documents, return_text, raw_scores, .. } = request;
    let truncate = match (request.truncate, request.truncation_direction) {
        (Some(Truncation(Some(truncate))), _) => Some(truncate),
        (_, direction) => direction.map(Truncate::from),
    };
    let with_documents = if texts.is_some() { return_text } else { return_documents };
    let question = Question {
        query,
        model,
        raw: raw_scores.unwrap_or(false),
        call: Call { truncate, ..Call::default() },
        top_n: request.top_n.unwrap_or(usize::MAX),
        with_documents: with_documents.unwrap_or(false),
    };
    match (documents, texts) {
        (Some(documents), None) => match rank_documents(app, question, documents, objects).await {
            Ok(reply) => Json(reply).into_response(),
            Err(e) => e.openai(),
        },
        (None, Some(texts)) => rank_texts(app, question, texts).await.into_response(),
        (documents, _) => {
            let what = if documents.is_some() { "there are both, documents and texts" } else { "missing field" };
            let message = format!("documents: {what}; send documents (or texts, as to text-embeddings-inference)");
            ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message).param("documents").openai()
        }
    }
}

/// As Infinity, Cohere and Jina answer.
async fn rank_documents(
    app: &App,
    question: Question,
    documents: List<Document>,
    objects: bool,
) -> Result<RerankReply, ApiError> {
    let documents = documents.checked("documents", &app.limits)?;
    let objects = objects || documents.iter().all(|document| document.object);
    let documents: Vec<String> = documents.into_iter().map(|document| document.text).collect();
    question.check()?;
    let service = model_for(app, question.model.as_deref(), Work::Rerank).await?;
    let (answer, ranks) = question.ask(&service, documents).await.map_err(|e| ApiError::of_inputs(e, "documents"))?;
    let show = |text| if objects { Shown::Object { text } } else { Shown::Text(text) };
    let result = |(index, relevance_score, document): Ranked| RerankResult {
        relevance_score,
        index,
        document: document.map(show),
    };
    Ok(RerankReply {
        object: "rerank",
        results: ranks.into_iter().map(result).collect(),
        model: service.name().to_owned(),
        usage: Usage::of(answer.tokens),
        meta: Meta {
            api_version: ApiVersion { version: "2" },
            billed_units: BilledUnits { search_units: answer.results.len().div_ceil(100) },
            tokens: MetaTokens { input_tokens: answer.tokens, output_tokens: 0 },
        },
        id: new_id(),
        created: unix_time(),
    })
}

/// As TEI answers.
async fn rank_texts(app: &App, question: Question, texts: List<String>) -> Result<Reply, TeiError> {
    let started = Instant::now();
    let texts = texts.checked("texts", &app.limits)?;
    question.check()?;
    let service = model_for(app, question.model.as_deref(), Work::Rerank).await?;
    let characters = |text: &String| question.query.chars().count() + text.chars().count();
    let characters = texts.iter().map(characters).sum();
    let answered = question.ask(&service, texts).await;
    let (answer, ranks) = answered.map_err(|e| TeiError::of(e, |index| format!("texts[{index}]")))?;
    let ranks: Vec<Rank> = ranks.into_iter().map(|(index, score, text)| Rank { index, score, text }).collect();
    let body = serde_json::to_vec(&ranks).map_err(|e| Failure::Internal(e.to_string())).map_err(ApiError::from)?;
    Ok(Reply::new(body, Cost::of(&answer, started, characters)))
}

/// Index, score and, if it was asked for, the document.
type Ranked = (usize, f64, Option<String>);

impl Question {
    fn check(&self) -> Result<(), ApiError> {
        if self.top_n == 0 {
            return Err(ApiError::bad_value("top_n", "0 is not above 0"));
        }
        Ok(())
    }

    /// Asks the model, and orders the documents, best first.
    async fn ask(self, service: &Service, documents: Vec<String>) -> Result<(Answer<Relevance>, Vec<Ranked>), Failure> {
        let count = documents.len();
        let mut shown = if self.with_documents { documents.clone() } else { Vec::new() };
        let answer = service.rerank(self.query, documents, self.raw, self.call).await?;
        if answer.results.len() != count {
            return Err(Failure::Internal("the engine gave another number of scores".into()));
        }
        let show = |(index, score)| (index, score, shown.get_mut(index).map(std::mem::take));
        let ranks = best(&answer.results, self.top_n).into_iter().map(show).collect();
        Ok((answer, ranks))
    }
}

/// Index and score of the best, best first; ties by index.
fn best(relevances: &[Relevance], top_n: usize) -> Vec<(usize, f64)> {
    let mut order: Vec<(usize, &Relevance)> = relevances.iter().enumerate().collect();
    order.sort_by(|(_, a), (_, b)| b.order.total_cmp(&a.order));
    order.truncate(top_n);
    order.into_iter().map(|(index, relevance)| (index, relevance.score)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_ordered_by_what_still_differs_and_then_by_index() {
        // Scores that have come so near to 1 that they are equal.
        let relevances = [(1.0, 40.0), (1.0, 50.0), (0.5, 0.0), (1.0, 50.0)];
        let relevances = relevances.map(|(score, order)| Relevance { score, order });
        assert_eq!(best(&relevances, 9), [(1, 1.0), (3, 1.0), (0, 1.0), (2, 0.5)]);
        assert_eq!(best(&relevances, 2), [(1, 1.0), (3, 1.0)]);
    }
}
