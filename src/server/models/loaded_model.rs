//! The operations of one model, for all routes.

use std::sync::Arc;
use std::time::SystemTime;

use super::failure::Failure;
use super::lazy_engine::LazyEngine;
use super::profile::{Capability, Profile};
use super::spec::{Load, LoadError, ModelSpec};
use crate::batch::scheduler::Stats;
use crate::engine::classify::{Classified, Classifier};
use crate::engine::rerank::{Method, Pairs, Reranker, Score};
use crate::engine::{
    BYTES_PER_TOKEN, Embedding, Engine, Input, Job, Labelled, LocalInfo, OutputKind, OutputOf, Request, RequestOptions,
    SparseEmbedding, TextError, Times, TokenEmbeddings,
};
use crate::model::activation::sigmoid;
use crate::model::m3;
use crate::model::task::Task;
use crate::model::{Model, fingerprint};
use crate::server::metrics::ModelMetrics;
use crate::server::trace;

/// The results of a model call.
#[derive(Debug, Clone)]
pub struct ModelOutput<T> {
    /// One for each input, in order.
    pub results: Vec<T>,
    /// Tokens that the model processed, special tokens included, summed over the inputs.
    pub tokens: usize,
    pub times: Times,
}

/// The relevance of a document to a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Relevance {
    /// The sigmoid of a cross-encoder's logit, or the logit itself if raw scores are wanted; for other models the
    /// similarity.
    pub score: f64,
    /// The key for sorting, larger first; it still differs where scores have rounded to 1.
    pub order: f64,
}

pub struct LoadedModel {
    name: String,
    model_id: String,
    engine: Arc<dyn Engine>,
    dimensions: usize,
    local: Arc<LocalInfo>,
    /// Engines of the same model for other outputs.
    sparse: LazyEngine,
    tokens: LazyEngine,
    hidden: LazyEngine,
    load: Load,
    reranker: Option<Reranker>,
    /// True if the reranker scores pairs, with logits that become scores here.
    scores_pairs: bool,
    classifier: Option<Classifier>,
    profile: Arc<Profile>,
    metrics: Arc<ModelMetrics>,
}

/// The output for which a served model is loaded.
fn purpose(model: &Model) -> OutputKind {
    match &model.task {
        Task::CrossEncoder(_) | Task::Classifier { .. } | Task::Generative(_) => OutputKind::Logits,
        Task::Sparse => OutputKind::Sparse,
        Task::LateInteraction => OutputKind::TokenVectors,
        _ => OutputKind::Embedding,
    }
}

impl LoadedModel {
    /// Loads the model. Blocks.
    pub(super) fn load(spec: &ModelSpec) -> Result<Arc<Self>, LoadError> {
        let engine = (spec.load)(&|model| Ok(purpose(model)))?;
        let info = engine.info();
        let Some(local) = info.local.clone() else {
            let hint = Some("give --model-id a directory, an .onnx file or a repository".into());
            return Err(LoadError::Other { message: "only local models can be served".into(), hint });
        };
        let (model, output, dimensions) = (&local.model, info.output, info.known_dimensions()?);
        let classifier = match output {
            OutputKind::Logits => Some(Classifier::of(Arc::clone(&engine))?),
            _ => None,
        };
        // A classifier with several labels has no single score.
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
            origin: fingerprint::stamps(model),
        };
        Ok(Arc::new(Self {
            name: spec.name.clone(),
            model_id: spec.model_id.clone(),
            sparse: LazyEngine::default(),
            tokens: LazyEngine::default(),
            hidden: LazyEngine::default(),
            load: Arc::clone(&spec.load),
            scores_pairs: matches!(method, Some(Method::Pairs(_))),
            reranker,
            classifier,
            profile: Arc::new(profile),
            local,
            engine,
            dimensions,
            metrics: Arc::clone(&spec.metrics),
        }))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The repository or directory of the model.
    pub fn model_id(&self) -> &str {
        &self.model_id
    }

    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// Length of the vectors of its own engine, or the number of labels.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    pub fn model(&self) -> &Model {
        &self.local.model
    }

    /// Settings of the model in this process.
    pub fn local(&self) -> &LocalInfo {
        &self.local
    }

    /// Sums over the queues of all its engines.
    pub fn stats(&self) -> Stats {
        self.others().fold(self.engine.stats(), |sum, engine| sum + engine.stats())
    }

    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// The reason why it cannot be used any more: a file of its weights was changed in place. It names the file, so it
    /// is for the log only.
    pub fn changed(&self) -> Option<&str> {
        self.engine.changed().or_else(|| self.others().find_map(|engine| engine.changed()))
    }

    pub fn capabilities(&self) -> &[Capability] {
        &self.profile.capabilities
    }

    /// Names of the labels; empty without a classification head.
    pub fn labels(&self) -> &[Arc<str>] {
        self.classifier.as_ref().map_or(&[], Classifier::names)
    }

    /// One result for each text: a vector, token weights or token vectors, by `output`.
    pub async fn compute<T: OutputOf + Counted>(
        &self,
        output: OutputKind,
        texts: Vec<Input>,
        options: RequestOptions,
    ) -> Result<ModelOutput<T>, Failure> {
        let computed = async {
            let completed = self.engine_for(output).await?.submit(Request::new(output, texts, options))?.await?;
            let times = completed.times;
            of_results(completed.results_as(), times)
        };
        self.counted(output, computed).await
    }

    /// One vector for each text.
    pub async fn embed(&self, texts: Vec<Input>, options: RequestOptions) -> Result<ModelOutput<Embedding>, Failure> {
        self.compute(OutputKind::Embedding, texts, options).await
    }

    /// The relevance of each document to its query, in the order of the documents. With `raw`, logits stay logits.
    ///
    /// [`Failure::Input`] has the index of a document.
    pub async fn score(
        &self,
        pairs: Pairs,
        raw: bool,
        options: RequestOptions,
    ) -> Result<ModelOutput<Relevance>, Failure> {
        let computed = async {
            let reranker = self.reranker.as_ref().ok_or_else(|| {
                Failure::Unsupported(format!("{} gives no scores by which to order documents", self.name))
            })?;
            let several = pairs.queries.len() > 1;
            let reranked = reranker.score(pairs, &options, true).await?;
            let failed = reranked.scores.iter().enumerate();
            let failed = failed.filter_map(|(index, score)| Some((index, score.as_ref().err()?)));
            if let Some(failure) = { failed }.find_map(|(index, error)| Failure::of_score(index, error, several)) {
                return Err(failure);
            }
            let scores = || reranked.scores.iter().flatten();
            // As in Infinity and TEI, not the activation that the model's files name, which `infa rerank` follows.
            let relevance = |&Score { score, order, .. }: &Score| Relevance {
                score: if self.scores_pairs && !raw { sigmoid(order) } else { score },
                order,
            };
            let tokens = reranked.query_tokens + scores().filter_map(|score| score.tokens).sum::<usize>();
            Ok(ModelOutput { results: scores().map(relevance).collect(), tokens, times: reranked.times })
        };
        self.counted(OutputKind::Score, computed).await
    }

    /// The labels of each input, best first. With `raw`, logits stay logits.
    pub async fn classify(
        &self,
        inputs: Vec<Input>,
        raw: bool,
        options: RequestOptions,
    ) -> Result<ModelOutput<Labelled>, Failure> {
        let computed = async {
            let classifier = self.classifier.as_ref();
            let classifier = classifier.ok_or_else(|| Failure::Unsupported(format!("{} has no labels", self.name)))?;
            let Classified { results, times } = classifier.classify(inputs, raw, options).await?;
            of_results(results, times)
        };
        self.counted(OutputKind::Labels, computed).await
    }

    /// The engine for `output`: the model's own, or another one, loaded on first use.
    async fn engine_for(&self, output: OutputKind) -> Result<Arc<dyn Engine>, Failure> {
        let lazy = match output {
            // It refuses an unsupported output itself.
            _ if output == self.engine.info().output || output == OutputKind::Embedding => {
                return Ok(Arc::clone(&self.engine));
            }
            OutputKind::Sparse => &self.sparse,
            OutputKind::TokenVectors => &self.tokens,
            _ => &self.hidden,
        };
        lazy.get(output, &self.load, &self.name, &self.profile.origin).await
    }

    /// The loaded engines for other outputs.
    fn others(&self) -> impl Iterator<Item = &Arc<dyn Engine>> {
        [&self.sparse, &self.tokens, &self.hidden].into_iter().filter_map(LazyEngine::loaded)
    }

    /// Awaits a model call and counts its outcome.
    async fn counted<T>(
        &self,
        output: OutputKind,
        computed: impl Future<Output = Result<ModelOutput<T>, Failure>>,
    ) -> Result<ModelOutput<T>, Failure> {
        let (call, started) = (self.metrics.begin(output), SystemTime::now());
        let computed = computed.await;
        match &computed {
            Ok(computed) => {
                call.succeeded(&computed.times);
                trace::phases(&self.name, started, &computed.times, computed.tokens);
            }
            Err(failure) => call.ended(failure.into()),
        }
        computed
    }

    /// The estimated number of tokens of `texts`.
    pub fn estimated_tokens(&self, texts: &[Input]) -> usize {
        let most = self.local.max_length;
        texts.iter().map(|text| text.estimate(0, most)).sum()
    }

    /// Runs `each` for the indices below `count` on the tokenizer threads, at most `at_once` at a time, admitted like
    /// `bytes` bytes of text.
    pub async fn job(
        &self,
        bytes: usize,
        count: usize,
        at_once: usize,
        each: impl Fn(usize) -> Result<Vec<u8>, TextError> + Send + Sync + 'static,
    ) -> Result<Vec<Vec<u8>>, Failure> {
        let job = Job { count, at_once, estimate: bytes / BYTES_PER_TOKEN, each: Box::new(each) };
        self.engine.submit_job(job)?.await?.into_iter().enumerate().map(checked).collect()
    }
}

fn of_results<T: Counted>(results: Vec<Result<T, TextError>>, times: Times) -> Result<ModelOutput<T>, Failure> {
    let results: Vec<T> = results.into_iter().enumerate().map(checked).collect::<Result<_, _>>()?;
    Ok(ModelOutput { tokens: results.iter().map(Counted::tokens).sum(), results, times })
}

/// An input without a result fails the whole request.
fn checked<T>((index, result): (usize, Result<T, TextError>)) -> Result<T, Failure> {
    result.map_err(|error| Failure::of_text(index, &error))
}

/// A result with its number of tokens.
pub trait Counted {
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
