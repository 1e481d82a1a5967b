//! Engines loaded, started or connected to.

use std::time::Instant;

use tokio::runtime::Handle;

use super::super::AppContext;
use super::{EngineSet, NamedEngine, OpenError};
use crate::bench::engine::OpenEngine;
use crate::bench::machine::{self, RootPids};
use crate::bench::report::Task;
use crate::bench::target::{Failure, FailureKind};
use crate::engine::launch::Server;
use crate::engine::open::{EngineFacts, OpenedEngine, Processes, Purpose};
use crate::engine::rerank::Reranker;
use crate::engine::{OutputKind, Role};
use crate::model::Model;

pub(crate) struct RunningEngine {
    /// The engine, which embeds texts of the first role.
    pub engine: OpenEngine,
    pub facts: EngineFacts,
    pub load_seconds: f64,
    /// The processes it computes in.
    pub roots: RootPids,
    server: Option<Server>,
}

impl EngineSet {
    /// Opens one of its engines for texts of these roles. `model` is the common model, if its files are here.
    pub(crate) async fn open(
        &self,
        engine: &NamedEngine,
        model: Option<&Model>,
        roles: &'static [Role],
        app: &AppContext,
    ) -> Result<RunningEngine, OpenError> {
        let (begin, memory) = (Instant::now(), machine::resident_memory());
        let options = self.options(engine, model, &app.globals)?;
        let purpose = match self.task {
            Task::Embed => Purpose::Embed { output: OutputKind::Embedding, roles },
            Task::Rerank => Purpose::Rerank { raw_scores: false },
        };
        let (host, runtime) = (app.host(), Handle::current());
        let opened = tokio::task::spawn_blocking(move || options.open(purpose, &host, &runtime)).await;
        let died = |error: tokio::task::JoinError| Failure::new(FailureKind::Died, error.to_string());
        let OpenedEngine { engine, facts, processes, server } = opened.map_err(|e| OpenError::Failed(died(e)))??;
        let engine = match self.task {
            Task::Embed => OpenEngine::Embedder(engine, roles.first().copied().unwrap_or_default()),
            Task::Rerank => OpenEngine::Reranker(Reranker::of(engine, false)?),
        };
        let roots = match processes {
            Processes::This => RootPids::this_process(memory),
            Processes::Others(pids) => RootPids::Processes(pids),
        };
        Ok(RunningEngine { engine, facts, load_seconds: begin.elapsed().as_secs_f64(), roots, server })
    }
}

impl RunningEngine {
    pub(crate) async fn close(self) {
        let Self { engine, server, .. } = self;
        drop(engine);
        if let Some(server) = server {
            server.stop().await;
        }
    }
}
