//! What one model can be asked, whatever the route.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::OnceCell;

use super::metrics::{ModelMetrics, Outcome, Work};
use super::models::{Load, LoadError, Profile, Spec};
use super::trace;
use crate::batch::scheduler::Stats;
use crate::engine::classify::{Classified, Classifier};
use crate::engine::rerank::{Method, Pairs, Reranker, Score, ScoreError};
use crate::engine::{
    Completed, Embedding, Engine, Input, Job, Labelled, LocalInfo, OutputKind, OutputOf, Pending, Request,
    RequestOptions, SparseEmbedding, SubmitError, TextError, TextErrorKind, Times, TokenEmbeddings,
};
use crate::model::activation::sigmoid;
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

/// One model, ready to be asked.
pub struct Service {
    name: String,
    model_id: String,
    engine: Arc<dyn Engine>,
    local: Arc<LocalInfo>,
    /// Engines of the same model for other purposes, loaded on the first request for them; or why they cannot be.
    sparse: Arc<Other>,
    tokens: Arc<Other>,
    hidden: Arc<Other>,
    load: Load,
    /// The weights that the engine was loaded from.
    origin: Option<Origin>,
    reranker: Option<Reranker>,
    /// Whether the reranker scores pairs, by a logit that becomes a score here.
    scores_pairs: bool,
    classifier: Option<Classifier>,
    profile: Arc<Profile>,
    metrics: Arc<ModelMetrics>,
}

/// An engine of the same model for another purpose, and the weights that it was loaded from.
type Other = OnceCell<Result<(Arc<dyn Engine>, Option<Origin>), String>>;

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
fn purpose(model: &Model) -> OutputKind {
    match &model.task {
        Task::CrossEncoder(_) | Task::Classifier { .. } | Task::Generative(_) => OutputKind::Logits,
        Task::Sparse => OutputKind::Sparse,
        Task::LateInteraction => OutputKind::TokenVectors,
        _ => OutputKind::Embedding,
    }
}

impl Service {
    /// Loads the model; blocks.
    pub(super) fn load(spec: &Spec) -> Result<Arc<Self>, LoadError> {
        let engine = (spec.load)(&|model| Ok(purpose(model)))?;
        let info = engine.info();
        let Some(local) = info.local.clone() else {
            return Err(LoadError { message: "only models of this process are served".into(), hint: None });
        };
        let (model, output) = (&local.model, info.output);
        let origin = origin(model);
        let refuse = |e: ModelError| LoadError { message: e.to_string(), hint: e.hint() };
        let classifier = match output {
            OutputKind::Logits => {
                let labels = model.head().labels(info.dimensions).map_err(refuse)?;
                Some(Classifier::new(Arc::clone(&engine), labels))
            }
            _ => None,
        };
        // A classifier with several labels gives no single score.
        let method = Method::of(model, true).ok().filter(|method| method.output() == output);
        let reranker = method.and_then(|method| Reranker::new(Arc::clone(&engine), method).ok());
        let has = |(capability, has): (Capability, bool)| has.then_some(capability);
        let capabilities = [
            (Capability::Embed, output != OutputKind::Logits),
            (Capability::Rerank, reranker.is_some()),
            (Capability::Classify, classifier.is_some()),
        ];
        let profile = Profile {
            output,
            capabilities: capabilities.into_iter().filter_map(has).collect(),
            sparse_head: m3::Head::Sparse.find(&model.dir).is_some(),
            max_length: local.max_length,
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
            scores_pairs: matches!(method, Some(Method::Pairs(_))),
            reranker,
            classifier,
            profile: Arc::new(profile),
            local,
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

    /// The engine.
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// The model.
    pub fn model(&self) -> &Model {
        &self.local.model
    }

    /// Details of the model as it runs here.
    pub fn local(&self) -> &LocalInfo {
        &self.local
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
    pub fn labels(&self) -> &[Arc<str>] {
        self.classifier.as_ref().map_or(&[], Classifier::names)
    }

    /// One vector a text.
    pub async fn embed(&self, texts: Vec<Input>, options: RequestOptions) -> Result<Answer<Embedding>, Failure> {
        self.counted(Work::Embed, self.compute(OutputKind::Embedding, texts, options)).await
    }

    /// One weight a token of the vocabulary that matters, for each text.
    pub async fn embed_sparse(
        &self,
        texts: Vec<Input>,
        options: RequestOptions,
    ) -> Result<Answer<SparseEmbedding>, Failure> {
        self.counted(Work::EmbedSparse, self.compute(OutputKind::Sparse, texts, options)).await
    }

    /// One vector a token, for each text: those of late interaction (ColBERT, BGE-M3).
    pub async fn embed_tokens(
        &self,
        texts: Vec<Input>,
        options: RequestOptions,
    ) -> Result<Answer<TokenEmbeddings>, Failure> {
        self.counted(Work::EmbedTokens, self.compute(OutputKind::TokenVectors, texts, options)).await
    }

    /// The last layer's output for each token, special tokens included, for each text.
    pub async fn hidden_states(
        &self,
        texts: Vec<Input>,
        options: RequestOptions,
    ) -> Result<Answer<TokenEmbeddings>, Failure> {
        self.counted(Work::EmbedTokens, self.compute(OutputKind::HiddenStates, texts, options)).await
    }

    async fn compute<T: OutputOf + Counted>(
        &self,
        output: OutputKind,
        texts: Vec<Input>,
        options: RequestOptions,
    ) -> Result<Answer<T>, Failure> {
        let engine = self.engine_for(output).await?;
        answer(engine.submit(Request::new(output, texts, options))).await
    }

    /// The relevance of each document to its query, in the order of the documents. With `raw`, logits stay logits.
    ///
    /// [`Failure::Input`] counts documents; what is wrong with a query is [`Failure::Option`] of the field `query`.
    pub async fn score(&self, pairs: Pairs, raw: bool, options: RequestOptions) -> Result<Answer<Relevance>, Failure> {
        let answer = async {
            let reranker = self.reranker.as_ref().ok_or_else(|| {
                Failure::Unsupported(format!("{} gives no scores by which to order documents", self.name))
            })?;
            // Of one query it goes without saying which one is wrong.
            let query_of: Vec<usize> = match pairs.queries.len() {
                1 => Vec::new(),
                _ => pairs.documents.iter().map(|&(query, _)| query).collect(),
            };
            let reranked = reranker.score(pairs, &options, true).await?;
            let (mut results, mut tokens) = (Vec::with_capacity(reranked.scores.len()), reranked.query_tokens);
            for (index, score) in reranked.scores.into_iter().enumerate() {
                let score = match score {
                    // The failure comes among the others.
                    Err(ScoreError::NotComputed) => continue,
                    Err(ScoreError::Query(error)) => return Err(failed_query(error, query_of.get(index))),
                    Err(ScoreError::Document(error)) => Err(error),
                    Ok(score) => Ok(score),
                };
                let Score { score, order, tokens: seen, .. } = failed((index, score))?;
                let score = if self.scores_pairs && !raw { sigmoid(order) } else { score };
                tokens += seen.unwrap_or_default();
                results.push(Relevance { score, order });
            }
            Ok(Answer { results, tokens, times: reranked.times })
        };
        self.counted(Work::Rerank, answer).await
    }

    /// The labels of each input, best first. With `raw`, logits stay logits.
    pub async fn classify(
        &self,
        inputs: Vec<Input>,
        raw: bool,
        options: RequestOptions,
    ) -> Result<Answer<Labelled>, Failure> {
        let answer = async {
            let classifier = self.classifier.as_ref();
            let classifier = classifier.ok_or_else(|| Failure::Unsupported(format!("{} has no labels", self.name)))?;
            let Classified { results, times } = classifier.classify(inputs, raw, options).await?;
            of_results(results, times)
        };
        self.counted(Work::Classify, answer).await
    }

    /// How alike `source` and each of `sentences` are, by the model's own measure.
    pub async fn similarity(
        &self,
        source: String,
        sentences: Vec<String>,
        options: RequestOptions,
    ) -> Result<Answer<f64>, Failure> {
        let similarity = self.model().similarity().map_err(|e| Failure::Unsupported(e.to_string()))?;
        let texts = std::iter::once(source).chain(sentences).map(Input::Text).collect();
        let Answer { results, tokens, times } = self.embed(texts, options).await?;
        let Some((source, sentences)) = results.split_first() else {
            return Err(Failure::Internal("the engine gave no vectors".into()));
        };
        let results = sentences.iter().map(|sentence| similarity.of(&source.vector, &sentence.vector)).collect();
        Ok(Answer { results, tokens, times })
    }

    /// The engine for `output`: the model's own, or another that is loaded now.
    async fn engine_for(&self, output: OutputKind) -> Result<Arc<dyn Engine>, Failure> {
        let (other, what) = match output {
            // What it does not give and no other engine can, it refuses itself.
            _ if output == self.engine.info().output || output == OutputKind::Embedding => {
                return Ok(Arc::clone(&self.engine));
            }
            OutputKind::Sparse => (&self.sparse, "sparse vectors"),
            OutputKind::TokenVectors => (&self.tokens, "vectors of tokens"),
            _ => (&self.hidden, "hidden states of tokens"),
        };
        let (cell, load, name) = (Arc::clone(other), Arc::clone(&self.load), self.name.clone());
        // In a task of its own: a client that leaves must not make the next one load it again.
        let loading = tokio::spawn(async move {
            let loaded = cell.get_or_init(|| async {
                let load = move || {
                    let engine = load(&|_| Ok(output))?;
                    let origin = engine.info().local.as_ref().and_then(|local| origin(&local.model));
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
    pub async fn job(
        &self,
        bytes: usize,
        count: usize,
        at_once: usize,
        each: impl Fn(usize) -> Result<Vec<u8>, TextError> + Send + Sync + 'static,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let job = Job { count, at_once, estimate: bytes / BYTES_A_TOKEN, each: Box::new(each) };
        self.engine.submit_job(job)?.await?.into_iter().enumerate().map(failed).collect()
    }
}

/// Waits for a request.
async fn answer<T: OutputOf + Counted>(pending: Result<Pending<Completed>, SubmitError>) -> Result<Answer<T>, Failure> {
    let completed = pending?.await?;
    let times = completed.times;
    of_results(completed.results_as(), times)
}

fn of_results<T: Counted>(results: Vec<Result<T, TextError>>, times: Times) -> Result<Answer<T>, Failure> {
    let results: Vec<T> = results.into_iter().enumerate().map(failed).collect::<Result<_, _>>()?;
    Ok(Answer { tokens: results.iter().map(Counted::tokens).sum(), results, times })
}

/// The failure of a request whose query cannot be processed; `index` tells several queries apart.
fn failed_query(error: TextError, index: Option<&usize>) -> Failure {
    match failed::<()>((0, Err(error))) {
        Err(Failure::Input { reason, .. } | Failure::InputTooLarge { reason, .. }) => {
            let reason = index.map_or(reason.clone(), |index| format!("that at index {index}: {reason}"));
            Failure::Option { field: "query", reason }
        }
        Err(other) => other,
        Ok(()) => Failure::Internal("the engine made nothing of the query".into()),
    }
}

/// An input that has no result fails the whole request.
fn failed<T>((index, result): (usize, Result<T, TextError>)) -> Result<T, Failure> {
    result.map_err(|e| match e.kind() {
        TextErrorKind::Internal | TextErrorKind::Unusable => Failure::Internal(format!("input {index}: {e}")),
        TextErrorKind::Input => Failure::Input { index, reason: e.to_string(), too_long: false },
        TextErrorKind::TooLong => Failure::Input { index, reason: e.to_string(), too_long: true },
        TextErrorKind::TooLarge => Failure::InputTooLarge { index, reason: e.to_string() },
        TextErrorKind::Unavailable => Failure::Unavailable(CHANGED.into()),
    })
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Option { field, reason } => Self::Option { field, reason },
            SubmitError::Full { retry_after } => Self::Full { retry_after },
            SubmitError::TooLarge { tokens, most } => Self::TooLarge { tokens, most },
            SubmitError::Unsupported(what) => Self::Unsupported(what),
            gone @ (SubmitError::Gone | SubmitError::Failed(_) | SubmitError::Remote(_) | SubmitError::Python(_)) => {
                Self::Internal(gone.to_string())
            }
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

impl Counted for Embedding {
    fn tokens(&self) -> usize {
        self.tokens.unwrap_or_default()
    }
}

impl Counted for SparseEmbedding {
    fn tokens(&self) -> usize {
        self.tokens
    }
}

impl Counted for TokenEmbeddings {
    fn tokens(&self) -> usize {
        self.tokens
    }
}

impl Counted for Labelled {
    fn tokens(&self) -> usize {
        self.tokens.unwrap_or_default()
    }
}
