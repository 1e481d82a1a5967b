//! A Python process as an engine.

use futures_util::future::join_all;

use super::{PythonError, PythonOptions, PythonTask, Worker};
use crate::engine::forms;
use crate::engine::{
    Completed, Engine, EngineError, EngineInfo, Input, Output, OutputKind, Pending, Request, Role, SubmitError,
    TextError,
};
use crate::fetch::Cancel;

/// A Python process as an engine. It needs the tokio runtime that it was started on. The numbers of its results are those
/// that the process sent: [`crate::engine::Checked`] looks at them.
pub struct PythonEngine {
    info: EngineInfo,
    worker: Worker,
}

/// One request is computed, one waits in the pipe.
const IN_FLIGHT: usize = 2;

impl PythonEngine {
    /// Starts the process and loads the model, which users know as `model`.
    ///
    /// # Errors
    /// [`EngineError::Python`], with [`PythonError::Cancelled`] in it after an interruption.
    pub async fn start(model: &str, options: &PythonOptions, cancel: &Cancel) -> Result<Self, EngineError> {
        let started = tokio::select! {
            worker = Worker::start(options) => worker,
            () = cancel.cancelled() => Err(PythonError::Cancelled),
        };
        let worker = started.map_err(|error| EngineError::Python { engine: options.spec.to_string(), error })?;
        let (output, dimensions) = match options.task {
            PythonTask::Embed => (OutputKind::Embedding, Some(worker.info().dimensions)),
            PythonTask::Rerank => (OutputKind::Score, Some(1)),
        };
        let info = EngineInfo { model: model.to_owned(), output, dimensions, scoring: None, local: None };
        Ok(Self { info, worker })
    }

    pub fn worker(&self) -> &Worker {
        &self.worker
    }
}

impl Engine for PythonEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn submit(&self, Request { inputs, outputs, options }: Request) -> Result<Pending<Completed>, SubmitError> {
        forms::check(&self.info, outputs, &inputs)?;
        options.role_alone()?;
        let (worker, output) = (self.worker.clone(), self.info.output);
        Ok(Pending::fetched(async move {
            match output {
                OutputKind::Score => rerank(&worker, &inputs).await,
                _ => embed(&worker, &inputs, options.role).await,
            }
        }))
    }

    fn in_flight(&self) -> usize {
        IN_FLIGHT
    }
}

async fn embed(worker: &Worker, inputs: &[Input], role: Role) -> Result<Completed, SubmitError> {
    let embedded = worker.embed(&forms::texts(inputs)?, role).await?;
    let output = |vector| Ok(Output { embedding: Some(vector), ..Output::default() });
    let results = embedded.values.into_iter().map(output).collect();
    Ok(Completed { results, tokens: embedded.tokens, ..Completed::default() })
}

/// Documents of one query make a request of their own to the process. Of several such requests, one that fails does not
/// harm the others.
async fn rerank(worker: &Worker, inputs: &[Input]) -> Result<Completed, SubmitError> {
    let runs: Vec<&[Input]> = inputs.chunk_by(forms::share_the_query).collect();
    let replies = runs.iter().map(|run| async move {
        let (query, documents) = forms::query_and_documents(run)?;
        Ok::<_, SubmitError>(worker.rerank(query, &documents).await?)
    });
    let mut completed = Completed { tokens: Some(0), ..Completed::default() };
    for (scored, run) in join_all(replies).await.into_iter().zip(&runs) {
        let scored = match scored {
            Ok(scored) => scored,
            Err(error) if runs.len() == 1 => return Err(error),
            Err(error) => {
                let error = TextError::internal(error.to_string());
                completed.results.extend(run.iter().map(|_| Err(error.clone())));
                continue;
            }
        };
        let output = |score| Ok(Output { score: Some(score), ..Output::default() });
        completed.results.extend(scored.values.into_iter().map(output));
        completed.tokens = completed.tokens.zip(scored.tokens).map(|(sum, more)| sum + more);
    }
    Ok(completed)
}
