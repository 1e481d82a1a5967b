//! A model in a Python process: its files are found or fetched, then the process is started.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use super::Host;
use crate::engine::python::{PythonOptions, PythonTask};
use crate::engine::{Checked, Engine, EngineError, EngineSpec, PythonEngine, PythonError, TextOptions};
use crate::fetch::Cancel;
use crate::model::cache::HubEnv;
use crate::model::source::Request;

/// A model, and the Python process that computes it.
#[derive(Clone)]
pub(crate) struct PythonModelOptions {
    pub spec: EngineSpec,
    pub request: Request,
    pub text: TextOptions,
    /// The interpreter; `None`: the first that has what the engine needs.
    pub python: Option<PathBuf>,
    pub threads: NonZero<usize>,
    /// Texts in a batch; `None`: the engine's own default.
    pub batch: Option<NonZero<usize>>,
    pub start_timeout: Duration,
    pub request_timeout: Duration,
}

impl PythonModelOptions {
    fn options(&self, model_dir: PathBuf, task: PythonTask) -> PythonOptions {
        PythonOptions {
            python: self.python.clone(),
            task,
            text: self.text.clone(),
            batch: self.batch,
            threads: self.threads,
            start_timeout: self.start_timeout,
            request_timeout: self.request_timeout,
            ..PythonOptions::new(self.spec.clone(), model_dir, self.request.cache.clone())
        }
    }

    /// Checks that the engine supports these options, before anything is fetched.
    pub(crate) fn check(&self) -> Result<(), PythonError> {
        self.options(PathBuf::new(), PythonTask::Embed).check()
    }

    /// Finds (or fetches) the model, and starts the process with it, which lives on `runtime`; its results are checked.
    /// Blocks.
    pub(crate) fn start(
        &self,
        task: PythonTask,
        raw_scores: bool,
        host: &Host,
        runtime: &Handle,
    ) -> Result<Arc<dyn Engine>, EngineError> {
        let fail = |error| EngineError::Python { engine: self.spec.to_string(), error };
        self.options(PathBuf::new(), task).check().map_err(fail)?;
        let source = self.request.resolve(HubEnv::from_env(), &host.context)?;
        tracing::info!("model: {}", source.dir.display());
        let start = self.start_in(&source.dir, &source.name, task, raw_scores, &host.context.cancel);
        Ok(Arc::new(Checked::new(runtime.block_on(start)?, self.spec.to_string())))
    }

    /// Starts the process with the model of a directory, which users know as `name`. The process lives on the runtime
    /// of the caller.
    pub(crate) async fn start_in(
        &self,
        dir: &Path,
        name: &str,
        task: PythonTask,
        raw_scores: bool,
        cancel: &Cancel,
    ) -> Result<PythonEngine, EngineError> {
        let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
        let options = PythonOptions { raw_scores, ..self.options(dir, task) };
        PythonEngine::start(name, &options, cancel).await
    }
}
