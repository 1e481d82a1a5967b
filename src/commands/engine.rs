//! What computes, resolved: a model in this process, in a Python process, or a server.

mod python;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;

pub(super) use self::python::PythonSettings;
use super::async_runtime::EngineRuntime;
use super::settings::{Globals, ModelSettings, text_options};
use super::{Error, World};
use crate::cli::{CpuArgs, EngineArgs, HardwareArgs, ModelArgs, ModelIdArgs, PythonArgs, RequestArgs, TextArgs};
use crate::engine::python::PythonTask;
use crate::engine::remote::{ApiKey, Wanted};
use crate::engine::spec::Place;
use crate::engine::{
    Checked, Engine, EngineKind, EngineSpec, OutputKind, RemoteEngine, RemoteOptions, Role, TextOptions,
};
use crate::runtime::device::{Device, Dtype};
use crate::suggest::suggest;

const ENGINE: &str = "--engine";

/// What computes.
pub(super) enum EngineSettings {
    /// A model in this process.
    Local(Box<ModelSettings>),
    /// A model in a Python process.
    Python(Box<PythonSettings>),
    /// A server.
    Server(Box<ServerSettings>),
}

/// A server, and how it is asked.
#[derive(Clone)]
pub(super) struct ServerSettings {
    spec: EngineSpec,
    text: TextOptions,
    options: RemoteOptions,
}

impl EngineSettings {
    pub fn resolve(engine: EngineArgs, model: ModelArgs, text: TextArgs, globals: &Globals) -> Result<Self, Error> {
        let spec: EngineSpec = match &engine.engine {
            Some(spec) => spec.parse().map_err(|e: crate::engine::SpecError| flag(ENGINE, e.to_string()))?,
            None => EngineSpec { kind: EngineKind::Onnx, device: None, words: Vec::new(), url: None },
        };
        if spec.kind.place() == Place::Worker {
            return Ok(Self::Python(Box::new(PythonSettings::resolve(spec, engine, model, text, globals)?)));
        }
        if spec.kind.is_server() {
            if spec.url.is_none() {
                let name = spec.kind.name();
                return Err(flag(ENGINE, crate::engine::SpecError::NoUrl { name }.to_string()));
            }
            return Ok(Self::Server(Box::new(ServerSettings::resolve(spec, engine, model, text, globals)?)));
        }
        let EngineArgs { engine: _, requests, request_batch, concurrency, python } = engine;
        let RequestArgs { retries, request_timeout } = requests;
        let PythonArgs { python } = python;
        no_python(python.as_deref(), &spec)?;
        refuse(&[
            ("--retries", retries.is_some()),
            ("--request-timeout", request_timeout.is_some()),
            ("--request-batch", request_batch.is_some()),
            ("--concurrency", concurrency.is_some()),
        ])
        .map_err(|flag| Error::Flag { flag, reason: "it is for servers alone (--engine NAME=URL)".into() })?;
        Ok(Self::Local(Box::new(ModelSettings::resolve(specified(&spec, model)?, text, globals)?)))
    }

    /// The runtime that the engine's futures need.
    pub fn runtime(&self, world: &World) -> Result<Arc<EngineRuntime>, Error> {
        match self {
            Self::Local(_) => EngineRuntime::local(),
            Self::Python(_) | Self::Server(_) => EngineRuntime::network(world),
        }
    }

    /// The engine, ready for texts that are embedded as `role`.
    pub fn load(
        &self,
        world: &World,
        runtime: &EngineRuntime,
        output: OutputKind,
        role: Role,
    ) -> Result<Arc<dyn Engine>, Error> {
        match self {
            Self::Local(settings) => settings.load(world, output),
            Self::Python(_) if output != OutputKind::Embedding => {
                Err(flag("--output-type", "Python engines make one vector a text".into()))
            }
            Self::Python(settings) => settings.start(world, runtime, PythonTask::Embed, false),
            Self::Server(_) if output != OutputKind::Embedding => {
                Err(flag("--output-type", "servers give one vector a text".into()))
            }
            Self::Server(settings) => settings.connect(world, runtime, Wanted::Vectors(role)),
        }
    }

    /// What was done when it is ready.
    pub fn loaded(&self) -> &'static str {
        match self {
            Self::Local(_) | Self::Python(_) => "model loaded",
            Self::Server(_) => "first reply",
        }
    }
}

impl ServerSettings {
    fn resolve(
        spec: EngineSpec,
        engine: EngineArgs,
        model: ModelArgs,
        text: TextArgs,
        globals: &Globals,
    ) -> Result<Self, Error> {
        let EngineArgs { engine: _, requests, request_batch, concurrency, python } = engine;
        let RequestArgs { retries, request_timeout } = requests;
        let PythonArgs { python } = python;
        no_python(python.as_deref(), &spec)?;
        let ModelArgs { id, onnx_file, hardware, dtype, calibrate, batch_tokens } = model;
        let ModelIdArgs { model_id, revision } = id;
        let HardwareArgs { device, cpu: CpuArgs { threads, copy_weights } } = hardware;
        refuse(&[
            ("--revision", revision.is_some()),
            ("--onnx-file", onnx_file.is_some()),
            ("--device", device.is_some()),
            ("--dtype", dtype.is_some()),
            ("--calibrate", calibrate.is_some()),
            ("--copy-weights", copy_weights),
            ("--threads", threads.is_some()),
            ("--batch-tokens", batch_tokens.is_some()),
        ])
        .map_err(|flag| Error::Flag { flag, reason: format!("it is for models in this process, not for {spec}") })?;
        if globals.offline && !is_here(&spec) {
            return Err(flag("--offline", format!("{spec} is somewhere on the network")));
        }
        if request_timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(flag("--request-timeout", "no server answers in no time; give it longer".into()));
        }
        let key = ApiKey::from_env(spec.kind);
        let open = spec.url.as_ref().is_some_and(|url| url.scheme() == "http");
        if key.is_some() && open && !is_here(&spec) {
            tracing::warn!("{spec}: the API key goes there without encryption; https would hide it");
        }
        let usual = RemoteOptions::default();
        let timeout = request_timeout.unwrap_or(usual.request_timeout);
        let options = RemoteOptions {
            model: model_id,
            key,
            retries: retries.unwrap_or(usual.retries),
            connect_timeout: Duration::min(usual.connect_timeout, timeout),
            request_timeout: timeout,
            request_batch: request_batch.or(usual.request_batch),
            concurrency: concurrency.unwrap_or(usual.concurrency),
            ..usual
        };
        Ok(Self { spec, text: text_options(text), options })
    }

    /// With scores as the model gives them, or not.
    pub fn scores(mut self, raw: bool) -> Self {
        self.options.raw_scores = raw;
        self
    }

    /// Connects to the server and requests a first result.
    pub fn connect(&self, world: &World, runtime: &EngineRuntime, wanted: Wanted) -> Result<Arc<dyn Engine>, Error> {
        let Self { spec, text, options } = self;
        let started = runtime.wait(RemoteEngine::start(spec, wanted, text, options, &world.cancel));
        Ok(Arc::new(Checked::new(started.ok_or(Error::Interrupted)??, spec.to_string())))
    }
}

fn flag(flag: &'static str, reason: String) -> Error {
    Error::Flag { flag, reason }
}

/// Only a Python engine has an interpreter; one that the environment names is for those that follow.
fn no_python(python: Option<&Path>, spec: &EngineSpec) -> Result<(), Error> {
    let named = std::env::var_os("INFA_PYTHON");
    match python {
        Some(python) if named.as_deref() != Some(python.as_os_str()) => {
            Err(flag("--python", format!("{spec} is no Python engine")))
        }
        _ => Ok(()),
    }
}

/// The first flag that was given.
fn refuse(flags: &[(&'static str, bool)]) -> Result<(), &'static str> {
    flags.iter().find(|(_, given)| *given).map_or(Ok(()), |&(flag, _)| Err(flag))
}

/// Whether the server is on this machine.
fn is_here(spec: &EngineSpec) -> bool {
    let host = spec.url.as_ref().and_then(|url| url.host_str()).unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// What the spec of the local engine says besides: its device and its number format are those of `--device` and
/// `--dtype`.
pub(super) fn specified(spec: &EngineSpec, mut model: ModelArgs) -> Result<ModelArgs, Error> {
    if let Some(device) = spec.device {
        if model.hardware.device.is_some_and(|other| other != Device::Auto && other != device) {
            return Err(flag("--device", format!("{spec} says another")));
        }
        model.hardware.device = Some(device);
    }
    let said = model.dtype.filter(|&dtype| dtype != Dtype::Auto);
    let found = number_format(spec).map_err(|reason| flag(ENGINE, reason))?;
    if let Some(other) = said.filter(|&other| found.is_some_and(|found| found != other)) {
        return Err(flag("--dtype", format!("{spec} says another number format than {other}")));
    }
    model.dtype = found.or(model.dtype);
    Ok(model)
}

/// The number format that the spec of the local engine names, its only option; or what is wrong with it.
pub(super) fn number_format(spec: &EngineSpec) -> Result<Option<Dtype>, String> {
    let mut found = None;
    for word in &spec.words {
        let Ok(dtype) = Dtype::from_str(word, true) else { return Err(unknown(spec, word)) };
        if found.is_some_and(|other| other != dtype) {
            return Err(format!("{spec} says two number formats"));
        }
        found = Some(dtype);
    }
    Ok(found)
}

fn unknown(spec: &EngineSpec, word: &str) -> String {
    let names: Vec<String> = Dtype::value_variants().iter().map(ToString::to_string).collect();
    let like = suggest(word, names.iter().map(String::as_str))
        .map(|name| format!(", did you mean {name:?}?"))
        .unwrap_or_default();
    format!("{} has no option {word:?}{like}; options: {}", spec.kind.name(), names.join(", "))
}
