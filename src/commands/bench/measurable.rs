//! Engines that have answered once and can be measured.

use std::sync::Arc;
use std::time::Instant;

use super::super::AppContext;
use super::super::engine_set::{NamedEngine, OpenError, RunningEngine};
use super::plan::Plan;
use crate::bench::engine::{Prepared, PreparedRequests, limited};
use crate::bench::report::EngineState;
use crate::bench::target::Request;
use crate::engine::Role;
use crate::model::Model;

pub(super) struct MeasurableEngine {
    pub target: Arc<PreparedRequests>,
    pub running: RunningEngine,
    pub first_answer_seconds: f64,
}

impl MeasurableEngine {
    /// Starts an engine and waits for its first answer; the error is its state in the report.
    pub(crate) async fn open(
        planned: &NamedEngine,
        plan: &Plan,
        model: Option<&Model>,
        requests: &Arc<[Prepared]>,
        app: &AppContext,
    ) -> Result<Self, EngineState> {
        let running = plan.set.open(planned, model, &[Role::Text], app).await.map_err(|error| state("start", error))?;
        let target = Arc::new(PreparedRequests::new(running.engine.clone(), Arc::clone(requests)));
        let begin = Instant::now();
        let answered = first(&target, plan, requests, app).await;
        let engine = Self { target, running, first_answer_seconds: begin.elapsed().as_secs_f64() };
        match answered {
            Ok(()) => Ok(engine),
            Err(error) => {
                engine.close().await;
                Err(state("first request", error))
            }
        }
    }

    pub(crate) async fn close(self) {
        let Self { target, running, .. } = self;
        drop(target);
        running.close().await;
    }
}

fn state(stage: &str, error: OpenError) -> EngineState {
    let failed = |(kind, message)| EngineState::Failed { stage: stage.into(), kind, message };
    error.failure().map_or(EngineState::NotMeasured, failed)
}

/// Requests one vector, or the scores of one query.
async fn first(
    target: &PreparedRequests,
    plan: &Plan,
    requests: &[Prepared],
    app: &AppContext,
) -> Result<(), OpenError> {
    let Some(Prepared { request, .. }) = requests.first() else { return Ok(()) };
    let request = match request {
        Request::Texts(texts) => Request::Texts(texts.iter().take(1).cloned().collect()),
        rerank => rerank.clone(),
    };
    tokio::select! {
        outcome = limited(target.once(&request), plan.set.request_timeout) => {
            outcome.map(|_| ()).map_err(OpenError::Failed)
        }
        () = app.cancel.cancelled() => Err(OpenError::Cancelled),
    }
}
