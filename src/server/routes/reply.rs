//! What replies have in common.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// Tokens that the model saw, special tokens included; never characters.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct Usage {
    /// Tokens of the inputs.
    #[schema(example = 7)]
    pub prompt_tokens: usize,
    /// The same: nothing is generated.
    #[schema(example = 7)]
    pub total_tokens: usize,
}

impl Usage {
    /// So many tokens.
    pub fn of(tokens: usize) -> Self {
        Self { prompt_tokens: tokens, total_tokens: tokens }
    }
}

/// A name for a reply.
pub fn new_id() -> String {
    format!("infa-{}", Uuid::new_v4())
}

/// JSON that is written already.
pub fn json(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}
