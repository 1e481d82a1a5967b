//! Engines that are servers: asked over HTTP, each in its own protocol.
//!
//! [`Client`] sends one request and gives a typed answer, for whoever has a runtime of its own; [`RemoteEngine`] is an
//! [`Engine`] made of it, which spreads many texts over requests and waits for them.

mod client;
mod error;
mod http;
mod options;
mod retry;
mod version;
mod wire;

use futures_util::future::join_all;
use tokio::sync::Semaphore;

pub use self::client::{Client, defect, defect_of_score};
pub use self::error::RemoteError;
pub use self::options::{ApiKey, RemoteOptions};
pub use self::version::version;
pub use self::wire::{Embedded, Labelled, Scored, Wanted};

use super::rerank::{Candidates, Score, Scores};
use super::spec::EngineSpec;
use super::waiter::Waiter;
use super::{Embedding, Engine, EngineError, EngineInfo, Input, Purpose, Role, TextError, TextOptions};
use crate::fetch::Cancel;

/// A server, as an engine. Not for asynchronous code, which has [`Client`]: its calls block.
pub struct RemoteEngine {
    info: EngineInfo,
    client: Client,
    /// Most texts in a request.
    batch: usize,
    /// Requests that may be on their way now.
    places: Semaphore,
    waiter: Waiter,
}

/// Threads that wait for the network; replies are read by whoever waits for them.
const THREADS: usize = 2;

impl RemoteEngine {
    /// Asks the server of `spec` for one vector (score, or list of labels), and so whether it can be used for what is
    /// `wanted`.
    ///
    /// # Errors
    /// As [`Client::connect`]; [`EngineError::Remote`], too, if the server gives no vector of a short text.
    pub fn start(
        spec: &EngineSpec,
        wanted: Wanted,
        text: &TextOptions,
        options: &RemoteOptions,
        cancel: &Cancel,
    ) -> Result<Self, EngineError> {
        let waiter = Waiter::new("remote", THREADS)?;
        let fail = |error| client::remote(spec, options, options.model.is_some(), error);
        let start = async {
            let client = Client::connect(spec, wanted, text, options).await?;
            let (told, dimensions) = client.probe(wanted).await.map_err(fail)?;
            Ok((client, told, dimensions))
        };
        let started = waiter.wait(async {
            tokio::select! {
                started = start => started,
                () = cancel.cancelled() => Err(fail(RemoteError::Cancelled)),
            }
        });
        let (client, told, dimensions) = started.unwrap_or_else(|| Err(fail(RemoteError::Cancelled)))?;
        let model = client.model().map(str::to_owned).or(told).unwrap_or_else(|| spec.to_string());
        tracing::info!(model, dimensions, "{spec} answers");
        let purpose = if matches!(wanted, Wanted::Vectors(_)) { Purpose::Embed } else { Purpose::Predict };
        let places = options.concurrency.get().min(Semaphore::MAX_PERMITS);
        Ok(Self {
            info: EngineInfo { model, purpose, dimensions, scoring: None },
            client,
            batch: options.request_batch.get(),
            places: Semaphore::new(places),
            waiter,
        })
    }

    /// The client, for requests of one's own.
    pub fn client(&self) -> &Client {
        &self.client
    }

    fn error(&self, error: &RemoteError) -> TextError {
        let message = format!("{}: {error}", self.client.spec());
        if error.is_about_inputs() { TextError::new(message) } else { TextError::internal(message) }
    }

    /// The results of `inputs`, in requests of at most as many as fit, `ask` for each.
    ///
    /// A server that refuses a request of several inputs as wrong (400, 413, 422) is asked again with each half, until
    /// what is wrong is alone: one text costs its neighbours nothing, and a batch that is too large for the server is
    /// cut to fit. At most that doubles the number of requests.
    async fn spread<I: Copy, T>(
        &self,
        inputs: &[I],
        ask: impl AsyncFn(&[I]) -> Result<Vec<Result<T, RemoteError>>, RemoteError>,
    ) -> Vec<Result<T, TextError>> {
        let part = async |inputs: &[I]| {
            let mut results = Vec::with_capacity(inputs.len());
            let mut rest = vec![inputs];
            while let Some(inputs) = rest.pop() {
                // Closed by nobody: there is always a place in the end.
                let place = self.places.acquire().await;
                let answer = ask(inputs).await;
                drop(place);
                match answer {
                    Ok(answers) => {
                        results.extend(answers.into_iter().map(|answer| answer.map_err(|e| self.error(&e))));
                    }
                    Err(error) if inputs.len() > 1 && error.is_about_inputs() => {
                        let (first, second) = inputs.split_at(inputs.len() / 2);
                        rest.extend([second, first]);
                    }
                    Err(error) => {
                        let error = self.error(&error);
                        results.extend(inputs.iter().map(|_| Err(error.clone())));
                    }
                }
            }
            results
        };
        join_all(inputs.chunks(self.batch).map(part)).await.into_iter().flatten().collect()
    }

    /// The labels of each input and their scores, best first.
    pub fn classify(&self, inputs: &[Input<'_>]) -> Vec<Result<Vec<(String, f64)>, TextError>> {
        let read = |mut labels: Vec<(String, f64)>| {
            if let Some(defect) = labels.iter().find_map(|(_, score)| defect_of_score(*score)) {
                return Err(defect);
            }
            labels.sort_by(|(_, a), (_, b)| b.total_cmp(a));
            Ok(labels)
        };
        let ask = async |inputs: &[Input<'_>]| {
            let labelled = self.client.classify(inputs).await?;
            Ok(labelled.labels.into_iter().map(read).collect())
        };
        self.waiter.wait(self.spread(inputs, ask)).unwrap_or_default()
    }

    async fn rank(&self, &Candidates { query, documents }: &Candidates<'_>) -> Scores {
        let ask = async |documents: &[&str]| {
            let scored = self.client.rerank(query, documents).await?;
            Ok(scored.scores.into_iter().map(|score| defect_of_score(score).map_or(Ok(score), Err)).collect())
        };
        let scores = self.spread(documents, ask).await;
        let score = |score| Score { score, order: score, tokens: None, truncated: None };
        Ok(scores.into_iter().map(|result| result.map(score)).collect())
    }
}

impl Engine for RemoteEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn embed(&self, texts: &[&str], role: Role) -> Vec<Result<Embedding, TextError>> {
        if self.info.purpose != Purpose::Embed {
            return super::refuse(&self.info, texts.len(), "vectors");
        }
        let embedding = |vector: Vec<f32>| match defect(&vector) {
            Some(defect) => Err(defect),
            None => Ok(Embedding { vector, tokens: None, truncated: None }),
        };
        let ask = async |texts: &[&str]| {
            let embedded = self.client.embed(texts, role).await?;
            Ok(embedded.vectors.into_iter().map(embedding).collect())
        };
        self.waiter.wait(self.spread(texts, ask)).unwrap_or_default()
    }

    fn rerank(&self, queries: &[Candidates<'_>]) -> Vec<Scores> {
        if self.info.purpose != Purpose::Predict {
            return super::refuse(&self.info, queries.len(), "scores");
        }
        let scores = join_all(queries.iter().map(|candidates| self.rank(candidates)));
        self.waiter.wait(scores).unwrap_or_default()
    }
}
