//! Engines loaded, started or connected to.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::super::{AppContext, Error};
use super::{EngineSet, NamedEngine, OpenError, facts};
use crate::bench::engine::OpenEngine;
use crate::bench::machine::{self, RootPids};
use crate::bench::report::Task;
use crate::bench::target::{Failure, FailureKind};
use crate::commands::settings::{Globals, local_model, model_request, threads};
use crate::engine::launch;
use crate::engine::open::{LaunchOptions, LocalOptions, PythonModelOptions, ServerOptions};
use crate::engine::python::PythonTask;
use crate::engine::recipes::{Location, PythonRecipe, ServerRecipe};
use crate::engine::remote::{self, ApiKey, RemoteOptions, Wanted};
use crate::engine::rerank::{Method, Reranker};
use crate::engine::{Engine, EngineError, EngineSpec, OutputKind, Role, TextOptions};
use crate::model::Model;

pub(crate) struct EngineOpener<'a> {
    set: &'a EngineSet,
    app: &'a AppContext,
    /// The model; `None` if its files are not here.
    model: Option<&'a Model>,
    /// The roles of the texts, at least one.
    roles: &'a [Role],
}

pub(crate) struct RunningEngine {
    /// One for each role that it was opened for; of a reranker the only one.
    pub engines: Vec<OpenEngine>,
    pub facts: EngineFacts,
    /// The processes it computes in.
    pub roots: RootPids,
    server: Option<launch::Server>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct EngineFacts {
    pub version: Option<String>,
    pub details: BTreeMap<String, String>,
    pub load_seconds: f64,
}

impl<'a> EngineOpener<'a> {
    pub(crate) fn new(set: &'a EngineSet, model: Option<&'a Model>, roles: &'a [Role], app: &'a AppContext) -> Self {
        Self { set, app, model, roles }
    }

    pub(crate) async fn open(&self, engine: &NamedEngine) -> Result<RunningEngine, OpenError> {
        let begin = Instant::now();
        let mut running = match engine.spec.kind.location() {
            Location::Process => self.load(&engine.spec).await,
            Location::Python(recipe) => self.start(&engine.spec, recipe).await,
            Location::Server(recipe) if engine.spec.url.is_some() => self.connect(engine, &engine.spec, recipe).await,
            Location::Server(recipe) => self.launch(engine, recipe).await,
        }?;
        running.facts.load_seconds = begin.elapsed().as_secs_f64();
        Ok(running)
    }

    async fn load(&self, spec: &EngineSpec) -> Result<RunningEngine, OpenError> {
        let Self { set, app, .. } = self;
        let before = machine::resident_memory();
        let (options, host) = (set.local_options(spec, &app.globals)?, app.host());
        let (task, roles) = (set.task, self.roles.to_vec());
        // Files are read, and perhaps fetched.
        let open = move || match task {
            Task::Embed => Ok::<_, EngineError>(embedders(&roles, options.open(OutputKind::Embedding, &host)?)),
            Task::Rerank => Ok(vec![OpenEngine::Reranker(options.reranker(false, &host)?)]),
        };
        let engines = match tokio::task::spawn_blocking(open).await {
            Ok(opened) => opened?,
            Err(error) => return Err(OpenError::Failed(Failure::new(FailureKind::Died, error.to_string()))),
        };
        let mut details = BTreeMap::new();
        if let Some(info) = engines.first().and_then(|engine| engine.info().local.clone()) {
            details.extend([
                ("dtype".to_owned(), info.dtype.to_string()),
                ("threads".to_owned(), info.threads.to_string()),
                ("batch tokens".to_owned(), info.batch_tokens.to_string()),
            ]);
            details.extend(info.library.clone().map(|version| ("ONNX Runtime".to_owned(), version)));
        }
        details.extend(set.hardware.cpu.copy_weights.then(|| ("weights".to_owned(), "copied".to_owned())));
        let version = Some(format!("infa {}", env!("CARGO_PKG_VERSION")));
        let facts = EngineFacts { version, details, ..EngineFacts::default() };
        Ok(RunningEngine { engines, facts, roots: RootPids::this_process(before), server: None })
    }

    async fn start(&self, spec: &EngineSpec, recipe: &PythonRecipe) -> Result<RunningEngine, OpenError> {
        let Self { set, app, .. } = self;
        let model = self.model_here()?;
        let task = match set.task {
            Task::Embed => PythonTask::Embed,
            Task::Rerank => PythonTask::Rerank,
        };
        // sentence-transformers makes vectors of anything.
        set.check_model(spec, model)?;
        let options = set.python_options(spec, &app.globals)?;
        let engine = options.start_in(&model.dir, set.model_id(), task, false, &app.cancel).await?;
        let info = engine.worker().info();
        let mut details = info.versions.clone();
        let version = details.get(recipe.library).map(|version| format!("{} {version}", recipe.library));
        details.extend([
            ("dtype".to_owned(), info.dtype.clone()),
            ("device".to_owned(), info.device.clone()),
            ("threads".to_owned(), options.threads.to_string()),
        ]);
        let roots = RootPids::Processes(engine.worker().pid().into_iter().collect());
        let facts = EngineFacts { version, details, ..EngineFacts::default() };
        let engine: Arc<dyn Engine> = Arc::new(engine);
        let engines = match task {
            PythonTask::Embed => embedders(self.roles, engine),
            PythonTask::Rerank => vec![OpenEngine::Reranker(Reranker::new(engine, Method::Engine)?)],
        };
        Ok(RunningEngine { engines, facts, roots, server: None })
    }

    async fn launch(&self, engine: &NamedEngine, recipe: &ServerRecipe) -> Result<RunningEngine, OpenError> {
        let Self { set, app, .. } = self;
        let options = set.launch_options(engine);
        let command = options.command(&app.globals.cache)?;
        let server = options.start(command, &self.model_here()?.dir, &app.cancel).await?;
        let mut running = match self.connect(engine, server.spec(), recipe).await {
            Ok(connected) => connected,
            Err(error) => {
                // A dead server's last output explains more than a failed connection.
                let died = server.died();
                server.stop().await;
                return Err(died.map_or(error, |reason| OpenError::Failed(Failure::new(FailureKind::Died, reason))));
            }
        };
        running.facts.details.insert("command".into(), server.command().to_owned());
        running.roots = RootPids::Processes(vec![server.pid()]);
        running.server = Some(server);
        Ok(running)
    }

    /// Connects to the server of `spec`: once for each role, as a server without roles gets the prompt of the role with
    /// the texts, where the model has one.
    async fn connect(
        &self,
        engine: &NamedEngine,
        spec: &EngineSpec,
        recipe: &ServerRecipe,
    ) -> Result<RunningEngine, OpenError> {
        let Self { set, app, .. } = self;
        let mut options = set.server_options(engine, spec, recipe);
        let (mut facts, mut engines) = (EngineFacts::default(), Vec::new());
        let roles = if set.task == Task::Embed { self.roles } else { &[Role::Text] };
        for &role in roles {
            let wanted = match (set.task, options.own_role(role)) {
                (Task::Rerank, _) => Wanted::Scores,
                (Task::Embed, Some(role)) => Wanted::Vectors(role),
                (Task::Embed, None) => {
                    let name = if role == Role::Query { "query" } else { "document" };
                    options.text.prompt = self.model.and_then(|model| model.role_prompt(name));
                    let prompt = options.text.prompt.as_ref();
                    let put = |prompt: &String| (format!("{name} prompt"), format!("{prompt:?}, put before by infa"));
                    facts.details.extend(prompt.map(put));
                    Wanted::Vectors(Role::Text)
                }
            };
            let connected = options.attach(wanted, &app.cancel).await?;
            let model = connected.info().model.clone();
            facts.details.extend(Some(("model".to_owned(), model)).filter(|(_, model)| !model.is_empty()));
            engines.push(match wanted {
                Wanted::Vectors(role) => OpenEngine::Embedder(Arc::new(connected), role),
                _ => OpenEngine::Reranker(Reranker::new(Arc::new(connected), Method::Engine)?),
            });
        }
        facts.version = remote::version(spec, &options.remote).await;
        Ok(RunningEngine { engines, facts, roots: RootPids::Processes(Vec::new()), server: None })
    }

    fn model_here(&self) -> Result<&'a Model, OpenError> {
        let missing = || format!("{} is not here, and nothing can be started with it", self.set.model_id());
        self.model.ok_or_else(|| OpenError::NotAvailable(missing()))
    }
}

fn embedders(roles: &[Role], engine: Arc<dyn Engine>) -> Vec<OpenEngine> {
    roles.iter().map(|&role| OpenEngine::Embedder(Arc::clone(&engine), role)).collect()
}

impl RunningEngine {
    pub(crate) async fn close(self) {
        let Self { engines, server, .. } = self;
        drop(engines);
        if let Some(server) = server {
            server.stop().await;
        }
    }
}

/// The options that an engine of the set is opened with.
impl EngineSet {
    fn local_options(&self, spec: &EngineSpec, globals: &Globals) -> Result<LocalOptions, Error> {
        let hardware = self.hardware.on(spec.device);
        local_model(self.model.clone(), hardware, spec.dtype(), globals)
    }

    fn python_options(&self, spec: &EngineSpec, globals: &Globals) -> Result<PythonModelOptions, Error> {
        let device = spec.device.or(self.hardware.device);
        Ok(PythonModelOptions {
            spec: EngineSpec { device, ..spec.clone() },
            request: model_request(self.model.clone(), globals)?,
            text: TextOptions::default(),
            python: self.python.python.clone(),
            threads: threads(self.hardware.cpu.threads)?,
            batch: None,
            start_timeout: self.startup_timeout,
            request_timeout: self.request_timeout,
        })
    }

    fn launch_options(&self, engine: &NamedEngine) -> LaunchOptions {
        LaunchOptions {
            spec: engine.spec.clone(),
            command: engine.launch.clone(),
            // A snapshot's directory is called by its commit.
            name: facts::name(self.model_id()),
            threads: self.hardware.cpu.threads,
            device: self.hardware.device,
            startup_timeout: self.startup_timeout,
        }
    }

    fn server_options(&self, engine: &NamedEngine, spec: &EngineSpec, recipe: &ServerRecipe) -> ServerOptions {
        // A service with many models must be given the model's name, where the user named a repository.
        let named = self.model.model_id.clone().filter(|id| recipe.hosted && !Path::new(id).exists());
        let remote = RemoteOptions {
            model: engine.model.clone().or(named),
            key: ApiKey::from_env(recipe.keys),
            retries: self.retries,
            // A request of the benchmark is one HTTP request.
            request_batch: None,
            ..RemoteOptions::within(self.request_timeout)
        };
        ServerOptions { spec: spec.clone(), text: TextOptions::default(), remote }
    }
}
