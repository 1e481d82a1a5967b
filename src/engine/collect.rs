//! The results of one call, as they come in from the workers, in whatever order.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::call::{Computed, Ended, Times};
use super::worker::OutputRows;
use super::{Refusal, TextError};
use crate::batch::queue::Task;
use crate::model::tokenizer::Tokens;

/// Makes the result of one input of what the model puts out for it.
pub(super) type Reading<T> = Arc<dyn Fn(OutputRows<'_>, &Tokens) -> Result<T, TextError> + Send + Sync>;

/// The tokens of one input on their way through a worker.
pub(super) struct Work {
    pub tokens: Tokens,
    pub since: Instant,
    pub slot: Slot,
}

impl Task for Work {
    fn tokens(&self) -> usize {
        self.tokens.ids.len()
    }
}

/// The place of one input's result. When it is dropped, whatever is there by then is the result.
pub(super) struct Slot {
    index: usize,
    collector: Arc<dyn Collect>,
}

impl Slot {
    /// Reads the result from what the model put out.
    pub fn read(&self, rows: OutputRows<'_>, tokens: &Tokens) -> Result<(), TextError> {
        self.collector.read(self.index, rows, tokens)
    }

    /// The input has no result.
    pub fn fail(&self, error: TextError) {
        self.collector.fail(self.index, error);
    }

    /// How long the input waited, and how long its group ran.
    pub fn spent(&self, wait: Duration, run: Duration) {
        self.collector.spent(wait, run);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.collector.close();
    }
}

/// What workers know of the results of a call, whatever their type.
trait Collect: Send + Sync {
    fn read(&self, index: usize, rows: OutputRows<'_>, tokens: &Tokens) -> Result<(), TextError>;
    fn fail(&self, index: usize, error: TextError);
    fn spent(&self, wait: Duration, run: Duration);
    fn close(&self);
    fn refuse(&self, refusal: Refusal);
}

struct Collector<T> {
    reading: Reading<T>,
    state: Mutex<State<T>>,
}

struct State<T> {
    results: Vec<Result<T, TextError>>,
    /// Inputs that were given to workers, and how many of them are still open.
    sent: usize,
    open: usize,
    tokenize: Duration,
    wait: Duration,
    run: Duration,
    done: Option<oneshot::Sender<Ended<T>>>,
}

impl<T> Collector<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send> Collect for Collector<T> {
    fn read(&self, index: usize, rows: OutputRows<'_>, tokens: &Tokens) -> Result<(), TextError> {
        // Not under the lock: several workers may have results of the same call.
        let result = (self.reading)(rows, tokens)?;
        if let Some(place) = self.lock().results.get_mut(index) {
            *place = Ok(result);
        }
        Ok(())
    }

    fn fail(&self, index: usize, error: TextError) {
        if let Some(place) = self.lock().results.get_mut(index) {
            *place = Err(error);
        }
    }

    fn spent(&self, wait: Duration, run: Duration) {
        let mut state = self.lock();
        state.wait += wait;
        state.run += run;
    }

    fn close(&self) {
        let mut state = self.lock();
        state.open -= 1;
        state.tell();
    }

    fn refuse(&self, refusal: Refusal) {
        if let Some(done) = self.lock().done.take() {
            let _ = done.send(Err(refusal));
        }
    }
}

impl<T> State<T> {
    /// Sends the results, once all are there.
    fn tell(&mut self) {
        if self.open > 0 {
            return;
        }
        if let Some(done) = self.done.take() {
            let results = std::mem::take(&mut self.results);
            let mean = |sum: Duration| sum / u32::try_from(self.sent.max(1)).unwrap_or(u32::MAX);
            let times = Times { tokenize: self.tokenize, queue: mean(self.wait), infer: mean(self.run) };
            // Nobody listening any more means that nobody wants the results.
            let _ = done.send(Ok(Computed { results, times }));
        }
    }
}

/// What goes to the workers for `inputs`, of which `tokenize` gives the tokens; the results are sent to `done`.
pub(super) fn collect<T: Send + 'static>(
    inputs: Vec<Result<Tokens, TextError>>,
    reading: &Reading<T>,
    tokenize: Duration,
    done: oneshot::Sender<Ended<T>>,
) -> (Vec<Work>, Refuse) {
    let lost = || TextError::internal("the worker that had this text failed");
    let state = State {
        results: inputs.iter().map(|input| Err(input.as_ref().err().cloned().unwrap_or_else(lost))).collect(),
        sent: inputs.iter().filter(|input| input.is_ok()).count(),
        open: inputs.iter().filter(|input| input.is_ok()).count(),
        tokenize,
        wait: Duration::ZERO,
        run: Duration::ZERO,
        done: Some(done),
    };
    let collector = Arc::new(Collector { reading: Arc::clone(reading), state: Mutex::new(state) });
    collector.lock().tell();
    let since = Instant::now();
    let work = |(index, input): (usize, Result<Tokens, TextError>)| {
        let collector: Arc<dyn Collect> = Arc::<Collector<T>>::clone(&collector);
        Some(Work { tokens: input.ok()?, since, slot: Slot { index, collector } })
    };
    let work = inputs.into_iter().enumerate().filter_map(work).collect();
    (work, Refuse(collector))
}

/// Ends a call without results.
pub(super) struct Refuse(Arc<dyn Collect>);

impl Refuse {
    /// The call ends with `refusal`, whatever becomes of its work.
    pub fn with(self, refusal: Refusal) {
        self.0.refuse(refusal);
    }
}
