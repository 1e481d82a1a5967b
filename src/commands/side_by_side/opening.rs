//! Engines made ready: loaded, started or connected to.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::settings::local_options;
use super::super::{Error, World};
use super::{Lineup, Planned, facts};
use crate::bench::engine::OpenEngine;
use crate::bench::machine::{self, RootPids};
use crate::bench::report::{EngineState, Task};
use crate::bench::summary;
use crate::bench::target::{Failure, FailureKind};
use crate::cli::{CpuArgs, HardwareArgs, InputArgs, ModelArgs, ModelIdArgs, TextArgs};
use crate::engine::launch::{self, Launch, LaunchError};
use crate::engine::open::LocalOptions;
use crate::engine::python::{PythonEngine, PythonError, PythonOptions, PythonTask, programs};
use crate::engine::recipes::{Location, PythonRecipe};
use crate::engine::remote::{self, ApiKey, Client, Roles, Wanted};
use crate::engine::rerank::{Method, Reranker};
use crate::engine::{
    Engine, EngineError, EngineSpec, OutputKind, RemoteEngine, RemoteOptions, Role, TextOptions, check_task,
};
use crate::model::{Model, ModelError};

/// An engine that has been started, and not been asked yet.
pub struct Started {
    /// One for each role that it was opened for; of a reranker the only one.
    pub engines: Vec<OpenEngine>,
    pub facts: Facts,
    /// The processes it computes in.
    pub roots: RootPids,
    /// The server that was started for it.
    server: Option<launch::Server>,
}

/// What is known of an engine.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub version: Option<String>,
    pub details: BTreeMap<String, String>,
    pub load_seconds: f64,
}

/// What engines are made ready for.
pub struct Opening<'a> {
    lineup: &'a Lineup,
    world: &'a World,
    /// The model; `None` if its files are not here.
    model: Option<&'a Model>,
    /// The roles of the texts.
    roles: &'a [Role],
}

/// Why an engine is not ready.
pub enum Unready {
    /// Somebody asked to stop.
    Cancelled,
    /// It cannot be started, or says no.
    Failed(Failure),
    /// What it needs is not here.
    NotAvailable(String),
}

const START: &str = "start";

impl From<Error> for Unready {
    fn from(error: Error) -> Self {
        match error {
            Error::Interrupted => Self::Cancelled,
            Error::Engine(EngineError::Remote { engine: _, error, hint }) => {
                let failure = Failure::from(error);
                Self::Failed(Failure { message: with_hint(&failure.message, hint), ..failure })
            }
            error => Self::Failed(Failure::new(FailureKind::Other, with_hint(&error.to_string(), error.hint()))),
        }
    }
}

impl From<PythonError> for Unready {
    fn from(error: PythonError) -> Self {
        let message = with_hint(&error.to_string(), error.hint());
        match error {
            PythonError::Cancelled => Self::Cancelled,
            PythonError::NoPython { .. } | PythonError::Missing { .. } => Self::NotAvailable(message),
            error => Self::Failed(Failure { message, ..Failure::from(error) }),
        }
    }
}

impl From<LaunchError> for Unready {
    fn from(error: LaunchError) -> Self {
        match error {
            LaunchError::Cancelled => Self::Cancelled,
            LaunchError::NotInstalled { .. } => Self::NotAvailable(with_hint(&error.to_string(), error.hint())),
            error => Self::Failed(Failure::new(FailureKind::Other, with_hint(&error.to_string(), error.hint()))),
        }
    }
}

fn with_hint(message: &str, hint: Option<String>) -> String {
    hint.map_or_else(|| message.to_owned(), |hint| format!("{message} ({hint})"))
}

impl<'a> Opening<'a> {
    /// `roles`: as what texts are embedded, at least one.
    pub fn new(lineup: &'a Lineup, model: Option<&'a Model>, roles: &'a [Role], world: &'a World) -> Self {
        Self { lineup, world, model, roles }
    }

    /// Loads, starts or connects to one engine. It has not been asked anything then.
    pub async fn open(&self, planned: &Planned) -> Result<Started, Unready> {
        let begin = Instant::now();
        let mut started = match planned.spec.kind.location() {
            Location::Process => self.local(planned).await,
            Location::Python(recipe) => self.worker(planned, recipe).await,
            Location::Server(_) => self.server(planned).await,
        }?;
        started.facts.load_seconds = begin.elapsed().as_secs_f64();
        Ok(started)
    }

    async fn local(&self, planned: &Planned) -> Result<Started, Unready> {
        let Self { lineup, world, .. } = self;
        let before = machine::resident_memory();
        let (options, host) = (self.local_options(planned)?, world.host());
        let (task, roles) = (lineup.task, self.roles.to_vec());
        // Files are read, and perhaps fetched.
        let open = move || {
            Ok::<_, EngineError>(match task {
                Task::Embed => {
                    let engine = options.open(OutputKind::Embedding, &host)?;
                    roles.into_iter().map(|role| OpenEngine::Embedder(Arc::clone(&engine), role)).collect()
                }
                Task::Rerank => vec![OpenEngine::Reranker(options.reranker(false, &host)?)],
            })
        };
        let engines: Vec<OpenEngine> = match tokio::task::spawn_blocking(open).await {
            Ok(opened) => opened.map_err(Error::from)?,
            Err(error) => return Err(Unready::Failed(Failure::new(FailureKind::Died, error.to_string()))),
        };
        let info = engines.first().and_then(|engine| engine.info().local.clone());
        let library = info.as_ref().and_then(|info| info.library.clone());
        let mut details = BTreeMap::new();
        if let Some(info) = info {
            details.extend([
                ("dtype".to_owned(), info.dtype.to_string()),
                ("threads".to_owned(), info.threads.to_string()),
                ("batch tokens".to_owned(), info.batch_tokens.to_string()),
            ]);
        }
        details.extend(lineup.copy_weights.then(|| ("weights".to_owned(), "copied".to_owned())));
        details.extend(library.map(|version| ("ONNX Runtime".to_owned(), version)));
        let version = Some(format!("infa {}", env!("CARGO_PKG_VERSION")));
        let facts = Facts { version, details, ..Facts::default() };
        Ok(Started { engines, facts, roots: RootPids::this_process(before), server: None })
    }

    fn local_options(&self, planned: &Planned) -> Result<LocalOptions, Error> {
        let Self { lineup, world, .. } = self;
        let model = ModelArgs {
            id: ModelIdArgs { model_id: Some(lineup.model_id.clone()), revision: lineup.revision.clone() },
            onnx_file: None,
            hardware: HardwareArgs {
                device: planned.spec.device.or(lineup.device),
                cpu: CpuArgs { threads: lineup.threads, copy_weights: lineup.copy_weights },
            },
            dtype: planned.spec.dtype(),
            calibrate: None,
            batch_tokens: None,
        };
        let input = InputArgs { prompt: None, prompt_name: None, truncate: None, max_length: None };
        local_options(model, TextArgs::from(input), &world.globals)
    }

    async fn worker(&self, planned: &Planned, recipe: &PythonRecipe) -> Result<Started, Unready> {
        let Self { lineup, world, .. } = self;
        let Some(model) = self.model else { return Err(self.no_model()) };
        if lineup.task == Task::Embed {
            // sentence-transformers makes vectors of anything.
            check_task(model, OutputKind::Embedding, &TextOptions::default()).map_err(Error::from)?;
        }
        let mut spec = planned.spec.clone();
        spec.device = spec.device.or(lineup.device);
        let mut options = PythonOptions::new(spec, model.dir.clone(), world.globals.cache.clone());
        options.python.clone_from(&lineup.python);
        options.task = match lineup.task {
            Task::Embed => PythonTask::Embed,
            Task::Rerank => PythonTask::Rerank,
        };
        options.threads = lineup.threads.unwrap_or(options.threads);
        options.start_timeout = lineup.startup_timeout;
        options.request_timeout = lineup.request_timeout;
        let engine = match PythonEngine::start(&lineup.model_id, &options, &world.cancel).await {
            Ok(engine) => engine,
            Err(EngineError::Python { error, .. }) => return Err(error.into()),
            Err(error) => return Err(Error::from(error).into()),
        };
        let worker = engine.worker();
        let mut versions = worker.info().versions.clone();
        let library = recipe.library;
        let version = versions.get(library).map(|version| format!("{library} {version}"));
        versions.extend([
            ("dtype".to_owned(), worker.info().dtype.clone()),
            ("device".to_owned(), worker.info().device.clone()),
            ("threads".to_owned(), options.threads.to_string()),
        ]);
        let roots = RootPids::Processes(worker.pid().into_iter().collect());
        let facts = Facts { version, details: versions, ..Facts::default() };
        let engine: Arc<dyn Engine> = Arc::new(engine);
        let engines = match lineup.task {
            Task::Embed => self.roles.iter().map(|&role| OpenEngine::Embedder(Arc::clone(&engine), role)).collect(),
            Task::Rerank => {
                vec![OpenEngine::Reranker(Reranker::new(engine, Method::Engine).map_err(Error::from)?)]
            }
        };
        Ok(Started { engines, facts, roots, server: None })
    }

    fn no_model(&self) -> Unready {
        Unready::NotAvailable(format!("{} is not here, and nothing can be started with it", self.lineup.model_id))
    }

    async fn server(&self, planned: &Planned) -> Result<Started, Unready> {
        if planned.spec.url.is_some() {
            let (engines, facts) = self.connect(planned, &planned.spec).await?;
            return Ok(Started { engines, facts, roots: RootPids::Processes(Vec::new()), server: None });
        }
        let server = self.launch(planned).await?;
        let (engines, mut facts) = match self.connect(planned, server.spec()).await {
            Ok(connected) => connected,
            Err(unready) => {
                // What it said before it died tells more than that nobody answers.
                let died = server.died();
                server.stop().await;
                return Err(match died {
                    Some(reason) => Unready::Failed(Failure::new(FailureKind::Died, reason)),
                    None => unready,
                });
            }
        };
        facts.details.insert("command".into(), server.command().to_owned());
        let roots = RootPids::Processes(vec![server.pid()]);
        Ok(Started { engines, facts, roots, server: Some(server) })
    }

    async fn launch(&self, planned: &Planned) -> Result<launch::Server, Unready> {
        let Self { lineup, world, .. } = self;
        let command = match &planned.launch {
            Some(template) => launch::Command::parse(template).map_err(LaunchError::from)?,
            None => launch::default_command(planned.spec.kind, &programs(planned.spec.kind, &world.globals.cache))?,
        };
        let Some(model) = self.model else { return Err(self.no_model()) };
        let mut launch = Launch::new(planned.spec.clone(), command, &model.dir);
        // A snapshot's directory is called by its commit.
        launch.name = facts::name(&lineup.model_id);
        launch.startup_timeout = lineup.startup_timeout;
        if let Some(threads) = lineup.threads {
            launch.threads = threads;
        }
        if let Some(device) = lineup.device {
            launch.device = device;
        }
        Ok(launch::Server::start(&launch, &world.cancel).await?)
    }

    async fn connect(&self, planned: &Planned, spec: &EngineSpec) -> Result<(Vec<OpenEngine>, Facts), Unready> {
        let lineup = self.lineup;
        let usual = RemoteOptions::default();
        let options = RemoteOptions {
            model: planned.model.clone().or_else(|| self.served_name(spec)),
            key: ApiKey::from_env(spec.kind.server().map_or(&[], |server| server.keys)),
            retries: lineup.retries,
            connect_timeout: Duration::min(usual.connect_timeout, lineup.request_timeout),
            request_timeout: lineup.request_timeout,
            // A request of the benchmark is one HTTP request.
            request_batch: None,
            ..usual
        };
        let mut facts = Facts::default();
        let mut engines = Vec::new();
        let roles = if lineup.task == Task::Embed { self.roles } else { &[Role::Text] };
        for &role in roles {
            let client = tokio::select! {
                client = self.client(spec, role, &options, &mut facts) => client?,
                () = self.world.cancel.cancelled() => return Err(Unready::Cancelled),
            };
            let (client, wanted) = client;
            facts.details.extend(client.model().map(|model| ("model".to_owned(), model.to_owned())));
            let model = client.model().unwrap_or_default().to_owned();
            let engine = Arc::new(RemoteEngine::new(client, wanted, model, 0, &options));
            engines.push(match wanted {
                Wanted::Vectors(role) => OpenEngine::Embedder(engine, role),
                _ => OpenEngine::Reranker(Reranker::new(engine, Method::Engine).map_err(Error::from)?),
            });
        }
        facts.version = remote::version(spec, &options).await;
        Ok((engines, facts))
    }

    /// A client for texts of this role, and as what it is to ask for them. To a server that knows no roles, the prompt
    /// of the role goes with the texts, where the model has one.
    async fn client(
        &self,
        spec: &EngineSpec,
        role: Role,
        options: &RemoteOptions,
        facts: &mut Facts,
    ) -> Result<(Client, Wanted), Unready> {
        let always = remote::roles(spec) == Roles::Always;
        let role = if always && role == Role::Text { Role::Document } else { role };
        let wanted = match self.lineup.task {
            Task::Embed => Wanted::Vectors(role),
            Task::Rerank => Wanted::Scores,
        };
        let name = match role {
            Role::Query => Some("query"),
            Role::Document => Some("document"),
            Role::Text => None,
        };
        let text = TextOptions::default();
        match (Client::connect(spec, wanted, &text, options).await, name) {
            (Err(EngineError::Model(ModelError::Flag { flag: "--mode", .. })), Some(name)) => {
                let prompt = self.model.and_then(|model| model.role_prompt(name));
                if let Some(prompt) = &prompt {
                    facts.details.insert(format!("{name} prompt"), format!("{prompt:?}, put before by infa"));
                }
                let text = TextOptions { prompt, ..text };
                let wanted = Wanted::Vectors(Role::Text);
                let client = Client::connect(spec, wanted, &text, options).await;
                Ok((client.map_err(Error::from)?, wanted))
            }
            (client, _) => Ok((client.map_err(Error::from)?, wanted)),
        }
    }

    /// The name that hosted services must be given: the model's, where the user named a repository.
    fn served_name(&self, spec: &EngineSpec) -> Option<String> {
        let must = spec.kind.server().is_some_and(|server| server.hosted);
        let Lineup { model_id, model_named, .. } = self.lineup;
        (must && *model_named && !std::path::Path::new(model_id).exists()).then(|| model_id.clone())
    }
}

impl Unready {
    /// What a report says of it.
    pub fn into_state(self) -> EngineState {
        match self {
            Self::Cancelled => EngineState::NotMeasured,
            Self::Failed(failure) => summary::failed(START, &failure),
            Self::NotAvailable(message) => {
                EngineState::Failed { stage: START.into(), kind: "not available".into(), message }
            }
        }
    }
}

impl Started {
    /// Ends what was started for it.
    pub async fn close(self) {
        let Self { engines, server, .. } = self;
        drop(engines);
        if let Some(server) = server {
            server.stop().await;
        }
    }
}
