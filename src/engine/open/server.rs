//! A server that is there already.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::Host;
use crate::engine::remote::{self, Roles, Wanted};
use crate::engine::{Checked, Engine, EngineError, EngineSpec, RemoteEngine, RemoteOptions, Role, TextOptions};
use crate::fetch::Cancel;

#[derive(Clone)]
pub(crate) struct ServerOptions {
    pub spec: EngineSpec,
    pub text: TextOptions,
    pub remote: RemoteOptions,
}

impl ServerOptions {
    /// Connects to the server and requests a first result; connections live on `runtime`, and results are checked.
    /// Blocks.
    pub(crate) fn connect(
        &self,
        wanted: Wanted,
        raw_scores: bool,
        host: &Host,
        runtime: &Handle,
    ) -> Result<Arc<dyn Engine>, EngineError> {
        let options = RemoteOptions { raw_scores, ..self.remote.clone() };
        let start = RemoteEngine::start(&self.spec, wanted, &self.text, &options, &host.context.cancel);
        Ok(Arc::new(Checked::new(runtime.block_on(start)?, self.spec.to_string())))
    }

    /// Connects to the server without a first request.
    pub(crate) async fn attach(&self, wanted: Wanted, cancel: &Cancel) -> Result<RemoteEngine, EngineError> {
        RemoteEngine::attach(&self.spec, wanted, &self.text, &self.remote, cancel).await
    }

    /// The server's own role for texts of `role`; `None` if it has no roles.
    pub(crate) fn own_role(&self, role: Role) -> Option<Role> {
        match (remote::roles(&self.spec), role) {
            (Roles::Always, Role::Text) => Some(Role::Document),
            (Roles::No, Role::Query | Role::Document) => None,
            _ => Some(role),
        }
    }
}
