//! Inputs through the workers: tokenised in parallel, queued, run in groups, and read into results in input order.

use std::sync::Arc;
use std::time::Instant;

use rayon::prelude::*;

use super::TextError;
use super::call::{Pending, Refusal};
pub(super) use super::collect::Reading;
use super::collect::{Work, collect};
use super::observe::{GroupRun, Observer};
use super::worker::{Interface, run_group};
use crate::batch::scheduler::{Scheduler, Stats};
use crate::model::tokenizer::Tokens;
use crate::runtime::{RuntimeError, Session};

/// A loaded model with its workers.
pub(super) struct Runner {
    scheduler: Scheduler<Work>,
    tokenizers: rayon::ThreadPool,
    /// Token ids must be below.
    vocab_size: usize,
}

/// Fewer inputs than that are tokenised by the caller's own thread.
const MANY: usize = 8;

impl Runner {
    /// Takes over a model's workers; `threads` tokenise.
    pub fn new(scheduler: Scheduler<Work>, vocab_size: usize, threads: usize) -> Result<Self, RuntimeError> {
        let tokenizers = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("tokenizer-{i}"))
            .build()
            .map_err(|e| RuntimeError::Run(ort::Error::new(format!("no threads for tokenising: {e}"))))?;
        Ok(Self { scheduler, tokenizers, vocab_size })
    }

    /// One result for each of `count` inputs, in order. `tokenize` gives the tokens of input number i.
    pub fn run<T: Send + 'static>(
        &self,
        count: usize,
        tokenize: impl Fn(usize) -> Result<Tokens, TextError> + Sync,
        reading: &Reading<T>,
    ) -> Vec<Result<T, TextError>> {
        let failed = |reason: String| (0..count).map(|_| Err(TextError::internal(reason.clone()))).collect();
        match self.start(count, 0, tokenize, reading) {
            Ok(pending) => pending.wait().map_or_else(|| failed("the engine went away".into()), |done| done.results),
            Err(refusal) => failed(refusal.to_string()),
        }
    }

    /// The same, begun. `estimate` is about how many tokens there will be: room for them is asked for before the work of
    /// tokenising is done.
    pub fn start<T: Send + 'static>(
        &self,
        count: usize,
        estimate: usize,
        tokenize: impl Fn(usize) -> Result<Tokens, TextError> + Sync,
        reading: &Reading<T>,
    ) -> Result<Pending<T>, Refusal> {
        let admission = self.scheduler.admit(estimate)?;
        let start = Instant::now();
        let tokenize = |i| self.checked(tokenize(i)?);
        let inputs: Vec<Result<Tokens, TextError>> = if count < MANY {
            (0..count).map(tokenize).collect()
        } else {
            self.tokenizers.install(|| (0..count).into_par_iter().map(tokenize).collect())
        };
        let (work, receiver) = collect(inputs, reading, start.elapsed());
        Ok(Pending::new(receiver, Box::new(admission.submit(work)?)))
    }

    /// What waits and what runs.
    pub fn stats(&self) -> Stats {
        self.scheduler.stats()
    }

    fn checked(&self, tokens: Tokens) -> Result<Tokens, TextError> {
        let vocabulary = self.vocab_size;
        match tokens.ids.iter().find(|&&id| usize::try_from(id).map_or(true, |id| id >= vocabulary)) {
            Some(id) => Err(TextError::new(format!("token {id} is outside the model's vocabulary of {vocabulary}"))),
            None if tokens.ids.is_empty() => Err(TextError::new("the text has no tokens")),
            None => Ok(tokens),
        }
    }
}

/// What a worker does with a group.
pub(super) fn run_work(
    session: &mut Session,
    interface: &Interface,
    group: Vec<Work>,
    observer: Option<&dyn Observer>,
) {
    let start = Instant::now();
    let texts: Vec<&Tokens> = group.iter().map(|work| &work.tokens).collect();
    let results = run_group(session, interface, &texts, &|at, rows| group[at].slot.read(rows, texts[at]));
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
