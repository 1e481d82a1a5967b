//! Vectors: `/embed`, `/embed_all`, `/embed_sparse`, and how alike they are: `/similarity`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::inputs::{Inputs, List, inputs_schema};
use super::super::model_for;
use super::super::reply::json_list;
use super::inputs::characters;
use super::{Cost, Direction, Reply, TeiBody, TeiError, truncation};
use crate::engine::{Call, Purpose, Text, TokenEmbeddings};
use crate::server::metrics::Work;
use crate::server::openapi::tag;
use crate::server::service::{Answer, Failure, Service};
use crate::server::whole::whole;
use crate::server::{ApiError, App, Limits, floats};

/// What is to be embedded.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"inputs": ["What do cats eat?"]}))]
pub struct EmbedRequest {
    #[schema(schema_with = inputs_schema)]
    inputs: Inputs,
    /// Whether vectors are scaled to length 1.
    #[serde(default = "yes")]
    #[schema(default = true)]
    normalize: bool,
    /// Whether a text that is too long is cut; if false, it is an error. Left out: what the server was started with.
    truncate: Option<bool>,
    /// Which end of it goes.
    truncation_direction: Option<Direction>,
    /// The name of a prompt of the model's to put before each text.
    prompt_name: Option<String>,
    /// Vectors are cut to this length, then scaled to length 1 (unless `normalize` is false).
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1)]
    dimensions: Option<usize>,
    /// Which model; without it the first that is made for it.
    model: Option<String>,
}

/// What is to be embedded, token by token or as lexical weights.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"inputs": ["What do cats eat?"]}))]
pub struct EmbedTokensRequest {
    #[schema(schema_with = inputs_schema)]
    inputs: Inputs,
    /// Whether a text that is too long is cut; if false, it is an error. Left out: what the server was started with.
    truncate: Option<bool>,
    /// Which end of it goes.
    truncation_direction: Option<Direction>,
    /// The name of a prompt of the model's to put before each text.
    prompt_name: Option<String>,
    /// Which model; without it the first that is made for it.
    model: Option<String>,
}

/// What is to be compared.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "inputs": {"source_sentence": "What do cats eat?", "sentences": ["Cats eat fish.", "A bridge of stone."]}
}))]
pub struct SimilarityRequest {
    inputs: SimilarityInputs,
    parameters: Option<SimilarityParameters>,
    /// Which model; without it the first that is made for it.
    model: Option<String>,
}

/// One text and those it is compared with.
#[derive(Deserialize, ToSchema)]
pub struct SimilarityInputs {
    #[schema(example = "What is Deep Learning?")]
    source_sentence: String,
    #[schema(example = json!(["What is Machine Learning?"]))]
    #[schema(value_type = Vec<String>)]
    sentences: List<String>,
}

/// How texts are treated.
#[derive(Default, Deserialize, ToSchema)]
pub struct SimilarityParameters {
    /// Whether a text that is too long is cut; if false, it is an error. Left out: what the server was started with.
    truncate: Option<bool>,
    /// Which end of it goes.
    truncation_direction: Option<Direction>,
    /// The name of a prompt of the model's to put before each text.
    prompt_name: Option<String>,
}

/// A token of the vocabulary and its weight.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the schema of what is written without it")]
pub struct SparseValue {
    index: u32,
    value: f32,
}

fn yes() -> bool {
    true
}

/// The answer to `/embed`.
pub async fn embed_with(app: &App, request: EmbedRequest) -> Result<Reply, TeiError> {
    let EmbedRequest { inputs, normalize, truncate, truncation_direction, prompt_name, dimensions, model } = request;
    let service = model_for(app, model.as_deref(), Work::Embed).await?;
    let call = Call { normalize: Some(normalize), dimensions, prompt_name, ..Call::default() };
    let call = Call { truncate: truncation(&service, truncate, truncation_direction), ..call };
    let (answer, cost) = answer(app, inputs, call, async |texts, call| service.embed(texts, call).await).await?;
    let numbers = answer.results.iter().map(|e| e.vector.len()).sum();
    let body = floats::write(numbers, move || {
        let mut out = Vec::new();
        floats::list(&answer.results, &mut out, |embedding, out| floats::array(&embedding.vector, out));
        out
    });
    Ok(Reply::new(body.await?, cost))
}

/// A vector for each token of each text
///
/// Of a model that gives vectors of tokens (ColBERT) these, of any other encoder what its last layer gives each token.
#[utoipa::path(post, path = "/embed_all", tag = tag::TEI, request_body = EmbedTokensRequest,
    responses((status = 200, description = "One list of vectors a text, in order", body = Vec<Vec<Vec<f32>>>)))]
pub async fn embed_all(
    State(app): State<Arc<App>>,
    TeiBody(request): TeiBody<EmbedTokensRequest>,
) -> Result<Reply, TeiError> {
    embed_all_with(&app, request).await
}

pub(super) async fn embed_all_with(app: &App, request: EmbedTokensRequest) -> Result<Reply, TeiError> {
    let (service, inputs, call) = prepare(app, request, Work::EmbedTokens).await?;
    let call = Call { most_numbers: Some(app.limits.reply_numbers()), ..call };
    let mut memory = app.memory.part();
    let ask = async |texts: Vec<Text>, call| {
        let numbers = estimated_tokens(&service, &texts).saturating_mul(service.engine().info().dimensions);
        let full = |_| Failure::Full { retry_after: Duration::from_secs(1) };
        memory.add(numbers.saturating_mul(size_of::<f32>())).map_err(full)?;
        match service.engine().info().purpose {
            Purpose::EmbedTokens => service.embed_tokens(texts, call).await,
            _ => service.hidden_states(texts, call).await,
        }
    };
    let (answer, cost) = answer(app, inputs, call, ask).await?;
    let numbers = answer.results.iter().map(|e| e.vectors.len()).sum();
    memory.grow(Limits::bytes_of(numbers))?;
    let body = floats::write(numbers, move || {
        let text = |text: TokenEmbeddings| {
            let mut out = Vec::new();
            floats::list(text.vectors.chunks_exact(text.dimensions.max(1)), &mut out, floats::array);
            out
        };
        answer.results.into_iter().map(text).collect()
    });
    Ok(Reply { body: json_list(body.await?, memory), cost })
}

/// About how many tokens a model sees of `texts`.
pub fn estimated_tokens(service: &Service, texts: &[Text]) -> usize {
    let most = service.engine().local().max_length;
    texts.iter().map(|text| (text.bytes() / 3 + 2).min(most)).sum()
}

/// Lexical weights of each text
///
/// For models that give them (SPLADE).
#[utoipa::path(post, path = "/embed_sparse", tag = tag::TEI, request_body = EmbedTokensRequest,
    responses((status = 200, description = "One list of weights a text, in order", body = Vec<Vec<SparseValue>>)))]
pub async fn embed_sparse(
    State(app): State<Arc<App>>,
    TeiBody(request): TeiBody<EmbedTokensRequest>,
) -> Result<Reply, TeiError> {
    embed_sparse_with(&app, request).await
}

pub(super) async fn embed_sparse_with(app: &App, request: EmbedTokensRequest) -> Result<Reply, TeiError> {
    let (service, inputs, call) = prepare(app, request, Work::EmbedSparse).await?;
    let (answer, cost) = answer(app, inputs, call, async |texts, call| service.embed_sparse(texts, call).await).await?;
    let numbers: usize = answer.results.iter().map(|e| e.values.len()).sum();
    // Each comes with its index.
    if numbers > app.limits.reply_numbers() / 2 {
        let message = format!("{numbers} weights are more than a reply has (--reply-limit)");
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("reply_too_large").into());
    }
    let body = floats::write(numbers, move || {
        let mut out = Vec::new();
        floats::list(&answer.results, &mut out, |text, out| {
            floats::list(text.indices.iter().zip(&text.values), out, |(index, value), out| {
                out.extend_from_slice(b"{\"index\":");
                floats::json(index, out);
                out.extend_from_slice(b",\"value\":");
                floats::json(value, out);
                out.push(b'}');
            });
        });
        out
    });
    Ok(Reply::new(body.await?, cost))
}

/// How alike a text and each of several others are
#[utoipa::path(post, path = "/similarity", tag = tag::TEI, request_body = SimilarityRequest,
    responses((status = 200, description = "One number a sentence, in order", body = Vec<f32>)))]
pub async fn similarity(
    State(app): State<Arc<App>>,
    TeiBody(request): TeiBody<SimilarityRequest>,
) -> Result<Reply, TeiError> {
    similarity_with(&app, request).await
}

pub(super) async fn similarity_with(app: &App, request: SimilarityRequest) -> Result<Reply, TeiError> {
    let started = Instant::now();
    let SimilarityRequest { inputs: SimilarityInputs { source_sentence, sentences }, parameters, model } = request;
    let sentences = sentences.checked("inputs.sentences", &app.limits)?;
    let service = model_for(app, model.as_deref(), Work::Embed).await?;
    let SimilarityParameters { truncate, truncation_direction, prompt_name } = parameters.unwrap_or_default();
    let truncate = truncation(&service, truncate, truncation_direction);
    let characters = source_sentence.chars().count() + sentences.iter().map(|s| s.chars().count()).sum::<usize>();
    let name = |index: usize| match index.checked_sub(1) {
        Some(sentence) => format!("inputs.sentences[{sentence}]"),
        None => "inputs.source_sentence".into(),
    };
    let call = Call { truncate, prompt_name, ..Call::default() };
    let answer = service.similarity(source_sentence, sentences, call).await;
    let answer = answer.map_err(|e| TeiError::of(e, name))?;
    let mut body = Vec::new();
    // As the vectors have no more digits than that.
    floats::list(&answer.results, &mut body, |&number, out| floats::json(&(number as f32), out));
    Ok(Reply::new(body, Cost::of(&answer, started, characters)))
}

/// The model, the inputs and their treatment.
async fn prepare(app: &App, request: EmbedTokensRequest, work: Work) -> Result<(Arc<Service>, Inputs, Call), TeiError> {
    let EmbedTokensRequest { inputs, truncate, truncation_direction, prompt_name, model } = request;
    let service = model_for(app, model.as_deref(), work).await?;
    let truncate = truncation(&service, truncate, truncation_direction);
    Ok((service, inputs, Call { truncate, prompt_name, ..Call::default() }))
}

/// What the model says of the inputs, and what that cost.
async fn answer<T>(
    app: &App,
    inputs: Inputs,
    call: Call,
    ask: impl AsyncFnOnce(Vec<Text>, Call) -> Result<Answer<T>, Failure>,
) -> Result<(Answer<T>, Cost), TeiError> {
    let started = Instant::now();
    let texts = inputs.0.checked("inputs", &app.limits)?;
    let characters = characters(&texts);
    let answer = ask(texts, call).await;
    let answer = answer.map_err(|e| TeiError::of(e, |index| format!("inputs[{index}]")))?;
    let cost = Cost::of(&answer, started, characters);
    Ok((answer, cost))
}
