//! `/tokenize` and `/decode`: texts to tokens and back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::inputs::{ids_schema, texts_schema};
use super::together::error_of;
use crate::engine::{Input, TextError};
use crate::model::tokenizer::pieces::Piece;
use crate::model::tokenizer::{Prompted, TokenizeError, Tokenizer};
use crate::server::http::{Body, json_list, shorten, write};
use crate::server::models::Service;
use crate::server::routes::fields::yes;
use crate::server::routes::inputs::Inputs;
use crate::server::routes::tags;
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

/// The tokens of each text, with their places
///
/// All of the text is read, up to 256 KiB a text.
#[utoipa::path(post, path = "/tokenize", tag = tags::TEI, request_body = TokenizeRequest,
    responses((status = 200, description = "One list of tokens a text, in order", body = Vec<Vec<SimpleToken>>)))]
pub async fn tokenize(State(app): State<Arc<App>>, Body(request): Body<TokenizeRequest>) -> Result<Response, ApiError> {
    let TokenizeRequest { inputs: Inputs(texts), add_special_tokens, prompt_name, model } = request;
    let texts = texts.checked("inputs", &app.limits)?;
    let service = app.model(model.as_deref()).await?;
    let prompt = prompt(&service, prompt_name.as_deref())?.unwrap_or_default();
    let text = |(index, text)| match text {
        Input::Text(text) => Ok(text),
        _ => Err(wrong_kind("inputs", index, "a string is needed")),
    };
    let texts: Vec<String> = texts.into_iter().enumerate().map(text).collect::<Result<_, _>>()?;
    let sizes = texts.iter().map(|text| text.len() + prompt.len()).collect();
    let each = move |tokenizer: &Tokenizer, i: usize| {
        let pieces = tokenizer.pieces(Prompted { prompt: &prompt, text: &texts[i] }, add_special_tokens)?;
        let mut out = Vec::with_capacity(pieces.len() * JSON_TOKEN);
        write::list(pieces, &mut out, |piece, out| write::json(&SimpleToken::from(piece), out));
        out.shrink_to_fit();
        Ok(out)
    };
    with_tokenizer(&app, service, "inputs", sizes, TEXTS, each).await
}

/// The text of tokens
///
/// Up to 1,048,576 ids a list.
#[utoipa::path(post, path = "/decode", tag = tags::TEI, request_body = DecodeRequest,
    responses((status = 200, description = "One text a list of ids, in order", body = Vec<String>)))]
pub async fn decode(State(app): State<Arc<App>>, Body(request): Body<DecodeRequest>) -> Result<Response, ApiError> {
    let DecodeRequest { ids: Inputs(lists), skip_special_tokens, model } = request;
    let lists = lists.checked("ids", &app.limits)?;
    let service = app.model(model.as_deref()).await?;
    let ids = |(index, ids)| match ids {
        Input::Ids(ids) => Ok(ids),
        _ => Err(wrong_kind("ids", index, "token ids are needed")),
    };
    let lists: Vec<Vec<u32>> = lists.into_iter().enumerate().map(ids).collect::<Result<_, _>>()?;
    let sizes = lists.iter().map(Vec::len).collect();
    let each = move |tokenizer: &Tokenizer, i: usize| {
        let mut out = Vec::new();
        write::json(&tokenizer.decode(&lists[i], skip_special_tokens)?, &mut out);
        Ok(out)
    };
    with_tokenizer(&app, service, "ids", sizes, IDS, each).await
}

/// What an input may be, and what is made of it: of a text for each byte, of a list of ids for each id.
struct Cost {
    /// The largest input.
    most: usize,
    /// Bytes of memory while it is worked on. The tokenizers crate keeps every word of a text as a string of its own.
    transient: usize,
    /// Bytes of the reply, about.
    reply: usize,
}

const TEXTS: Cost = Cost { most: 256 << 10, transient: 700, reply: 16 };
const IDS: Cost = Cost { most: 1 << 20, transient: 100, reply: 6 };
/// Bytes of a token in a reply, about.
const JSON_TOKEN: usize = 72;

impl From<Piece> for SimpleToken {
    fn from(piece: Piece) -> Self {
        Self {
            id: piece.id,
            text: piece.text,
            special: piece.span.is_none(),
            start: piece.span.as_ref().map(|span| span.start),
            stop: piece.span.map(|span| span.end),
        }
    }
}

fn wrong_kind(field: &str, index: usize, wrong: &str) -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, format!("{field}[{index}]: {wrong}"))
}

/// The prompt that is put before each text.
fn prompt(service: &Service, name: Option<&str>) -> Result<Option<String>, ApiError> {
    let model = service.model();
    match name {
        None => Ok(service.local().prompt.clone()),
        Some(name) => model.prompt(None, Some(name)).map_err(|_| {
            let known: Vec<&str> = model.sentence.prompts.keys().map(String::as_str).collect();
            let known =
                if known.is_empty() { "no prompts".into() } else { format!("the prompts {}", known.join(", ")) };
            let reason = format!("the model has {known}, and none is called \"{}\"", shorten(name));
            ApiError::bad_value("prompt_name", reason)
        }),
    }
}

/// A list of what `each` makes of the inputs, whose `sizes` are in bytes or ids.
async fn with_tokenizer(
    app: &App,
    service: Arc<Service>,
    field: &'static str,
    sizes: Vec<usize>,
    cost: Cost,
    each: impl Fn(&Tokenizer, usize) -> Result<Vec<u8>, TokenizeError> + Send + Sync + 'static,
) -> Result<Response, ApiError> {
    if let Some((index, size)) = sizes.iter().enumerate().find(|(_, size)| **size > cost.most) {
        let message = format!("{field}[{index}]: {size} bytes or ids are more than {}", cost.most);
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("input_too_large"));
    }
    let (count, total, limit) = (sizes.len(), sizes.iter().sum::<usize>(), app.limits.reply);
    let transient = sizes.iter().max().map_or(0, |largest| largest * cost.transient);
    // Large texts are worked on one at a time.
    let at_once = (app.limits.memory / 8 / transient.max(1)).clamp(1, service.local().threads.max(1));
    let mut permit = app.memory.permit();
    permit.add(transient * at_once.min(count))?;
    permit.add(total.saturating_mul(cost.reply).min(limit))?;
    let (engine, written) = (Arc::clone(&service), AtomicUsize::new(0));
    let job = move |i| {
        let out = each(&engine.model().tokenizer, i)?;
        if written.fetch_add(out.len(), Ordering::Relaxed) + out.len() > limit {
            return Err(TextError::too_large(format!("the reply has more than {limit} bytes (--reply-limit)")));
        }
        Ok(out)
    };
    let items = service.job(total, count, at_once, Box::new(job)).await;
    let items = items.map_err(|e| error_of(e, |index| format!("{field}[{index}]")))?;
    Ok(json_list(items, permit))
}
