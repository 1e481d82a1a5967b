//! Errors of requests, in the shapes of the dialects: OpenAI's, TEI's on TEI's own routes, the Open Inference
//! Protocol's under `/v2`.
//!
//! Routes and layers return an [`ApiError`]; an outer layer writes the response body, in the shape of the path.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::stamp::new_id;

/// An error of a request.
#[derive(Debug, Clone)]
pub struct ApiError {
    pub status: StatusCode,
    /// For people: the cause, with field and index, and advice.
    pub message: String,
    /// The invalid field.
    pub param: Option<String>,
    /// A code for programs, such as `model_not_found`.
    pub code: Option<&'static str>,
    /// The value of `Retry-After`.
    pub retry_after: Option<Duration>,
    /// The shape of the response; `None`: that of the path.
    pub shape: Option<ErrorShape>,
}

/// The shape of an error response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorShape {
    /// OpenAI's, with fields for other clients.
    Openai,
    /// The same with FastAPI's list of malformed fields (422) in `detail`.
    Infinity,
    /// `{"error": "…", "error_type": "…"}`
    Tei,
    /// `{"error": "…"}`, Ollama's as well.
    Kserve,
    /// `{"message": "…", "id": "…"}`
    Cohere,
}

/// OpenAI's error object, with fields for clients of other dialects.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    /// The error as OpenAI's clients read it.
    pub error: ErrorDetail,
    /// The message for clients of Jina, Voyage and Infinity.
    pub detail: Detail,
    /// The message for clients of Cohere.
    pub message: String,
}

/// The message, or FastAPI's list.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Detail {
    /// The message.
    Text(String),
    /// FastAPI's response to a malformed body (422). Infinity's generated client requires it.
    List(Vec<ValidationDetail>),
}

/// FastAPI's description of a malformed field.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ValidationDetail {
    /// The path to the field, from "body" on.
    #[schema(example = json!(["body", "input[3]"]))]
    pub loc: Vec<String>,
    /// The message for people.
    pub msg: String,
    /// The class of the error.
    #[schema(example = "value_error")]
    pub r#type: &'static str,
}

/// The error object of the Open Inference Protocol.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct KserveErrorBody {
    /// The message for people.
    pub error: String,
}

/// The error object of OpenAI's clients.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorDetail {
    /// The message for people.
    pub message: String,
    /// The class of the error.
    #[schema(example = "invalid_request_error")]
    pub r#type: &'static str,
    /// The invalid field.
    #[schema(example = "input[3]")]
    pub param: Option<String>,
    /// A code for programs.
    #[schema(example = "model_not_found")]
    pub code: Option<&'static str>,
}

/// TEI's error object.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TeiErrorBody {
    /// The message for people.
    pub error: String,
    /// TEI's class of the error.
    #[schema(example = "Validation")]
    pub error_type: &'static str,
}

/// Cohere's error object.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CohereErrorBody {
    /// The message for people.
    pub message: String,
    /// A unique id of the response.
    #[schema(example = "infa-5f0c6f5e-2a41-4f0f-9c6b-0d6f4f6f2f64")]
    pub id: String,
}

impl ApiError {
    /// The code for empty lists.
    const EMPTY: &'static str = "empty";
    /// The code for operations that the model does not support.
    pub const UNSUPPORTED: &'static str = "unsupported";
    /// The code for texts that cannot be tokenized.
    pub const TOKENIZER: &'static str = "tokenizer";

    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), param: None, code: None, retry_after: None, shape: None }
    }

    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 400: `field` has an invalid value.
    pub fn bad_value(field: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        let field = field.into();
        Self { message: format!("{field}: {reason}"), param: Some(field), ..Self::new(StatusCode::BAD_REQUEST, "") }
    }

    /// 400: the list `field` is empty.
    pub fn empty(field: &str) -> Self {
        Self::bad_value(field, "the list is empty; at least one item is required").code(Self::EMPTY)
    }

    /// 413: the list `field` is too long.
    pub fn too_many(field: &str, count: usize, limit: usize) -> Self {
        let message =
            format!("{field}: {count} inputs in one request, the maximum is {limit} (--max-client-batch-size)");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message).param(field).code("batch_too_large")
    }

    pub fn param(mut self, field: impl Into<String>) -> Self {
        self.param = Some(field.into());
        self
    }

    /// Sets the code for programs.
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Sets the shape of the response, overriding that of the path.
    pub fn shaped(self, shape: ErrorShape) -> Self {
        Self { shape: Some(shape), ..self }
    }

    /// Sets `Retry-After`.
    pub fn retry_after(self, after: Duration) -> Self {
        Self { retry_after: Some(after), ..self }
    }

    /// OpenAI's class of the error.
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

    /// TEI's class of the error, one of six. The statuses are infa's: TEI responds with 413 to every invalid value, and
    /// with plain text to malformed JSON.
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

    /// Writes the error into `response`, whose headers are kept: in the error's own shape, or else in `of_path`, the
    /// path's.
    pub fn write(mut self, response: Response, of_path: ErrorShape) -> Response {
        let shape = match self.shape {
            None | Some(ErrorShape::Openai) if of_path == ErrorShape::Infinity => of_path,
            own => own.unwrap_or(of_path),
        };
        if shape == ErrorShape::Tei && self.code == Some(Self::UNSUPPORTED) {
            // TEI's status for an unsupported operation.
            self.status = StatusCode::FAILED_DEPENDENCY;
        }
        let message = self.message.clone();
        let body = match shape {
            ErrorShape::Openai => serde_json::to_vec(&self.openai(false)),
            ErrorShape::Infinity => serde_json::to_vec(&self.openai(true)),
            ErrorShape::Tei => serde_json::to_vec(&TeiErrorBody { error: message, error_type: self.tei_kind() }),
            ErrorShape::Kserve => serde_json::to_vec(&KserveErrorBody { error: message }),
            ErrorShape::Cohere => serde_json::to_vec(&CohereErrorBody { message, id: new_id() }),
        };
        let (mut head, _) = response.into_parts();
        head.status = self.status;
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(after) = self.retry_after {
            let seconds = after.as_secs_f64().ceil().clamp(1.0, 3600.0) as u64;
            head.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // Structs of strings always serialize.
        Response::from_parts(head, Body::from(body.unwrap_or_default()))
    }

    /// With `list`, malformed fields are FastAPI's list.
    fn openai(&self, list: bool) -> ErrorBody {
        let Self { message, param, code, .. } = self.clone();
        let error = ErrorDetail { message: message.clone(), r#type: self.kind(), param: param.clone(), code };
        let detail = if list && self.status == StatusCode::UNPROCESSABLE_ENTITY {
            let loc = std::iter::once("body".to_owned()).chain(param).collect();
            Detail::List(vec![ValidationDetail { loc, msg: message.clone(), r#type: "value_error" }])
        } else {
            Detail::Text(message.clone())
        };
        ErrorBody { error, detail, message }
    }
}

impl IntoResponse for ApiError {
    /// A response without a body and with the error among its extensions.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}
