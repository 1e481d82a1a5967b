//! Whom requests are sent to, and what comes back.

use std::fmt;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

/// One request, as it is before a target puts it into its own form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Texts to embed or to classify.
    Texts(Vec<String>),
    /// Documents to rank for a query.
    Rerank {
        /// What is asked.
        query: String,
        /// What is ranked.
        documents: Vec<String>,
    },
}

impl Request {
    /// How many inputs it has: texts, or documents.
    pub fn inputs(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.len(),
            Self::Rerank { documents, .. } => documents.len(),
        }
    }
}

/// Whatever answers requests: an engine in this process, a worker, a server.
///
/// A target is given its requests before the clock starts and may put them into the form it sends. An answer counts
/// only once it has been checked: as many outputs as inputs, of the right length, all of them finite.
pub trait Target: Send + Sync {
    /// How many requests it was given.
    fn requests(&self) -> usize;

    /// Sends the request of this index, which is below [`Target::requests`]. A future that is dropped gives up waiting,
    /// and none blocks its thread: time limits could not be kept.
    fn send(&self, index: usize) -> BoxFuture<'_, Outcome>;

    /// How many requests at a time it takes to keep it busy when all work is there from the start.
    fn in_flight(&self) -> usize {
        1
    }
}

/// What became of a request.
pub type Outcome = Result<Answer, Failure>;

/// An answer that is as it should be.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// Inputs that were answered.
    pub inputs: usize,
    /// Tokens the model saw, as they were counted for all targets alike.
    pub tokens: Option<u64>,
    /// Tokens the model saw, as the target says.
    pub reported: Option<u64>,
    /// When the answer was there in full, before it was read and checked: that is the client's work. `None`: when the
    /// future was ready.
    pub received: Option<Instant>,
    /// What was answered, where somebody wants to look at it.
    pub output: Option<Output>,
}

/// What a model gave.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// One vector an input.
    Vectors(Vec<Vec<f32>>),
    /// One score an input, in the order of the inputs.
    Scores(Vec<f32>),
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {message}")]
pub struct Failure {
    /// As what it is counted.
    pub kind: FailureKind,
    /// What happened, for people.
    pub message: String,
}

impl Failure {
    /// A failure of this kind.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        // What it is counted as stands before the message.
        let message = message.into();
        let message = message.strip_prefix(&format!("{kind}: ")).map(str::to_owned).unwrap_or(message);
        Self { kind, message }
    }
}

/// As what failures are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureKind {
    /// No connection: refused, no such host.
    Connect,
    /// No encrypted connection: no common ground, a certificate that is not trusted.
    Tls,
    /// No answer within the time it was given.
    Timeout,
    /// The target says that it has too much to do (HTTP 429 and 503).
    Overloaded(u16),
    /// Any other HTTP status that is no success.
    Status(u16),
    /// The connection broke before the answer was complete.
    Broken,
    /// What came cannot be read: no JSON, another document.
    Garbage,
    /// Not one output an input, or of the wrong length.
    Shape,
    /// A NaN or an infinite number.
    NotFinite,
    /// The engine is gone: no further request can succeed.
    Died,
    /// Anything else.
    Other,
}

impl FailureKind {
    /// The kind of an HTTP status that is no success.
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
