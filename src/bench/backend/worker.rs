//! A Python process.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::Backend;
use crate::bench::target::{Answer, Failure, FailureKind, Outcome, Output, Request};
use crate::engine::Role;
use crate::engine::python::{PythonError, Worker};
use crate::engine::remote::{Embedded, Scored};

/// One request is computed, one waits in the pipe.
const IN_FLIGHT: usize = 2;

impl From<PythonError> for Failure {
    fn from(error: PythonError) -> Self {
        let kind = match &error {
            // No further request can succeed, whatever made it so.
            error if error.is_final() => FailureKind::Died,
            PythonError::Slow { .. } => FailureKind::Timeout,
            PythonError::Shape(_) => FailureKind::Shape,
            _ => FailureKind::Other,
        };
        Self::new(kind, error.to_string())
    }
}

/// What a Python process computes: vectors of texts, or scores of documents, as it was started for.
pub struct PythonBackend {
    worker: Arc<Worker>,
    role: Role,
}

impl PythonBackend {
    /// That of this worker, whose texts are embedded as `role`.
    pub fn new(worker: Arc<Worker>, role: Role) -> Self {
        Self { worker, role }
    }

    async fn embed(&self, texts: &[String]) -> Outcome {
        let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
        let Embedded { vectors, tokens, .. } = self.worker.embed(&borrowed, self.role).await?;
        let output = Some(Output::Vectors(vectors));
        Ok(Answer { inputs: texts.len(), tokens, reported: tokens, received: None, output })
    }

    async fn rank(&self, query: &str, documents: &[String]) -> Outcome {
        let borrowed: Vec<&str> = documents.iter().map(String::as_str).collect();
        let Scored { scores, tokens, .. } = self.worker.rerank(query, &borrowed).await?;
        let output = Some(Output::Scores(scores.into_iter().map(|score| score as f32).collect()));
        Ok(Answer { inputs: documents.len(), tokens, reported: tokens, received: None, output })
    }
}

impl Backend for PythonBackend {
    fn ask<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Outcome> {
        async move {
            match request {
                Request::Texts(texts) => self.embed(texts).await,
                Request::Rerank { query, documents } => self.rank(query, documents).await,
            }
        }
        .boxed()
    }

    fn in_flight(&self) -> usize {
        IN_FLIGHT
    }
}
