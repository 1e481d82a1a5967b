//! Errors as clients read them: OpenAI's shape, TEI's on TEI's own routes, the Open Inference Protocol's under `/v2`.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::metrics::RefusalCode;
use super::models::NoModel;
use super::routes::new_id;
use super::service::Failure;

/// Why a request has no answer.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// HTTP status.
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

    /// With this status and message.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), param: None, code: None, retry_after: None, fastapi: false }
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

    /// Names the field.
    pub fn param(mut self, field: impl Into<String>) -> Self {
        self.param = Some(field.into());
        self
    }

    /// Adds a word for programs.
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// What a model said of the inputs, which the request has in `field` ("input", "documents").
    pub fn of_inputs(failure: Failure, field: &str) -> Self {
        match failure {
            Failure::Input { index, reason, .. } => Self::bad_value(format!("{field}[{index}]"), reason),
            Failure::InputTooLarge { index, reason } => {
                let (field, status) = (format!("{field}[{index}]"), StatusCode::PAYLOAD_TOO_LARGE);
                Self::new(status, format!("{field}: {reason}")).param(field).code("input_too_large")
            }
            other => other.into(),
        }
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

    /// The reply in OpenAI's shape.
    pub fn openai(self) -> Response {
        let error = ErrorDetail {
            message: self.message.clone(),
            r#type: self.kind(),
            param: self.param.clone(),
            code: self.code,
        };
        let message = self.message.clone();
        let detail = if self.fastapi && self.status == StatusCode::UNPROCESSABLE_ENTITY {
            let loc = std::iter::once("body".to_owned()).chain(self.param.clone()).collect();
            Detail::List(vec![ValidationDetail { loc, msg: message.clone(), r#type: "value_error" }])
        } else {
            Detail::Text(message.clone())
        };
        self.reply(ErrorBody { error, detail, message })
    }

    /// The reply in the shape of the Open Inference Protocol.
    pub fn kserve(self) -> Response {
        self.reply(KserveErrorBody { error: self.message.clone() })
    }

    /// The reply in TEI's shape, with one of the six words that TEI has. (The statuses are ours: TEI itself answers 413
    /// to every bad value, and plain text to malformed JSON.)
    pub fn tei(self) -> Response {
        let error_type = match (self.status.as_u16(), self.code) {
            (400, Some(Self::EMPTY)) => "Empty",
            (422, Some(Self::TOKENIZER)) => "Tokenizer",
            (429, _) => "Overloaded",
            (500 | 424, _) => "Backend",
            (503, _) => "Unhealthy",
            _ => "Validation",
        };
        self.reply(TeiErrorBody { error: self.message.clone(), error_type })
    }

    /// The reply in Cohere's shape.
    pub fn cohere(self) -> Response {
        self.reply(CohereErrorBody { message: self.message.clone(), id: new_id() })
    }

    fn reply(&self, body: impl Serialize) -> Response {
        let mut reply = (self.status, Json(body)).into_response();
        if let Some(after) = self.retry_after {
            let seconds = after.as_secs_f64().ceil().clamp(1.0, 3600.0) as u64;
            reply.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(code) = self.code {
            reply.extensions_mut().insert(RefusalCode(code));
        }
        reply
    }
}

impl From<NoModel> for ApiError {
    fn from(reason: NoModel) -> Self {
        let message = reason.to_string();
        let (status, code) = match reason {
            NoModel::Unknown(_) => (StatusCode::NOT_FOUND, "model_not_found"),
            NoModel::Unable(_) => (StatusCode::BAD_REQUEST, Self::UNSUPPORTED),
        };
        Self::new(status, message).param("model").code(code)
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        match failure {
            Failure::Input { index, .. } => {
                Self::new(StatusCode::BAD_REQUEST, message).param(format!("input[{index}]"))
            }
            Failure::InputTooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("input_too_large"),
            Failure::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("reply_too_large"),
            Failure::Option { field, .. } => Self::new(StatusCode::BAD_REQUEST, message).param(field),
            Failure::Unsupported(_) => {
                Self::new(StatusCode::BAD_REQUEST, message).param("model").code(Self::UNSUPPORTED)
            }
            Failure::Full { retry_after } => Self {
                retry_after: Some(retry_after),
                ..Self::new(StatusCode::TOO_MANY_REQUESTS, message).code("queue_full")
            },
            Failure::Unavailable(_) => Self {
                retry_after: Some(Duration::from_secs(1)),
                ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message).code("unavailable")
            },
            Failure::Internal(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, message),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.openai()
    }
}
