//! The results of one request, collected from the workers in any order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::run::OutputRows;
use crate::batch::queue::Task;
use crate::engine::{Completed, Output, SubmitError, TextError, Times};
use crate::model::tokenizer::Tokens;

/// Makes the result of one input from the model's output for it.
pub(super) type Decode = Arc<dyn Fn(OutputRows<'_>, &Tokens) -> Result<Output, TextError> + Send + Sync>;

/// The tokens of one input on their way through a worker.
pub(super) struct QueuedInput {
    pub tokens: Tokens,
    pub since: Instant,
    pub slot: ResultSlot,
}

impl Task for QueuedInput {
    fn tokens(&self) -> usize {
        self.tokens.ids.len()
    }
}

/// The place of one input's result, filled by a worker. Dropping it completes the input; if nothing was stored, with an
/// internal error.
pub(super) struct ResultSlot {
    index: usize,
    results: Arc<Results>,
}

impl ResultSlot {
    pub(crate) fn decode(&self, rows: OutputRows<'_>, tokens: &Tokens) -> Result<(), TextError> {
        // Not under the lock: several workers may have results of the same request.
        let result = (self.results.decode)(rows, tokens)?;
        self.results.set(self.index, Ok(result));
        Ok(())
    }

    pub(crate) fn fail(&self, error: TextError) {
        self.results.set(self.index, Err(error));
    }

    /// Adds the time that the input waited, and that its group ran.
    pub(crate) fn spent(&self, wait: Duration, run: Duration) {
        let mut state = self.results.lock();
        state.wait += wait;
        state.run += run;
    }
}

impl Drop for ResultSlot {
    fn drop(&mut self) {
        let mut state = self.results.lock();
        state.open -= 1;
        state.send_if_complete();
    }
}

pub(super) struct Results {
    decode: Decode,
    state: Mutex<State>,
}

struct State {
    results: Vec<Result<Output, TextError>>,
    /// Inputs that were given to workers, and how many of them are still open.
    sent: usize,
    open: usize,
    tokenize: Duration,
    wait: Duration,
    run: Duration,
    done: Option<oneshot::Sender<Result<Completed, SubmitError>>>,
}

impl Results {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, index: usize, result: Result<Output, TextError>) {
        if let Some(place) = self.lock().results.get_mut(index) {
            *place = result;
        }
    }

    /// Ends the request with `error`, regardless of its inputs.
    pub(crate) fn refuse(&self, error: SubmitError) {
        if let Some(done) = self.lock().done.take() {
            let _ = done.send(Err(error));
        }
    }
}

impl State {
    fn send_if_complete(&mut self) {
        if self.open > 0 {
            return;
        }
        if let Some(done) = self.done.take() {
            let results = std::mem::take(&mut self.results);
            let mean = |sum: Duration| sum / u32::try_from(self.sent.max(1)).unwrap_or(u32::MAX);
            let times = Times { tokenize: self.tokenize, queue: mean(self.wait), infer: mean(self.run) };
            // Without a receiver, the results are no longer wanted.
            let _ = done.send(Ok(Completed { results, times, tokens: None }));
        }
    }
}

/// Splits `inputs` into the queue's part and the collector; `tokenize` is the time of tokenisation; the results are
/// sent to `done`.
pub(super) fn collect(
    inputs: Vec<Result<Tokens, TextError>>,
    decode: &Decode,
    tokenize: Duration,
    done: oneshot::Sender<Result<Completed, SubmitError>>,
) -> (Vec<QueuedInput>, Arc<Results>) {
    let lost = || TextError::internal("the worker that had this text failed");
    let sent = inputs.iter().filter(|input| input.is_ok()).count();
    let state = State {
        results: inputs.iter().map(|input| Err(input.as_ref().err().cloned().unwrap_or_else(lost))).collect(),
        sent,
        open: sent,
        tokenize,
        wait: Duration::ZERO,
        run: Duration::ZERO,
        done: Some(done),
    };
    let results = Arc::new(Results { decode: Arc::clone(decode), state: Mutex::new(state) });
    results.lock().send_if_complete();
    let since = Instant::now();
    let queued = |(index, input): (usize, Result<Tokens, TextError>)| {
        Some(QueuedInput { tokens: input.ok()?, since, slot: ResultSlot { index, results: Arc::clone(&results) } })
    };
    let queued = inputs.into_iter().enumerate().filter_map(queued).collect();
    (queued, results)
}
