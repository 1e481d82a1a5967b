//! Scores of documents, each with its query: from the logit of a pair, from what an encoder makes of each of two texts, or
//! from an engine that scores pairs itself.

use std::sync::Arc;

use tokio::runtime::{Handle, RuntimeFlavor};

use super::encoding::{Limits, by_encoding};
use super::{Method, shared_weights};
use crate::engine::{
    Completed, Embedding, Engine, EngineError, Input, Output, OutputKind, Request, RequestOptions, Scoring,
    SubmitError, TextError, Times, TokenEmbeddings,
};
use crate::model::task::Task;

/// Queries, and the documents to be scored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs {
    /// The queries, each once.
    pub queries: Vec<String>,
    /// Each document, after the index of its query.
    pub documents: Vec<(usize, String)>,
}

impl Pairs {
    /// One query with all documents.
    pub fn of_one(query: String, documents: Vec<String>) -> Self {
        Self { queries: vec![query], documents: documents.into_iter().map(|document| (0, document)).collect() }
    }
}

/// The relevance of a document to a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// The score, larger is better.
    pub score: f64,
    /// The number by which documents are ordered: it still differs where scores have come so near to 1 that they are equal.
    pub order: f64,
    /// Tokens the model saw for this document, specials included; `None` if the engine does not report it.
    pub tokens: Option<usize>,
    /// Whether tokens were cut; `None` if the engine does not report it.
    pub truncated: Option<bool>,
}

/// The reason why a document has no score.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScoreError {
    /// The document, or its pair with the query.
    #[error(transparent)]
    Document(#[from] TextError),
    /// The query, by itself.
    #[error("the query: {0}")]
    Query(TextError),
    /// Another document or query of the same request failed before.
    #[error("not computed, as another one failed")]
    NotComputed,
}

impl From<ScoreError> for TextError {
    fn from(error: ScoreError) -> Self {
        match error {
            ScoreError::Document(error) => error,
            ScoreError::Query(error) => error.about("the query"),
            ScoreError::NotComputed => TextError::internal(error.to_string()),
        }
    }
}

/// The scores of a request.
#[derive(Debug, Default)]
pub struct Reranked {
    /// The score of each document, in the order of the request. After a failure in a request of all or nothing, those
    /// that were not computed are [`ScoreError::NotComputed`].
    pub scores: Vec<Result<Score, ScoreError>>,
    /// Tokens of the queries, where each was encoded by itself.
    pub query_tokens: usize,
    /// Where the time went.
    pub times: Times,
    /// Tokens of the whole request, where the engine counts them for it alone.
    pub tokens: Option<u64>,
}

/// Scores documents by an engine.
#[derive(Clone)]
pub struct Reranker {
    engine: Arc<dyn Engine>,
    method: Method,
}

impl Reranker {
    /// A reranker by an engine that was loaded for [`Method::output`].
    ///
    /// # Errors
    /// If pairs are to be scored by a classifier of several labels.
    pub fn new(engine: Arc<dyn Engine>, method: Method) -> Result<Self, EngineError> {
        let (info, labels) = (engine.info(), engine.info().dimensions);
        if matches!(method, Method::Pairs(_)) && labels != 1 {
            return Err(EngineError::WrongTask {
                model: info.model.clone(),
                is: format!("a classifier with {}", crate::plural::counted(labels, "label")),
                what: "it gives no single score by which to order documents".into(),
                hint: Task::Classifier { labels }.command().map(str::to_owned),
            });
        }
        Ok(Self { engine, method })
    }

    /// The way in which it scores.
    pub fn method(&self) -> Method {
        self.method
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// Scores the documents, in their order. With `all_or_nothing`, nothing more is computed once one of them has failed.
    /// Needs a tokio runtime.
    ///
    /// # Errors
    /// [`SubmitError`] if the engine takes one of the requests not at all.
    pub async fn score(
        &self,
        pairs: Pairs,
        options: &RequestOptions,
        all_or_nothing: bool,
    ) -> Result<Reranked, SubmitError> {
        let engine = self.engine.as_ref();
        let limits = |piece_tokens| Limits { piece_tokens, all_or_nothing };
        match self.method {
            Method::Engine => by_pairs(engine, OutputKind::Score, pairs, options, |o| o.score.map(|s| (s, s))).await,
            Method::Pairs(activation) => {
                let score = move |output: &Output| {
                    let logit = *output.logits.as_ref()?.first()?;
                    Some((activation.apply(logit), f64::from(logit)))
                };
                by_pairs(engine, OutputKind::Logits, pairs, options, score).await
            }
            Method::Vectors(similarity) => {
                let compare = move |q: &Embedding, d: &Embedding| similarity.of(&q.vector, &d.vector);
                by_encoding(engine, pairs, options, &limits(usize::MAX), compare).await
            }
            Method::Sparse => by_encoding(engine, pairs, options, &limits(PIECE_TOKENS), shared_weights).await,
            Method::Tokens => {
                let scoring = engine.info().scoring.unwrap_or(Scoring::MaxSim);
                let compare = move |q: &TokenEmbeddings, d: &TokenEmbeddings| f64::from(scoring.score(q, d));
                by_encoding(engine, pairs, options, &limits(PIECE_TOKENS), compare).await
            }
        }
    }
}

/// Tokens of texts that are encoded at a time, where each has vectors of many numbers.
const PIECE_TOKENS: usize = 1 << 15;

/// Queries of more bytes than this are copied on a thread that may be busy for a while.
const LARGE: usize = 64 << 10;

/// One input of the engine for each document; `score` reads the score and the number to order by from its output.
async fn by_pairs(
    engine: &dyn Engine,
    output: OutputKind,
    Pairs { queries, documents }: Pairs,
    options: &RequestOptions,
    score: impl Fn(&Output) -> Option<(f64, f64)>,
) -> Result<Reranked, SubmitError> {
    let size: usize = queries.iter().map(String::len).sum();
    let share = move || queries.into_iter().map(Arc::from).collect::<Vec<Arc<str>>>();
    let queries = if size < LARGE { share() } else { blocking(share).await? };
    let pair = |(query, document): (usize, String)| Some(Input::Pair(Arc::clone(queries.get(query)?), document));
    let inputs: Option<Vec<Input>> = documents.into_iter().map(pair).collect();
    let inputs = inputs.ok_or_else(no_query)?;
    let Completed { results, times, tokens } = engine.submit(Request::new(output, inputs, options.clone()))?.await?;
    let lost = || TextError::internal("the engine gave no score");
    let scores = results.into_iter().map(|result| {
        let output = result?;
        let (score, order) = score(&output).ok_or_else(lost)?;
        Ok(Score { score, order, tokens: output.tokens, truncated: output.truncated })
    });
    Ok(Reranked { scores: scores.collect(), query_tokens: 0, times, tokens })
}

pub(super) fn no_query() -> SubmitError {
    SubmitError::Option { field: "query", reason: "a document has no query".into() }
}

/// Runs `work`, on another thread if this one has other tasks meanwhile.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SubmitError> {
    match Handle::current().runtime_flavor() {
        // The thread of a command waits for this alone.
        RuntimeFlavor::CurrentThread => Ok(work()),
        _ => tokio::task::spawn_blocking(work).await.map_err(|error| SubmitError::Failed(error.to_string())),
    }
}
