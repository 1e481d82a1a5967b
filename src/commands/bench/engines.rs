//! Engines that have answered once, and can be measured.

use std::sync::Arc;
use std::time::Instant;

use super::super::AppContext;
use super::super::engine_set::{EngineFacts, EngineOpener, NamedEngine, OpenError, RunningEngine};
use super::plan::Plan;
use crate::bench::engine::{CheckedEngine, Prepared, limited};
use crate::bench::machine::RootPids;
use crate::bench::report::EngineState;
use crate::bench::summary;
use crate::bench::target::Request;

/// An engine that is ready.
pub(super) struct Ready {
    pub asked: Arc<CheckedEngine>,
    pub facts: EngineFacts,
    pub first_answer_seconds: f64,
    /// The processes it computes in.
    pub roots: RootPids,
    started: RunningEngine,
}

const FIRST_REQUEST: &str = "first request";

impl Ready {
    /// Makes one engine ready, as far as it can be; else what a report says of it.
    pub async fn open(
        planned: &NamedEngine,
        opener: &EngineOpener<'_>,
        plan: &Plan,
        requests: &Arc<[Prepared]>,
        app: &AppContext,
    ) -> Result<Self, EngineState> {
        let started = opener.open(planned).await.map_err(OpenError::into_state)?;
        let Some(engine) = started.engines.first() else { return Err(EngineState::NotMeasured) };
        let asked = Arc::new(CheckedEngine::new(engine.clone(), Arc::clone(requests)));
        let begin = Instant::now();
        match first(&asked, plan, requests, app).await {
            Ok(()) => {
                let (facts, roots) = (started.facts.clone(), started.roots.clone());
                Ok(Self { asked, facts, first_answer_seconds: begin.elapsed().as_secs_f64(), roots, started })
            }
            Err(error) => {
                drop(asked);
                started.close().await;
                Err(match error {
                    OpenError::Failed(failure) => summary::failed(FIRST_REQUEST, &failure),
                    error => error.into_state(),
                })
            }
        }
    }

    /// Ends what was started for it.
    pub async fn close(self) {
        let Self { asked, started, .. } = self;
        drop(asked);
        started.close().await;
    }
}

/// Asks for one vector, or the scores of one query.
async fn first(asked: &CheckedEngine, plan: &Plan, requests: &[Prepared], app: &AppContext) -> Result<(), OpenError> {
    let Some(Prepared { request, .. }) = requests.first() else { return Ok(()) };
    let request = match request {
        Request::Texts(texts) => Request::Texts(texts.iter().take(1).cloned().collect()),
        rerank => rerank.clone(),
    };
    tokio::select! {
        outcome = limited(asked.once(&request), plan.set.request_timeout) => {
            outcome.map(|_| ()).map_err(OpenError::Failed)
        }
        () = app.cancel.cancelled() => Err(OpenError::Cancelled),
    }
}
