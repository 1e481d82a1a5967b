//! From flags to the options of an engine: a model in this process, in a Python process, or a server.

mod python;

use std::path::Path;
use std::sync::Arc;

use super::async_runtime::EngineRuntime;
use super::settings::{Globals, local_options, text_options};
use super::{Error, World};
use crate::cli::{CpuArgs, EngineArgs, HardwareArgs, ModelArgs, ModelIdArgs, PythonArgs, RequestArgs, TextArgs};
use crate::engine::open::{EngineOptions, ServerOptions};
use crate::engine::recipes::{Location, ServerRecipe};
use crate::engine::remote::ApiKey;
use crate::engine::{EngineSpec, RemoteOptions, SpecError};
use crate::runtime::device::{Device, Dtype};

const ENGINE: &str = "--engine";

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
    let key = ApiKey::from_env(server.keys);
    let open = spec.url.as_ref().is_some_and(|url| url.scheme() == "http");
    if key.is_some() && open && !is_here(&spec) {
        tracing::warn!("{spec}: the API key goes there without encryption; https would hide it");
    }
    let usual = RemoteOptions::within(request_timeout.unwrap_or(RemoteOptions::REQUEST_TIMEOUT));
    let remote = RemoteOptions {
        model: model_id,
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
    let found = spec.dtype();
    if let Some(other) = said.filter(|&other| found.is_some_and(|found| found != other)) {
        return Err(flag("--dtype", format!("{spec} says another number format than {other}")));
    }
    model.dtype = found.or(model.dtype);
    Ok(model)
}
