//! The engine that flags describe.

use super::refuse::{ENGINE, FOR_SERVERS, flag, no_python, refuse};
use super::{python, server};
use crate::cli::{EngineArgs, ModelArgs, TextArgs};
use crate::commands::Error;
use crate::commands::settings::{Globals, local_options};
use crate::engine::open::EngineOptions;
use crate::engine::recipes::Location;
use crate::engine::{EngineSpec, SpecError};
use crate::runtime::device::{Device, Dtype};

pub(crate) fn resolve(
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
        Location::Server(recipe) => {
            return Ok(EngineOptions::Server(Box::new(server::resolve(spec, recipe, engine, model, text, globals)?)));
        }
    }
    no_python(&engine, &spec)?;
    refuse(engine.given(), &[], FOR_SERVERS)?;
    Ok(EngineOptions::Local(Box::new(local_options(specified(&spec, model)?, text, globals)?)))
}

/// Merges the spec of the local engine into the flags: its device and its number format are those of `--device` and
/// `--dtype`.
fn specified(spec: &EngineSpec, mut model: ModelArgs) -> Result<ModelArgs, Error> {
    if let Some(device) = spec.device {
        if model.hardware.device.is_some_and(|other| other != Device::AUTO && other != device) {
            return Err(flag("--device", format!("contradicts {spec}; give one of them")));
        }
        model.hardware.device = Some(device);
    }
    let chosen = model.dtype.filter(|&dtype| dtype != Dtype::Auto);
    let found = spec.dtype();
    if let Some(other) = chosen.filter(|&other| found.is_some_and(|found| found != other)) {
        return Err(flag("--dtype", format!("{other} contradicts {spec}; give one of them")));
    }
    model.dtype = found.or(model.dtype);
    Ok(model)
}
