//! From flags to the options of an engine: a model in this process, in a Python process, or a server.

mod python;

use std::sync::Arc;

use super::async_runtime::EngineRuntime;
use super::settings::{Globals, local_options, text_options};
use super::{Error, World};
use crate::cli::{EngineArgs, ModelArgs, RequestArgs, TextArgs};
use crate::engine::open::{EngineOptions, ServerOptions};
use crate::engine::recipes::{Location, ServerRecipe};
use crate::engine::remote::ApiKey;
use crate::engine::{EngineSpec, RemoteOptions, SpecError};
use crate::runtime::device::{Device, Dtype};

const ENGINE: &str = "--engine";
const FOR_SERVERS: &str = "it is for servers alone (--engine NAME=URL)";

/// The engine that flags describe.
pub(super) fn resolve(
    engine: EngineArgs,
    model: ModelArgs,
    text: TextArgs,
    globals: &Globals,
) -> Result<EngineOptions, Error> {
    let spec: EngineSpec = match &engine.engine {
        Some(spec) => spec.parse().map_err(|e: SpecError| flag(ENGINE, e.to_string()))?,
        None => EngineSpec::default(),
    };
    match spec.kind.location() {
        Location::Process => {}
        Location::Python(_) => {
            return Ok(EngineOptions::Python(Box::new(python::resolve(spec, engine, model, text, globals)?)));
        }
        Location::Server(_) if spec.url.is_none() => {
            return Err(flag(ENGINE, SpecError::NoUrl { name: spec.kind.name() }.to_string()));
        }
        Location::Server(server) => {
            return Ok(EngineOptions::Server(Box::new(resolve_server(spec, server, engine, model, text, globals)?)));
        }
    }
    no_python(&engine, &spec)?;
    refuse(engine.given(), &[], FOR_SERVERS)?;
    Ok(EngineOptions::Local(Box::new(local_options(specified(&spec, model)?, text, globals)?)))
}

/// The runtime that the futures of such an engine need.
pub(super) fn runtime(options: &EngineOptions, world: &World) -> Result<Arc<EngineRuntime>, Error> {
    match options {
        EngineOptions::Local(_) => EngineRuntime::local(),
        EngineOptions::Python(_) | EngineOptions::Server(_) => EngineRuntime::network(world),
    }
}

/// The first thing that the engine has done when it is open.
pub(super) fn opened(options: &EngineOptions) -> &'static str {
    match options {
        EngineOptions::Local(_) | EngineOptions::Python(_) => "model loaded",
        EngineOptions::Server(_) => "first reply",
    }
}

fn resolve_server(
    spec: EngineSpec,
    server: &ServerRecipe,
    engine: EngineArgs,
    model: ModelArgs,
    text: TextArgs,
    globals: &Globals,
) -> Result<ServerOptions, Error> {
    no_python(&engine, &spec)?;
    refuse(model.given(), &["--model-id"], &format!("it is for models in this process, not for {spec}"))?;
    let EngineArgs { requests: RequestArgs { retries, request_timeout }, request_batch, concurrency, .. } = engine;
    if globals.offline && !is_here(&spec) {
        return Err(flag("--offline", format!("{spec} is somewhere on the network")));
    }
    if request_timeout.is_some_and(|timeout| timeout.is_zero()) {
        return Err(flag("--request-timeout", "no server answers in no time; give it longer".into()));
    }
    let key = ApiKey::from_env(server.keys);
    let open = spec.url.as_ref().is_some_and(|url| url.scheme() == "http");
    if key.is_some() && open && !is_here(&spec) {
        tracing::warn!("{spec}: the API key goes there without encryption; https would hide it");
    }
    let usual = RemoteOptions::within(request_timeout.unwrap_or(RemoteOptions::REQUEST_TIMEOUT));
    let remote = RemoteOptions {
        model: model.id.model_id,
        key,
        retries: retries.unwrap_or(usual.retries),
        request_batch: request_batch.or(usual.request_batch),
        concurrency: concurrency.unwrap_or(usual.concurrency),
        ..usual
    };
    Ok(ServerOptions { spec, text: text_options(text), remote })
}

fn flag(flag: &'static str, reason: String) -> Error {
    Error::Flag { flag, reason }
}

/// Only a Python engine has an interpreter; one that the environment names is for those that follow.
fn no_python(engine: &EngineArgs, spec: &EngineSpec) -> Result<(), Error> {
    let named = std::env::var_os("INFA_PYTHON");
    match &engine.python.python {
        Some(python) if named.as_deref() != Some(python.as_os_str()) => {
            Err(flag("--python", format!("{spec} is no Python engine")))
        }
        _ => Ok(()),
    }
}

/// Refuses what is given beside the `known` flags.
fn refuse(given: Vec<&'static str>, known: &[&str], reason: &str) -> Result<(), Error> {
    match given.into_iter().find(|flag| !known.contains(flag)) {
        Some(name) => Err(flag(name, reason.to_owned())),
        None => Ok(()),
    }
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
    let found = spec.dtype();
    if let Some(other) = said.filter(|&other| found.is_some_and(|found| found != other)) {
        return Err(flag("--dtype", format!("{spec} says another number format than {other}")));
    }
    model.dtype = found.or(model.dtype);
    Ok(model)
}
