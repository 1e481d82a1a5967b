//! Vectors: `/embed`, `/embed_all`, `/embed_sparse`, and how alike they are: `/similarity`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::inputs::{Inputs, List, inputs_schema};
use super::super::model_for;
use super::super::reply::bracketed;
use super::inputs::characters;
use super::parts::{Part, Parts, Replies};
use super::{Cost, Direction, Reply, TeiBody, TeiError, truncation};
use crate::engine::{Embedding, Input, OutputKind, RequestOptions, SparseEmbedding, TokenEmbeddings};
use crate::server::known_fields::nested;
use crate::server::metrics::Work;
use crate::server::openapi::tag;
use crate::server::service::{Answer, Failure, Service};
use crate::server::whole::whole;
use crate::server::{ApiError, App, Limits, floats};

/// What is to be embedded.
#[derive(PartialEq, Deserialize, ToSchema)]
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
#[derive(PartialEq, Deserialize, ToSchema)]
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
    #[serde(default, deserialize_with = "nested")]
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
#[derive(Default, PartialEq, Deserialize, ToSchema)]
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

impl EmbedRequest {
    /// The options, without inputs, and the inputs.
    pub fn taken(mut self, limits: &Limits) -> Result<(Self, Vec<Input>), ApiError> {
        let Inputs(inputs) = std::mem::replace(&mut self.inputs, Inputs(List::empty()));
        Ok((self, inputs.checked("inputs", limits)?))
    }

    /// The length of its vectors, of a model whose vectors have the length `usual`.
    pub fn width(&self, usual: usize) -> usize {
        self.dimensions.map_or(usual, |dimensions| dimensions.min(usual))
    }
}

impl EmbedTokensRequest {
    /// The options, without inputs, and the inputs.
    pub fn taken(mut self, limits: &Limits) -> Result<(Self, Vec<Input>), ApiError> {
        let Inputs(inputs) = std::mem::replace(&mut self.inputs, Inputs(List::empty()));
        Ok((self, inputs.checked("inputs", limits)?))
    }
}

/// The answer to `/embed`.
pub async fn embed_with(app: &App, request: EmbedRequest) -> Result<Reply, TeiError> {
    let (options, texts) = request.taken(&app.limits)?;
    let parts = Parts::one(Part::alone(texts.len()));
    Ok(embed_together(app, options, texts, parts).await?.only())
}

/// The replies of `/embed` to requests with the same options.
pub(super) async fn embed_together(
    app: &App,
    options: EmbedRequest,
    texts: Vec<Input>,
    parts: Parts,
) -> Result<Replies, TeiError> {
    let EmbedRequest { normalize, truncate, truncation_direction, prompt_name, dimensions, model, .. } = options;
    let service = model_for(app, model.as_deref(), Work::Embed).await?;
    let call = RequestOptions { normalize: Some(normalize), dimensions, prompt_name, ..RequestOptions::default() };
    let call = RequestOptions { truncate: truncation(&service, truncate, truncation_direction), ..call };
    let (answer, cost) = answer(texts, &parts, call, async |texts, call| service.embed(texts, call).await).await?;
    let numbers = answer.results.iter().map(|e| e.vector.len()).sum();
    let body = floats::write(numbers, move || {
        let one = |vectors: &[Embedding]| {
            let mut out = Vec::new();
            floats::list(vectors, &mut out, |embedding, out| floats::array(&embedding.vector, out));
            out
        };
        parts.split(&answer.results).into_iter().map(|(_, vectors)| one(vectors)).collect()
    });
    Ok(Replies::new(body.await?, cost))
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
    let (options, texts) = request.taken(&app.limits)?;
    let parts = Parts::one(Part::alone(texts.len()));
    Ok(embed_all_together(app, options, texts, parts).await?.only())
}

/// The replies of `/embed_all` to requests with the same options. Their memory is counted as that of one.
pub(super) async fn embed_all_together(
    app: &App,
    options: EmbedTokensRequest,
    texts: Vec<Input>,
    parts: Parts,
) -> Result<Replies, TeiError> {
    let (service, call) = prepare(app, options, Work::EmbedTokens).await?;
    let call = RequestOptions { most_numbers: Some(app.limits.reply_numbers()), ..call };
    let mut memory = app.memory.part();
    let ask = async |texts: Vec<Input>, call| {
        let numbers = estimated_tokens(&service, &texts).saturating_mul(service.engine().info().dimensions);
        let full = |_| Failure::Full { retry_after: Duration::from_secs(1) };
        memory.add(numbers.saturating_mul(size_of::<f32>())).map_err(full)?;
        match service.engine().info().output {
            OutputKind::TokenVectors => service.embed_tokens(texts, call).await,
            _ => service.hidden_states(texts, call).await,
        }
    };
    let (answer, cost) = answer(texts, &parts, call, ask).await?;
    let numbers = answer.results.iter().map(|e| e.vectors.len()).sum();
    memory.grow(Limits::bytes_of(numbers))?;
    let json = floats::write(numbers, move || {
        let text = |text: &TokenEmbeddings| {
            let mut out = Vec::new();
            floats::list(text.vectors.chunks_exact(text.dimensions.max(1)), &mut out, floats::array);
            out
        };
        parts.split(&answer.results).into_iter().map(|(_, texts)| bracketed(texts.iter().map(text))).collect()
    });
    Ok(Replies { json: json.await?, cost, memory: Some(memory) })
}

/// About how many tokens a model sees of `texts`.
pub fn estimated_tokens(service: &Service, texts: &[Input]) -> usize {
    let most = service.local().max_length;
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
    let (options, texts) = request.taken(&app.limits)?;
    let parts = Parts::one(Part::alone(texts.len()));
    Ok(embed_sparse_together(app, options, texts, parts).await?.only())
}

/// The replies of `/embed_sparse` to requests with the same options.
pub(super) async fn embed_sparse_together(
    app: &App,
    options: EmbedTokensRequest,
    texts: Vec<Input>,
    parts: Parts,
) -> Result<Replies, TeiError> {
    let (service, call) = prepare(app, options, Work::EmbedSparse).await?;
    let asked = answer(texts, &parts, call, async |texts, call| service.embed_sparse(texts, call).await);
    let (answer, cost) = asked.await?;
    let numbers: usize = answer.results.iter().map(|e| e.values.len()).sum();
    // Each comes with its index.
    if numbers > app.limits.reply_numbers() / 2 {
        let message = format!("{numbers} weights are more than a reply has (--reply-limit)");
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("reply_too_large").into());
    }
    let body = floats::write(numbers, move || {
        let one = |texts: &[SparseEmbedding]| {
            let mut out = Vec::new();
            floats::list(texts, &mut out, |text, out| {
                floats::list(text.indices.iter().zip(&text.values), out, |(index, value), out| {
                    out.extend_from_slice(b"{\"index\":");
                    floats::json(index, out);
                    out.extend_from_slice(b",\"value\":");
                    floats::json(value, out);
                    out.push(b'}');
                });
            });
            out
        };
        parts.split(&answer.results).into_iter().map(|(_, texts)| one(texts)).collect()
    });
    Ok(Replies::new(body.await?, cost))
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
    let (options, texts) = request.taken(&app.limits)?;
    let parts = Parts::one(Part::alone(texts.len()));
    Ok(similarity_together(app, options, texts, parts).await?.only())
}

/// The options of a request to compare texts.
#[derive(PartialEq)]
pub(super) struct SimilarityOptions {
    parameters: SimilarityParameters,
    model: Option<String>,
}

impl SimilarityRequest {
    /// The options, and the texts: the one that the others are compared with comes first.
    pub(super) fn taken(self, limits: &Limits) -> Result<(SimilarityOptions, Vec<Input>), ApiError> {
        let Self { inputs: SimilarityInputs { source_sentence, sentences }, parameters, model } = self;
        let sentences = sentences.checked("inputs.sentences", limits)?;
        let texts = std::iter::once(source_sentence).chain(sentences).map(Input::Text).collect();
        Ok((SimilarityOptions { parameters: parameters.unwrap_or_default(), model }, texts))
    }
}

/// The replies of `/similarity` to requests with the same options.
pub(super) async fn similarity_together(
    app: &App,
    options: SimilarityOptions,
    texts: Vec<Input>,
    parts: Parts,
) -> Result<Replies, TeiError> {
    let started = Instant::now();
    let SimilarityOptions { parameters, model } = options;
    let service = model_for(app, model.as_deref(), Work::Embed).await?;
    let similarity = service.model().similarity();
    let similarity = similarity.map_err(|e| TeiError::of(Failure::Unsupported(e.to_string()), |_| String::new()))?;
    let SimilarityParameters { truncate, truncation_direction, prompt_name } = parameters;
    let truncate = truncation(&service, truncate, truncation_direction);
    let characters = characters(&texts);
    let name = |index: usize| {
        let place = parts.place(index);
        match place.index.checked_sub(1) {
            Some(sentence) => format!("{}inputs.sentences[{sentence}]", place.prefix),
            None => format!("{}inputs.source_sentence", place.prefix),
        }
    };
    let call = RequestOptions { truncate, prompt_name, ..RequestOptions::default() };
    let answer = service.embed(texts, call).await.map_err(|e| TeiError::of(e, name))?;
    let cost = Cost::of(&answer, started, characters);
    let numbers = answer.results.iter().map(|e| e.vector.len()).sum();
    let body = floats::write(numbers, move || {
        let one = |vectors: &[Embedding]| {
            let mut out = Vec::new();
            let (source, sentences) = vectors.split_first().unzip();
            let alike = sentences.into_iter().flatten().zip(source.into_iter().cycle());
            // As the vectors have no more digits than that.
            floats::list(alike, &mut out, |(sentence, source), out| {
                floats::json(&(similarity.of(&source.vector, &sentence.vector) as f32), out);
            });
            out
        };
        parts.split(&answer.results).into_iter().map(|(_, vectors)| one(vectors)).collect()
    });
    Ok(Replies::new(body.await?, cost))
}

/// The model, and the treatment of inputs.
async fn prepare(
    app: &App,
    options: EmbedTokensRequest,
    work: Work,
) -> Result<(Arc<Service>, RequestOptions), TeiError> {
    let EmbedTokensRequest { truncate, truncation_direction, prompt_name, model, .. } = options;
    let service = model_for(app, model.as_deref(), work).await?;
    let truncate = truncation(&service, truncate, truncation_direction);
    Ok((service, RequestOptions { truncate, prompt_name, ..RequestOptions::default() }))
}

/// What the model says of the inputs, and what that cost.
async fn answer<T>(
    texts: Vec<Input>,
    parts: &Parts,
    call: RequestOptions,
    ask: impl AsyncFnOnce(Vec<Input>, RequestOptions) -> Result<Answer<T>, Failure>,
) -> Result<(Answer<T>, Cost), TeiError> {
    let started = Instant::now();
    let characters = characters(&texts);
    let name = |index: usize| {
        let place = parts.place(index);
        format!("{}inputs[{}]", place.prefix, place.index)
    };
    let answer = ask(texts, call).await.map_err(|e| TeiError::of(e, name))?;
    let cost = Cost::of(&answer, started, characters);
    Ok((answer, cost))
}
