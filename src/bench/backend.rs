//! Engines as [`Target`]s: an engine of this process, a worker, a server, asked for what a dataset holds.

mod local;
mod remote;
mod worker;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

pub use local::{LocalRanker, LocalVectors};
pub use remote::{ServerRanker, ServerVectors};
pub use worker::PythonBackend;

use super::target::{Answer, Failure, FailureKind, Outcome, Output, Request, Target};
use crate::model::pooling;

/// An engine that is ready to be asked. Its answers have not been looked at.
pub trait Backend: Send + Sync {
    /// What becomes of this request; it must not block its thread.
    fn ask<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Outcome>;

    /// How many requests at a time keep it busy.
    fn in_flight(&self) -> usize;
}

/// A request with what is known of it before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// What is asked.
    pub request: Request,
    /// Its tokens, as the model sees them; `None` without a tokenizer.
    pub tokens: Option<u64>,
    /// Place of its first text (or, of a query, its place among queries) in the dataset.
    pub first: usize,
}

/// A backend with the requests of a run. Its answers are checked: as many outputs as inputs, of the same length each time,
/// all of them finite.
pub struct Asked {
    backend: Arc<dyn Backend>,
    requests: Arc<[Prepared]>,
    /// Length of the vectors, once the first are there.
    width: OnceLock<usize>,
}

impl Asked {
    /// Asks `backend` for `requests`.
    pub fn new(backend: Arc<dyn Backend>, requests: Arc<[Prepared]>) -> Self {
        Self { backend, requests, width: OnceLock::new() }
    }

    /// One request that is no part of the run.
    pub async fn once(&self, request: &Request) -> Outcome {
        let answer = self.backend.ask(request).await?;
        self.check(&answer, request.inputs())?;
        Ok(answer)
    }

    /// The backend.
    pub fn backend(&self) -> &dyn Backend {
        self.backend.as_ref()
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

impl Target for Asked {
    fn requests(&self) -> usize {
        self.requests.len()
    }

    fn send(&self, index: usize) -> BoxFuture<'_, Outcome> {
        async move {
            let Some(Prepared { request, tokens, first: _ }) = self.requests.get(index) else {
                return Err(Failure::new(FailureKind::Other, format!("there is no request {index}")));
            };
            let mut answer = self.once(request).await?;
            answer.tokens = tokens.or(answer.reported);
            Ok(answer)
        }
        .boxed()
    }

    fn in_flight(&self) -> usize {
        self.backend.in_flight()
    }
}

/// One request that is no part of a round, with a limit.
pub async fn limited(answer: impl Future<Output = Outcome>, limit: Duration) -> Outcome {
    let late = || Failure::new(FailureKind::Timeout, format!("no answer within {}", humantime::format_duration(limit)));
    tokio::time::timeout(limit, answer).await.unwrap_or_else(|_| Err(late()))
}

/// The refusal of a request that the backend was not made for.
fn unsuited(what: &str) -> Failure {
    Failure::new(FailureKind::Other, format!("the engine was made ready for {what}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Answers every request with this.
    struct Echo(Output);

    impl Backend for Echo {
        fn ask<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Outcome> {
            let answer = Answer { inputs: request.inputs(), output: Some(self.0.clone()), ..Answer::default() };
            async move { Ok(answer) }.boxed()
        }

        fn in_flight(&self) -> usize {
            3
        }
    }

    async fn ask(output: Output, inputs: usize) -> Outcome {
        let request = Request::Texts(vec!["a".into(); inputs]);
        let requests = [Prepared { request, tokens: Some(7), first: 0 }].into();
        let asked = Asked::new(Arc::new(Echo(output)), requests);
        assert_eq!((asked.requests(), asked.in_flight()), (1, 3));
        asked.send(0).await
    }

    #[tokio::test]
    async fn tokens_are_those_counted_here() {
        let answer = ask(Output::Vectors(vec![vec![1.0, 0.0]; 2]), 2).await.unwrap();
        assert_eq!((answer.inputs, answer.tokens), (2, Some(7)));
        assert_eq!(ask(Output::Scores(vec![0.5]), 1).await.unwrap().inputs, 1);
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
            let failure = ask(output, 2).await.unwrap_err();
            assert!(failure.kind == kind && failure.message.contains(said), "{failure}");
        }
    }
}
