//! Requests that were begun, and what comes of them.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::{Output, OutputOf, SubmitError, TextError};

/// A job for the threads that tokenise: `each` of the indices below `count` makes some bytes.
pub struct Job {
    pub count: usize,
    /// Most items at a time.
    pub at_once: usize,
    /// Tokens that the job counts for in the queue.
    pub estimate: usize,
    /// Makes the result of an item.
    pub each: Box<dyn Fn(usize) -> Result<Vec<u8>, TextError> + Send + Sync>,
}

/// The results of a job, in the order of its items.
pub(crate) type JobResults = Vec<Result<Vec<u8>, TextError>>;

/// The phases of a request's time: means over its inputs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    pub tokenize: Duration,
    /// Waiting time until a worker took an input.
    pub queue: Duration,
    /// The run of the model that an input was part of.
    pub infer: Duration,
}

impl Times {
    /// The longer of each.
    pub fn max(self, other: Self) -> Self {
        Self {
            tokenize: self.tokenize.max(other.tokenize),
            queue: self.queue.max(other.queue),
            infer: self.infer.max(other.infer),
        }
    }
}

#[derive(Debug, Default)]
pub struct Completed {
    /// One result an input, in order.
    pub results: Vec<Result<Output, TextError>>,
    /// The phases of its time; zero if the engine does not report them.
    pub times: Times,
    /// Tokens of the whole request, where the engine counts them for it alone.
    pub tokens: Option<u64>,
}

impl Completed {
    /// The requested part of each result.
    pub fn results_as<T: OutputOf>(self) -> Vec<Result<T, TextError>> {
        let missing = || TextError::internal("the engine gave another output than was requested");
        let read = |result: Result<Output, TextError>| T::of(result?).ok_or_else(missing);
        self.results.into_iter().map(read).collect()
    }
}

/// Results, or the error of the whole request.
pub(crate) type Ended<T> = Result<T, SubmitError>;

/// A request in progress. Dropping it cancels the rest of the work.
pub struct Pending<T>(Source<T>);

enum Source<T> {
    /// Results arrive from threads of the engine; the guard is dropped when they are no longer wanted.
    Arriving { receiver: oneshot::Receiver<Ended<T>>, _guard: Box<dyn Send + Sync> },
    /// Results are fetched while the future is polled.
    Fetched(BoxFuture<'static, Ended<T>>),
}

impl<T> Pending<T> {
    /// Results that arrive from threads of the engine. `cancel` is dropped when they are no longer wanted.
    pub fn arriving(receiver: oneshot::Receiver<Ended<T>>, cancel: Box<dyn Send + Sync>) -> Self {
        Self(Source::Arriving { receiver, _guard: cancel })
    }

    /// Results of a future that does the work itself. It may need a tokio runtime.
    pub fn fetched(future: impl Future<Output = Ended<T>> + Send + 'static) -> Self {
        Self(Source::Fetched(future.boxed()))
    }
}

impl<T> Future for Pending<T> {
    type Output = Ended<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Source::Arriving { receiver, .. } => {
                Pin::new(receiver).poll(context).map(|ended| ended.unwrap_or(Err(SubmitError::Gone)))
            }
            Source::Fetched(future) => future.as_mut().poll(context),
        }
    }
}
