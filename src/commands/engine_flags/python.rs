//! From flags to the options of a Python engine.

use std::path::PathBuf;

use super::refuse::{ENGINE, FOR_SERVERS, flag, refuse};
use crate::cli::{EngineArgs, ModelArgs, TextArgs};
use crate::commands::Error;
use crate::commands::settings::{self, Globals, model_request, text_options};
use crate::engine::open::PythonModelOptions;
use crate::engine::{EngineSpec, PythonOptions};
use crate::runtime::device::Device;

pub(super) fn resolve(
    mut spec: EngineSpec,
    engine: EngineArgs,
    model: ModelArgs,
    text: TextArgs,
    globals: &Globals,
) -> Result<PythonModelOptions, Error> {
    refuse(engine.given(), &["--request-timeout", "--request-batch"], FOR_SERVERS)?;
    let known = ["--model-id", "--revision", "--device", "--threads", "--dtype"];
    refuse(model.given(), &known, &format!("it is for models in this process, not for {spec}"))?;
    if let Some(dtype) = model.dtype {
        let name = spec.kind.name();
        return Err(flag("--dtype", format!("{spec} takes it as an option, as in {name}:{dtype}")));
    }
    if let Some(device) = model.hardware.device.filter(|&device| device != Device::AUTO) {
        if spec.device.is_some_and(|other| other != device) {
            return Err(flag("--device", format!("contradicts {spec}; give one of them")));
        }
        spec.device = Some(device);
    }
    let request_timeout = engine.requests.request_timeout;
    if request_timeout.is_some_and(|timeout| timeout.is_zero()) {
        return Err(flag("--request-timeout", "must be longer than 0".into()));
    }
    let usual = PythonOptions::new(spec, PathBuf::new(), globals.cache.clone());
    let python = PythonOptions {
        text: text_options(text),
        python: engine.python.python,
        threads: settings::threads(model.hardware.cpu.threads)?,
        batch: engine.request_batch,
        request_timeout: request_timeout.unwrap_or(usual.request_timeout),
        ..usual
    };
    let find = Some(model_request(model.id, globals)?);
    // Before a model is fetched in vain.
    python.check().map_err(|e| flag(ENGINE, e.to_string()))?;
    Ok(PythonModelOptions { find, python, measured: false })
}
