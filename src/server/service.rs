//! What one model can be asked, whatever the route.

mod pairs;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::OnceCell;

pub use self::pairs::Pairs;
use super::metrics::{ModelMetrics, Outcome, Work};
use super::models::{Load, LoadError, Profile, Spec};
use super::trace;
use crate::batch::scheduler::Stats;
use crate::engine::rerank::Method;
use crate::engine::{
    Call, Computed, Embedding, Job, Judged, Local, Pending, Prediction, Purpose, Refusal, SparseEmbedding, Text,
    TextError, TextErrorKind, Times, TokenEmbeddings,
};
use crate::model::labels::Labels;
use crate::model::m3;
use crate::model::source::Weights;
use crate::model::task::Task;
use crate::model::{Model, ModelError, fingerprint};

/// Why a model gives no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// One of the inputs cannot be processed.
    #[error("input {index}: {reason}")]
    Input {
        /// Which.
        index: usize,
        /// Why not.
        reason: String,
        /// Whether it is longer than the model can read, and must not be cut.
        too_long: bool,
    },
    /// One of the inputs is larger than can be read.
    #[error("input {index}: {reason}")]
    InputTooLarge {
        /// Its index.
        index: usize,
        /// Its size, and the limit.
        reason: String,
    },
    /// An option that the model cannot follow.
    #[error("{field}: {reason}")]
    Option {
        /// The field of the request.
        field: &'static str,
        /// Why not.
        reason: String,
    },
    /// The reply would be larger than `--reply-limit` allows.
    #[error("the inputs have {tokens} tokens; a reply has the vectors of {most} at most (--reply-limit)")]
    TooLarge {
        /// Tokens of all inputs.
        tokens: usize,
        /// The limit.
        most: usize,
    },
    /// The model does not do that.
    #[error("{0}")]
    Unsupported(String),
    /// The queue is full.
    #[error("the queue is full; try again later")]
    Full {
        /// When there should be room again.
        retry_after: Duration,
    },
    /// The model is not there (yet, or any more).
    #[error("{0}")]
    Unavailable(String),
    /// The server's own fault.
    #[error("{0}")]
    Internal(String),
}

/// What a model answered.
#[derive(Debug, Clone)]
pub struct Answer<T> {
    /// One result an input, in order.
    pub results: Vec<T>,
    /// Tokens the model saw, specials included, summed over the inputs.
    pub tokens: usize,
    /// Where the time went.
    pub times: Times,
}

/// What a model is for, in Infinity's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Vectors.
    Embed,
    /// Scores of documents.
    Rerank,
    /// Labels.
    Classify,
}

/// How well a document answers a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relevance {
    /// The score: of a cross-encoder the sigmoid of its logit, or the logit where raw scores are wanted; else the
    /// similarity.
    pub score: f64,
    /// What documents are ordered by, larger first; it still differs where scores have come so near to 1 that they are
    /// equal.
    pub order: f64,
}

/// The labels of one input: position in [`Service::labels`] and score, best first.
pub type Labelled = Vec<(usize, f64)>;

/// One model, ready to be asked.
pub struct Service {
    name: String,
    model_id: String,
    engine: Arc<dyn Local>,
    /// Engines of the same model for other purposes, loaded on the first request for them; or why they cannot be.
    sparse: Arc<Other>,
    tokens: Arc<Other>,
    hidden: Arc<Other>,
    load: Load,
    /// The weights that the engine was loaded from.
    origin: Option<Origin>,
    method: Option<Method>,
    labels: Option<Labels>,
    profile: Arc<Profile>,
    metrics: Arc<ModelMetrics>,
}

/// An engine of the same model for another purpose, and the weights that it was loaded from.
type Other = OnceCell<Result<(Arc<dyn Local>, Option<Origin>), String>>;

/// A file of weights: its path, time of change and length. Another one has another.
type Origin = (PathBuf, SystemTime, u64);

/// Where the weights of `model` come from; `None` if the file is gone.
fn origin(model: &Model) -> Option<Origin> {
    let (Weights::Safetensors(path) | Weights::Onnx(path)) = &model.weights;
    let metadata = std::fs::metadata(path).ok()?;
    Some((path.clone(), metadata.modified().ok()?, metadata.len()))
}

/// The reply where the rest of a model can only be loaded from other files than the model itself.
const REPLACED: &str = "the model's files were replaced after it was loaded, and what is asked for would come from the new ones; the server must be restarted";

/// Bytes of text a token has at least, on average, in most languages.
const BYTES_A_TOKEN: usize = 3;

/// The reply after a change of the model's files. The log names the file.
pub(super) const CHANGED: &str = "the model's files were changed while it was in use, and it gives no right answers any more; the server must be restarted";

/// What a model is loaded for when it is served.
fn purpose(model: &Model) -> Purpose {
    match &model.task {
        Task::CrossEncoder(_) | Task::Classifier { .. } | Task::Generative(_) => Purpose::Predict,
        Task::Sparse => Purpose::EmbedSparse,
        Task::LateInteraction => Purpose::EmbedTokens,
        _ => Purpose::Embed,
    }
}

impl Service {
    /// Loads the model; blocks.
    pub(super) fn load(spec: &Spec) -> Result<Arc<Self>, LoadError> {
        let engine = (spec.load)(&|model| Ok(purpose(model)))?;
        let (model, info) = (engine.model(), engine.info());
        let origin = origin(model);
        let refuse = |e: ModelError| LoadError { message: e.to_string(), hint: e.hint() };
        let labels = match info.purpose {
            Purpose::Predict => Some(model.head().labels(info.dimensions).map_err(refuse)?),
            _ => None,
        };
        // A classifier with several labels gives no single score.
        let method = Method::of(model, true).ok().filter(|method| {
            method.purpose() == info.purpose && (info.purpose != Purpose::Predict || info.dimensions == 1)
        });
        let has = |(capability, has): (Capability, bool)| has.then_some(capability);
        let capabilities = [
            (Capability::Embed, info.purpose != Purpose::Predict),
            (Capability::Rerank, method.is_some()),
            (Capability::Classify, labels.is_some()),
        ];
        let profile = Profile {
            purpose: info.purpose,
            capabilities: capabilities.into_iter().filter_map(has).collect(),
            sparse_head: m3::Head::Sparse.find(&model.dir).is_some(),
            max_length: engine.local().max_length,
            size: fingerprint::size(model),
        };
        Ok(Arc::new(Self {
            name: spec.name.clone(),
            model_id: spec.model_id.clone(),
            sparse: Arc::default(),
            tokens: Arc::default(),
            hidden: Arc::default(),
            load: Arc::clone(&spec.load),
            origin,
            method,
            labels,
            profile: Arc::new(profile),
            engine,
            metrics: Arc::clone(&spec.metrics),
        }))
    }

    /// The name that clients use.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it was loaded from.
    pub fn model_id(&self) -> &str {
        &self.model_id
    }

    /// The engine, for its properties and the model's.
    pub fn engine(&self) -> &dyn Local {
        self.engine.as_ref()
    }

    /// What waits and what runs.
    pub fn stats(&self) -> Stats {
        let others = [&self.sparse, &self.tokens, &self.hidden].map(|other| other.get()?.as_ref().ok());
        others.into_iter().flatten().fold(self.engine.stats(), |sum, (engine, _)| sum + engine.stats())
    }

    /// The model's purpose, capabilities and limits.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// Why it cannot be used any more: a file of its weights was changed in place. The reason names the file, which is
    /// the operator's business and not the client's.
    pub fn changed(&self) -> Option<&str> {
        let others = [&self.sparse, &self.tokens, &self.hidden].map(|other| other.get()?.as_ref().ok()?.0.changed());
        self.engine.changed().or_else(|| others.into_iter().flatten().next())
    }

    /// What the model is for.
    pub fn capabilities(&self) -> &[Capability] {
        &self.profile.capabilities
    }

    /// The names of the labels; empty without a classification head.
    pub fn labels(&self) -> &[String] {
        self.labels.as_ref().map_or(&[], |labels| &labels.names)
    }

    /// One vector a text.
    pub async fn embed(&self, texts: Vec<Text>, call: Call) -> Result<Answer<Embedding>, Failure> {
        let answer = self.ask(self.engine.start_embed(texts, &call));
        self.counted(Work::Embed, answer).await
    }

    /// One weight a token of the vocabulary that matters, for each text.
    pub async fn embed_sparse(&self, texts: Vec<Text>, call: Call) -> Result<Answer<SparseEmbedding>, Failure> {
        let answer = async {
            let engine = self.engine_for(Purpose::EmbedSparse).await?;
            self.ask(engine.start_embed_sparse(texts, &call)).await
        };
        self.counted(Work::EmbedSparse, answer).await
    }

    /// One vector a token, for each text: those of late interaction (ColBERT, BGE-M3).
    pub async fn embed_tokens(&self, texts: Vec<Text>, call: Call) -> Result<Answer<TokenEmbeddings>, Failure> {
        self.tokens_by(Purpose::EmbedTokens, texts, call).await
    }

    /// What the last layer gives each token, special tokens included, for each text.
    pub async fn hidden_states(&self, texts: Vec<Text>, call: Call) -> Result<Answer<TokenEmbeddings>, Failure> {
        self.tokens_by(Purpose::HiddenStates, texts, call).await
    }

    async fn tokens_by(
        &self,
        purpose: Purpose,
        texts: Vec<Text>,
        call: Call,
    ) -> Result<Answer<TokenEmbeddings>, Failure> {
        let answer = async {
            let engine = self.engine_for(purpose).await?;
            self.ask(engine.start_embed_tokens(texts, &call)).await
        };
        self.counted(Work::EmbedTokens, answer).await
    }

    /// The labels of each input, best first. With `raw`, logits stay logits.
    pub async fn classify(&self, inputs: Vec<Judged>, raw: bool, call: Call) -> Result<Answer<Labelled>, Failure> {
        let Some(labels) = &self.labels else {
            return Err(Failure::Unsupported(format!("{} has no labels", self.name)));
        };
        let answer = self.counted(Work::Classify, self.ask(self.engine.start_predict(inputs, &call)));
        let Answer { results, tokens, times } = answer.await?;
        let labelled = |p: Prediction| {
            let scores = match raw {
                true => p.logits.iter().map(|&x| f64::from(x)).collect(),
                false => labels.problem.scores(&p.logits),
            };
            let mut order: Vec<usize> = (0..scores.len()).collect();
            order.sort_by(|&a, &b| p.logits[b].total_cmp(&p.logits[a]));
            order.into_iter().map(|i| (i, scores[i])).collect()
        };
        Ok(Answer { results: results.into_iter().map(labelled).collect(), tokens, times })
    }

    /// How alike `source` and each of `sentences` are, by the model's own measure.
    pub async fn similarity(&self, source: String, sentences: Vec<String>, call: Call) -> Result<Answer<f64>, Failure> {
        let similarity = self.engine.model().similarity().map_err(|e| Failure::Unsupported(e.to_string()))?;
        let texts = std::iter::once(source).chain(sentences).map(Text::Text).collect();
        let Answer { results, tokens, times } = self.embed(texts, call).await?;
        let Some((source, sentences)) = results.split_first() else {
            return Err(Failure::Internal("the engine gave no vectors".into()));
        };
        let results = sentences.iter().map(|sentence| similarity.of(&source.vector, &sentence.vector)).collect();
        Ok(Answer { results, tokens, times })
    }

    /// The engine for that purpose: the model's own, or another that is loaded now.
    async fn engine_for(&self, purpose: Purpose) -> Result<Arc<dyn Local>, Failure> {
        let (other, what) = match purpose {
            _ if purpose == self.engine.info().purpose => return Ok(Arc::clone(&self.engine)),
            Purpose::EmbedSparse => (&self.sparse, "sparse vectors"),
            Purpose::EmbedTokens => (&self.tokens, "vectors of tokens"),
            _ => (&self.hidden, "hidden states of tokens"),
        };
        let (cell, load, name) = (Arc::clone(other), Arc::clone(&self.load), self.name.clone());
        // In a task of its own: a client that leaves must not make the next one load it again.
        let loading = tokio::spawn(async move {
            let loaded = cell.get_or_init(|| async {
                let load = move || {
                    let engine = load(&|_| Ok(purpose))?;
                    let origin = origin(engine.model());
                    Ok::<_, LoadError>((engine, origin))
                };
                let loaded = tokio::task::spawn_blocking(load).await;
                let loaded = loaded.map_err(|e| e.to_string()).and_then(|loaded| loaded.map_err(|e| e.to_string()));
                // The reason names flags and files, which are the operator's and not the client's.
                loaded.map_err(|reason| {
                    tracing::info!("{name}: no {what}: {reason}");
                    format!("{name} gives no {what}")
                })
            });
            loaded.await.clone()
        });
        let loaded = loading.await.map_err(|e| Failure::Internal(format!("the model could not be loaded: {e}")))?;
        let (engine, origin) = loaded.map_err(Failure::Unsupported)?;
        if origin == self.origin { Ok(engine) } else { Err(Failure::Unavailable(REPLACED.into())) }
    }

    /// Waits for an answer, and counts what became of it.
    async fn counted<T>(
        &self,
        work: Work,
        answer: impl Future<Output = Result<Answer<T>, Failure>>,
    ) -> Result<Answer<T>, Failure> {
        let (call, started) = (self.metrics.begin(work), SystemTime::now());
        let answer = answer.await;
        match &answer {
            Ok(answer) => {
                call.answered(&answer.times);
                trace::phases(&self.name, started, &answer.times, answer.tokens);
            }
            Err(failure) => call.ended(failure.into()),
        }
        answer
    }

    /// Runs `each` for the indices below `count` on the threads that tokenise, no more than `at_once` at once, admitted like
    /// `bytes` bytes of text.
    pub async fn job(&self, bytes: usize, count: usize, at_once: usize, each: Job) -> Result<Vec<Vec<u8>>, Failure> {
        let tokens = bytes / BYTES_A_TOKEN;
        let Computed { results, .. } = self.engine.start_job(tokens, count, at_once, each)?.await?;
        results.into_iter().enumerate().map(failed).collect()
    }

    /// Waits for a call.
    async fn ask<T: Counted>(&self, call: Result<Pending<T>, Refusal>) -> Result<Answer<T>, Failure> {
        let Computed { results, times } = call?.await?;
        let results: Vec<T> = results.into_iter().enumerate().map(failed).collect::<Result<_, _>>()?;
        Ok(Answer { tokens: results.iter().map(Counted::tokens).sum(), results, times })
    }
}

/// An input that has no result fails the whole request.
fn failed<T>((index, result): (usize, Result<T, TextError>)) -> Result<T, Failure> {
    result.map_err(|e| match e.kind() {
        TextErrorKind::Internal => Failure::Internal(format!("input {index}: {e}")),
        TextErrorKind::Input => Failure::Input { index, reason: e.to_string(), too_long: false },
        TextErrorKind::TooLong => Failure::Input { index, reason: e.to_string(), too_long: true },
        TextErrorKind::TooLarge => Failure::InputTooLarge { index, reason: e.to_string() },
        TextErrorKind::Unavailable => Failure::Unavailable(CHANGED.into()),
    })
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Option { field, reason } => Self::Option { field, reason },
            Refusal::Full { retry_after } => Self::Full { retry_after },
            Refusal::TooLarge { tokens, most } => Self::TooLarge { tokens, most },
            Refusal::Unsupported(what) => Self::Unsupported(what),
            Refusal::Gone => Self::Internal("the engine went away".into()),
        }
    }
}

impl From<&Failure> for Outcome {
    fn from(failure: &Failure) -> Self {
        match failure {
            Failure::Input { .. }
            | Failure::InputTooLarge { .. }
            | Failure::Option { .. }
            | Failure::TooLarge { .. }
            | Failure::Unsupported(_) => Self::Invalid,
            Failure::Full { .. } => Self::Rejected,
            Failure::Unavailable(_) => Self::Unavailable,
            Failure::Internal(_) => Self::Failed,
        }
    }
}

/// A result that knows how many tokens the model saw for it.
trait Counted {
    fn tokens(&self) -> usize;
}

macro_rules! counted {
    ($($result:ty),*) => {
        $(impl Counted for $result {
            fn tokens(&self) -> usize {
                self.tokens
            }
        })*
    };
}

counted!(SparseEmbedding, TokenEmbeddings, Prediction);

impl Counted for Embedding {
    fn tokens(&self) -> usize {
        // Engines in this process always tell.
        self.tokens.unwrap_or_default()
    }
}
