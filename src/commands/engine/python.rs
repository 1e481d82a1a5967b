//! From flags to the options of a Python engine.

use std::num::NonZero;

use super::{ENGINE, flag, refuse};
use crate::cli::{CpuArgs, EngineArgs, HardwareArgs, ModelArgs, ModelIdArgs, PythonArgs, RequestArgs, TextArgs};
use crate::commands::Error;
use crate::commands::settings::{Globals, text_options};
use crate::engine::open::PythonModelOptions;
use crate::engine::{EngineSpec, PythonOptions};
use crate::model::DEFAULT_MODEL;
use crate::model::source::Request;
use crate::runtime::device::Device;
use crate::runtime::{cores, install};

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
    let ModelIdArgs { model_id, revision } = id;
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
    let request = Request {
        model_id: model_id.unwrap_or_else(|| DEFAULT_MODEL.to_owned()),
        revision,
        onnx_file: None,
        cache: globals.cache.clone(),
        python: install::python(),
    };
    let options = PythonModelOptions {
        spec,
        request,
        text: text_options(text),
        python,
        threads: threads.or(NonZero::new(cores::usable())).unwrap_or(NonZero::<usize>::MIN),
        batch: request_batch,
        start_timeout: PythonOptions::START_TIMEOUT,
        request_timeout: request_timeout.unwrap_or(PythonOptions::REQUEST_TIMEOUT),
    };
    // Before a model is fetched in vain.
    options.check().map_err(|e| flag(ENGINE, e.to_string()))?;
    Ok(options)
}
