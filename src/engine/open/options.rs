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
