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
use crate::model::tokenizer::{Prompted, Tokenizer};
use crate::server::http::{Body, json_list, shorten, write};
use crate::server::models::LoadedModel;
use crate::server::routes::fields::yes;
use crate::server::routes::inputs::Inputs;
use crate::server::routes::tags;
use crate::server::{ApiError, App};

/// Texts to tokenize.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"inputs": "What do cats eat?"}))]
pub(crate) struct TokenizeRequest {
    #[schema(schema_with = texts_schema)]
    inputs: Inputs,
    /// True for tokens with the special tokens around a text.
    #[serde(default = "yes")]
    #[schema(default = true)]
    add_special_tokens: bool,
    /// The name of one of the model's prompts, prepended to each text.
    prompt_name: Option<String>,
    /// The model's name; the first by default.
    model: Option<String>,
}

/// Token ids to decode.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"ids": [101, 102], "skip_special_tokens": false}))]
pub(crate) struct DecodeRequest {
    #[schema(schema_with = ids_schema)]
    ids: Inputs,
    /// True for texts without special tokens.
    #[serde(default = "yes")]
    #[schema(default = true)]
    skip_special_tokens: bool,
    /// The model's name; the first by default.
    model: Option<String>,
}

/// A token with its position.
#[derive(Serialize, ToSchema)]
pub(crate) struct SimpleToken {
    #[schema(example = 428)]
    id: u32,
    /// The part of the text that it stands for; the name of a special token.
    #[schema(example = "the")]
    text: String,
    /// True for a special token added around the text.
    special: bool,
    /// Its start in the text (with the prompt), in characters.
    #[schema(example = 0)]
    start: Option<usize>,
    /// Its end.
    #[schema(example = 3)]
    stop: Option<usize>,
}

/// Tokenize texts
///
/// The whole text is tokenized, without truncation; at most 256 KiB per text.
#[utoipa::path(post, path = "/tokenize", tag = tags::TEI, request_body = TokenizeRequest,
    responses((status = 200, description = "One list of tokens per text, in order", body = Vec<Vec<SimpleToken>>)))]
pub(crate) async fn tokenize(
    State(app): State<Arc<App>>,
    Body(request): Body<TokenizeRequest>,
) -> Result<Response, ApiError> {
    let TokenizeRequest { inputs: Inputs(texts), add_special_tokens, prompt_name, model } = request;
    let texts = texts.checked("inputs", &app.limits)?;
    let loaded = app.model(model.as_deref()).await?;
    let prompt = prompt(&loaded, prompt_name.as_deref())?.unwrap_or_default();
    let text = |(index, text)| match text {
        Input::Text(text) => Ok(text),
        _ => Err(wrong_kind("inputs", index, "must be a string")),
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
    with_tokenizer(&app, loaded, "inputs", sizes, TEXTS, each).await
}

/// Decode token ids
///
/// At most 1,048,576 ids per list.
#[utoipa::path(post, path = "/decode", tag = tags::TEI, request_body = DecodeRequest,
    responses((status = 200, description = "One text per list of ids, in order", body = Vec<String>)))]
pub(crate) async fn decode(
    State(app): State<Arc<App>>,
    Body(request): Body<DecodeRequest>,
) -> Result<Response, ApiError> {
    let DecodeRequest { ids: Inputs(lists), skip_special_tokens, model } = request;
    let lists = lists.checked("ids", &app.limits)?;
    let loaded = app.model(model.as_deref()).await?;
    let ids = |(index, ids)| match ids {
        Input::Ids(ids) => Ok(ids),
        _ => Err(wrong_kind("ids", index, "must be token ids")),
    };
    let lists: Vec<Vec<u32>> = lists.into_iter().enumerate().map(ids).collect::<Result<_, _>>()?;
    let sizes = lists.iter().map(Vec::len).collect();
    let each = move |tokenizer: &Tokenizer, i: usize| {
        if let Some(id) = lists[i].iter().find(|id| !tokenizer.knows(**id)) {
            return Err(TextError::new(format!("the id {id} is not in the model's vocabulary")));
        }
        let mut out = Vec::new();
        write::json(&tokenizer.decode(&lists[i], skip_special_tokens)?, &mut out);
        Ok(out)
    };
    with_tokenizer(&app, loaded, "ids", sizes, IDS, each).await
}

/// Limits and cost of an input, per byte of a text or per id of a list.
struct Cost {
    /// Maximum size of an input.
    most: usize,
    /// Temporary bytes. The tokenizers crate keeps every word of a text as a string.
    transient: usize,
    /// Approximate bytes of the response.
    response: usize,
}

const TEXTS: Cost = Cost { most: 256 << 10, transient: 700, response: 16 };
const IDS: Cost = Cost { most: 1 << 20, transient: 100, response: 6 };
/// Approximate bytes of a token in a response.
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

/// The prompt prepended to each text.
fn prompt(loaded: &LoadedModel, name: Option<&str>) -> Result<Option<String>, ApiError> {
    let model = loaded.model();
    match name {
        None => Ok(loaded.local().prompt.clone()),
        Some(name) => model.prompt(None, Some(name)).map_err(|_| {
            let known: Vec<&str> = model.sentence.prompts.keys().map(String::as_str).collect();
            let known =
                if known.is_empty() { "no prompts".into() } else { format!("the prompts {}", known.join(", ")) };
            let reason = format!("unknown prompt \"{}\"; the model has {known}", shorten(name));
            ApiError::bad_value("prompt_name", reason)
        }),
    }
}

/// A list of the results of `each`. `sizes`: bytes or ids of the inputs.
async fn with_tokenizer(
    app: &App,
    loaded: Arc<LoadedModel>,
    field: &'static str,
    sizes: Vec<usize>,
    cost: Cost,
    each: impl Fn(&Tokenizer, usize) -> Result<Vec<u8>, TextError> + Send + Sync + 'static,
) -> Result<Response, ApiError> {
    if let Some((index, size)) = sizes.iter().enumerate().find(|(_, size)| **size > cost.most) {
        let message = format!("{field}[{index}]: {size} bytes or ids exceed the maximum of {}", cost.most);
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("input_too_large"));
    }
    let (count, total, limit) = (sizes.len(), sizes.iter().sum::<usize>(), app.limits.reply);
    let transient = sizes.iter().max().map_or(0, |largest| largest * cost.transient);
    // Large texts are processed one at a time.
    let at_once = (app.limits.memory / 8 / transient.max(1)).clamp(1, loaded.local().threads.max(1));
    let mut permit = app.memory.permit();
    permit.add(transient * at_once.min(count))?;
    permit.add(total.saturating_mul(cost.response).min(limit))?;
    let (engine, written) = (Arc::clone(&loaded), AtomicUsize::new(0));
    let job = move |i| {
        let out = each(&engine.model().tokenizer, i)?;
        if written.fetch_add(out.len(), Ordering::Relaxed) + out.len() > limit {
            return Err(TextError::too_large(format!("the response has more than {limit} bytes (--reply-limit)")));
        }
        Ok(out)
    };
    let items = loaded.job(total, count, at_once, Box::new(job)).await;
    let items = items.map_err(|e| error_of(e, |index| format!("{field}[{index}]")))?;
    Ok(json_list(items, permit))
}
