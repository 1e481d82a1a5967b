//! A server as an engine: the inputs of a request spread over HTTP requests, and their results put in order.

use std::num::NonZero;
use std::sync::Arc;

use futures_util::future::join_all;
use tokio::sync::Semaphore;

use super::client::{self, Client};
use super::{RemoteError, RemoteOptions, RemoteTask};
use crate::engine::forms;
use crate::engine::spec::EngineSpec;
use crate::engine::{
    Completed, Engine, EngineError, EngineInfo, Input, Label, Output, OutputKind, Pending, Request, Role, SubmitError,
    TextError, TextOptions,
};
use crate::fetch::Cancel;
use crate::model::Setting;

/// A server as an engine. Its futures need the tokio runtime's network driver. The numbers of its results are those
/// that the server sent: [`crate::engine::Checked`] looks at them.
pub(crate) struct RemoteEngine {
    info: EngineInfo,
    shared: Arc<Shared>,
}

struct Shared {
    client: Client,
    output: OutputKind,
    role: Role,
    /// Maximum number of inputs in an HTTP request; `None`: each request is one HTTP request of any size.
    batch: Option<usize>,
    /// HTTP requests that may be on their way at a time.
    permits: Semaphore,
    in_flight: usize,
}

impl RemoteEngine {
    /// Connects to the server of `spec`. With `probe` it requests one result, which shows whether the server can be used;
    /// without, the length of its vectors is not known yet.
    ///
    /// # Errors
    /// As [`Client::connect`]; [`EngineError::Remote`], too, if the server gives no result of a short text.
    pub(crate) async fn start(
        spec: &EngineSpec,
        task: RemoteTask,
        text: &TextOptions,
        options: &RemoteOptions,
        probe: bool,
        cancel: &Cancel,
    ) -> Result<Self, EngineError> {
        let fail = |error| client::remote(spec, options, options.model.is_some(), error);
        let start = async {
            let client = Client::connect(spec, task, text, options).await?;
            let probed = if probe { Some(client.probe(task).await.map_err(fail)?) } else { None };
            Ok::<_, EngineError>((client, probed))
        };
        let (client, probed) = tokio::select! {
            started = start => started?,
            () = cancel.cancelled() => return Err(fail(RemoteError::Cancelled)),
        };
        let (reported, dimensions) = match probed {
            Some((model, dimensions)) => (model.unwrap_or_else(|| spec.to_string()), Some(dimensions)),
            None => (String::new(), None),
        };
        let model = client.model().map_or(reported, str::to_owned);
        if probe {
            tracing::info!(model, dimensions, "{spec} answers");
        }
        let (output, role) = match task {
            RemoteTask::Vectors(role) => (OutputKind::Embedding, role),
            RemoteTask::Scores => (OutputKind::Score, Role::Text),
            RemoteTask::Labels { .. } => (OutputKind::Labels, Role::Text),
        };
        let in_flight = options.concurrency.get();
        let batch = options.request_batch.map(NonZero::get);
        let permits = if batch.is_some() { in_flight.min(Semaphore::MAX_PERMITS) } else { Semaphore::MAX_PERMITS };
        let permits = Semaphore::new(permits);
        let info = EngineInfo { model, output, dimensions, scoring: None, local: None };
        Ok(Self { info, shared: Arc::new(Shared { client, output, role, batch, permits, in_flight }) })
    }
}

impl Engine for RemoteEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn submit(&self, Request { inputs, outputs, options }: Request) -> Result<Pending<Completed>, SubmitError> {
        forms::check(&self.info, outputs, &inputs)?;
        options.role_alone()?;
        let shared = Arc::clone(&self.shared);
        if options.role != Role::Text && options.role != shared.role {
            return Err(SubmitError::settled(Setting::Role));
        }
        Ok(Pending::fetched(async move { shared.complete(&inputs).await }))
    }

    fn in_flight(&self) -> usize {
        self.shared.in_flight
    }
}

impl Shared {
    async fn complete(&self, inputs: &[Input]) -> Result<Completed, SubmitError> {
        // Documents of one query make a request of their own.
        let runs: Vec<&[Input]> = match self.output {
            OutputKind::Score => inputs.chunk_by(forms::share_the_query).collect(),
            _ => vec![inputs],
        };
        let Some(batch) = self.batch else {
            let replies = join_all(runs.into_iter().map(|run| self.send(run))).await;
            let mut completed = Completed { tokens: Some(0), ..Completed::default() };
            for reply in replies {
                let (results, tokens) = reply?;
                completed.results.extend(results);
                completed.tokens = completed.tokens.zip(tokens).map(|(sum, more)| sum + more);
            }
            return Ok(completed);
        };
        let parts = runs.into_iter().flat_map(|run| run.chunks(batch));
        let results = join_all(parts.map(|part| self.spread(part))).await;
        Ok(Completed { results: results.into_iter().flatten().collect(), ..Completed::default() })
    }

    /// The results of `inputs`.
    ///
    /// When the server refuses a request of several inputs as wrong (400, 413, 422), each half is sent again, until
    /// what is wrong is alone: one text costs its neighbours nothing, and a batch that is too large for the server is
    /// cut to fit. At most that doubles the number of requests.
    async fn spread(&self, inputs: &[Input]) -> Vec<Result<Output, TextError>> {
        let mut results = Vec::with_capacity(inputs.len());
        let mut rest = vec![inputs];
        while let Some(inputs) = rest.pop() {
            // The semaphore is never closed.
            let permit = self.permits.acquire().await;
            let reply = self.send(inputs).await;
            drop(permit);
            match reply {
                Ok((outputs, _)) => results.extend(outputs),
                Err(error) if inputs.len() > 1 && error.is_about_inputs() => {
                    let (first, second) = inputs.split_at(inputs.len() / 2);
                    rest.extend([second, first]);
                }
                Err(error) => {
                    let message = error.to_string();
                    let error =
                        if error.is_about_inputs() { TextError::new(message) } else { TextError::internal(message) };
                    results.extend(inputs.iter().map(|_| Err(error.clone())));
                }
            }
        }
        results
    }

    /// One HTTP request: the results in order, and the tokens that the server counted.
    async fn send(&self, inputs: &[Input]) -> Result<(Vec<Result<Output, TextError>>, Option<u64>), RemoteError> {
        let (outputs, tokens): (Vec<Output>, _) = match self.output {
            OutputKind::Score => {
                let (query, documents) = forms::query_and_documents(inputs).map_err(RemoteError::shape)?;
                let scored = self.client.rerank(query, &documents).await?;
                let output = |score| Output { score: Some(score), ..Output::default() };
                (scored.values.into_iter().map(output).collect(), scored.tokens)
            }
            OutputKind::Labels => {
                let labelled = self.client.classify(inputs).await?;
                let output = |labels: Vec<(String, f64)>| {
                    let label =
                        |(index, (name, score)): (usize, (String, f64))| Label { index, name: name.into(), score };
                    let mut labels: Vec<Label> = labels.into_iter().enumerate().map(label).collect();
                    labels.sort_by(|a, b| b.score.total_cmp(&a.score));
                    Output { labels: Some(labels), ..Output::default() }
                };
                (labelled.values.into_iter().map(output).collect(), labelled.tokens)
            }
            OutputKind::Embedding
            | OutputKind::Sparse
            | OutputKind::TokenVectors
            | OutputKind::HiddenStates
            | OutputKind::Logits => {
                let texts = forms::texts(inputs).map_err(RemoteError::shape)?;
                let embedded = self.client.embed(&texts, self.role).await?;
                let output = |vector| Output { embedding: Some(vector), ..Output::default() };
                (embedded.values.into_iter().map(output).collect(), embedded.tokens)
            }
        };
        Ok((outputs.into_iter().map(Ok).collect(), tokens))
    }
}
