//! A server.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::{Backend, unsuited};
use crate::bench::target::{Answer, Failure, FailureKind, Outcome, Output, Request};
use crate::engine::remote::{Client, Embedded, Scored};
use crate::engine::{RemoteError, Role};

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

/// Vectors of texts.
pub struct ServerVectors {
    client: Client,
    role: Role,
    in_flight: usize,
}

impl ServerVectors {
    /// Those of this server, which is kept busy by so many requests at once, of texts that are embedded as `role`.
    pub fn new(client: Client, role: Role, in_flight: usize) -> Self {
        Self { client, role, in_flight }
    }
}

impl Backend for ServerVectors {
    fn ask<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Outcome> {
        async move {
            let Request::Texts(texts) = request else { return Err(unsuited("texts")) };
            let borrowed: Vec<&str> = texts.iter().map(String::as_str).collect();
            let Embedded { vectors, tokens, .. } = self.client.embed(&borrowed, self.role).await?;
            let output = Some(Output::Vectors(vectors));
            Ok(Answer { inputs: texts.len(), tokens, reported: tokens, received: None, output })
        }
        .boxed()
    }

    fn in_flight(&self) -> usize {
        self.in_flight
    }
}

/// Scores of documents.
pub struct ServerRanker {
    client: Client,
    in_flight: usize,
}

impl ServerRanker {
    /// Those of this server, which is kept busy by so many requests at once.
    pub fn new(client: Client, in_flight: usize) -> Self {
        Self { client, in_flight }
    }
}

impl Backend for ServerRanker {
    fn ask<'a>(&'a self, request: &'a Request) -> BoxFuture<'a, Outcome> {
        async move {
            let Request::Rerank { query, documents } = request else { return Err(unsuited("queries with documents")) };
            let borrowed: Vec<&str> = documents.iter().map(String::as_str).collect();
            let Scored { scores, tokens, .. } = self.client.rerank(query, &borrowed).await?;
            let output = Some(Output::Scores(scores.into_iter().map(|score| score as f32).collect()));
            Ok(Answer { inputs: documents.len(), tokens, reported: tokens, received: None, output })
        }
        .boxed()
    }

    fn in_flight(&self) -> usize {
        self.in_flight
    }
}
