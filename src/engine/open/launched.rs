//! A server that infa starts.

use std::num::NonZero;
use std::path::Path;
use std::time::Duration;

use crate::engine::EngineSpec;
use crate::engine::launch::{Command, Launch, LaunchError, Server, default_command};
use crate::engine::python::programs;
use crate::fetch::Cancel;
use crate::runtime::device::Device;

pub(crate) struct LaunchOptions {
    pub spec: EngineSpec,
    /// The command that starts it; `None`: its usual one, where it is installed.
    pub command: Option<String>,
    pub name: String,
    /// Cores it may use; `None`: all.
    pub threads: Option<NonZero<usize>>,
    /// Its device; `None`: as it likes.
    pub device: Option<Device>,
    pub startup_timeout: Duration,
}

impl LaunchOptions {
    /// The command that starts it. `cache` is infa's, where servers may be installed.
    ///
    /// # Errors
    /// [`LaunchError`] if it cannot be read, or the server is not installed.
    pub(crate) fn command(&self, cache: &Path) -> Result<Command, LaunchError> {
        match &self.command {
            Some(template) => Ok(Command::parse(template)?),
            None => default_command(self.spec.kind, &programs(self.spec.kind, cache)),
        }
    }

    /// Starts it with the model of a directory.
    pub(crate) async fn start(
        &self,
        command: Command,
        model_dir: &Path,
        cancel: &Cancel,
    ) -> Result<Server, LaunchError> {
        let mut launch = Launch::new(self.spec.clone(), command, model_dir);
        launch.name.clone_from(&self.name);
        launch.startup_timeout = self.startup_timeout;
        launch.threads = self.threads.unwrap_or(launch.threads);
        launch.device = self.device.unwrap_or(launch.device);
        Server::start(&launch, cancel).await
    }
}
