//! Inputs through the workers: tokenised in parallel, grouped by length, run, and read into results in input order.

use std::sync::{Arc, mpsc};

use rayon::prelude::*;

use super::TextError;
use super::worker::{Interface, OutputRows, run_group};
use crate::batch::group::groups;
use crate::batch::pool::{Job, WorkerPool};
use crate::model::tokenizer::Tokens;
use crate::runtime::{RuntimeError, Session};

/// Makes the result of one input of what the model puts out for it.
pub(super) type Reading<T> = Arc<dyn Fn(OutputRows<'_>, &Tokens) -> Result<T, TextError> + Send + Sync>;

/// A loaded model with its workers.
pub(super) struct Runner {
    interface: Arc<Interface>,
    pool: WorkerPool<Session>,
    tokenizers: rayon::ThreadPool,
    /// Most tokens in a group.
    batch_tokens: usize,
    /// Token ids must be below.
    vocab_size: usize,
}

impl Runner {
    /// Takes over a model's workers; `threads` tokenise.
    pub fn new(
        pool: WorkerPool<Session>,
        interface: Interface,
        vocab_size: usize,
        batch_tokens: usize,
        threads: usize,
    ) -> Result<Self, RuntimeError> {
        let tokenizers = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|i| format!("tokenizer-{i}"))
            .build()
            .map_err(|e| RuntimeError::Run(ort::Error::new(format!("no threads for tokenising: {e}"))))?;
        Ok(Self { interface: Arc::new(interface), pool, tokenizers, batch_tokens, vocab_size })
    }

    /// One result for each of `count` inputs, in order. `tokenize` gives the tokens of input number i.
    pub fn run<T: Send + 'static>(
        &self,
        count: usize,
        tokenize: impl Fn(usize) -> Result<Tokens, TextError> + Sync,
        reading: &Reading<T>,
    ) -> Vec<Result<T, TextError>> {
        let tokenize = |i| self.checked(tokenize(i)?);
        let tokens: Vec<Result<Tokens, TextError>> = if count < 8 {
            (0..count).map(tokenize).collect()
        } else {
            self.tokenizers.install(|| (0..count).into_par_iter().map(tokenize).collect())
        };
        let lengths: Vec<Option<usize>> = tokens.iter().map(|t| t.as_ref().ok().map(|t| t.ids.len())).collect();
        let (order, groups) = groups(&lengths, self.batch_tokens);

        // What stands here at the end is what no worker replaced.
        let lost = || TextError("the worker that had this text failed".into());
        let mut results: Vec<_> = tokens.iter().map(|t| Err(t.as_ref().err().cloned().unwrap_or_else(lost))).collect();
        let mut tokens: Vec<Option<Tokens>> = tokens.into_iter().map(Result::ok).collect();
        let (sender, receiver) = mpsc::channel();
        let jobs = groups.into_iter().map(|range| -> Job<Session> {
            let indices = order[range].to_vec();
            let group: Vec<Tokens> = indices.iter().filter_map(|&i| tokens[i].take()).collect();
            let (sender, interface, reading) = (sender.clone(), Arc::clone(&self.interface), Arc::clone(reading));
            Box::new(move |session| {
                let results = run_group(session, &interface, &group, &|rows, tokens| reading(rows, tokens));
                // Nobody listening any more means that nobody wants the result.
                let _ = sender.send((indices, results));
            })
        });
        self.pool.submit(jobs);
        drop(sender);
        for (indices, group) in receiver {
            for (index, result) in indices.into_iter().zip(group) {
                results[index] = result;
            }
        }
        results
    }

    fn checked(&self, tokens: Tokens) -> Result<Tokens, TextError> {
        let vocabulary = self.vocab_size;
        match tokens.ids.iter().find(|&&id| usize::try_from(id).is_ok_and(|id| id >= vocabulary)) {
            Some(id) => Err(TextError(format!("token {id} is outside the model's vocabulary of {vocabulary}"))),
            None if tokens.ids.is_empty() => Err(TextError("the text has no tokens".into())),
            None => Ok(tokens),
        }
    }
}
