//! Inputs through the workers: tokenised in parallel, queued, run in groups, and read into results in input order.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

use super::collect::{Decode, QueuedInput, collect};
use super::observe::{GroupObserver, GroupRun};
use super::run::Interface;
use super::run::{OutputRows, run_group};
use super::tokenizers::{Cancel, Opened, Tokenizers};
use super::weight_files::WeightFiles;
use crate::batch::scheduler::{Admission, Memory, Scheduler, Stats};
use crate::engine::{Completed, EngineError, Job, JobResults, Pending, SubmitError, TextError};
use crate::model::tokenizer::Tokens;
use crate::runtime::Session;

/// A loaded model with its workers.
pub(super) struct Runner {
    scheduler: Scheduler<QueuedInput>,
    tokenizers: Tokenizers,
    /// Token ids must be below.
    vocab_size: usize,
}

/// The inputs of a request, ready to be tokenised.
pub(super) struct Inputs {
    pub tokens: Opened<Result<Tokens, TextError>>,
    pub decode: Decode,
    /// Most tokens of all together.
    pub most_tokens: Option<usize>,
}

impl Runner {
    /// Takes over a model's workers; `threads` tokenise.
    pub(crate) fn new(
        scheduler: Scheduler<QueuedInput>,
        vocab_size: usize,
        threads: usize,
    ) -> Result<Self, EngineError> {
        let tokenizers = Tokenizers::new(threads).map_err(|e| EngineError::Threads(e.to_string()))?;
        Ok(Self { scheduler, tokenizers, vocab_size })
    }

    /// Begins a request. `estimate` is the expected number of tokens: room for them is reserved before the work of
    /// tokenising is done. `open` prepares the inputs; it runs where they are tokenised.
    pub(crate) fn start(
        &self,
        estimate: usize,
        open: impl FnOnce() -> Result<Inputs, SubmitError> + Send + 'static,
    ) -> Result<Pending<Completed>, SubmitError> {
        let reserved = Arc::new(Mutex::new(Some(self.scheduler.admit(estimate)?)));
        let (start, vocabulary) = (Instant::now(), self.vocab_size);
        let (sender, receiver) = oneshot::channel();
        let (cancel, held) = (Arc::<Cancel>::default(), OnceLock::new());
        let call = Arc::new(held);
        let settled = Arc::clone(&call);
        let open = move || {
            let Inputs { tokens: Opened { count, each }, decode, most_tokens } = open()?;
            let _ = settled.set((decode, most_tokens));
            Ok(Opened { count, each: Box::new(move |i| checked(each(i)?, vocabulary)) })
        };
        // A call that is given up gives its room back at once.
        cancel.hold(Reserved(Arc::clone(&reserved)));
        let ticket = Arc::clone(&cancel);
        let finish = move |inputs: Result<Vec<Result<Tokens, TextError>>, SubmitError>| {
            let inputs = inputs.and_then(|inputs| {
                let (decode, most_tokens) = call.get().ok_or(SubmitError::Gone)?;
                let tokens = inputs.iter().flatten().map(|tokens| tokens.ids.len()).sum();
                match *most_tokens {
                    Some(most) if tokens > most => Err(SubmitError::TooLarge { tokens, most }),
                    _ => Ok((inputs, decode)),
                }
            });
            let (inputs, decode) = match inputs {
                Ok(inputs) => inputs,
                Err(error) => return drop(sender.send(Err(error))),
            };
            let Some(admission) = taken(&reserved) else { return };
            let (queued, results) = collect(inputs, decode, start.elapsed(), sender);
            match admission.submit(queued) {
                Ok(submitted) => ticket.hold(submitted),
                Err((full, queued)) => {
                    results.refuse(full.into());
                    drop(queued);
                }
            }
        };
        self.tokenizers.start(Arc::clone(&cancel), open, finish);
        Ok(Pending::arriving(receiver, cancel.on_drop()))
    }

    pub(crate) fn start_job(&self, job: Job) -> Result<Pending<JobResults>, SubmitError> {
        let Job { count, at_once, estimate, each } = job;
        let admission = self.scheduler.admit(estimate)?;
        Ok(self.tokenizers.start_alone(Opened { count, each }, at_once, admission, |results, _| results))
    }

    pub(crate) fn stats(&self) -> Stats {
        self.scheduler.stats()
    }
}

/// Room in the queue for a call that is being tokenised.
type Room = Mutex<Option<Admission<QueuedInput>>>;

/// Gives the room back when it is dropped, if nothing was put into the queue by then.
struct Reserved(Arc<Room>);

impl Drop for Reserved {
    fn drop(&mut self) {
        drop(taken(&self.0));
    }
}

fn taken(room: &Room) -> Option<Admission<QueuedInput>> {
    room.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn checked(tokens: Tokens, vocabulary: usize) -> Result<Tokens, TextError> {
    match tokens.ids.iter().find(|&&id| usize::try_from(id).map_or(true, |id| id >= vocabulary)) {
        Some(id) => Err(TextError::new(format!("token {id} is outside the model's vocabulary of {vocabulary}"))),
        None if tokens.ids.is_empty() => Err(TextError::new("the text has no tokens")),
        None => Ok(tokens),
    }
}

pub(super) fn run_work(
    session: &mut Session,
    interface: &Interface,
    files: &WeightFiles,
    group: Vec<QueuedInput>,
    observer: Option<&dyn GroupObserver>,
) -> Memory {
    let start = Instant::now();
    let texts: Vec<&Tokens> = group.iter().map(|input| &input.tokens).collect();
    // Numbers that were computed while the weights changed are worth nothing: that is looked for afterwards, too.
    let read = |at: usize, rows: OutputRows<'_>| files.check().and_then(|()| group[at].slot.decode(rows, texts[at]));
    let (results, memory) = match files.check() {
        Ok(()) => run_group(session, interface, &texts, &read),
        Err(e) => (vec![Err(e); group.len()], Memory::Enough),
    };
    let run = start.elapsed();
    for (input, result) in group.iter().zip(results) {
        if let Err(e) = result {
            input.slot.fail(e);
        }
        input.slot.spent(start.saturating_duration_since(input.since), run);
    }
    if let Some(observer) = observer {
        let wait = group.iter().map(|input| start.saturating_duration_since(input.since)).max().unwrap_or_default();
        let tokens = texts.iter().map(|text| text.ids.len()).sum();
        observer.group(GroupRun { texts: group.len(), tokens, wait, run });
    }
    memory
}
