//! Errors of requests, in the shapes that the clients of each dialect read: OpenAI's, TEI's on TEI's own routes, the Open
//! Inference Protocol's under `/v2`.
//!
//! Routes and layers return an [`ApiError`]; a layer outside of them writes the reply's body, in the shape of the path.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::stamp::new_id;

/// The error of a request.
#[derive(Debug, Clone)]
pub struct ApiError {
    pub status: StatusCode,
    /// For people: what is wrong, with the field and the index, and what to do.
    pub message: String,
    /// The field that is wrong.
    pub param: Option<String>,
    /// A word for programs, such as `model_not_found`.
    pub code: Option<&'static str>,
    /// When to try again.
    pub retry_after: Option<Duration>,
    /// Whether the route's clients read FastAPI's list of what is malformed (422).
    pub fastapi: bool,
    /// The shape of the reply, where the path alone does not say it.
    pub shape: Option<ErrorShape>,
}

/// The shape in which clients read errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorShape {
    /// OpenAI's, with what other clients read beside it.
    Openai,
    /// `{"error": "…", "error_type": "…"}`
    Tei,
    /// `{"error": "…"}`, Ollama's as well.
    Kserve,
    /// `{"message": "…", "id": "…"}`
    Cohere,
}

/// OpenAI's error object, and beside it what clients of other dialects read.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
    /// The same for clients of Jina, Voyage and Infinity, which read nothing else.
    pub detail: Detail,
    /// The same for clients of Cohere.
    pub message: String,
}

/// The message, or FastAPI's list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Detail {
    /// The message.
    Text(String),
    /// What FastAPI answers if a body is malformed (422): Infinity's generated client fails at anything else.
    List(Vec<ValidationDetail>),
}

/// FastAPI's account of a part of the body that is malformed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ValidationDetail {
    /// The way to the field, from "body" on.
    #[schema(example = json!(["body", "input[3]"]))]
    pub loc: Vec<String>,
    /// For people.
    pub msg: String,
    /// A word for the class of error.
    #[schema(example = "value_error")]
    pub r#type: &'static str,
}

/// The error object of the Open Inference Protocol.
#[derive(Debug, Serialize, ToSchema)]
pub struct KserveErrorBody {
    /// For people.
    pub error: String,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorDetail {
    /// For people.
    pub message: String,
    /// A word for the class of error.
    #[schema(example = "invalid_request_error")]
    pub r#type: &'static str,
    /// The field that is wrong.
    #[schema(example = "input[3]")]
    pub param: Option<String>,
    /// A word for programs.
    #[schema(example = "model_not_found")]
    pub code: Option<&'static str>,
}

/// TEI's error object.
#[derive(Debug, Serialize, ToSchema)]
pub struct TeiErrorBody {
    /// For people.
    pub error: String,
    /// TEI's word for the class of error.
    #[schema(example = "Validation")]
    pub error_type: &'static str,
}

/// Cohere's error object.
#[derive(Debug, Serialize, ToSchema)]
pub struct CohereErrorBody {
    /// For people.
    pub message: String,
    /// A name for the reply.
    #[schema(example = "infa-5f0c6f5e-2a41-4f0f-9c6b-0d6f4f6f2f64")]
    pub id: String,
}

impl ApiError {
    /// The word for lists without anything in them.
    const EMPTY: &'static str = "empty";
    /// The word for work that the model does not do.
    pub const UNSUPPORTED: &'static str = "unsupported";
    /// The word for texts of which there are no tokens.
    pub const TOKENIZER: &'static str = "tokenizer";

    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            param: None,
            code: None,
            retry_after: None,
            fastapi: false,
            shape: None,
        }
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 400: `field` has a value that cannot be.
    pub fn bad_value(field: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        let field = field.into();
        Self { message: format!("{field}: {reason}"), param: Some(field), ..Self::new(StatusCode::BAD_REQUEST, "") }
    }

    /// 400: the list `field` has nothing in it.
    pub fn empty(field: &str) -> Self {
        Self::bad_value(field, "the list is empty; there must be at least one").code(Self::EMPTY)
    }

    /// 413: the list `field` is longer than a request's may be.
    pub fn too_many(field: &str, count: usize, limit: usize) -> Self {
        let message =
            format!("{field}: {count} inputs in one request, at most {limit} are taken (--max-client-batch-size)");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message).param(field).code("batch_too_large")
    }

    pub fn param(mut self, field: impl Into<String>) -> Self {
        self.param = Some(field.into());
        self
    }

    /// Adds a word for programs.
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Sets the shape of the reply, whatever the path.
    pub fn shaped(self, shape: ErrorShape) -> Self {
        Self { shape: Some(shape), ..self }
    }

    /// Sets the time after which the client should try again.
    pub fn retry_after(self, after: Duration) -> Self {
        Self { retry_after: Some(after), ..self }
    }

    /// OpenAI's word for the class of error.
    pub fn kind(&self) -> &'static str {
        match self.status.as_u16() {
            401 => "authentication_error",
            404 => "not_found_error",
            429 => "rate_limit_error",
            400..500 => "invalid_request_error",
            503 => "service_unavailable",
            _ => "server_error",
        }
    }

    /// TEI's word for the class of error; it has six. (The statuses are ours: TEI itself answers 413 to every bad value,
    /// and plain text to malformed JSON.)
    fn tei_kind(&self) -> &'static str {
        match (self.status.as_u16(), self.code) {
            (400, Some(Self::EMPTY)) => "Empty",
            (422, Some(Self::TOKENIZER)) => "Tokenizer",
            (429, _) => "Overloaded",
            (500 | 424, _) => "Backend",
            (503, _) => "Unhealthy",
            _ => "Validation",
        }
    }

    /// Writes the error into `reply`, which keeps its headers: in its own shape, or else in `usual`.
    pub fn write(mut self, reply: Response, usual: ErrorShape) -> Response {
        let shape = self.shape.unwrap_or(usual);
        if shape == ErrorShape::Tei && self.code == Some(Self::UNSUPPORTED) {
            // TEI's status for a model that does something else.
            self.status = StatusCode::FAILED_DEPENDENCY;
        }
        let message = self.message.clone();
        let body = match shape {
            ErrorShape::Openai => serde_json::to_vec(&self.openai()),
            ErrorShape::Tei => serde_json::to_vec(&TeiErrorBody { error: message, error_type: self.tei_kind() }),
            ErrorShape::Kserve => serde_json::to_vec(&KserveErrorBody { error: message }),
            ErrorShape::Cohere => serde_json::to_vec(&CohereErrorBody { message, id: new_id() }),
        };
        let (mut head, _) = reply.into_parts();
        head.status = self.status;
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(after) = self.retry_after {
            let seconds = after.as_secs_f64().ceil().clamp(1.0, 3600.0) as u64;
            head.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // Structs of strings have JSON.
        Response::from_parts(head, Body::from(body.unwrap_or_default()))
    }

    fn openai(&self) -> ErrorBody {
        let Self { message, param, code, .. } = self.clone();
        let error = ErrorDetail { message: message.clone(), r#type: self.kind(), param: param.clone(), code };
        let detail = if self.fastapi && self.status == StatusCode::UNPROCESSABLE_ENTITY {
            let loc = std::iter::once("body".to_owned()).chain(param).collect();
            Detail::List(vec![ValidationDetail { loc, msg: message.clone(), r#type: "value_error" }])
        } else {
            Detail::Text(message.clone())
        };
        ErrorBody { error, detail, message }
    }
}

impl IntoResponse for ApiError {
    /// A reply without a body, which has the error among its extensions.
    fn into_response(self) -> Response {
        let mut reply = self.status.into_response();
        reply.extensions_mut().insert(self);
        reply
    }
}
