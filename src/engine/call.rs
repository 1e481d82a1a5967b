//! One call of a local engine: inputs that own their text, and options that hold for this call alone.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;

use super::{Embedding, Engine, Input, Prediction, Role, SparseEmbedding, TextError, TokenEmbeddings};
use crate::batch::scheduler::{Full, Stats};
use crate::model::Model;
use crate::model::pooling::Pooling;
use crate::model::tokenizer::Truncate;
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

    /// One vector a text.
    fn start_embed(&self, texts: Vec<Text>, call: &Call) -> Result<Pending<Embedding>, Refusal>;

    /// One weight a token of the vocabulary that matters, for each text.
    fn start_embed_sparse(&self, texts: Vec<Text>, call: &Call) -> Result<Pending<SparseEmbedding>, Refusal>;

    /// One vector a token, for each text.
    fn start_embed_tokens(&self, texts: Vec<Text>, call: &Call) -> Result<Pending<TokenEmbeddings>, Refusal>;

    /// The logits of the classification head, for each input.
    fn start_predict(&self, inputs: Vec<Judged>, call: &Call) -> Result<Pending<Prediction>, Refusal>;
}

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
    /// Two texts: a query and a document, a premise and a hypothesis.
    Pair(String, String),
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

    /// About how many tokens it has, of which `most` are kept.
    pub(super) fn estimate(&self, most: usize) -> usize {
        let tokens = match self {
            Self::Text(text) => text.len() / BYTES_A_TOKEN + 2,
            Self::Ids(ids) => ids.len(),
        };
        tokens.min(most)
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

    /// About how many tokens it has, of which `most` are kept.
    pub(super) fn estimate(&self, most: usize) -> usize {
        (self.bytes() / BYTES_A_TOKEN + 3).min(most)
    }

    /// The same, borrowed.
    pub fn borrow(&self) -> Input<'_> {
        match self {
            Self::Text(text) => Input::Text(text),
            Self::Pair(first, second) => Input::Pair(first, second),
        }
    }
}

/// How the inputs of one call are treated, where that differs from how the engine was loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Call {
    /// As what texts are embedded.
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
}

/// Why a call is not begun.
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
    /// The model does not do that.
    #[error("{0}")]
    Unsupported(String),
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

/// What came of a call.
#[derive(Debug)]
pub struct Computed<T> {
    /// One result an input, in order.
    pub results: Vec<Result<T, TextError>>,
    /// Where the time went.
    pub times: Times,
}

/// A call that was begun: wait for it, or drop it, and what nobody has computed yet never is.
pub struct Pending<T> {
    receiver: oneshot::Receiver<Computed<T>>,
    /// Takes the work that is left out of the queue when it is dropped.
    _ticket: Box<dyn Send + Sync>,
}

impl<T> Pending<T> {
    /// Results that will arrive, and what is to be dropped when nobody wants them any more.
    pub fn new(receiver: oneshot::Receiver<Computed<T>>, ticket: Box<dyn Send + Sync>) -> Self {
        Self { receiver, _ticket: ticket }
    }

    /// What is done already.
    pub fn done(computed: Computed<T>) -> Self {
        let (sender, receiver) = oneshot::channel();
        let _ = sender.send(computed);
        Self::new(receiver, Box::new(()))
    }

    /// Blocks until it is done; `None` if the engine went away. Not for asynchronous code, which awaits it.
    pub fn wait(self) -> Option<Computed<T>> {
        self.receiver.blocking_recv().ok()
    }
}

impl<T> Future for Pending<T> {
    /// `None` if the engine went away.
    type Output = Option<Computed<T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.receiver).poll(context).map(Result::ok)
    }
}
