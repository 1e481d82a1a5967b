//! `/tokenize` and `/decode`: texts to tokens and back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::inputs::Inputs;
use super::inputs::{ids_schema, texts_schema};
use super::{TeiBody, TeiError};
use crate::engine::Text;
use crate::model::tokenizer::{TokenizeError, Tokenizer};
use crate::server::extract::shorten;
use crate::server::openapi::tag;
use crate::server::service::Service;
use crate::server::{ApiError, App};

/// What is to be taken apart.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"inputs": "What do cats eat?"}))]
pub struct TokenizeRequest {
    #[schema(schema_with = texts_schema)]
    inputs: Inputs,
    /// Whether the special tokens around a text are among its tokens.
    #[serde(default = "yes")]
    #[schema(default = true)]
    add_special_tokens: bool,
    /// The name of a prompt of the model's to put before each text.
    prompt_name: Option<String>,
    /// Which model's tokenizer; without it the first's.
    model: Option<String>,
}

/// What is to be put together.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"ids": [101, 102], "skip_special_tokens": false}))]
pub struct DecodeRequest {
    #[schema(schema_with = ids_schema)]
    ids: Inputs,
    /// Whether special tokens are left out.
    #[serde(default = "yes")]
    #[schema(default = true)]
    skip_special_tokens: bool,
    /// Which model's tokenizer; without it the first's.
    model: Option<String>,
}

/// A token.
#[derive(Serialize, ToSchema)]
pub struct SimpleToken {
    #[schema(example = 428)]
    id: u32,
    /// The part of the text that it stands for; a special token's name.
    #[schema(example = "the")]
    text: String,
    /// Whether it is a special token that was put around the text.
    special: bool,
    /// Where it begins in the text (with its prompt), in characters.
    #[schema(example = 0)]
    start: Option<usize>,
    /// Where it ends.
    #[schema(example = 3)]
    stop: Option<usize>,
}

fn yes() -> bool {
    true
}

/// The tokens of each text, with their places
///
/// The whole text is taken apart, however long it is.
#[utoipa::path(post, path = "/tokenize", tag = tag::TEI, request_body = TokenizeRequest,
    responses((status = 200, description = "One list of tokens a text, in order", body = Vec<Vec<SimpleToken>>)))]
pub async fn tokenize(
    State(app): State<Arc<App>>,
    TeiBody(request): TeiBody<TokenizeRequest>,
) -> Result<Json<Vec<Vec<SimpleToken>>>, TeiError> {
    let TokenizeRequest { inputs: Inputs(texts), add_special_tokens, prompt_name, model } = request;
    let texts = texts.checked("inputs", &app.limits)?;
    let service = super::super::model(&app, model.as_deref()).await?;
    let prompt = prompt(&service, prompt_name.as_deref())?;
    let one = move |tokenizer: &Tokenizer, text: Text| match text {
        Text::Text(text) => {
            let text = prompt.as_ref().map(|prompt| format!("{prompt}{text}")).unwrap_or(text);
            Some(tokenizer.pieces(&text, add_special_tokens))
        }
        Text::Ids(_) => None,
    };
    let all = with_tokenizer(service, texts, one, "inputs", "a string is needed").await?;
    let token = |piece: crate::model::tokenizer::pieces::Piece| SimpleToken {
        id: piece.id,
        text: piece.text,
        special: piece.span.is_none(),
        start: piece.span.as_ref().map(|span| span.start),
        stop: piece.span.map(|span| span.end),
    };
    Ok(Json(all.into_iter().map(|pieces| pieces.into_iter().map(token).collect()).collect()))
}

/// The text of tokens
#[utoipa::path(post, path = "/decode", tag = tag::TEI, request_body = DecodeRequest,
    responses((status = 200, description = "One text a list of ids, in order", body = Vec<String>)))]
pub async fn decode(
    State(app): State<Arc<App>>,
    TeiBody(request): TeiBody<DecodeRequest>,
) -> Result<Json<Vec<String>>, TeiError> {
    let DecodeRequest { ids: Inputs(texts), skip_special_tokens, model } = request;
    let texts = texts.checked("ids", &app.limits)?;
    let service = super::super::model(&app, model.as_deref()).await?;
    let one = move |tokenizer: &Tokenizer, ids: Text| match ids {
        Text::Ids(ids) => Some(tokenizer.decode(&ids, skip_special_tokens)),
        Text::Text(_) => None,
    };
    Ok(Json(with_tokenizer(service, texts, one, "ids", "token ids are needed").await?))
}

/// The prompt that is put before each text.
fn prompt(service: &Service, name: Option<&str>) -> Result<Option<String>, TeiError> {
    let model = service.engine().model();
    match name {
        None => Ok(service.engine().local().prompt.clone()),
        Some(name) => model.prompt(None, Some(name)).map_err(|_| {
            let known: Vec<&str> = model.sentence.prompts.keys().map(String::as_str).collect();
            let known =
                if known.is_empty() { "no prompts".into() } else { format!("the prompts {}", known.join(", ")) };
            let reason = format!("the model has {known}, and none is called \"{}\"", shorten(name));
            ApiError::bad_value("prompt_name", reason).into()
        }),
    }
}

/// What `one` makes of each of `texts`, on a thread that may be busy for a while; `None` stands for the wrong kind.
async fn with_tokenizer<T: Send + 'static>(
    service: Arc<Service>,
    texts: Vec<Text>,
    one: impl Fn(&Tokenizer, Text) -> Option<Result<T, TokenizeError>> + Send + 'static,
    field: &'static str,
    wrong: &'static str,
) -> Result<Vec<T>, TeiError> {
    let work = move || {
        let tokenizer = &service.engine().model().tokenizer;
        let each = |(index, text)| match one(tokenizer, text) {
            Some(Ok(result)) => Ok(result),
            Some(Err(e)) => Err(TeiError::tokenizer(format!("{field}[{index}]: {e}"))),
            None => {
                let message = format!("{field}[{index}]: {wrong}");
                Err(TeiError::new(StatusCode::UNPROCESSABLE_ENTITY, message))
            }
        };
        texts.into_iter().enumerate().map(each).collect()
    };
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|e| Err(TeiError::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the tokenizer failed: {e}"))))
}
