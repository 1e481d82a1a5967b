//! Scores of documents, each with its query: from the logit of a pair, from what an encoder makes of each of two texts,
//! or from an engine that scores pairs itself.

use std::sync::Arc;

use super::blocking::blocking;
use super::encoding::{Limits, by_encoding};
use super::score::no_query;
use super::{Method, Pairs, Reranked, Score, shared_weights};
use crate::engine::{
    Completed, Embedding, Engine, EngineError, Input, Output, OutputKind, Request, RequestOptions, Scoring,
    SubmitError, TextError, TokenEmbeddings,
};
use crate::model::task::Task;

#[derive(Clone)]
pub struct Reranker {
    engine: Arc<dyn Engine>,
    method: Method,
}

impl Reranker {
    /// A reranker by an engine that was opened for scores; raw ones are without an activation function.
    ///
    /// # Errors
    /// As [`Reranker::new`], and [`Method::of`].
    pub(crate) fn of(engine: Arc<dyn Engine>, raw_scores: bool) -> Result<Self, EngineError> {
        let method = Method::of_engine(engine.info(), raw_scores)?;
        tracing::info!("scoring: {method:?}");
        Self::new(engine, method)
    }

    /// A reranker by an engine that was loaded for [`Method::output`].
    ///
    /// # Errors
    /// If pairs are to be scored by a classifier of several labels.
    pub fn new(engine: Arc<dyn Engine>, method: Method) -> Result<Self, EngineError> {
        if let (Method::Pairs(_), Some(labels)) = (method, engine.info().dimensions)
            && labels != 1
        {
            return Err(EngineError::WrongTask {
                model: engine.info().model.clone(),
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

    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// Scores the documents, in their order. With `all_or_nothing`, nothing more is computed once one of them has
    /// failed. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`SubmitError`] if the engine refuses a request.
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
const MAX_INLINE_BYTES: usize = 64 << 10;

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
    let queries = if size < MAX_INLINE_BYTES { share() } else { blocking(share).await? };
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
