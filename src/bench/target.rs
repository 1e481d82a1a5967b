//! The target of a request, and the outcome.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

/// A request, independent of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// Texts to embed.
    Texts(Vec<String>),
    /// Documents to rank for a query.
    Rerank { query: String, documents: Vec<String> },
}

impl Request {
    /// The number of texts or documents.
    pub(crate) fn inputs(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Rerank { documents, .. } => documents.len(),
        }
    }
}

/// The receiver of the prepared requests of a run: an engine in this process, a worker, or a server.
///
/// A target gets its requests before the clock starts and may convert them into its own form. An answer counts only
/// after checks: one output an input, of the right length, all numbers finite.
pub(crate) trait Target: Send + Sync {
    /// The number of prepared requests.
    fn requests(&self) -> usize;

    /// Prepares the request of this index, which is below [`Target::requests`]. The future sends it when it is first
    /// polled, so that copies of texts are made before the clock starts. Dropping it cancels the request. It never blocks
    /// its thread, as time limits could not be kept.
    fn send(self: Arc<Self>, index: usize) -> BoxFuture<'static, Outcome>;

    /// The number of concurrent requests that keeps it busy if all are there from the start.
    fn in_flight(&self) -> usize {
        1
    }
}

pub(crate) type Outcome = Result<Answer, Failure>;

/// The answer to a request.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Answer {
    pub inputs: usize,
    /// Tokens that the model saw, by infa's count.
    pub tokens: Option<u64>,
    /// Tokens that the model saw, by the target's count.
    pub reported: Option<u64>,
    /// The time at which the answer was complete, before the client read and checked it. `None`: the time at which the
    /// future was ready.
    pub received: Option<Instant>,
    /// The results, if an observer samples them.
    pub output: Option<Output>,
}

/// The results of a model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Output {
    /// One vector an input.
    Vectors(Vec<Vec<f32>>),
    /// One score an input, in the order of the inputs.
    Scores(Vec<f32>),
}

/// The reason that there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Failure {
    pub kind: FailureKind,
    /// A message for people.
    pub message: String,
}

impl Failure {
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        // The kind is printed before the message.
        let message = message.into();
        let message = message.strip_prefix(&format!("{kind}: ")).map(str::to_owned).unwrap_or(message);
        Self { kind, message }
    }
}

/// The kinds by which failures are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// The connection failed: refused, no such host.
    Connect,
    /// The encrypted connection failed: no common protocol, or a certificate that is not trusted.
    Tls,
    /// No answer within the time limit.
    Timeout,
    /// The target is overloaded (HTTP 429 and 503).
    Overloaded(u16),
    /// Any other HTTP status but success.
    Status(u16),
    /// The connection broke before the answer was complete.
    Broken,
    /// The answer cannot be read: not JSON, another document.
    Garbage,
    /// Not one output an input, or outputs of the wrong length.
    Shape,
    /// A NaN or an infinite number.
    NotFinite,
    /// The engine is gone: no further request can succeed.
    Died,
    Other,
}

impl FailureKind {
    /// The kind of an HTTP status other than success.
    pub fn of_status(status: u16) -> Self {
        match status {
            429 | 503 => Self::Overloaded(status),
            _ => Self::Status(status),
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => f.write_str("no connection"),
            Self::Tls => f.write_str("TLS"),
            Self::Broken => f.write_str("broken connection"),
            Self::Timeout => f.write_str("timeout"),
            Self::Overloaded(status) => write!(f, "overloaded ({status})"),
            Self::Status(status) => write!(f, "status {status}"),
            Self::Garbage => f.write_str("unreadable answer"),
            Self::Shape => f.write_str("wrong shape"),
            Self::NotFinite => f.write_str("not finite"),
            Self::Died => f.write_str("engine died"),
            Self::Other => f.write_str("error"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_texts_or_documents() {
        let texts = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(Request::Texts(texts.clone()).inputs(), 2);
        assert_eq!(Request::Rerank { query: "q".into(), documents: texts }.inputs(), 2);
    }

    #[test]
    fn statuses_that_mean_too_much_to_do() {
        let kinds = [429, 503, 500, 404].map(FailureKind::of_status);
        use FailureKind::{Overloaded, Status};
        assert_eq!(kinds, [Overloaded(429), Overloaded(503), Status(500), Status(404)]);
        assert_eq!(Failure::new(kinds[0], "slow down").to_string(), "overloaded (429): slow down");
    }
}
