//! Inputs through the workers: tokenised in parallel, queued, run in groups, and read into results in input order.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use super::call::{Pending, Refusal};
pub(super) use super::collect::Reading;
use super::collect::{Work, collect};
use super::observe::{GroupRun, Observer};
use super::tokenizers::{Cancel, Opened, Tokenizers};
use super::weight_files::WeightFiles;
use super::worker::{Interface, OutputRows, run_group};
use super::{EngineError, Job, TextError};
use crate::batch::scheduler::{Admission, Scheduler, Stats};
use crate::model::tokenizer::Tokens;
use crate::runtime::Session;

/// A loaded model with its workers.
pub(super) struct Runner {
    scheduler: Scheduler<Work>,
    tokenizers: Tokenizers,
    /// Token ids must be below.
    vocab_size: usize,
}

/// The inputs of a call, ready to be tokenised.
pub(super) struct Inputs<T> {
    /// Their tokens.
    pub tokens: Opened<Result<Tokens, TextError>>,
    /// Makes their results.
    pub reading: Reading<T>,
    /// Most tokens of all together.
    pub most_tokens: Option<usize>,
}

impl Runner {
    /// Takes over a model's workers; `threads` tokenise.
    pub fn new(scheduler: Scheduler<Work>, vocab_size: usize, threads: usize) -> Result<Self, EngineError> {
        let tokenizers = Tokenizers::new(threads).map_err(|e| EngineError::Threads(e.to_string()))?;
        Ok(Self { scheduler, tokenizers, vocab_size })
    }

    /// Begins a call. `estimate` is about how many tokens there will be: room for them is asked for before the work of
    /// tokenising is done. `open` prepares the inputs; it is run where they are tokenised.
    ///
    /// # Errors
    /// [`Refusal::Full`]
    pub fn start<T: Send + 'static>(
        &self,
        estimate: usize,
        open: impl FnOnce() -> Result<Inputs<T>, Refusal> + Send + 'static,
    ) -> Result<Pending<T>, Refusal> {
        let reserved = Arc::new(Mutex::new(Some(self.scheduler.admit(estimate)?)));
        let (start, vocabulary) = (Instant::now(), self.vocab_size);
        let (sender, receiver) = oneshot::channel();
        let (cancel, held) = (Arc::<Cancel>::default(), OnceLock::new());
        let call = Arc::new(held);
        let settled = Arc::clone(&call);
        let open = move || {
            let Inputs { tokens: Opened { count, each }, reading, most_tokens } = open()?;
            let _ = settled.set((reading, most_tokens));
            Ok(Opened { count, each: Box::new(move |i| checked(each(i)?, vocabulary)) })
        };
        // A call that is given up gives its room back at once.
        cancel.hold(Reserved(Arc::clone(&reserved)));
        let ticket = Arc::clone(&cancel);
        let finish = move |inputs: Result<Vec<Result<Tokens, TextError>>, Refusal>| {
            let inputs = inputs.and_then(|inputs| {
                let (reading, most_tokens) = call.get().ok_or(Refusal::Gone)?;
                let tokens = inputs.iter().flatten().map(|tokens| tokens.ids.len()).sum();
                match *most_tokens {
                    Some(most) if tokens > most => Err(Refusal::TooLarge { tokens, most }),
                    _ => Ok((inputs, reading)),
                }
            });
            let (inputs, reading) = match inputs {
                Ok(inputs) => inputs,
                Err(refusal) => return drop(sender.send(Err(refusal))),
            };
            let Some(admission) = taken(&reserved) else { return };
            let (work, refuse) = collect(inputs, reading, start.elapsed(), sender);
            match admission.submit(work) {
                Ok(submitted) => ticket.hold(submitted),
                Err((full, work)) => {
                    refuse.with(full.into());
                    drop(work);
                }
            }
        };
        self.tokenizers.start(Arc::clone(&cancel), open, finish);
        Ok(Pending::new(receiver, cancel.on_drop()))
    }

    /// [`super::Local::start_job`]
    pub fn start_job(
        &self,
        estimate: usize,
        count: usize,
        at_once: usize,
        each: Job,
    ) -> Result<Pending<Vec<u8>>, Refusal> {
        Ok(self.tokenizers.start_alone(Opened { count, each }, at_once, self.scheduler.admit(estimate)?))
    }

    /// What waits and what runs.
    pub fn stats(&self) -> Stats {
        self.scheduler.stats()
    }
}

/// Room in the queue for a call that is being tokenised.
type Room = Mutex<Option<Admission<Work>>>;

/// Gives the room back when it is dropped, if nothing was put into the queue by then.
struct Reserved(Arc<Room>);

impl Drop for Reserved {
    fn drop(&mut self) {
        drop(taken(&self.0));
    }
}

fn taken(room: &Room) -> Option<Admission<Work>> {
    room.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn checked(tokens: Tokens, vocabulary: usize) -> Result<Tokens, TextError> {
    match tokens.ids.iter().find(|&&id| usize::try_from(id).map_or(true, |id| id >= vocabulary)) {
        Some(id) => Err(TextError::new(format!("token {id} is outside the model's vocabulary of {vocabulary}"))),
        None if tokens.ids.is_empty() => Err(TextError::new("the text has no tokens")),
        None => Ok(tokens),
    }
}

/// What a worker does with a group.
pub(super) fn run_work(
    session: &mut Session,
    interface: &Interface,
    files: &WeightFiles,
    group: Vec<Work>,
    observer: Option<&dyn Observer>,
) {
    let start = Instant::now();
    let texts: Vec<&Tokens> = group.iter().map(|work| &work.tokens).collect();
    // Numbers that were computed while the weights changed are worth nothing: that is looked for afterwards, too.
    let read = |at: usize, rows: OutputRows<'_>| files.check().and_then(|()| group[at].slot.read(rows, texts[at]));
    let results = match files.check() {
        Ok(()) => run_group(session, interface, &texts, &read),
        Err(e) => vec![Err(e); group.len()],
    };
    let run = start.elapsed();
    for (work, result) in group.iter().zip(results) {
        if let Err(e) = result {
            work.slot.fail(e);
        }
        work.slot.spent(start.saturating_duration_since(work.since), run);
    }
    if let Some(observer) = observer {
        let wait = group.iter().map(|work| start.saturating_duration_since(work.since)).max().unwrap_or_default();
        let tokens = texts.iter().map(|text| text.ids.len()).sum();
        observer.group(GroupRun { texts: group.len(), tokens, padding_tokens: 0, wait, run });
    }
}

/// Shares an observer with the workers.
pub(super) fn observed(observer: Option<&Arc<dyn Observer>>) -> Option<&dyn Observer> {
    observer.map(AsRef::as_ref)
}
