//! One call of a local engine: inputs that own their text, and options that hold for this call alone.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Embedding, Engine, Input, Prediction, Role, SparseEmbedding, TextError, TokenEmbeddings};
use crate::batch::scheduler::{Full, Stats};
use crate::model::Model;
use crate::model::pooling::Pooling;
use crate::model::tokenizer::{Tokens, Truncate};
use crate::runtime::device::Dtype;

/// An engine in this process. Its work can be started without waiting for it, with options of the call's own.
pub trait Local: Engine {
    /// The model that runs.
    fn model(&self) -> &Model;

    /// How it treats texts.
    fn local(&self) -> &LocalInfo;

    /// What waits and what runs.
    fn stats(&self) -> Stats {
        Stats::default()
    }

    /// Why the engine cannot be used any more: a file of its weights was changed in place. Costs a system call a file.
    fn changed(&self) -> Option<&str> {
        None
    }

    /// Runs `each` for the indices below `count` on the threads that tokenise, in turn with other requests and no more than
    /// `at_once` at once. Where the engine has a queue, it is admitted like `estimate` tokens.
    ///
    /// # Errors
    /// [`Refusal::Full`]
    fn start_job(&self, estimate: usize, count: usize, at_once: usize, each: Job) -> Result<Pending<Vec<u8>>, Refusal>;

    /// One vector a text.
    fn start_embed(&self, texts: Vec<Text>, call: &Call) -> Result<Pending<Embedding>, Refusal>;

    /// One weight a token of the vocabulary that matters, for each text.
    fn start_embed_sparse(&self, texts: Vec<Text>, call: &Call) -> Result<Pending<SparseEmbedding>, Refusal>;

    /// One vector a token, for each text.
    fn start_embed_tokens(&self, texts: Vec<Text>, call: &Call) -> Result<Pending<TokenEmbeddings>, Refusal>;

    /// The logits of the classification head, for each input.
    fn start_predict(&self, inputs: Vec<Judged>, call: &Call) -> Result<Pending<Prediction>, Refusal>;
}

/// What is done with the item of an index.
pub type Job = Box<dyn Fn(usize) -> Result<Vec<u8>, TextError> + Send + Sync>;

/// How a model in this process treats texts.
#[derive(Debug, Clone)]
pub struct LocalInfo {
    /// Where its files are.
    pub dir: Option<PathBuf>,
    /// Longest text in tokens, specials included.
    pub max_length: usize,
    /// Pooling modes; empty where the model pools itself.
    pub pooling: Vec<Pooling>,
    /// Whether vectors have length 1.
    pub normalize: bool,
    /// Text put before each input.
    pub prompt: Option<String>,
    /// Number format in which it computes.
    pub dtype: Dtype,
    /// Most tokens that run together.
    pub batch_tokens: usize,
    /// Which end of a text that is too long goes.
    pub truncate: Truncate,
    /// Threads that compute.
    pub threads: usize,
}

/// A text to be embedded, or what is left of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// The text.
    Text(String),
    /// Its token ids, special tokens included: they go to the model as they are, without a prompt.
    Ids(Vec<u32>),
}

/// What a classification head judges; as [`super::Input`], but owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// One text.
    Text(String),
    /// Two texts: a query and a document, a premise and a hypothesis. Pairs that share the first text share its memory,
    /// and it is tokenised once.
    Pair(Arc<str>, String),
}

/// Bytes of text a token has at least, on average, in most languages.
const BYTES_A_TOKEN: usize = 3;

impl Text {
    /// Bytes of text in it.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Ids(ids) => ids.len(),
        }
    }

    /// About how many tokens it has with a prompt of `prompt` bytes before it, of which `most` are kept.
    pub(super) fn estimate(&self, prompt: usize, most: usize) -> usize {
        let tokens = match self {
            Self::Text(text) => text.len().saturating_add(prompt) / BYTES_A_TOKEN + 2,
            Self::Ids(ids) => ids.len(),
        };
        tokens.min(most)
    }

    /// Owned copies of `texts`.
    pub(super) fn copies(texts: &[&str]) -> Vec<Self> {
        texts.iter().map(|&text| Self::Text(text.to_owned())).collect()
    }
}

impl Judged {
    /// Bytes of text in it.
    pub fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Pair(first, second) => first.len() + second.len(),
        }
    }

    /// About how many tokens it has with a prompt of `prompt` bytes before it, of which `most` are kept.
    pub(super) fn estimate(&self, prompt: usize, most: usize) -> usize {
        (self.bytes().saturating_add(prompt) / BYTES_A_TOKEN + 3).min(most)
    }

    /// Owned copies of `inputs`.
    pub(super) fn copies<'t>(inputs: &[Input<'t>]) -> Vec<Self> {
        let mut last: Option<(&'t str, Arc<str>)> = None;
        let mut shared = |first: &'t str| match &last {
            Some((text, copy)) if std::ptr::eq::<str>(*text, first) => Arc::clone(copy),
            _ => {
                let copy: Arc<str> = first.into();
                last = Some((first, Arc::clone(&copy)));
                copy
            }
        };
        let copy = |input: &Input<'t>| match *input {
            Input::Text(text) => Self::Text(text.to_owned()),
            Input::Pair(first, second) => Self::Pair(shared(first), second.to_owned()),
        };
        inputs.iter().map(copy).collect()
    }
}

/// How the inputs of one call are treated, where that differs from how the engine was loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// The role of the texts.
    pub role: Role,
    /// Text put before each input.
    pub prompt: Option<String>,
    /// Name of a prompt of the model's to put before each input.
    pub prompt_name: Option<String>,
    /// Which end of a text that is too long goes.
    pub truncate: Option<Truncate>,
    /// Whether vectors are scaled to length 1.
    pub normalize: Option<bool>,
    /// Vectors are cut to this length, then scaled to length 1 (unless `normalize` is `Some(false)`).
    pub dimensions: Option<usize>,
    /// Most numbers of all vectors of tokens together; more are refused before the model runs
    /// ([`Refusal::TooLarge`]).
    pub most_numbers: Option<usize>,
}

/// Why a call has no results.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An option that the model cannot follow.
    #[error("{field}: {reason}")]
    Option {
        /// The field of [`Call`].
        field: &'static str,
        /// Why not.
        reason: String,
    },
    /// The queue is full.
    #[error("the queue is full")]
    Full {
        /// When there should be room again.
        retry_after: Duration,
    },
    /// The inputs have more tokens than [`Call::most_numbers`] allows.
    #[error("{tokens} tokens are more than {most}")]
    TooLarge {
        /// Tokens of all inputs.
        tokens: usize,
        /// The limit.
        most: usize,
    },
    /// The model does not do that.
    #[error("{0}")]
    Unsupported(String),
    /// The engine ended, or failed, before the results were there.
    #[error("the engine went away")]
    Gone,
}

impl From<Full> for Refusal {
    fn from(Full { retry_after }: Full) -> Self {
        Self::Full { retry_after }
    }
}

/// Where the time of a call went: means over its inputs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// Tokenising all inputs.
    pub tokenize: Duration,
    /// From there until a worker took an input.
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

/// What came of a call.
#[derive(Debug)]
pub struct Computed<T> {
    /// One result an input, in order.
    pub results: Vec<Result<T, TextError>>,
    /// Where the time went.
    pub times: Times,
}

/// Results or why there are none.
pub type Ended<T> = Result<Computed<T>, Refusal>;

/// A call that was begun. When it is dropped, what is not computed yet never is.
pub struct Pending<T> {
    receiver: oneshot::Receiver<Ended<T>>,
    _cancel: Box<dyn Send + Sync>,
}

impl<T> Pending<T> {
    /// Results that will arrive, and what is dropped when they are not wanted any more.
    pub fn new(receiver: oneshot::Receiver<Ended<T>>, cancel: Box<dyn Send + Sync>) -> Self {
        Self { receiver, _cancel: cancel }
    }

    /// Blocks until it is done. Not for asynchronous code, which awaits it.
    ///
    /// # Errors
    /// [`Refusal`]
    pub fn wait(self) -> Result<Computed<T>, Refusal> {
        self.receiver.blocking_recv().unwrap_or(Err(Refusal::Gone))
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<Computed<T>, Refusal>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver).poll(context).map(|ended| ended.unwrap_or(Err(Refusal::Gone)))
    }
}

/// Waits for a call; one result for each of its `count` inputs.
pub(super) fn finished<T>(count: usize, call: Result<Pending<T>, Refusal>) -> Vec<Result<T, TextError>> {
    match call.and_then(Pending::wait) {
        Ok(computed) => computed.results,
        Err(refusal) => {
            let error = TextError::internal(refusal.to_string());
            (0..count).map(|_| Err(error.clone())).collect()
        }
    }
}

/// The tokens of a text of which a client sent the ids.
pub(super) fn ids_as_they_are(ids: &[u32], max_length: usize, truncate: Truncate) -> Result<Tokens, TextError> {
    let kept = match truncate {
        _ if ids.len() <= max_length => ids,
        Truncate::Right => &ids[..max_length],
        Truncate::Left => &ids[ids.len() - max_length..],
        Truncate::None => {
            return Err(TextError::too_long(format!(
                "{} tokens are more than {max_length}, and nothing may go",
                ids.len()
            )));
        }
    };
    let truncated = kept.len() < ids.len();
    Ok(Tokens { ids: kept.iter().map(|&id| i64::from(id)).collect(), types: Vec::new(), unseen: 0, truncated })
}
