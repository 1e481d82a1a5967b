//! Failures of a model and the errors that requests get for them.

use std::time::Duration;

use axum::http::StatusCode;

use crate::engine::rerank::ScoreError;
use crate::engine::{SubmitError, TextError, TextErrorKind};
use crate::server::http::ApiError;
use crate::server::metrics::Outcome;

/// A failure of a model.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    #[error("input {index}: {reason}")]
    Input {
        index: usize,
        reason: String,
        /// True if the input is longer than the model's maximum and must not be cut.
        too_long: bool,
    },
    #[error("input {index}: {reason}")]
    InputTooLarge { index: usize, reason: String },
    #[error("query: {reason}")]
    Query {
        /// With several queries: the index of a document of this query.
        document: Option<usize>,
        reason: String,
    },
    /// An option that the model does not support; `field` is the request's.
    #[error("{field}: {reason}")]
    Option { field: &'static str, reason: String },
    /// The response would exceed `--reply-limit`.
    #[error("the inputs have {tokens} tokens; a response has the vectors of at most {most} (--reply-limit)")]
    TooLarge { tokens: usize, most: usize },
    /// The model does not support the operation.
    #[error("{0}")]
    Unsupported(String),
    #[error("the queue is full; try again later")]
    Full { retry_after: Duration },
    /// The model is not loaded, or not any more.
    #[error("{0}")]
    Unavailable(String),
    /// An internal error.
    #[error("{0}")]
    Internal(String),
}

/// The message after a change of the model's files. The log names the file.
pub(super) const CHANGED: &str =
    "the model's files were changed while in use, so its results are no longer valid; restart the server";

impl Failure {
    /// The failure of a request with an input that has no result.
    pub(super) fn of_text(index: usize, error: &TextError) -> Self {
        let reason = error.to_string();
        match error.kind() {
            TextErrorKind::Internal | TextErrorKind::Unusable | TextErrorKind::Ended => {
                Self::Internal(format!("input {index}: {reason}"))
            }
            TextErrorKind::Input => Self::Input { index, reason, too_long: false },
            TextErrorKind::TooLong => Self::Input { index, reason, too_long: true },
            TextErrorKind::TooLarge => Self::InputTooLarge { index, reason },
            TextErrorKind::Unavailable => Self::Unavailable(CHANGED.into()),
        }
    }

    /// The failure of a request with a document that has no score; `None` if the cause is reported with another
    /// document. With `several` queries, the failure of a query has the index of a document.
    pub(super) fn of_score(index: usize, error: &ScoreError, several: bool) -> Option<Self> {
        Some(match error {
            ScoreError::NotComputed => return None,
            ScoreError::Document(error) => Self::of_text(index, error),
            ScoreError::Query(error) => match Self::of_text(index, error) {
                Self::Input { reason, .. } | Self::InputTooLarge { reason, .. } => {
                    Self::Query { document: several.then_some(index), reason }
                }
                other => other,
            },
        })
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Setting(e) => Self::Option { field: e.setting.name(), reason: e.reason },
            SubmitError::Full { retry_after } => Self::Full { retry_after },
            SubmitError::TooLarge { tokens, most } => Self::TooLarge { tokens, most },
            SubmitError::Unsupported(what) => Self::Unsupported(what),
            gone @ (SubmitError::Gone | SubmitError::Failed(_) | SubmitError::Remote(_) | SubmitError::Python(_)) => {
                Self::Internal(gone.to_string())
            }
        }
    }
}

impl From<&Failure> for Outcome {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Input { .. }
            | Failure::InputTooLarge { .. }
            | Failure::Query { .. }
            | Failure::Option { .. }
            | Failure::TooLarge { .. }
            | Failure::Unsupported(_) => Self::Invalid,
            Failure::Full { .. } => Self::Rejected,
            Failure::Unavailable(_) => Self::Unavailable,
            Failure::Internal(_) => Self::Failed,
        }
    }
}

/// The error of a request with its inputs in `field` ("input", "documents").
pub(crate) fn of_inputs(failure: Failure, field: &str) -> ApiError {
    match failure {
        Failure::Input { index, reason, .. } => ApiError::bad_value(format!("{field}[{index}]"), reason),
        Failure::InputTooLarge { index, reason } => {
            let (field, status) = (format!("{field}[{index}]"), StatusCode::PAYLOAD_TOO_LARGE);
            ApiError::new(status, format!("{field}: {reason}")).param(field).code("input_too_large")
        }
        other => other.into(),
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let message = failure.to_string();
        match failure {
            Failure::Input { index, .. } => Self::bad_request(message).param(format!("input[{index}]")),
            Failure::InputTooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("input_too_large"),
            Failure::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, message).code("reply_too_large"),
            Failure::Query { .. } => Self::bad_request(message).param("query"),
            Failure::Option { field, .. } => Self::bad_request(message).param(field),
            Failure::Unsupported(_) => Self::bad_request(message).param("model").code(Self::UNSUPPORTED),
            Failure::Full { retry_after } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, message).code("queue_full").retry_after(retry_after)
            }
            Failure::Unavailable(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
                .code("unavailable")
                .retry_after(Duration::from_secs(1)),
            Failure::Internal(_) => Self::new(StatusCode::INTERNAL_SERVER_ERROR, message),
        }
    }
}

/// The reason why no model was chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoModel {
    /// No model has the requested name. The message lists the names.
    #[error("{0}")]
    Unknown(String),
    /// The named model, or every model, lacks the output of the route. The message names the models that have it.
    #[error("{0}")]
    Unable(String),
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
