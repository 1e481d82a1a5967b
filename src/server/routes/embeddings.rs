//! `POST /embeddings`: OpenAI's and Infinity's.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::model;
use crate::engine::{Call, Text};
use crate::server::app::unix_time;
use crate::server::extract::Body;
use crate::server::{ApiError, App};

pub fn router() -> Router<Arc<App>> {
    Router::new().route("/embeddings", post(embeddings))
}

#[derive(Deserialize)]
struct Request {
    input: Vec<String>,
    model: Option<String>,
}

async fn embeddings(State(app): State<Arc<App>>, Body(request): Body<Request>) -> Result<Json<Value>, ApiError> {
    let service = model(&app, request.model.as_deref()).await?;
    let texts = request.input.into_iter().map(Text::Text).collect();
    let answer = service.embed(texts, Call::default()).await.map_err(|e| ApiError::of_inputs(e, "input"))?;
    let data: Vec<Value> = answer
        .results
        .iter()
        .enumerate()
        .map(|(index, e)| json!({"object": "embedding", "index": index, "embedding": e.vector}))
        .collect();
    let usage = json!({"prompt_tokens": answer.tokens, "total_tokens": answer.tokens});
    Ok(Json(json!({"object": "list", "data": data, "model": service.name(), "usage": usage, "created": unix_time()})))
}
