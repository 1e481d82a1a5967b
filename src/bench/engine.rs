//! Engines of any kind as [`Target`]s; their results are checked.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::target::{Answer, Failure, FailureKind, Outcome, Output, Request, Target};
use crate::engine::rerank::{Pairs, Reranker, ScoreError};
use crate::engine::{
    self, Engine, Input, OutputKind, PythonError, RemoteError, RequestOptions, Role, SubmitError, TextError,
    TextErrorKind,
};
use crate::model::pooling;

/// An open engine. Its results are not checked.
#[derive(Clone)]
pub(crate) enum OpenEngine {
    /// Embeds texts of this role.
    Embedder(Arc<dyn Engine>, Role),
    Reranker(Reranker),
}

impl OpenEngine {
    /// Sends one request; never blocks its thread.
    ///
    /// # Errors
    /// [`Failure`] if there is no result for an input, or the engine was opened for other requests.
    pub(crate) async fn send(&self, request: &Request) -> Outcome {
        self.begin(request)?.await
    }

    /// Copies the texts of a request, which the future sends when it is first polled.
    fn begin(&self, request: &Request) -> Result<BoxFuture<'static, Outcome>, Failure> {
        match (self, request) {
            (Self::Embedder(engine, role), Request::Texts(texts)) => {
                let inputs = texts.iter().cloned().map(Input::Text).collect();
                let options = RequestOptions { role: *role, ..RequestOptions::default() };
                let request = engine::Request::new(OutputKind::Embedding, inputs, options);
                Ok(embed(Arc::clone(engine), request).boxed())
            }
            (Self::Reranker(reranker), Request::Rerank { query, documents }) => {
                Ok(rerank(reranker.clone(), Pairs::of_one(query.clone(), documents.clone())).boxed())
            }
            (Self::Embedder(..), Request::Rerank { .. }) => Err(unsuited("texts")),
            (Self::Reranker(_), Request::Texts(_)) => Err(unsuited("queries with documents")),
        }
    }

    /// The same engine for texts of another role; a reranker has none.
    pub(crate) fn of_role(&self, role: Role) -> Self {
        match self {
            Self::Embedder(engine, _) => Self::Embedder(Arc::clone(engine), role),
            Self::Reranker(reranker) => Self::Reranker(reranker.clone()),
        }
    }

    /// The number of concurrent requests that keeps the engine busy.
    pub(crate) fn in_flight(&self) -> usize {
        match self {
            Self::Embedder(engine, _) => engine.in_flight(),
            Self::Reranker(reranker) => reranker.engine().in_flight(),
        }
    }
}

async fn embed(engine: Arc<dyn Engine>, request: engine::Request) -> Outcome {
    let completed = engine.submit(request)?.await?;
    let received = Some(Instant::now());
    let inputs = completed.results.len();
    let (mut vectors, mut counted) = (Vec::with_capacity(inputs), Some(0));
    for result in completed.results {
        let output = result?;
        counted = counted.zip(output.tokens).map(|(sum, more)| sum + more as u64);
        vectors.push(output.embedding.ok_or_else(|| Failure::new(FailureKind::Shape, "a result without a vector"))?);
    }
    let tokens = completed.tokens.or(counted);
    Ok(Answer { inputs, tokens, reported: tokens, received, output: Some(Output::Vectors(vectors)) })
}

async fn rerank(reranker: Reranker, pairs: Pairs) -> Outcome {
    let reranked = reranker.score(pairs, &RequestOptions::default(), true).await?;
    let received = Some(Instant::now());
    let inputs = reranked.scores.len();
    let mut scores = Vec::with_capacity(inputs);
    for score in reranked.scores {
        scores.push(score?.score as f32);
    }
    let tokens = reranked.tokens;
    Ok(Answer { inputs, tokens, reported: tokens, received, output: Some(Output::Scores(scores)) })
}

/// The failure of a request that the engine was not opened for.
fn unsuited(kind: &str) -> Failure {
    Failure::new(FailureKind::Other, format!("the engine was opened for {kind}"))
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Remote(error) => error.into(),
            SubmitError::Python(error) => error.into(),
            SubmitError::Gone => Self::new(FailureKind::Died, "its workers are gone"),
            other => Self::new(FailureKind::Other, other.to_string()),
        }
    }
}

impl From<TextError> for Failure {
    fn from(error: TextError) -> Self {
        let kind = match error.kind() {
            TextErrorKind::Unusable => FailureKind::NotFinite,
            TextErrorKind::Ended => FailureKind::Died,
            _ => FailureKind::Other,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<ScoreError> for Failure {
    fn from(error: ScoreError) -> Self {
        TextError::from(error).into()
    }
}

impl From<RemoteError> for Failure {
    fn from(error: RemoteError) -> Self {
        let kind = match &error {
            RemoteError::Connect { .. } => FailureKind::Connect,
            RemoteError::Tls { .. } => FailureKind::Tls,
            RemoteError::Timeout { .. } => FailureKind::Timeout,
            RemoteError::Broken { .. } => FailureKind::Broken,
            RemoteError::Status { code, .. } => FailureKind::of_status(*code),
            RemoteError::TooLarge { .. } | RemoteError::Garbage { .. } => FailureKind::Garbage,
            RemoteError::Shape { .. } => FailureKind::Shape,
            RemoteError::Numbers(_) => FailureKind::NotFinite,
            _ => FailureKind::Other,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<PythonError> for Failure {
    fn from(error: PythonError) -> Self {
        let kind = match &error {
            // No further request can succeed.
            error if error.is_final() => FailureKind::Died,
            PythonError::Slow { .. } => FailureKind::Timeout,
            PythonError::Shape(_) => FailureKind::Shape,
            _ => FailureKind::Other,
        };
        Self::new(kind, error.to_string())
    }
}

/// A request that is prepared before the clock starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prepared {
    pub request: Request,
    /// Its tokens, as the model sees them; `None` without a tokenizer.
    pub tokens: Option<u64>,
    /// The index of its first text, or of its query, in the dataset.
    pub first: usize,
}

/// The requests of a run, and the engine that answers them. Its results are checked: one for each input, vectors all of
/// the same length, all numbers finite. [`engine::Checked`] does that within an engine; here it must not count as time
/// of the engine.
pub(crate) struct PreparedRequests {
    engine: OpenEngine,
    requests: Arc<[Prepared]>,
    /// The length of the vectors, known after the first result.
    width: OnceLock<usize>,
}

impl PreparedRequests {
    pub(crate) fn new(engine: OpenEngine, requests: Arc<[Prepared]>) -> Self {
        Self { engine, requests, width: OnceLock::new() }
    }

    /// Sends one request outside of the run.
    ///
    /// # Errors
    /// As [`OpenEngine::send`], or if the result does not pass the checks.
    pub(crate) async fn once(&self, request: &Request) -> Outcome {
        let answer = self.engine.send(request).await?;
        self.check(&answer, request.inputs())?;
        Ok(answer)
    }

    fn check(&self, answer: &Answer, inputs: usize) -> Result<(), Failure> {
        let shape = |message: String| Failure::new(FailureKind::Shape, message);
        let counted = |outputs: usize| match outputs {
            outputs if outputs == inputs => Ok(()),
            outputs => Err(shape(format!("{outputs} outputs for {inputs} inputs"))),
        };
        match &answer.output {
            Some(Output::Vectors(vectors)) => {
                counted(vectors.len())?;
                for vector in vectors {
                    let usual = *self.width.get_or_init(|| vector.len());
                    if vector.len() != usual {
                        return Err(shape(format!("a vector of {} numbers, and before of {usual}", vector.len())));
                    }
                    if let Some(defect) = pooling::defect(vector) {
                        return Err(Failure::new(FailureKind::NotFinite, defect));
                    }
                }
                Ok(())
            }
            Some(Output::Scores(scores)) => {
                counted(scores.len())?;
                match scores.iter().find(|score| !score.is_finite()) {
                    Some(score) => Err(Failure::new(FailureKind::NotFinite, format!("a score of {score}"))),
                    None => Ok(()),
                }
            }
            None => counted(answer.inputs),
        }
    }
}

impl Target for PreparedRequests {
    fn requests(&self) -> usize {
        self.requests.len()
    }

    fn send(self: Arc<Self>, index: usize) -> BoxFuture<'static, Outcome> {
        let Some(Prepared { request, tokens, first: _ }) = self.requests.get(index) else {
            let failure = Failure::new(FailureKind::Other, format!("there is no request {index}"));
            return std::future::ready(Err(failure)).boxed();
        };
        let (answer, inputs, tokens) = (self.engine.begin(request), request.inputs(), *tokens);
        async move {
            let answer = answer?.await?;
            self.check(&answer, inputs)?;
            Ok(Answer { tokens: tokens.or(answer.reported), ..answer })
        }
        .boxed()
    }

    fn in_flight(&self) -> usize {
        self.engine.in_flight()
    }
}

/// Waits at most `limit` for the answer.
pub(crate) async fn limited(answer: impl Future<Output = Outcome>, limit: Duration) -> Outcome {
    let late = || Failure::new(FailureKind::Timeout, format!("no answer within {}", humantime::format_duration(limit)));
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| Err(late()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::rerank::Method;
    use crate::engine::{Completed, EngineInfo, Pending};

    /// An engine that gives these outputs for every request.
    struct Echo {
        info: EngineInfo,
        outputs: Vec<engine::Output>,
    }

    impl Engine for Echo {
        fn info(&self) -> &EngineInfo {
            &self.info
        }

        fn submit(&self, _: engine::Request) -> Result<Pending<Completed>, SubmitError> {
            let results = self.outputs.iter().cloned().map(Ok).collect();
            Ok(Pending::fetched(async move { Ok(Completed { results, ..Completed::default() }) }))
        }

        fn in_flight(&self) -> usize {
            3
        }
    }

    fn open(output: Output) -> OpenEngine {
        let (kind, outputs): (_, Vec<engine::Output>) = match output {
            Output::Vectors(vectors) => {
                let output = |vector| engine::Output { embedding: Some(vector), ..engine::Output::default() };
                (OutputKind::Embedding, vectors.into_iter().map(output).collect())
            }
            Output::Scores(scores) => {
                let output = |score| engine::Output { score: Some(f64::from(score)), ..engine::Output::default() };
                (OutputKind::Score, scores.into_iter().map(output).collect())
            }
        };
        let info = EngineInfo { model: "echo".into(), output: kind, dimensions: Some(1), scoring: None, local: None };
        let echo: Arc<dyn Engine> = Arc::new(Echo { info, outputs });
        match kind {
            OutputKind::Score => OpenEngine::Reranker(Reranker::new(echo, Method::Engine).unwrap()),
            _ => OpenEngine::Embedder(echo, Role::Text),
        }
    }

    async fn checked(output: Output, inputs: usize) -> Outcome {
        let texts = vec!["a".to_owned(); inputs];
        let request = match &output {
            Output::Vectors(_) => Request::Texts(texts),
            Output::Scores(_) => Request::Rerank { query: "q".into(), documents: texts },
        };
        let requests = [Prepared { request, tokens: Some(7), first: 0 }].into();
        let checked = Arc::new(PreparedRequests::new(open(output), requests));
        assert_eq!((checked.requests(), Target::in_flight(checked.as_ref())), (1, 3));
        checked.send(0).await
    }

    #[tokio::test]
    async fn tokens_are_those_counted_here() {
        let answer = checked(Output::Vectors(vec![vec![1.0, 0.0]; 2]), 2).await.unwrap();
        assert_eq!((answer.inputs, answer.tokens), (2, Some(7)));
        assert_eq!(checked(Output::Scores(vec![0.5]), 1).await.unwrap().inputs, 1);
    }

    #[tokio::test]
    async fn an_answer_that_does_not_fit_is_a_failure() {
        for (output, kind, said) in [
            (Output::Vectors(vec![vec![1.0]]), FailureKind::Shape, "1 outputs for 2 inputs"),
            (Output::Vectors(vec![vec![1.0, 1.0], vec![1.0]]), FailureKind::Shape, "of 1 numbers, and before of 2"),
            (Output::Vectors(vec![vec![1.0], vec![f32::NAN]]), FailureKind::NotFinite, "NaN"),
            (Output::Vectors(vec![vec![1.0], vec![0.0]]), FailureKind::NotFinite, "zero"),
            (Output::Scores(vec![1.0]), FailureKind::Shape, "1 outputs for 2 inputs"),
            (Output::Scores(vec![1.0, f32::INFINITY]), FailureKind::NotFinite, "inf"),
        ] {
            let failure = checked(output, 2).await.unwrap_err();
            assert!(failure.kind == kind && failure.message.contains(said), "{failure}");
        }
    }

    #[tokio::test]
    async fn a_request_of_the_other_kind_is_a_failure() {
        let rerank = Request::Rerank { query: "q".into(), documents: vec!["a".into()] };
        assert!(open(Output::Vectors(vec![vec![1.0]])).send(&rerank).await.is_err());
        assert!(open(Output::Scores(vec![1.0])).send(&Request::Texts(vec!["a".into()])).await.is_err());
    }
}
