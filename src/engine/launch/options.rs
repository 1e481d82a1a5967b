//! Options for starting a server.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Command;
use crate::engine::EngineSpec;
use crate::runtime::device::Device;

#[derive(Debug, Clone)]
pub struct Launch {
    /// The engine; its options become flags if the command has `{flags}`. It has no URL.
    pub spec: EngineSpec,
    pub command: Command,
    /// Variables of its environment, besides those of this process. Those that the command itself sets come before
    /// them.
    pub environment: Vec<(String, String)>,
    pub model_dir: PathBuf,
    /// Under which name the model is served.
    pub name: String,
    /// Number of cores, if the command has a place for it.
    pub threads: NonZero<usize>,
    /// The device, if the command has a place for it.
    pub device: Device,
    pub startup_timeout: Duration,
    /// Time between SIGTERM and SIGKILL.
    pub stop_timeout: Duration,
}

impl Launch {
    /// Until a program is ready: large models take their time.
    pub const STARTUP_TIMEOUT: Duration = Duration::from_secs(5 * 60);
    /// Until a container is ready, whose image has to come first.
    pub const CONTAINER_STARTUP_TIMEOUT: Duration = Duration::from_secs(10 * 60);
    pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);

    /// The server of `spec` with the model of a directory, under the directory's name, on the server's default device
    /// and on all cores.
    pub fn new(spec: EngineSpec, command: Command, model_dir: &Path) -> Self {
        let name = model_dir.file_name().map_or_else(|| "model".into(), |name| name.to_string_lossy().into_owned());
        let container = command.runs_a_container();
        Self {
            spec,
            command,
            environment: Vec::new(),
            model_dir: model_dir.to_owned(),
            name,
            threads: std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN),
            device: Device::AUTO,
            startup_timeout: if container { Self::CONTAINER_STARTUP_TIMEOUT } else { Self::STARTUP_TIMEOUT },
            stop_timeout: Self::STOP_TIMEOUT,
        }
    }
}
