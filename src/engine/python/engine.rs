//! A Python engine behind the trait that all engines have.

use futures_util::future::join_all;

use super::{PythonError, PythonOptions, PythonTask, Worker};
use crate::engine::remote::{defect, defect_of_score};
use crate::engine::rerank::{Candidates, Score, Scores};
use crate::engine::waiter::Waiter;
use crate::engine::{Embedding, Engine, EngineError, EngineInfo, EngineSpec, Purpose, Role, TextError};
use crate::fetch::Cancel;

/// A Python engine, as an engine. Not for asynchronous code, which has [`Worker`]: its calls block.
pub struct PythonEngine {
    info: EngineInfo,
    spec: EngineSpec,
    worker: Worker,
    // After the worker: with its last clone the process ends, which somebody must attend to.
    runtime: Waiter,
}

/// Reads, writes and waits; nothing is computed here.
const THREADS: usize = 1;

impl PythonEngine {
    /// Starts the engine and loads the model, which people know as `model`.
    ///
    /// # Errors
    /// [`EngineError::Python`], with [`PythonError::Cancelled`] in it if somebody asked to stop.
    pub fn start(model: &str, options: &PythonOptions, cancel: &Cancel) -> Result<Self, EngineError> {
        let fail = |error| EngineError::Python { engine: options.spec.to_string(), error };
        let runtime = Waiter::new("python", THREADS)?;
        let start = async {
            tokio::select! {
                worker = Worker::start(options) => worker,
                () = cancel.cancelled() => Err(PythonError::Cancelled),
            }
        };
        let worker = runtime.wait(start).unwrap_or(Err(PythonError::Cancelled)).map_err(fail)?;
        let (purpose, dimensions) = match options.task {
            PythonTask::Embed => (Purpose::Embed, worker.info().dimensions),
            PythonTask::Rerank => (Purpose::Predict, 1),
        };
        let info = EngineInfo { model: model.to_owned(), purpose, dimensions, scoring: None };
        Ok(Self { info, spec: options.spec.clone(), worker, runtime })
    }

    /// The worker, for requests of one's own.
    pub fn worker(&self) -> &Worker {
        &self.worker
    }

    /// The same failure for each of `count` inputs.
    fn fail<T>(&self, error: &PythonError, count: usize) -> Vec<Result<T, TextError>> {
        let error = TextError::internal(format!("{}: {error}", self.spec));
        (0..count).map(|_| Err(error.clone())).collect()
    }

    async fn rank(&self, &Candidates { query, documents }: &Candidates<'_>) -> Scores {
        let score = |score| match defect_of_score(score) {
            Some(defect) => Err(TextError::internal(format!("{}: {defect}", self.spec))),
            None => Ok(Score { score, order: score, tokens: None, truncated: None }),
        };
        Ok(match self.worker.rerank(query, documents).await {
            Ok(scored) => scored.scores.into_iter().map(score).collect(),
            Err(error) => self.fail(&error, documents.len()),
        })
    }
}

impl Engine for PythonEngine {
    fn info(&self) -> &EngineInfo {
        &self.info
    }

    fn embed(&self, texts: &[&str], role: Role) -> Vec<Result<Embedding, TextError>> {
        if self.info.purpose != Purpose::Embed {
            return crate::engine::refuse(&self.info, texts.len(), "vectors");
        }
        let embedding = |vector: Vec<f32>| match defect(&vector) {
            Some(defect) => Err(TextError::internal(format!("{}: {defect}", self.spec))),
            None => Ok(Embedding { vector, tokens: None, truncated: None }),
        };
        match self.runtime.wait(self.worker.embed(texts, role)) {
            Some(Ok(embedded)) => embedded.vectors.into_iter().map(embedding).collect(),
            Some(Err(error)) => self.fail(&error, texts.len()),
            None => self.fail(&PythonError::Cancelled, texts.len()),
        }
    }

    fn rerank(&self, queries: &[Candidates<'_>]) -> Vec<Scores> {
        if self.info.purpose != Purpose::Predict {
            return crate::engine::refuse(&self.info, queries.len(), "scores");
        }
        let scores = join_all(queries.iter().map(|candidates| self.rank(candidates)));
        self.runtime.wait(scores).unwrap_or_default()
    }
}
