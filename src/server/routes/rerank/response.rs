//! Responses of `/rerank`.

use serde::Serialize;
use utoipa::ToSchema;

use super::call::Ranked;
use crate::server::http::{Usage, new_id, unix_time};

/// The best documents, best first; ties by index.
#[derive(Serialize, ToSchema)]
#[schema(as = RerankReply)]
pub(crate) struct RerankResponse {
    #[schema(example = "rerank")]
    object: &'static str,
    results: Vec<RerankResult>,
    /// The model's name.
    model: String,
    usage: Usage,
    /// Cohere's usage figures.
    meta: Meta,
    #[schema(example = "infa-5f0c6f5e-2a41-4f0f-9c6b-0d6f4f6f2f64")]
    id: String,
    /// Seconds since 1970.
    #[schema(example = 1795273200)]
    created: u64,
}

/// Voyage's response: the best documents, best first; ties by index.
#[derive(Serialize, ToSchema)]
#[schema(as = VoyageReply)]
pub(crate) struct VoyageResponse {
    #[schema(example = "list")]
    object: &'static str,
    data: Vec<RerankResult>,
    /// The model's name.
    model: String,
    usage: Usage,
}

/// A document.
#[derive(Serialize, ToSchema)]
struct RerankResult {
    /// Relevance to the query.
    relevance_score: f64,
    /// Its index in the request.
    index: usize,
    /// The document, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    document: Option<Shown>,
}

/// The shape of documents in a response.
#[derive(Clone, Copy)]
pub(super) enum Shape {
    Text,
    /// `{"text": …}`
    Object,
}

/// A document of a response.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Shown {
    /// Infinity's and Voyage's.
    Text(String),
    /// Cohere's, Jina's and vLLM's.
    Object {
        /// The document's text.
        text: String,
    },
}

/// Cohere's usage figures of a request.
#[derive(Serialize, ToSchema)]
struct Meta {
    api_version: ApiVersion,
    billed_units: BilledUnits,
    tokens: MetaTokens,
}

/// The version of Cohere's API.
#[derive(Serialize, ToSchema)]
struct ApiVersion {
    #[schema(example = "2")]
    version: &'static str,
}

/// Cohere's billing units.
#[derive(Serialize, ToSchema)]
struct BilledUnits {
    /// One for each 100 documents or part of it.
    search_units: usize,
}

/// Token counts.
#[derive(Serialize, ToSchema)]
struct MetaTokens {
    input_tokens: usize,
    output_tokens: usize,
}

/// TEI's result of a document.
#[derive(Serialize, ToSchema)]
pub(crate) struct Rank {
    /// Its index in the request.
    index: usize,
    /// Relevance to the query.
    score: f64,
    /// The document, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    text: Option<String>,
}

impl Rank {
    pub(super) fn new(index: usize, score: f64, text: Option<String>) -> Self {
        Self { index, score, text }
    }
}

fn results(ranks: Vec<Ranked>, shape: Shape) -> Vec<RerankResult> {
    let show = |text| match shape {
        Shape::Text => Shown::Text(text),
        Shape::Object => Shown::Object { text },
    };
    let result = |Ranked { index, score, document }| RerankResult {
        relevance_score: score,
        index,
        document: document.map(show),
    };
    ranks.into_iter().map(result).collect()
}

impl RerankResponse {
    pub(super) fn new(ranks: Vec<Ranked>, shape: Shape, model: &str, tokens: usize, documents: usize) -> Self {
        Self {
            object: "rerank",
            results: results(ranks, shape),
            model: model.to_owned(),
            usage: Usage::of(tokens),
            meta: Meta {
                api_version: ApiVersion { version: "2" },
                billed_units: BilledUnits { search_units: documents.div_ceil(100) },
                tokens: MetaTokens { input_tokens: tokens, output_tokens: 0 },
            },
            id: new_id(),
            created: unix_time(),
        }
    }
}

impl VoyageResponse {
    pub(super) fn new(ranks: Vec<Ranked>, shape: Shape, model: &str, tokens: usize) -> Self {
        Self { object: "list", data: results(ranks, shape), model: model.to_owned(), usage: Usage::of(tokens) }
    }
}
