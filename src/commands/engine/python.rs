//! A model in a Python process, resolved.

use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{ENGINE, World, flag, refuse};
use crate::cli::{CpuArgs, EngineArgs, HardwareArgs, ModelArgs, ModelIdArgs, PythonArgs, RequestArgs, TextArgs};
use crate::commands::Error;
use crate::commands::async_runtime::EngineRuntime;
use crate::commands::settings::{Globals, text_options};
use crate::engine::python::{PythonEngine, PythonOptions, PythonTask};
use crate::engine::{Checked, Engine, EngineError, EngineSpec, TextOptions};
use crate::model::DEFAULT_MODEL;
use crate::model::cache::HubEnv;
use crate::model::source::Request;
use crate::runtime::device::Device;
use crate::runtime::{cores, install};

/// A Python engine, and how it is started.
#[derive(Clone)]
pub(in crate::commands) struct PythonSettings {
    spec: EngineSpec,
    request: Request,
    text: TextOptions,
    python: Option<PathBuf>,
    threads: NonZero<usize>,
    batch: Option<NonZero<usize>>,
    timeout: Duration,
}

impl PythonSettings {
    pub fn resolve(
        mut spec: EngineSpec,
        engine: EngineArgs,
        model: ModelArgs,
        text: TextArgs,
        globals: &Globals,
    ) -> Result<Self, Error> {
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
            return elsewhere("--dtype", &format!("{spec} takes it as a word, as in {}:{dtype}", spec.kind.name()));
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
        let settings = Self {
            spec,
            request,
            text: text_options(text),
            python,
            threads: threads.or(NonZero::new(cores::usable())).unwrap_or(NonZero::<usize>::MIN),
            batch: request_batch,
            timeout: request_timeout.unwrap_or(PythonOptions::REQUEST_TIMEOUT),
        };
        // Before a model is fetched in vain.
        settings.options(PathBuf::new(), PythonTask::Embed).check().map_err(|e| flag(ENGINE, e.to_string()))?;
        Ok(settings)
    }

    /// Which engine.
    pub fn spec(&self) -> &EngineSpec {
        &self.spec
    }

    fn options(&self, model_dir: PathBuf, task: PythonTask) -> PythonOptions {
        PythonOptions {
            python: self.python.clone(),
            task,
            text: self.text.clone(),
            batch: self.batch,
            threads: self.threads,
            request_timeout: self.timeout,
            ..PythonOptions::new(self.spec.clone(), model_dir, self.request.cache.clone())
        }
    }

    /// Finds (or fetches) the model, and starts the engine with it.
    pub fn start(
        &self,
        world: &World,
        runtime: &EngineRuntime,
        task: PythonTask,
        raw_scores: bool,
    ) -> Result<Arc<dyn Engine>, Error> {
        let fail = |error| EngineError::Python { engine: self.spec.to_string(), error };
        self.options(PathBuf::new(), task).check().map_err(fail)?;
        let source = self.request.resolve(HubEnv::from_env(), &world.context())?;
        tracing::info!("model: {}", source.dir.display());
        let dir = std::path::absolute(&source.dir).unwrap_or(source.dir);
        let options = PythonOptions { raw_scores, ..self.options(dir, task) };
        let started = runtime.wait(PythonEngine::start(&source.name, &options, &world.cancel));
        Ok(Arc::new(Checked::new(started.ok_or(Error::Interrupted)??, self.spec.to_string())))
    }
}
