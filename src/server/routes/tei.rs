//! The native routes of text-embeddings-inference, as its version 1.9 has them.
//!
//! What differs, on purpose: `truncate` left out means what the server was started with (TEI: `--auto-truncate`), a bad
//! option is 400 and malformed JSON 422 (TEI: 413, and plain text), offsets of `/tokenize` count characters (TEI: bytes),
//! and `model` picks one of several models; without it the first that is made for the route answers.

pub mod any;
pub mod embed;
pub mod info;
mod inputs;
pub mod parts;
pub mod predict;
pub mod tokenize;
pub mod vertex;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

use crate::engine::Times;
use crate::model::tokenizer::Truncate;
use crate::server::extract::Body;
use crate::server::service::{Answer, Failure, Service};
use crate::server::{ApiError, App};

pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/embed_all", post(embed::embed_all))
        .route("/embed_sparse", post(embed::embed_sparse))
        .route("/similarity", post(embed::similarity))
        .route("/predict", post(predict::predict))
        .route("/tokenize", post(tokenize::tokenize))
        .route("/decode", post(tokenize::decode))
        .route("/info", get(info::info))
        .route("/invocations", post(any::invocations))
        .route("/vertex", post(vertex::vertex))
}

/// What answers at the root alone.
pub fn root_router() -> Router<Arc<App>> {
    Router::new().route("/", post(any::root)).route("/ping", get(any::ping))
}

/// Why a request has no answer, in TEI's shape.
#[derive(Debug)]
pub struct TeiError(ApiError);

impl TeiError {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self(ApiError::new(status, message))
    }

    /// The error of a model about the inputs; `field` names the one at an index.
    pub(super) fn of(failure: Failure, field: impl Fn(usize) -> String) -> Self {
        match failure {
            Failure::Input { index, reason, too_long: true } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("{}: {reason}", field(index)))
            }
            Failure::Input { index, reason, too_long: false } => Self::tokenizer(format!("{}: {reason}", field(index))),
            Failure::InputTooLarge { index, reason } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("{}: {reason}", field(index)))
            }
            Failure::Unsupported(what) => Self::new(StatusCode::FAILED_DEPENDENCY, what),
            other => Self(other.into()),
        }
    }

    /// The same error of the instance at that index, unless it names one already or is no fault of the request.
    pub(super) fn of_instance(self, instance: Option<usize>) -> Self {
        let Self(error) = self;
        let is_the_requests = error.status.is_client_error() && error.status != StatusCode::TOO_MANY_REQUESTS;
        match instance {
            Some(i) if is_the_requests && !error.message.starts_with("instances") => {
                Self(ApiError { message: format!("instances[{i}]: {}", error.message), ..error })
            }
            _ => Self(error),
        }
    }

    /// 422: there are no tokens.
    fn tokenizer(message: String) -> Self {
        Self(ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message).code(ApiError::TOKENIZER))
    }
}

impl From<ApiError> for TeiError {
    fn from(error: ApiError) -> Self {
        // TEI's status for a model that does something else.
        let status =
            if error.code == Some(ApiError::UNSUPPORTED) { StatusCode::FAILED_DEPENDENCY } else { error.status };
        Self(ApiError { status, ..error })
    }
}

impl IntoResponse for TeiError {
    fn into_response(self) -> Response {
        self.0.tei()
    }
}

/// A JSON body whose errors are TEI's.
pub struct TeiBody<T>(T);

impl<T: DeserializeOwned + Send + 'static, S: AsRef<App> + Send + Sync> FromRequest<S> for TeiBody<T> {
    type Rejection = TeiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, TeiError> {
        let Body(body) = Body::from_request(request, state).await?;
        Ok(Self(body))
    }
}

/// Which end of a text that is too long goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
pub(super) enum Direction {
    #[serde(alias = "left")]
    Left,
    #[serde(alias = "right")]
    Right,
}

impl From<Direction> for Truncate {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Left => Self::Left,
            Direction::Right => Self::Right,
        }
    }
}

/// What `truncate` and `truncation_direction` mean; `None`: what the model was loaded with.
fn truncation(service: &Service, truncate: Option<bool>, direction: Option<Direction>) -> Option<Truncate> {
    match (truncate, direction) {
        (Some(false), _) => Some(Truncate::None),
        (_, Some(direction)) => Some(direction.into()),
        (Some(true), None) => Some(service.model().tokenizer.truncation_side),
        (None, None) => None,
    }
}

/// An answer, with what it cost in the headers.
pub struct Reply {
    body: Response,
    cost: Cost,
}

/// What an answer cost.
pub struct Cost {
    started: Instant,
    characters: usize,
    tokens: usize,
    times: Times,
}

impl Cost {
    /// Of `answer`, to a request that began then and had so many characters.
    pub(super) fn of<T>(answer: &Answer<T>, started: Instant, characters: usize) -> Self {
        Self { started, characters, tokens: answer.tokens, times: answer.times }
    }

    /// The headers in which TEI tells it; times are milliseconds.
    fn headers(&self) -> [(HeaderName, HeaderValue); 7] {
        let total = self.started.elapsed().as_millis() as u64;
        let name = HeaderName::from_static;
        [
            (name("x-compute-time"), total.into()),
            (name("x-compute-characters"), self.characters.into()),
            (name("x-compute-tokens"), self.tokens.into()),
            (name("x-total-time"), total.into()),
            (name("x-tokenization-time"), (self.times.tokenize.as_millis() as u64).into()),
            (name("x-queue-time"), (self.times.queue.as_millis() as u64).into()),
            (name("x-inference-time"), (self.times.infer.as_millis() as u64).into()),
        ]
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        // TEI says "gpu+optimized" of every device.
        let compute = [("x-compute-type", "optimized")];
        (compute, self.cost.headers(), self.body).into_response()
    }
}
