//! From flags to the options of a Python engine.

use super::{ENGINE, flag, refuse};
use crate::cli::{CpuArgs, EngineArgs, HardwareArgs, ModelArgs, PythonArgs, RequestArgs, TextArgs};
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
    let EngineArgs { engine: _, requests, request_batch, concurrency, python } = engine;
    let RequestArgs { retries, request_timeout } = requests;
    let PythonArgs { python } = python;
    let ModelArgs { id, onnx_file, hardware, dtype, calibrate, batch_tokens } = model;
    let HardwareArgs { device, cpu: CpuArgs { threads, copy_weights } } = hardware;
    let elsewhere = |flag, reason: &str| Err(Error::Flag { flag, reason: reason.to_owned() });
    if let Err(flag) = refuse(&[("--retries", retries.is_some()), ("--concurrency", concurrency.is_some())]) {
        return elsewhere(flag, "it is for servers alone (--engine NAME=URL)");
    }
    if let Err(flag) = refuse(&[
        ("--onnx-file", onnx_file.is_some()),
        ("--calibrate", calibrate.is_some()),
        ("--copy-weights", copy_weights),
        ("--batch-tokens", batch_tokens.is_some()),
    ]) {
        return elsewhere(flag, &format!("it is for models in this process, not for {spec}"));
    }
    if let Some(dtype) = dtype {
        return elsewhere("--dtype", &format!("{spec} takes it as an option, as in {}:{dtype}", spec.kind.name()));
    }
    if let Some(device) = device.filter(|&device| device != Device::Auto) {
        if spec.device.is_some_and(|other| other != device) {
            return elsewhere("--device", &format!("{spec} says another"));
        }
        spec.device = Some(device);
    }
    if request_timeout.is_some_and(|timeout| timeout.is_zero()) {
        return elsewhere("--request-timeout", "nothing answers in no time; give it longer");
    }
    let options = PythonModelOptions {
        spec,
        request: model_request(id, globals)?,
        text: text_options(text),
        python,
        threads: settings::threads(threads)?,
        batch: request_batch,
        start_timeout: PythonOptions::START_TIMEOUT,
        request_timeout: request_timeout.unwrap_or(PythonOptions::REQUEST_TIMEOUT),
    };
    // Before a model is fetched in vain.
    options.check().map_err(|e| flag(ENGINE, e.to_string()))?;
    Ok(options)
}
