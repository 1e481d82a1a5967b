//! The one door: from options to an open engine.

use tokio::runtime::Handle;

use super::{Host, LaunchOptions, LocalOptions, OpenedEngine, Purpose, PythonModelOptions, ServerOptions};
use crate::engine::EngineError;

/// An engine of any kind, and everything it is opened with.
#[derive(Clone)]
pub(crate) enum EngineOptions {
    Local(Box<LocalOptions>),
    Python(Box<PythonModelOptions>),
    Server(Box<ServerOptions>),
    Launched(Box<LaunchOptions>),
}

impl EngineOptions {
    /// Puts a prompt that the user gives before queries alone; documents keep the model's own. False where the engine puts
    /// it before all texts.
    pub(crate) fn prompt_queries(&mut self) -> bool {
        match self {
            Self::Local(local) => local.text.prompt_queries = true,
            Self::Python(python) => python.python.text.prompt_queries = true,
            Self::Server(_) | Self::Launched(_) => return false,
        }
        true
    }

    /// Opens the engine. A Python process and connections live on `runtime`. Blocks: asynchronous code calls it on a
    /// thread for blocking work.
    ///
    /// # Errors
    /// [`EngineError`] if it cannot be opened, or does not do what it is opened for.
    pub(crate) fn open(
        &self,
        purpose: Purpose<'_>,
        host: &Host,
        runtime: &Handle,
    ) -> Result<OpenedEngine, EngineError> {
        match self {
            Self::Local(local) => local.open(purpose, host),
            Self::Python(python) => python.open(purpose, host, runtime),
            Self::Server(server) => runtime.block_on(server.open(purpose, &host.context.cancel)),
            Self::Launched(launched) => runtime.block_on(launched.open(purpose, &host.context.cancel)),
        }
    }
}
