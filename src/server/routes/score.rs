//! `POST /score` of vLLM: scores of pairs of texts, in the order of the request.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::fields::{Direction, Refused, check_limits, raw_scores, refused_schema, truncation};
use super::inputs::{Documents, Truncation, documents_schema, truncation_schema};
use super::tags;
use crate::engine::{OutputKind, RequestOptions, rerank};
use crate::server::http::{Body, Usage, new_id, off_thread, unix_time, whole};
use crate::server::models::{Failure, ModelOutput, Relevance, of_inputs};
use crate::server::{ApiError, App};

/// Pairs of texts: one with one, one with many, or each with its own. Unknown fields are ignored.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"queries": "What do cats eat?", "documents": ["Cats eat fish.", "A bridge of stone."]}))]
#[serde(expecting = "an object")]
#[allow(dead_code, reason = "refused fields are not read")]
pub(crate) struct ScoreRequest {
    #[schema(schema_with = documents_schema, required = false)]
    queries: Option<Documents>,
    #[schema(schema_with = documents_schema, required = false)]
    documents: Option<Documents>,
    /// Another name of `documents`.
    #[schema(schema_with = documents_schema, required = false)]
    items: Option<Documents>,
    /// Another name of `queries`, with `data_2`.
    #[schema(schema_with = documents_schema, required = false)]
    data_1: Option<Documents>,
    #[schema(schema_with = documents_schema, required = false)]
    data_2: Option<Documents>,
    /// The old name of `queries`, with `text_2`.
    #[schema(schema_with = documents_schema, required = false)]
    text_1: Option<Documents>,
    #[schema(schema_with = documents_schema, required = false)]
    text_2: Option<Documents>,
    /// The model's name; if missing, empty or "default/not-specified", the first cross-encoder.
    model: Option<String>,
    /// True for logits as scores, without an activation function.
    raw_scores: Option<bool>,
    /// vLLM's opposite of `raw_scores`.
    use_activation: Option<bool>,
    #[schema(schema_with = truncation_schema)]
    truncate: Option<Truncation>,
    /// Voyage's and Jina's: false makes a text that is too long an error.
    truncation: Option<bool>,
    /// The end at which a text that is too long is cut.
    truncation_side: Option<Direction>,
    /// Maximum tokens of a document. A value below the model's is refused.
    #[serde(default, deserialize_with = "whole")]
    max_tokens_per_doc: Option<i64>,
    /// Maximum tokens of a query. A value below the model's is refused.
    #[serde(default, deserialize_with = "whole")]
    max_tokens_per_query: Option<i64>,
    /// Maximum tokens of a pair. A value below the model's is refused.
    #[serde(default, deserialize_with = "whole")]
    truncate_prompt_tokens: Option<i64>,
    #[schema(schema_with = refused_schema)]
    instruction: Option<Refused>,
    /// vLLM's.
    #[schema(schema_with = refused_schema)]
    chat_template: Option<Refused>,
    /// vLLM's.
    #[schema(schema_with = refused_schema)]
    chat_template_kwargs: Option<Refused>,
    /// SGLang's: probabilities of tokens of a language model.
    #[schema(schema_with = refused_schema)]
    label_token_ids: Option<Refused>,
    /// SGLang's.
    #[schema(schema_with = refused_schema)]
    apply_softmax: Option<Refused>,
}

/// One score per pair, in order.
#[derive(Serialize, ToSchema)]
#[schema(as = ScoreReply)]
pub(crate) struct ScoreResponse {
    #[schema(example = "infa-5f0c6f5e-2a41-4f0f-9c6b-0d6f4f6f2f64")]
    id: String,
    #[schema(example = "list")]
    object: &'static str,
    /// Seconds since 1970.
    #[schema(example = 1795273200)]
    created: u64,
    /// The model's name.
    model: String,
    data: Vec<Score>,
    usage: Usage,
}

/// The score of a pair.
#[derive(Serialize, ToSchema)]
struct Score {
    index: usize,
    #[schema(example = "score")]
    object: &'static str,
    score: f64,
}

/// Score pairs of texts (vLLM)
///
/// The relevance of the second text of each pair to the first: one query with each document, or as many queries as
/// documents.
#[utoipa::path(
    post, path = "/score", tag = tags::OPENAI,
    request_body = ScoreRequest,
    responses((status = 200, description = "One score per pair, in order", body = ScoreResponse))
)]
pub(crate) async fn score(
    State(app): State<Arc<App>>,
    Body(mut request): Body<ScoreRequest>,
) -> Result<Json<ScoreResponse>, ApiError> {
    let Pairs { queries, documents, first, second } = request.pairs(&app)?;
    let raw = raw_scores(request.raw_scores, request.use_activation)?;
    let loaded = app.model_for(request.model.as_deref(), OutputKind::Score).await?;
    let limits = [
        ("max_tokens_per_doc", request.max_tokens_per_doc),
        ("max_tokens_per_query", request.max_tokens_per_query),
        ("truncate_prompt_tokens", request.truncate_prompt_tokens),
    ];
    check_limits(&limits, &loaded)?;
    let side = ("truncation_side", request.truncation_side);
    let truncate = truncation(request.truncate, request.truncation, &[side], request.truncate_prompt_tokens)?;
    let truncate = truncate.map(|truncate| truncate.end(&loaded));
    let options = RequestOptions { truncate, ..RequestOptions::default() };
    let (size, several) = (queries.iter().map(String::len).sum(), queries.len() > 1);
    let pairs = off_thread(size, move || Ok(distinct(queries, documents))).await?;
    let scored = loaded.score(pairs, raw, options).await.map_err(|failure| match failure {
        // Each document's query is at its own index.
        Failure::Query { document, reason } => {
            let index = if several { format!("[{}]", document.unwrap_or_default()) } else { String::new() };
            ApiError::bad_value(format!("{first}{index}"), reason)
        }
        other => of_inputs(other, second),
    });
    let ModelOutput { results, tokens, .. } = scored?;
    let score = |(index, Relevance { score, .. })| Score { index, object: "score", score };
    Ok(Json(ScoreResponse {
        id: new_id(),
        object: "list",
        created: unix_time(),
        model: loaded.name().to_owned(),
        data: results.into_iter().enumerate().map(score).collect(),
        usage: Usage::of(tokens),
    }))
}

/// Matching names of queries and documents in older versions of vLLM.
const PAIRS: &[(&str, &str)] = &[("data_1", "data_2"), ("text_1", "text_2")];

/// The texts of a request, with the names of their fields.
struct Pairs {
    /// One, or as many as documents.
    queries: Vec<String>,
    documents: Vec<String>,
    /// The field of the queries.
    first: &'static str,
    /// The field of the documents.
    second: &'static str,
}

impl ScoreRequest {
    fn pairs(&mut self, app: &App) -> Result<Pairs, ApiError> {
        let firsts = [("queries", self.queries.take()), ("data_1", self.data_1.take()), ("text_1", self.text_1.take())];
        let seconds = [
            ("documents", self.documents.take()),
            ("items", self.items.take()),
            ("data_2", self.data_2.take()),
            ("text_2", self.text_2.take()),
        ];
        let malformed =
            |message: String, field: &str| Err(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message).param(field));
        let sent = |fields: &[(&'static str, Option<Documents>)]| {
            fields.iter().find_map(|(name, texts)| texts.is_some().then_some(*name))
        };
        let missing = match (sent(&firsts), sent(&seconds)) {
            (Some(_), Some(_)) => None,
            (None, None) => Some(("queries", "documents")),
            (Some("queries"), None) => Some(("documents", "queries")),
            (Some(first), None) => {
                PAIRS.iter().find(|(name, _)| *name == first).map(|&(first, second)| (second, first))
            }
            (None, Some(second)) => {
                Some((PAIRS.iter().find(|(_, name)| *name == second).map_or("queries", |&(first, _)| first), second))
            }
        };
        if let Some((missing, other)) = missing {
            return malformed(format!("{missing}: missing field; send {missing} and {other}"), missing);
        }
        let mut all = firsts.into_iter().chain(seconds).filter_map(|(name, texts)| Some((name, texts?)));
        let (Some((first, queries)), Some((second, documents)), rest) = (all.next(), all.next(), all.next()) else {
            return malformed("queries: missing field; send queries and documents".into(), "queries");
        };
        let known = match first {
            "queries" => ["documents", "items"].contains(&second),
            first => PAIRS.contains(&(first, second)),
        };
        if let (false, _) | (true, Some(_)) = (known, &rest) {
            let odd = rest.map_or(second, |(name, _)| name);
            return malformed(format!("{odd}: cannot be combined with {first}; send queries and documents"), odd);
        }
        let texts = |Documents(list): Documents, name| -> Result<Vec<String>, ApiError> {
            Ok(list.checked(name, &app.limits)?.into_iter().map(|document| document.text).collect())
        };
        let (queries, documents) = (texts(queries, first)?, texts(documents, second)?);
        match (queries.len(), documents.len()) {
            (n, m) if n == 1 || n == m => Ok(Pairs { queries, documents, first, second }),
            (n, m) => {
                let reason = format!("{n} texts for {m} of {second}; send one, or as many");
                Err(ApiError::bad_value(first, reason))
            }
        }
    }
}

/// The documents with their queries. Equal queries are encoded once.
fn distinct(queries: Vec<String>, documents: Vec<String>) -> rerank::Pairs {
    if queries.len() == 1 {
        return rerank::Pairs::of_one(queries.into_iter().next().unwrap_or_default(), documents);
    }
    let mut indices: HashMap<String, usize> = HashMap::new();
    let pair = |(query, document)| {
        let next = indices.len();
        (*indices.entry(query).or_insert(next), document)
    };
    let documents = queries.into_iter().zip(documents).map(pair).collect();
    let mut queries: Vec<(String, usize)> = indices.into_iter().collect();
    queries.sort_unstable_by_key(|(_, index)| *index);
    rerank::Pairs { queries: queries.into_iter().map(|(query, _)| query).collect(), documents }
}
