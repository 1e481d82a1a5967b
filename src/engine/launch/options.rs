//! What a server is started with.

use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::Command;
use crate::engine::EngineSpec;
use crate::runtime::device::Device;

#[derive(Debug, Clone)]
pub struct Launch {
    /// Which engine it is; its options become flags where the command has `{flags}`. It has no URL.
    pub spec: EngineSpec,
    pub command: Command,
    /// Variables of its environment, besides those of this process. Those that the command itself sets come before them.
    pub environment: Vec<(String, String)>,
    pub model_dir: PathBuf,
    /// Under which name the model is served.
    pub name: String,
    /// How many cores it may use, where the command asks for that.
    pub threads: NonZero<usize>,
    /// Where it computes, where the command asks for that.
    pub device: Device,
    /// Until it is ready.
    pub startup_timeout: Duration,
    /// Until it is killed after it was asked to end.
    pub stop_timeout: Duration,
}

impl Launch {
    /// Until a program is ready: large models take their time.
    pub const STARTUP_TIMEOUT: Duration = Duration::from_secs(5 * 60);
    /// Until a container is ready, whose image has to come first.
    pub const CONTAINER_STARTUP_TIMEOUT: Duration = Duration::from_secs(10 * 60);
    /// Until a server is killed.
    pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);

    /// The server of `spec` with the model of a directory, under the directory's name, on whatever device it likes and on
    /// all cores.
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
            device: Device::Auto,
            startup_timeout: if container { Self::CONTAINER_STARTUP_TIMEOUT } else { Self::STARTUP_TIMEOUT },
            stop_timeout: Self::STOP_TIMEOUT,
        }
    }
}
