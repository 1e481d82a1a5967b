//! `POST /embeddings`: OpenAI's and Infinity's.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::post;
use serde::Deserialize;
use utoipa::ToSchema;

use super::inputs::{Inputs, Truncation, inputs_schema, truncation_schema};
use super::reply::{Usage, json, new_id};
use super::served_for;
use crate::engine::{Call, Embedding, Role, Text};
use crate::server::app::unix_time;
use crate::server::extract::{Body, shorten};
use crate::server::metrics::Work;
use crate::server::service::Answer;
use crate::server::vectors::{EncodingFormat, VectorWriter};
use crate::server::whole::whole;
use crate::server::{ApiError, App, EmbeddingDtype, Limits};

/// From this many numbers on a reply is written on a thread that may block: about 1 ms of work.
const LARGE: usize = 64 * 512;

pub fn router() -> Router<Arc<App>> {
    Router::new().route("/embeddings", post(embeddings))
}

/// What is to be embedded, and how. Fields that are not listed are ignored.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"input": ["What do cats eat?"]}))]
#[serde(expecting = "an object")]
pub struct EmbeddingsRequest {
    #[schema(schema_with = inputs_schema)]
    input: Inputs,
    /// The name of a model; the first one if it is missing, empty or "default/not-specified".
    #[schema(example = "default/not-specified")]
    model: Option<String>,
    /// "float" or "base64".
    encoding_format: Option<EncodingFormat>,
    /// Vectors are cut to so many numbers and scaled to length 1 again. "output_dimension" means the same.
    #[serde(default, alias = "output_dimension", deserialize_with = "whole")]
    #[schema(minimum = 1)]
    dimensions: Option<usize>,
    /// Who asks; of no consequence.
    #[serde(rename = "user")]
    _user: Option<String>,
    /// "text"; images and audio are not served.
    modality: Option<Modality>,
    /// The name of one of the model's prompts, to be put before each text.
    #[schema(example = json!(null))]
    prompt_name: Option<String>,
    /// Text to be put before each text.
    #[schema(example = json!(null))]
    prompt: Option<String>,
    #[schema(schema_with = truncation_schema)]
    truncate: Option<Truncation>,
    /// Whether vectors are scaled to length 1; by default what the model does.
    normalize: Option<bool>,
    /// The type of the numbers. Base64 then has the bytes of this type: a client that takes base64 for float32 without
    /// being told so, as the package "openai" does, should ask for the encoding_format "float".
    embedding_dtype: Option<EmbeddingDtype>,
}

/// What inputs are, in Infinity's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Modality {
    /// Texts.
    Text,
    /// Images.
    Image,
    /// Audio.
    Audio,
}

/// Vectors, in the order of the inputs.
#[derive(ToSchema)]
#[allow(dead_code, reason = "replies are written by hand; this describes them")]
pub struct EmbeddingsReply {
    #[schema(example = "list")]
    object: String,
    data: Vec<EmbeddingObject>,
    /// The model's name.
    model: String,
    usage: Usage,
    #[schema(example = "infa-5f0c6f5e-2a41-4f0f-9c6b-0d6f4f6f2f64")]
    id: String,
    /// Seconds since 1970.
    #[schema(example = 1795273200)]
    created: u64,
}

/// The vector of one input.
#[derive(ToSchema)]
#[allow(dead_code, reason = "replies are written by hand; this describes them")]
struct EmbeddingObject {
    #[schema(example = "embedding")]
    object: String,
    embedding: Vector,
    /// Which input it is of.
    index: usize,
}

/// A list of numbers, or their bytes in base64.
#[derive(ToSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "replies are written by hand; this describes them")]
enum Vector {
    Numbers(Vec<f32>),
    Base64(String),
}

impl EmbeddingsRequest {
    /// What is asked of a model that gives vectors as `usual` without being asked, and how its answer is written.
    fn resolve(self, usual: EmbeddingDtype, limits: &Limits) -> Result<(Vec<Text>, Call, VectorWriter), ApiError> {
        let Self { input, encoding_format, dimensions, modality, prompt_name, prompt, truncate, .. } = self;
        if modality.is_some_and(|modality| modality != Modality::Text) {
            return Err(ApiError::bad_value("modality", "only \"text\" is served; images and audio are not"));
        }
        let texts = input.0.checked("input", limits)?;
        if let Some(name) = &prompt_name
            && shorten(name) != *name
        {
            return Err(ApiError::bad_value("prompt_name", format!("there is no prompt \"{}\"", shorten(name))));
        }
        let dtype = self.embedding_dtype.unwrap_or(usual);
        let normalize = match self.normalize {
            Some(false) if dtype.needs_length_one() => {
                let reason = "int8 and uint8 are for vectors of length 1; leave it out, or use another embedding_dtype";
                return Err(ApiError::bad_value("normalize", reason));
            }
            None if dtype.needs_length_one() => Some(true),
            other => other,
        };
        let call = Call {
            role: Role::Text,
            prompt,
            prompt_name,
            truncate: truncate.and_then(|Truncation(truncate)| truncate),
            normalize,
            dimensions,
            ..Call::default()
        };
        // Who does not know of the dtype, which the server's flag chose, takes base64 for float32.
        let packed = self.embedding_dtype.is_some();
        Ok((texts, call, VectorWriter { format: encoding_format.unwrap_or_default(), dtype, packed }))
    }
}

/// Texts become vectors
///
/// As OpenAI and Infinity do it. A list of inputs may be as long as --max-client-batch-size; it is split inside.
#[utoipa::path(
    post, path = "/embeddings", tag = "OpenAI, Infinity, Cohere, Jina",
    request_body = EmbeddingsRequest,
    responses((status = 200, description = "One vector an input, in order", body = EmbeddingsReply))
)]
pub async fn embeddings(
    State(app): State<Arc<App>>,
    Body(request): Body<EmbeddingsRequest>,
) -> Result<Response, ApiError> {
    let served = served_for(&app, request.model.as_deref(), Work::Embed)?;
    let (texts, call, writer) = request.resolve(served.spec.embedding_dtype, &app.limits)?;
    let service = served.acquire(app.limits.model_return).await?;
    let answer = service.embed(texts, call).await.map_err(|e| ApiError::of_inputs(e, "input"))?;
    let numbers: usize = answer.results.iter().map(|embedding| embedding.vector.len()).sum();
    if numbers < LARGE {
        return Ok(json(write(&answer, service.name(), writer)));
    }
    let written = tokio::task::spawn_blocking(move || write(&answer, service.name(), writer)).await;
    written.map(json).map_err(|e| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))
}

/// The reply, written in one go: the numbers never become a tree of JSON values.
fn write(answer: &Answer<Embedding>, name: &str, writer: VectorWriter) -> Vec<u8> {
    let size: usize = answer.results.iter().map(|embedding| 80 + writer.size(embedding.vector.len())).sum();
    let mut out = Vec::with_capacity(512 + size);
    out.extend_from_slice(br#"{"object":"list","data":["#);
    for (index, embedding) in answer.results.iter().enumerate() {
        let start = if index == 0 { "" } else { "," };
        out.extend_from_slice(format!(r#"{start}{{"object":"embedding","index":{index},"embedding":"#).as_bytes());
        writer.write(&embedding.vector, &mut out);
        out.push(b'}');
    }
    let rest = serde_json::json!({
        "model": name, "usage": Usage::of(answer.tokens), "id": new_id(), "created": unix_time(),
    });
    // The rest of the object, without its brace.
    out.extend_from_slice(b"],");
    out.extend_from_slice(rest.to_string().trim_start_matches('{').as_bytes());
    out
}
