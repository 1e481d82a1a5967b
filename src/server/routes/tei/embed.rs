//! Vectors and lexical weights: `/embed`, `/embed_all`, `/embed_sparse`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::inputs::characters;
use super::together::{Cost, Parts, Responses, Taken, TeiTask, alone, failed, truncation};
use crate::engine::{Embedding, Input, OutputKind, RequestOptions, SparseEmbedding, TokenEmbeddings};
use crate::server::http::{Body, bracketed, whole, write};
use crate::server::models::Failure;
use crate::server::routes::fields::{Direction, yes};
use crate::server::routes::inputs::{Inputs, List, inputs_schema};
use crate::server::routes::tags;
use crate::server::{ApiError, App, Limits};

/// Inputs to embed.
#[derive(PartialEq, Deserialize, ToSchema)]
#[schema(example = json!({"inputs": ["What do cats eat?"]}))]
pub(crate) struct EmbedRequest {
    #[schema(schema_with = inputs_schema)]
    inputs: Inputs,
    /// True for vectors of length 1.
    #[serde(default = "yes")]
    #[schema(default = true)]
    normalize: bool,
    /// False makes a text that is too long an error. By default, the server's setting.
    truncate: Option<bool>,
    /// The end at which it is cut.
    truncation_direction: Option<Direction>,
    /// The name of one of the model's prompts, prepended to each text.
    prompt_name: Option<String>,
    /// Length to which vectors are truncated, then scaled to length 1 (unless `normalize` is false).
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = 1)]
    dimensions: Option<usize>,
    /// The model's name; by default the first made for the route.
    model: Option<String>,
}

/// Inputs to embed as token vectors or lexical weights.
#[derive(PartialEq, Deserialize, ToSchema)]
#[schema(example = json!({"inputs": ["What do cats eat?"]}))]
pub(crate) struct EmbedTokensRequest {
    #[schema(schema_with = inputs_schema)]
    inputs: Inputs,
    /// False makes a text that is too long an error. By default, the server's setting.
    truncate: Option<bool>,
    /// The end at which it is cut.
    truncation_direction: Option<Direction>,
    /// The name of one of the model's prompts, prepended to each text.
    prompt_name: Option<String>,
    /// The model's name; by default the first made for the route.
    model: Option<String>,
}

/// A token of the vocabulary, and its weight.
#[derive(ToSchema)]
#[allow(dead_code, reason = "schema of a hand-written response")]
pub(crate) struct SparseValue {
    index: u32,
    value: f32,
}

/// `/embed`
pub(crate) struct Embed;

impl TeiTask for Embed {
    type Request = EmbedRequest;
    type Options = EmbedRequest;
    type Input = Input;

    fn taken(mut request: EmbedRequest, limits: &Limits) -> Result<Taken<Self>, ApiError> {
        let inputs = std::mem::replace(&mut request.inputs.0, List::empty());
        Ok((request, inputs.checked("inputs", limits)?, false))
    }

    fn numbers(options: &EmbedRequest, count: usize, width: usize) -> usize {
        count.saturating_mul(options.dimensions.map_or(width, |dimensions| dimensions.min(width)))
    }

    async fn compute(app: &App, options: EmbedRequest, texts: Vec<Input>, parts: Parts) -> Result<Responses, ApiError> {
        let EmbedRequest { normalize, truncate, truncation_direction, prompt_name, dimensions, model, .. } = options;
        let loaded = app.model_for(model.as_deref(), OutputKind::Embedding).await?;
        let mut cost = Cost::begin(characters(&texts));
        let truncate = truncation(&loaded, truncate, truncation_direction);
        let options = RequestOptions {
            normalize: Some(normalize),
            dimensions,
            prompt_name,
            truncate,
            ..RequestOptions::default()
        };
        let computed = loaded.embed(texts, options).await.map_err(|e| failed::<Self>(e, &parts))?;
        cost.count(&computed);
        let numbers = computed.results.iter().map(|e| e.vector.len()).sum();
        Responses::write(parts, computed.results, numbers, cost, |_, vectors: &[Embedding], out| {
            write::list(vectors, out, |embedding, out| write::numbers(&embedding.vector, out));
        })
        .await
    }
}

/// `/embed_sparse` if `SPARSE`, otherwise `/embed_all`. Responses that are computed together count as one in memory.
pub(crate) struct EmbedTokens<const SPARSE: bool>;
pub(crate) type EmbedAll = EmbedTokens<false>;
pub(crate) type EmbedSparse = EmbedTokens<true>;

impl<const SPARSE: bool> TeiTask for EmbedTokens<SPARSE> {
    type Request = EmbedTokensRequest;
    type Options = EmbedTokensRequest;
    type Input = Input;

    fn taken(mut request: EmbedTokensRequest, limits: &Limits) -> Result<Taken<Self>, ApiError> {
        let inputs = std::mem::replace(&mut request.inputs.0, List::empty());
        Ok((request, inputs.checked("inputs", limits)?, false))
    }

    async fn compute(
        app: &App,
        options: EmbedTokensRequest,
        texts: Vec<Input>,
        parts: Parts,
    ) -> Result<Responses, ApiError> {
        let EmbedTokensRequest { truncate, truncation_direction, prompt_name, model, .. } = options;
        let output = if SPARSE { OutputKind::Sparse } else { OutputKind::TokenVectors };
        let loaded = app.model_for(model.as_deref(), output).await?;
        let truncate = truncation(&loaded, truncate, truncation_direction);
        let options = RequestOptions { truncate, prompt_name, ..RequestOptions::default() };
        let mut cost = Cost::begin(characters(&texts));
        if SPARSE {
            let computed = loaded.compute::<SparseEmbedding>(OutputKind::Sparse, texts, options).await;
            let computed = computed.map_err(|e| failed::<Self>(e, &parts))?;
            cost.count(&computed);
            let numbers: usize = computed.results.iter().map(|e| e.values.len()).sum();
            // Each weight has an index.
            if numbers > app.limits.reply_numbers() / 2 {
                let message = format!("the response would have {numbers} weights, more than --reply-limit allows");
                return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("reply_too_large"));
            }
            return Responses::write(parts, computed.results, numbers, cost, |_, texts: &[SparseEmbedding], out| {
                write::list(texts, out, |text, out| {
                    write::list(text.indices.iter().zip(&text.values), out, |(index, value), out| {
                        out.extend_from_slice(b"{\"index\":");
                        write::json(index, out);
                        out.extend_from_slice(b",\"value\":");
                        write::json(value, out);
                        out.push(b'}');
                    });
                });
            })
            .await;
        }
        let options = RequestOptions { most_numbers: Some(app.limits.reply_numbers()), ..options };
        let mut permit = app.memory.permit();
        let numbers = loaded.estimated_tokens(&texts).saturating_mul(loaded.dimensions());
        let full = |_| failed::<Self>(Failure::Full { retry_after: Duration::from_secs(1) }, &parts);
        permit.add(numbers.saturating_mul(size_of::<f32>())).map_err(full)?;
        let output = match loaded.engine().info().output {
            OutputKind::TokenVectors => OutputKind::TokenVectors,
            _ => OutputKind::HiddenStates,
        };
        let computed = loaded.compute::<TokenEmbeddings>(output, texts, options).await;
        let computed = computed.map_err(|e| failed::<Self>(e, &parts))?;
        cost.count(&computed);
        let numbers = computed.results.iter().map(|e| e.vectors.len()).sum();
        permit.grow(Limits::bytes_of(numbers))?;
        let json = write::off_thread_if_many(numbers, move || {
            let text = |text: &TokenEmbeddings| {
                let mut out = Vec::new();
                write::list(text.vectors.chunks_exact(text.dimensions.max(1)), &mut out, write::numbers);
                out
            };
            parts.split(&computed.results).into_iter().map(|(_, texts)| bracketed(texts.iter().map(text))).collect()
        });
        Ok(Responses { json: json.await?, cost, permit: Some(permit) })
    }
}

/// Token vectors of texts
///
/// Token vectors of models made for them (ColBERT), the last hidden states of other encoders.
#[utoipa::path(post, path = "/embed_all", tag = tags::TEI, request_body = EmbedTokensRequest,
    responses((status = 200, description = "One list of vectors per text, in order", body = Vec<Vec<Vec<f32>>>)))]
pub(crate) async fn embed_all(
    State(app): State<Arc<App>>,
    Body(request): Body<EmbedTokensRequest>,
) -> Result<Response, ApiError> {
    alone::<EmbedAll>(&app, request).await
}

/// Lexical weights of texts
///
/// For models with lexical weights (SPLADE).
#[utoipa::path(post, path = "/embed_sparse", tag = tags::TEI, request_body = EmbedTokensRequest,
    responses((status = 200, description = "One list of weights per text, in order", body = Vec<Vec<SparseValue>>)))]
pub(crate) async fn embed_sparse(
    State(app): State<Arc<App>>,
    Body(request): Body<EmbedTokensRequest>,
) -> Result<Response, ApiError> {
    alone::<EmbedSparse>(&app, request).await
}
