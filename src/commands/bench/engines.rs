//! Engines made ready: loaded, started or connected to, and asked once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::engine::specified;
use super::super::settings::ModelSettings;
use super::super::{Error, World};
use super::plan::{Plan, Planned};
use crate::bench::backend::{
    Asked, Backend, LocalRanker, LocalVectors, Prepared, PythonBackend, ServerRanker, ServerVectors,
};
use crate::bench::machine::{self, Roots};
use crate::bench::report::{EngineState, Task};
use crate::bench::summary;
use crate::bench::target::{Failure, FailureKind, Request};
use crate::cli::{InputArgs, ModelArgs, TextArgs};
use crate::engine::launch::{self, Launch, LaunchError};
use crate::engine::python::{PythonError, PythonOptions, PythonTask, Worker, programs};
use crate::engine::remote::{self, ApiKey, Client, Wanted};
use crate::engine::rerank::{Method, Reranker};
use crate::engine::spec::Place;
use crate::engine::{EngineError, EngineKind, EngineSpec, Purpose, RemoteOptions, Role, TextOptions};

/// An engine that is ready.
pub(super) struct Ready {
    pub asked: Arc<Asked>,
    pub facts: Facts,
    /// The processes it computes in.
    pub roots: Roots,
    /// The server that was started for it.
    server: Option<launch::Server>,
}

/// An engine that has been started, and not been asked yet.
struct Started {
    backend: Arc<dyn Backend>,
    facts: Facts,
    roots: Roots,
    server: Option<launch::Server>,
}

/// What is known of an engine.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    pub version: Option<String>,
    pub details: BTreeMap<String, String>,
    pub load_seconds: f64,
    pub first_answer_seconds: f64,
}

/// What engines are made ready for.
pub(super) struct Opening<'a> {
    pub plan: &'a Plan,
    pub world: &'a World,
    pub requests: Arc<[Prepared]>,
    /// Where the model's files are; `None` if they are not here.
    pub model_dir: Option<PathBuf>,
    /// The model's name, as servers are told it.
    pub model_name: String,
}

/// Why an engine is not ready.
enum Unready {
    /// Somebody asked to stop.
    Cancelled,
    /// It cannot be started, or says no.
    Failed(Failure),
    /// What it needs is not here.
    NotAvailable(String),
}

/// Whether an engine is there.
pub(super) enum Opened {
    Ready(Box<Ready>),
    Failed(EngineState),
}

const START: &str = "start";
const FIRST_REQUEST: &str = "first request";

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

impl Opening<'_> {
    /// Makes one engine ready, as far as it can be.
    pub async fn open(&self, planned: &Planned) -> Opened {
        let begin = Instant::now();
        let opened = match planned.spec.kind.place() {
            Place::Process => self.local(planned),
            Place::Worker => self.worker(planned).await,
            Place::Server => self.server(planned).await,
        };
        let Started { backend, mut facts, server, roots } = match opened {
            Ok(opened) => opened,
            Err(unready) => return Opened::Failed(unready.into_state()),
        };
        facts.load_seconds = begin.elapsed().as_secs_f64();
        let asked = Arc::new(Asked::new(backend, Arc::clone(&self.requests)));
        let begin = Instant::now();
        match self.first(&asked).await {
            Ok(()) => {
                facts.first_answer_seconds = begin.elapsed().as_secs_f64();
                Opened::Ready(Box::new(Ready { asked, facts, server, roots }))
            }
            Err(Unready::Failed(failure)) => Opened::Failed(summary::failed(FIRST_REQUEST, &failure)),
            Err(unready) => Opened::Failed(unready.into_state()),
        }
    }

    /// Asks for one vector, or the scores of one query.
    async fn first(&self, asked: &Asked) -> Result<(), Unready> {
        let Some(Prepared { request, .. }) = self.requests.first() else { return Ok(()) };
        let request = match request {
            Request::Texts(texts) => Request::Texts(texts.iter().take(1).cloned().collect()),
            rerank => rerank.clone(),
        };
        tokio::select! {
            outcome = limited(asked, &request, self.plan.request_timeout) => match outcome {
                Ok(_) => Ok(()),
                Err(failure) => Err(Unready::Failed(failure)),
            },
            () = self.world.cancel.cancelled() => Err(Unready::Cancelled),
        }
    }

    fn local(&self, planned: &Planned) -> Result<Started, Unready> {
        let Self { plan, world, .. } = self;
        let before = machine::resident_memory();
        let model = ModelArgs {
            model_id: Some(plan.model_id.clone()),
            revision: plan.revision.clone(),
            onnx_file: None,
            device: if planned.spec.device.is_some() { None } else { plan.device },
            dtype: None,
            calibrate: None,
            threads: plan.threads,
            batch_tokens: None,
        };
        let input = InputArgs { prompt: None, prompt_name: None, truncate: None, max_length: None };
        let settings = ModelSettings::resolve(specified(&planned.spec, model)?, TextArgs::from(input), &world.globals)?;
        let prepared = settings.prepare(world)?;
        let library = prepared.version.clone();
        let (backend, info): (Arc<dyn Backend>, _) = match plan.task {
            Task::Embed => {
                let engine = settings.start(prepared, Purpose::Embed, world)?;
                let info = engine.local().clone();
                (Arc::new(LocalVectors::new(engine)), info)
            }
            Task::Rerank => {
                let method = Method::of(&prepared.model, false).map_err(Error::from)?;
                let engine = settings.start(prepared, method.purpose(), world)?;
                let info = engine.local().clone();
                let reranker = Reranker::new(engine, method).map_err(Error::from)?;
                (Arc::new(LocalRanker::new(reranker)), info)
            }
        };
        let mut details = BTreeMap::from([
            ("dtype".to_owned(), info.dtype.to_string()),
            ("threads".to_owned(), info.threads.to_string()),
            ("batch tokens".to_owned(), info.batch_tokens.to_string()),
        ]);
        details.extend(library.map(|version| ("ONNX Runtime".to_owned(), version)));
        let version = Some(format!("infa {}", env!("CARGO_PKG_VERSION")));
        let facts = Facts { version, details, ..Facts::default() };
        Ok(Started { backend, facts, roots: Roots::this_process(before), server: None })
    }

    async fn worker(&self, planned: &Planned) -> Result<Started, Unready> {
        let Self { plan, world, model_dir, .. } = self;
        let Some(model_dir) = model_dir else { return Err(self.no_model()) };
        let mut spec = planned.spec.clone();
        spec.device = spec.device.or(plan.device);
        let mut options = PythonOptions::new(spec, model_dir.clone(), world.globals.cache.clone());
        options.python.clone_from(&plan.python);
        options.task = match plan.task {
            Task::Embed => PythonTask::Embed,
            Task::Rerank => PythonTask::Rerank,
        };
        options.threads = plan.threads.unwrap_or(options.threads);
        options.start_timeout = plan.startup_timeout;
        options.request_timeout = plan.request_timeout;
        let worker = tokio::select! {
            worker = Worker::start(&options) => worker?,
            () = world.cancel.cancelled() => return Err(Unready::Cancelled),
        };
        let mut versions = worker.info().versions.clone();
        let library =
            if planned.spec.kind == EngineKind::OnnxExport { "onnxruntime" } else { planned.spec.kind.name() };
        let library = if planned.spec.kind == EngineKind::Torch { "sentence-transformers" } else { library };
        let version = versions.get(library).map(|version| format!("{library} {version}"));
        versions.extend([
            ("dtype".to_owned(), worker.info().dtype.clone()),
            ("device".to_owned(), worker.info().device.clone()),
            ("threads".to_owned(), options.threads.to_string()),
        ]);
        let roots = Roots::Processes(worker.pid().into_iter().collect());
        let facts = Facts { version, details: versions, ..Facts::default() };
        Ok(Started { backend: Arc::new(PythonBackend::new(worker)), facts, roots, server: None })
    }

    fn no_model(&self) -> Unready {
        Unready::NotAvailable(format!("{} is not here, and nothing can be started with it", self.plan.model_id))
    }

    async fn server(&self, planned: &Planned) -> Result<Started, Unready> {
        if planned.spec.url.is_some() {
            let (backend, facts) = self.connect(planned, &planned.spec).await?;
            return Ok(Started { backend, facts, roots: Roots::Processes(Vec::new()), server: None });
        }
        let server = self.launch(planned).await?;
        let (backend, mut facts) = match self.connect(planned, server.spec()).await {
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
        let roots = Roots::Processes(vec![server.pid()]);
        Ok(Started { backend, facts, roots, server: Some(server) })
    }

    async fn launch(&self, planned: &Planned) -> Result<launch::Server, Unready> {
        let Self { plan, world, model_dir, .. } = self;
        let command = match &planned.launch {
            Some(template) => launch::Command::parse(template).map_err(LaunchError::from)?,
            None => launch::default_command(planned.spec.kind, &programs(planned.spec.kind, &world.globals.cache))?,
        };
        let Some(model_dir) = model_dir else { return Err(self.no_model()) };
        let mut launch = Launch::new(planned.spec.clone(), command, model_dir);
        // A snapshot's directory is called by its commit.
        launch.name = self.model_name.clone();
        launch.startup_timeout = plan.startup_timeout;
        if let Some(threads) = plan.threads {
            launch.threads = threads;
        }
        if let Some(device) = plan.device {
            launch.device = device;
        }
        Ok(launch::Server::start(&launch, &world.cancel).await?)
    }

    async fn connect(&self, planned: &Planned, spec: &EngineSpec) -> Result<(Arc<dyn Backend>, Facts), Unready> {
        let plan = self.plan;
        // Cohere has no other texts than queries and documents.
        let role = if spec.kind == EngineKind::Cohere { Role::Document } else { Role::Text };
        let wanted = match plan.task {
            Task::Embed => Wanted::Vectors(role),
            Task::Rerank => Wanted::Scores,
        };
        let usual = RemoteOptions::default();
        let options = RemoteOptions {
            model: planned.model.clone().or_else(|| self.served_name(spec)),
            key: ApiKey::from_env(spec.kind),
            retries: plan.retries,
            connect_timeout: Duration::min(usual.connect_timeout, plan.request_timeout),
            request_timeout: plan.request_timeout,
            ..usual
        };
        let in_flight = options.concurrency.get();
        let text = TextOptions::default();
        let client = tokio::select! {
            client = Client::connect(spec, wanted, &text, &options) => client.map_err(Error::from)?,
            () = self.world.cancel.cancelled() => return Err(Unready::Cancelled),
        };
        let mut facts = Facts { version: remote::version(spec, &options).await, ..Facts::default() };
        facts.details.extend(client.model().map(|model| ("model".to_owned(), model.to_owned())));
        let backend: Arc<dyn Backend> = match plan.task {
            Task::Embed => Arc::new(ServerVectors::new(client, role, in_flight)),
            Task::Rerank => Arc::new(ServerRanker::new(client, in_flight)),
        };
        Ok((backend, facts))
    }

    /// The name that hosted services must be given: the model's, where the user named a repository.
    fn served_name(&self, spec: &EngineSpec) -> Option<String> {
        let must = matches!(spec.kind, EngineKind::Openai | EngineKind::Cohere | EngineKind::Jina);
        let Plan { model_id, model_named, .. } = self.plan;
        (must && *model_named && !std::path::Path::new(model_id).exists()).then(|| model_id.clone())
    }
}

impl Unready {
    fn into_state(self) -> EngineState {
        match self {
            Self::Cancelled => EngineState::NotMeasured,
            Self::Failed(failure) => summary::failed(START, &failure),
            Self::NotAvailable(message) => {
                EngineState::Failed { stage: START.into(), kind: "not available".into(), message }
            }
        }
    }
}

impl Ready {
    /// Ends what was started for it.
    pub async fn close(self) {
        let Self { asked, facts: _, roots: _, server } = self;
        drop(asked);
        if let Some(server) = server {
            server.stop().await;
        }
    }
}

/// One request that is no part of a round, with a limit.
pub(super) async fn limited(
    asked: &Asked,
    request: &Request,
    limit: Duration,
) -> Result<crate::bench::target::Answer, Failure> {
    let late = || Failure::new(FailureKind::Timeout, format!("no answer within {}", humantime::format_duration(limit)));
    tokio::time::timeout(limit, asked.once(request)).await.unwrap_or_else(|_| Err(late()))
}
