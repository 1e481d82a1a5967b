//! The options that an engine of a set is opened with.

use std::path::Path;

use super::{EngineSet, NamedEngine, OpenError, facts};
use crate::commands::settings::{Globals, local_model, threads};
use crate::engine::launch::{Command, Launch, LaunchError, default_command};
use crate::engine::open::{EngineOptions, LaunchOptions, PythonModelOptions, ServerOptions};
use crate::engine::python::programs;
use crate::engine::recipes::{Location, ServerRecipe};
use crate::engine::remote::{ApiKey, RemoteOptions};
use crate::engine::{EngineError, EngineSpec, PythonOptions, Role, TextOptions};
use crate::model::Model;

impl EngineSet {
    /// The options of `engine`. Python engines and servers that infa starts read `model`, the set's model if its files
    /// are here; infa's own engine finds it by itself, which is part of its loading.
    ///
    /// # Errors
    /// [`OpenError`] if the engine cannot be opened with the set's model or options.
    pub(super) fn options(
        &self,
        engine: &NamedEngine,
        model: Option<&Model>,
        globals: &Globals,
    ) -> Result<EngineOptions, OpenError> {
        let spec = &engine.spec;
        let missing = || format!("{} is not here, and nothing can be started with it", self.model_id());
        let here = || model.ok_or_else(|| OpenError::NotAvailable(missing()));
        Ok(match spec.kind.location() {
            Location::Process => {
                let hardware = self.hardware.on(spec.device);
                let local = local_model(self.model.clone(), hardware, spec.dtype(), globals)?;
                EngineOptions::Local(Box::new(local))
            }
            Location::Python(_) => {
                let model = here()?;
                // sentence-transformers makes vectors of anything.
                self.check_model(spec, model)?;
                let spec = EngineSpec { device: spec.device.or(self.hardware.device), ..spec.clone() };
                let python = PythonOptions {
                    python: self.python.python.clone(),
                    threads: threads(self.hardware.cpu.threads)?,
                    start_timeout: self.startup_timeout,
                    request_timeout: self.request_timeout,
                    ..PythonOptions::new(spec, model.dir.clone(), globals.cache.clone())
                };
                EngineOptions::Python(Box::new(PythonModelOptions { find: None, python, measured: true }))
            }
            Location::Server(recipe) if spec.url.is_some() => {
                EngineOptions::Server(Box::new(self.server(engine, recipe, model)))
            }
            Location::Server(recipe) => {
                let launch =
                    Launch::new(spec.clone(), engine.command(&globals.cache).map_err(EngineError::from)?, &here()?.dir);
                let launch = Launch {
                    // A snapshot's directory is called by its commit.
                    name: facts::name(self.model_id()),
                    threads: self.hardware.cpu.threads.unwrap_or(launch.threads),
                    device: self.hardware.device.unwrap_or(launch.device),
                    startup_timeout: self.startup_timeout,
                    ..launch
                };
                EngineOptions::Launched(Box::new(LaunchOptions { launch, server: self.server(engine, recipe, model) }))
            }
        })
    }

    fn server(&self, engine: &NamedEngine, recipe: &ServerRecipe, model: Option<&Model>) -> ServerOptions {
        // A service with many models must be given the model's name, where the user named a repository.
        let named = self.model.model_id.clone().filter(|id| recipe.hosted && !Path::new(id).exists());
        let remote = RemoteOptions {
            model: engine.model.clone().or(named),
            key: ApiKey::from_env(recipe.keys),
            retries: self.retries,
            // A request of the benchmark is one HTTP request.
            request_batch: None,
            ..RemoteOptions::within(self.request_timeout)
        };
        let prompt = |(role, name)| Some((role, model?.role_prompt(name)?));
        let role_prompts = [(Role::Query, "query"), (Role::Document, "document")].into_iter().filter_map(prompt);
        ServerOptions {
            spec: engine.spec.clone(),
            text: TextOptions::default(),
            remote,
            measured: true,
            role_prompts: role_prompts.collect(),
        }
    }
}

impl NamedEngine {
    /// The command that starts its server. `cache` is infa's, where servers may be installed.
    ///
    /// # Errors
    /// [`LaunchError`] if it cannot be read, or the server is not installed.
    pub(crate) fn command(&self, cache: &Path) -> Result<Command, LaunchError> {
        match &self.launch {
            Some(template) => Ok(Command::parse(template)?),
            None => default_command(self.spec.kind, &programs(self.spec.kind, cache)),
        }
    }
}
