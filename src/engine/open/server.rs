//! A server that is there already.

use tokio::runtime::Handle;

use super::Host;
use crate::engine::remote::Wanted;
use crate::engine::{EngineError, EngineSpec, RemoteEngine, RemoteOptions, TextOptions};

/// A server, and how requests are sent to it.
#[derive(Clone)]
pub struct ServerOptions {
    /// The server.
    pub spec: EngineSpec,
    /// How texts become vectors.
    pub text: TextOptions,
    /// How requests are sent.
    pub remote: RemoteOptions,
}

impl ServerOptions {
    /// Connects to the server and requests a first result; connections live on `runtime`. Blocks.
    ///
    /// # Errors
    /// As [`RemoteEngine::start`].
    pub fn connect(
        &self,
        wanted: Wanted,
        raw_scores: bool,
        host: &Host,
        runtime: &Handle,
    ) -> Result<RemoteEngine, EngineError> {
        let options = RemoteOptions { raw_scores, ..self.remote.clone() };
        runtime.block_on(RemoteEngine::start(&self.spec, wanted, &self.text, &options, &host.context.cancel))
    }
}
