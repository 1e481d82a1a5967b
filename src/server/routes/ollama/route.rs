//! The embedding routes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::name::model;
use crate::engine::Input;
use crate::server::http::{Body, json, whole, write};
use crate::server::routes::embed_call::{EmbedCall, Fields, MaxTokens, VectorKind, Vectors};
use crate::server::routes::embeddings::{VectorType, write as write_vector};
use crate::server::routes::inputs::{Inputs, Truncation, inputs_schema};
use crate::server::routes::tags;
use crate::server::vectors::EncodingFormat;
use crate::server::{ApiError, App, EmbeddingDtype};

/// Inputs to embed. Unknown fields, such as `keep_alive`, are ignored.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"input": ["What do cats eat?"]}))]
#[serde(expecting = "an object")]
pub(crate) struct OllamaEmbedRequest {
    /// The model's name, with or without ":latest".
    #[schema(example = "default/not-specified")]
    model: Option<String>,
    #[schema(schema_with = inputs_schema, required = true)]
    input: Option<Inputs>,
    /// False makes a text that is too long an error.
    truncate: Option<bool>,
    /// Length to which vectors are truncated and then scaled to length 1; 0: not truncated.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 0)]
    dimensions: Option<usize>,
    /// Ollama's model options.
    options: Option<OllamaOptions>,
}

/// A text to embed. Unknown fields, such as `keep_alive`, are ignored.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"prompt": "What do cats eat?"}))]
#[serde(expecting = "an object")]
pub(crate) struct OllamaEmbeddingsRequest {
    /// The model's name, with or without ":latest".
    #[schema(example = "default/not-specified")]
    model: Option<String>,
    /// The text.
    #[schema(example = "What do cats eat?")]
    prompt: Option<String>,
    /// Ollama's model options.
    options: Option<OllamaOptions>,
}

/// Model options. Others concern text generation and are ignored.
#[derive(Deserialize, ToSchema)]
struct OllamaOptions {
    /// Maximum tokens of a text. A longer text within the model's maximum is refused, as the server cuts at one length
    /// only.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 0)]
    num_ctx: Option<usize>,
}

/// Vectors, in the order of the inputs.
#[derive(ToSchema)]
#[allow(dead_code, reason = "schema of a hand-written response")]
#[schema(as = OllamaEmbedReply)]
pub(crate) struct OllamaEmbedResponse {
    /// The model's name.
    model: String,
    embeddings: Vec<Vec<f32>>,
    /// Nanoseconds from request to response.
    total_duration: u64,
    /// Nanoseconds until the model was loaded.
    load_duration: u64,
    /// Tokens of the inputs.
    prompt_eval_count: usize,
}

/// A vector.
#[derive(ToSchema)]
#[allow(dead_code, reason = "schema of a hand-written response")]
#[schema(as = OllamaEmbeddingsReply)]
pub(crate) struct OllamaEmbeddingsResponse {
    embedding: Vec<f32>,
}

fn longest(options: Option<OllamaOptions>) -> Option<MaxTokens> {
    let tokens = options?.num_ctx.filter(|&tokens| tokens > 0)?;
    Some(MaxTokens { field: "options.num_ctx", tokens })
}

fn vector(numbers: &[f32], out: &mut Vec<u8>) {
    let float = VectorType::Numbers(EmbeddingDtype::Float32);
    write_vector(float.writer(EncodingFormat::Float), numbers, None, out);
}

/// Create vectors of texts, scaled to length 1 (Ollama)
#[utoipa::path(
    post, path = "/api/embed", operation_id = "ollama_embed", tag = tags::OLLAMA,
    request_body = OllamaEmbedRequest,
    responses((status = 200, description = "One vector per input, in order", body = OllamaEmbedResponse))
)]
pub(crate) async fn embed(
    State(app): State<Arc<App>>,
    Body(request): Body<OllamaEmbedRequest>,
) -> Result<Response, ApiError> {
    let started = Instant::now();
    let served = model(&app, request.model.as_deref())?;
    let loaded = app.acquire(served).await?;
    let loading = started.elapsed();
    // A missing input or a single empty text only loads the model. Each text of a list has a vector.
    let (inputs, is_alone) = match request.input {
        Some(Inputs(list)) if !list.is_empty() => {
            let is_alone = list.is_alone();
            (list.checked("input", &app.limits)?, is_alone)
        }
        _ => (Vec::new(), false),
    };
    let empty = match &inputs[..] {
        [] => true,
        [Input::Text(only)] => is_alone && only.is_empty(),
        _ => false,
    };
    let vectors = match empty {
        true => None,
        false => {
            let call = EmbedCall {
                texts: inputs,
                truncate: request.truncate.map(Truncation::from),
                max_tokens: longest(request.options),
                normalize: Some(true),
                dimensions: request.dimensions.filter(|&n| n > 0),
                wanted: VectorKind::OneVector("model"),
                ..EmbedCall::default()
            };
            Some(call.run(&app, &loaded).await?)
        }
    };
    let numbers = vectors.as_ref().map_or(0, |vectors| vectors.numbers().into_iter().sum());
    let body =
        write::off_thread_if_many(numbers, move || write_response(loaded.name(), vectors.as_ref(), started, loading))
            .await?;
    Ok(json(body))
}

fn write_response(name: &str, vectors: Option<&Vectors>, started: Instant, loading: Duration) -> Vec<u8> {
    let mut out = b"{\"model\":".to_vec();
    write::json(name, &mut out);
    out.extend_from_slice(b",\"embeddings\":[");
    if let Some(vectors) = vectors {
        vectors.each(|index, numbers, _| {
            if index > 0 {
                out.push(b',');
            }
            vector(numbers, &mut out);
        });
    }
    let rest = serde_json::json!({
        "total_duration": started.elapsed().as_nanos() as u64,
        "load_duration": loading.as_nanos() as u64,
        "prompt_eval_count": vectors.map_or(0, Vectors::tokens),
    });
    out.push(b']');
    write::last_fields(&rest, &mut out);
    out
}

/// Create the vector of a text, not scaled (Ollama's older route)
#[utoipa::path(
    post, path = "/api/embeddings", operation_id = "ollama_embeddings", tag = tags::OLLAMA,
    request_body = OllamaEmbeddingsRequest,
    responses((status = 200, description = "The vector", body = OllamaEmbeddingsResponse))
)]
pub(crate) async fn embeddings(
    State(app): State<Arc<App>>,
    Body(request): Body<OllamaEmbeddingsRequest>,
) -> Result<Response, ApiError> {
    let served = model(&app, request.model.as_deref())?;
    let loaded = app.acquire(served).await?;
    let mut out = b"{\"embedding\":".to_vec();
    match request.prompt.filter(|prompt| !prompt.is_empty()) {
        None => out.extend_from_slice(b"[]"),
        Some(prompt) => {
            let call = EmbedCall {
                texts: vec![Input::Text(prompt)],
                max_tokens: longest(request.options),
                normalize: Some(false),
                wanted: VectorKind::OneVector("model"),
                fields: Fields { input: "prompt", indexed: false, ..Fields::default() },
                ..EmbedCall::default()
            };
            call.run(&app, &loaded).await?.each(|_, numbers, _| vector(numbers, &mut out));
        }
    }
    out.push(b'}');
    Ok(json(out))
}
