//! `POST /classify` of Infinity. vLLM's clients send the same and expect another response: they are not supported.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::fields::{Direction, Refused, check_limits, raw_scores, refused_schema, truncation};
use super::inputs::{Document, Documents, Truncation, documents_schema, truncation_schema};
use super::tags;
use crate::engine::{Input, OutputKind, RequestOptions};
use crate::server::http::{Body, Usage, new_id, unix_time, whole};
use crate::server::models::of_inputs;
use crate::server::{ApiError, App};

/// Texts to classify. Unknown fields are ignored.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"input": ["I like it."]}))]
#[serde(expecting = "an object")]
#[allow(dead_code, reason = "refused fields are not read")]
pub(crate) struct ClassifyRequest {
    /// The texts.
    #[schema(schema_with = documents_schema, example = json!(["I like it."]))]
    input: Documents,
    /// The model's name; if missing, empty or "default/not-specified", the first classifier.
    #[schema(example = "default/not-specified")]
    model: Option<String>,
    /// True for logits as scores, without softmax or sigmoid.
    raw_scores: Option<bool>,
    /// vLLM's opposite of `raw_scores`.
    use_activation: Option<bool>,
    #[schema(schema_with = truncation_schema)]
    truncate: Option<Truncation>,
    /// Voyage's and Jina's: false makes a text that is too long an error.
    truncation: Option<bool>,
    /// vLLM's: the end at which a text that is too long is cut.
    truncation_side: Option<Direction>,
    /// vLLM's maximum tokens of a text. A value below the model's is refused.
    #[serde(default, deserialize_with = "whole")]
    truncate_prompt_tokens: Option<i64>,
    /// vLLM's. Must be true.
    add_special_tokens: Option<bool>,
    /// vLLM's: chat messages.
    #[schema(schema_with = refused_schema)]
    messages: Option<Refused>,
    /// Jina's: labels unknown to the model.
    #[schema(schema_with = refused_schema)]
    labels: Option<Refused>,
    /// Jina's.
    #[schema(schema_with = refused_schema)]
    classifier_id: Option<Refused>,
    /// vLLM's.
    #[schema(schema_with = refused_schema)]
    chat_template: Option<Refused>,
    /// vLLM's.
    #[schema(schema_with = refused_schema)]
    chat_template_kwargs: Option<Refused>,
}

/// The labels of each text, in the order of the texts.
#[derive(Serialize, ToSchema)]
#[schema(as = ClassifyReply)]
pub(crate) struct ClassifyResponse {
    #[schema(example = "classify")]
    object: &'static str,
    /// All labels of each text, best first.
    data: Vec<Vec<Label>>,
    /// The model's name.
    model: String,
    usage: Usage,
    #[schema(example = "infa-5f0c6f5e-2a41-4f0f-9c6b-0d6f4f6f2f64")]
    id: String,
    /// Seconds since 1970.
    #[schema(example = 1795273200)]
    created: u64,
}

/// A label of a text.
#[derive(Serialize, ToSchema)]
struct Label {
    /// The model's confidence.
    #[schema(example = 0.97)]
    score: f64,
    /// The label's name.
    #[schema(example = "joy")]
    label: String,
}

/// Classify texts
///
/// Infinity's route. Scores of mutually exclusive labels add up to 1; otherwise each is between 0 and 1.
#[utoipa::path(
    post, path = "/classify", tag = tags::OPENAI,
    request_body = ClassifyRequest,
    responses((status = 200, description = "The labels of each text", body = ClassifyResponse))
)]
pub(crate) async fn classify(
    State(app): State<Arc<App>>,
    Body(request): Body<ClassifyRequest>,
) -> Result<Json<ClassifyResponse>, ApiError> {
    let raw = raw_scores(request.raw_scores, request.use_activation)?;
    if request.add_special_tokens == Some(false) {
        return Err(ApiError::bad_value(
            "add_special_tokens",
            "must be true: texts always get the model's special tokens",
        ));
    }
    let loaded = app.model_for(request.model.as_deref(), OutputKind::Labels).await?;
    check_limits(&[("truncate_prompt_tokens", request.truncate_prompt_tokens)], &loaded)?;
    let Documents(input) = request.input;
    let text = |document: Document| Input::Text(document.text);
    let texts = input.checked("input", &app.limits)?.into_iter().map(text).collect();
    let side = ("truncation_side", request.truncation_side);
    let truncate = truncation(request.truncate, request.truncation, &[side], request.truncate_prompt_tokens)?;
    let truncate = truncate.map(|truncate| truncate.end(&loaded));
    let options = RequestOptions { truncate, ..RequestOptions::default() };
    let computed = loaded.classify(texts, raw, options).await.map_err(|e| of_inputs(e, "input"))?;
    let label = |label: &crate::engine::Label| Label { score: label.score, label: label.name.to_string() };
    Ok(Json(ClassifyResponse {
        object: "classify",
        data: computed.results.iter().map(|labelled| labelled.labels.iter().map(label).collect()).collect(),
        model: loaded.name().to_owned(),
        usage: Usage::of(computed.tokens),
        id: new_id(),
        created: unix_time(),
    }))
}
