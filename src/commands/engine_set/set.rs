//! The engines, their common model, and the options of all of them.

use std::time::Duration;

use super::super::{AppContext, Error};
use crate::bench::report::Task;
use crate::cli::{EngineEntry, EngineSetArgs, HardwareArgs, ModelIdArgs, PythonArgs};
use crate::commands::settings::{Globals, device_of, model_request};
use crate::engine::recipes::Location;
use crate::engine::rerank::Method;
use crate::engine::{EngineError, EngineKind, EngineSpec, OutputKind, SpecError, TextOptions, check_task};
use crate::fetch::Context;
use crate::model::cache::HubEnv;
use crate::model::hub::HubError;
use crate::model::source::WeightsFile;
use crate::model::task::Task as ModelTask;
use crate::model::{DEFAULT_MODEL, Model, ModelError};

/// Longest wait for an answer, where the user says nothing.
const REQUEST_TIMEOUT: Duration = Duration::from_mins(1);
/// Longest wait until an engine is ready, where the user says nothing.
const STARTUP_TIMEOUT: Duration = Duration::from_mins(10);

/// The engines, their common model, and the options of all of them.
pub(crate) struct EngineSet {
    pub engines: Vec<NamedEngine>,
    pub task: Task,
    /// The model, as the user or a config names it.
    pub model: ModelIdArgs,
    pub hardware: HardwareArgs,
    pub python: PythonArgs,
    pub request_timeout: Duration,
    pub startup_timeout: Duration,
    pub retries: u32,
}

#[derive(Debug)]
pub(crate) struct NamedEngine {
    /// Its name in tables.
    pub name: String,
    pub spec: EngineSpec,
    /// The command that starts its server.
    pub launch: Option<String>,
    /// The model's name there.
    pub model: Option<String>,
}

impl EngineSet {
    /// The engines that flags, or a config, name; `usual_retries` holds where they do not say how often a request is
    /// sent again.
    pub(crate) fn resolve(args: EngineSetArgs, task: Task, usual_retries: u32) -> Result<Self, Error> {
        // The rest is about what is measured, and resolved there.
        let EngineSetArgs {
            engines,
            model,
            hardware,
            python,
            requests,
            startup_timeout,
            reference: _,
            batch: _,
            samples: _,
            seed: _,
        } = args;
        Ok(Self {
            engines: engines_of(engines.unwrap_or_default())?,
            task,
            model,
            hardware,
            python,
            request_timeout: within_time("--request-timeout", requests.request_timeout, REQUEST_TIMEOUT)?,
            startup_timeout: within_time("--startup-timeout", startup_timeout, STARTUP_TIMEOUT)?,
            retries: requests.retries.unwrap_or(usual_retries),
        })
    }

    /// Resolves the devices of all engines, so that a library is chosen that is good for each of them. An engine whose
    /// device cannot be used fails when it is opened.
    pub(crate) fn settle_devices(&self, globals: &Globals) {
        for spec in self.engines.iter().map(|engine| &engine.spec) {
            if matches!(spec.kind.location(), Location::Process)
                && let Err(error) = device_of(&self.hardware.on(spec.device), spec.dtype(), globals)
            {
                tracing::debug!("{spec}: {error}");
            }
        }
    }

    pub(crate) fn model_id(&self) -> &str {
        self.model.model_id.as_deref().unwrap_or(DEFAULT_MODEL)
    }

    /// The engine whose results are most likely right: the one that is `chosen`, else, of those at the places of
    /// `among`, the reference implementation, infa in its default number format, or the first.
    pub(crate) fn reference(&self, chosen: Option<usize>, among: &[usize]) -> Option<usize> {
        let plain = |kind| {
            let mut places = among.iter().copied();
            places.find(|&place| {
                let spec = self.engines.get(place).map(|engine| &engine.spec);
                spec.is_some_and(|spec| spec.kind == kind && spec.options.is_empty())
            })
        };
        let chosen = chosen.or_else(|| EngineKind::REFERENCES.into_iter().find_map(plain));
        chosen.or_else(|| among.first().copied())
    }

    /// True if some engine computes on this machine.
    pub(crate) fn computes_here(&self) -> bool {
        self.engines.iter().any(|engine| engine.spec.kind.server().is_none() || engine.spec.url.is_none())
    }

    /// The model whose tokenizer counts, and which engines of this machine run. Without such engines, a missing model
    /// only leaves tokens uncounted.
    pub(crate) fn model(&self, app: &AppContext) -> Result<Option<Model>, Error> {
        match self.read(&app.context(), app) {
            Ok(model) => Ok(Some(model)),
            Err(error) if self.computes_here() || error.is_cancelled() => Err(error.into()),
            Err(error) => {
                app.bars.printer().warning(&format!("tokens are not counted: {error}"));
                Ok(None)
            }
        }
    }

    /// The availability of the model, without the network: for plans.
    pub(crate) fn model_here(&self, app: &AppContext) -> Result<ModelHere, Error> {
        let context = Context { offline: true, ..app.context() };
        match self.read(&context, app) {
            Ok(model) => Ok(ModelHere::Yes(Box::new(model))),
            Err(ModelError::Hub(HubError::Offline { .. })) if !(app.globals.offline || HubEnv::from_env().offline) => {
                Ok(ModelHere::Downloaded)
            }
            Err(error) if self.computes_here() || error.is_cancelled() => Err(error.into()),
            Err(error) => Ok(ModelHere::No(format!("tokens are not counted: {error}"))),
        }
    }

    /// Checks, before anything is started, that the model is of a kind that an engine of this machine can do the task
    /// with. Other programs decide by themselves what they serve.
    pub(crate) fn check_model(&self, spec: &EngineSpec, model: &Model) -> Result<(), EngineError> {
        // Only its output shows what such a file computes.
        let unnamed = model.task == ModelTask::Unknown && matches!(model.weights, WeightsFile::Onnx(_));
        match (self.task, spec.kind.location()) {
            (Task::Embed, Location::Process | Location::Python(_)) => {
                check_task(model, OutputKind::Embedding, &TextOptions::default())
            }
            (Task::Rerank, Location::Process) if !unnamed => Method::of(model, false).map(|_| ()),
            (Task::Rerank, Location::Python(_)) if model.task == ModelTask::Embedding => {
                Err(EngineError::wrong_task(model, "it has no head that scores; the engine onnx ranks by its vectors"))
            }
            (Task::Rerank, _) | (Task::Embed, Location::Server(_)) => Ok(()),
        }
    }

    fn read(&self, context: &Context, app: &AppContext) -> Result<Model, ModelError> {
        let request = model_request(self.model.clone(), &app.globals)?;
        Model::read(request.resolve(HubEnv::from_env(), context)?)
    }

    /// The place of the engine of this name; or of this spec, where only one has it.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        let mut of_spec =
            (0..self.engines.len()).filter(|&at| self.engines.get(at).is_some_and(|one| one.spec.to_string() == name));
        let alone = of_spec.next().filter(|_| of_spec.next().is_none());
        self.engines.iter().position(|engine| engine.name == name).or(alone)
    }

    /// The place of the engine of this name, which the flag `which` gave.
    pub(crate) fn named(&self, which: &'static str, name: Option<&str>) -> Result<Option<usize>, Error> {
        let Some(name) = name else { return Ok(None) };
        match self.find(name) {
            Some(place) => Ok(Some(place)),
            None => {
                let names: Vec<&str> = self.engines.iter().map(|engine| engine.name.as_str()).collect();
                Err(Error::flag(which, format!("no engine is called {name:?}; engines: {}", names.join(", "))))
            }
        }
    }
}

pub(crate) enum ModelHere {
    Yes(Box<Model>),
    /// It would be downloaded.
    Downloaded,
    /// It is not, and what follows from that.
    No(String),
}

/// The longest wait that `flag` gives, or the `usual` one.
fn within_time(flag: &'static str, given: Option<Duration>, usual: Duration) -> Result<Duration, Error> {
    match given.unwrap_or(usual) {
        Duration::ZERO => Err(Error::flag(flag, "must be longer than 0")),
        limit => Ok(limit),
    }
}

/// The engines of `--engines`, each with a name of its own.
fn engines_of(entries: Vec<EngineEntry>) -> Result<Vec<NamedEngine>, Error> {
    const FLAG: &str = "--engines";
    let mut engines: Vec<NamedEngine> = Vec::new();
    for EngineEntry { name, spec, launch, model } in entries {
        if spec.is_empty() {
            continue;
        }
        let read = if launch.is_some() { EngineSpec::launched(&spec) } else { spec.parse() };
        let spec = read.map_err(|e: SpecError| Error::flag(FLAG, e.to_string()))?;
        if let Some(model) = model.as_deref().filter(|_| spec.kind.server().is_none()) {
            let reason = format!("{spec}: model = {model:?} is for servers; --model-id names the model of the others");
            return Err(Error::flag(FLAG, reason));
        }
        if launch.is_some() && (spec.kind.server().is_none() || spec.url.is_some()) {
            return Err(Error::flag(
                FLAG,
                format!("{spec}: launch is for servers that are not there yet: no URL, then"),
            ));
        }
        let name = name.unwrap_or_else(|| spec.to_string());
        if name.trim().is_empty() {
            return Err(Error::flag(FLAG, format!("{spec} has an empty name")));
        }
        if engines.iter().any(|other| other.name == name) {
            let reason = format!("two engines are called {name:?}: give each a name of its own, as in NAME={spec}");
            return Err(Error::flag(FLAG, reason));
        }
        engines.push(NamedEngine { name, spec, launch, model });
    }
    if engines.is_empty() { Err(Error::flag(FLAG, "no engine is named")) } else { Ok(engines) }
}
