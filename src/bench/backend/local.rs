//! An engine of this process.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::{Backend, unsuited};
use crate::bench::target::{Answer, Failure, FailureKind, Outcome, Output, Request};
use crate::engine::rerank::{Candidates, Reranker};
use crate::engine::{Call, Local, Refusal, Role, Text};

/// So many requests are computed or wait, so that workers never do.
const IN_FLIGHT: usize = 4;

fn failure(message: String) -> Failure {
    Failure::new(FailureKind::Other, message)
}

/// Vectors of texts.
pub struct LocalVectors {
    engine: Arc<dyn Local>,
    role: Role,
}

impl LocalVectors {
    /// Those of this engine, which was loaded to embed, of texts that are embedded as `role`.
    pub fn new(engine: Arc<dyn Local>, role: Role) -> Self {
        Self { engine, role }
    }

    async fn embed(&self, texts: &[String]) -> Outcome {
        let call = Call { role: self.role, ..Call::default() };
        let owned = texts.iter().cloned().map(Text::Text).collect();
        let pending = self.engine.start_embed(owned, &call).map_err(|e| failure(e.to_string()))?;
        let computed = pending.await.map_err(|refusal| match refusal {
            Refusal::Gone => Failure::new(FailureKind::Died, "its workers are gone"),
            other => failure(other.to_string()),
        })?;
        let received = Instant::now();
        let (mut vectors, mut tokens) = (Vec::with_capacity(texts.len()), Some(0));
        for result in computed.results {
            let embedding = result.map_err(|e| failure(e.to_string()))?;
            tokens = tokens.zip(embedding.tokens).map(|(sum, more)| sum + more as u64);
            vectors.push(embedding.vector);
        }
        let output = Some(Output::Vectors(vectors));
        Ok(Answer { inputs: texts.len(), tokens, reported: tokens, received: Some(received), output })
    }
}

impl Backend for LocalVectors {
    fn ask<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Outcome> {
        async move {
            match request {
                Request::Texts(texts) => self.embed(texts).await,
                Request::Rerank { .. } => Err(unsuited("texts")),
            }
        }
        .boxed()
    }

    fn in_flight(&self) -> usize {
        IN_FLIGHT
    }
}

/// Scores of documents.
pub struct LocalRanker {
    reranker: Arc<Reranker>,
}

impl LocalRanker {
    /// Those of this reranker.
    pub fn new(reranker: Reranker) -> Self {
        Self { reranker: Arc::new(reranker) }
    }

    async fn rank(&self, query: &str, documents: &[String]) -> Outcome {
        let (reranker, query, documents) = (Arc::clone(&self.reranker), query.to_owned(), documents.to_vec());
        let count = documents.len();
        // A reranker blocks while its engine computes.
        let scored = spawn_blocking(move || {
            let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
            reranker.score(&[Candidates { query: &query, documents: &documents }]).pop()
        });
        let scored = scored.await.map_err(|e| failure(e.to_string()))?;
        let received = Instant::now();
        let scores = scored.ok_or_else(|| failure("there are no scores".into()))?;
        let scores = scores.and_then(|scores| scores.into_iter().map(|score| Ok(score?.score as f32)).collect());
        let output = Some(Output::Scores(scores.map_err(|e| failure(e.to_string()))?));
        Ok(Answer { inputs: count, tokens: None, reported: None, received: Some(received), output })
    }
}

impl Backend for LocalRanker {
    fn ask<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Outcome> {
        async move {
            match request {
                Request::Rerank { query, documents } => self.rank(query, documents).await,
                Request::Texts(_) => Err(unsuited("queries with documents")),
            }
        }
        .boxed()
    }

    fn in_flight(&self) -> usize {
        IN_FLIGHT
    }
}
