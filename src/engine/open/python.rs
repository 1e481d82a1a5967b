//! A model in a Python process: its files are found or fetched, then the process is started.

use std::path::absolute;

use tokio::runtime::Handle;

use super::opened::checked;
use super::{EngineFacts, Host, OpenedEngine, Processes, Purpose};
use crate::engine::python::{PythonOptions, PythonTask};
use crate::engine::{EngineError, PythonEngine, remote};
use crate::model::cache::HubEnv;
use crate::model::source::Request;
use crate::model::{Setting, SettingError};

/// A model, and the Python process that computes it.
#[derive(Clone)]
pub(crate) struct PythonModelOptions {
    /// The model that is found (or fetched) first; `None` if its directory is known.
    pub find: Option<Request>,
    /// Its task, and the directory of a model that is found first, are set when it is opened.
    pub python: PythonOptions,
    /// True if its results are not checked, as their checks must not count as time of the engine.
    pub measured: bool,
}

impl PythonModelOptions {
    /// Finds (or fetches) the model, and starts the process with it, which lives on `runtime`. Blocks.
    pub(super) fn open(
        &self,
        purpose: Purpose<'_>,
        host: &Host,
        runtime: &Handle,
    ) -> Result<OpenedEngine, EngineError> {
        let spec = &self.python.spec;
        purpose.check_output("Python engines")?;
        let task = match purpose {
            Purpose::Embed { .. } => PythonTask::Embed,
            Purpose::Rerank { .. } => PythonTask::Rerank,
            Purpose::Classify { .. } => {
                let reason = format!("{spec} makes vectors and scores, no labels");
                return Err(SettingError::new(Setting::Engine, reason)
                    .hint(format!("engines that do: onnx, {}", remote::servers(|can| can.classifies)))
                    .into());
            }
        };
        let mut options = PythonOptions { task, raw_scores: purpose.raw_scores(), ..self.python.clone() };
        // Before a model is fetched in vain.
        options.check().map_err(|error| EngineError::Python { engine: spec.to_string(), error })?;
        let name = match &self.find {
            Some(request) => {
                let source = request.resolve(HubEnv::from_env(), &host.context)?;
                tracing::info!("model: {}", source.dir.display());
                options.model_dir = source.dir;
                source.name
            }
            None => options.model_dir.display().to_string(),
        };
        options.model_dir = absolute(&options.model_dir).unwrap_or(options.model_dir);
        let engine = runtime.block_on(PythonEngine::start(&name, &options, &host.context.cancel))?;

        let info = engine.worker().info();
        let mut details = info.versions.clone();
        let library = spec.kind.python().map(|recipe| recipe.library);
        let version = library.and_then(|library| Some(format!("{library} {}", details.get(library)?)));
        details.extend([
            ("dtype".to_owned(), info.dtype.clone()),
            ("device".to_owned(), info.device.clone()),
            ("threads".to_owned(), options.threads.to_string()),
        ]);
        let processes = Processes::Others(engine.worker().pid().into_iter().collect());
        let facts = EngineFacts { version, details };
        Ok(OpenedEngine { engine: checked(engine, spec, self.measured), facts, processes, server: None })
    }
}
