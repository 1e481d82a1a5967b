//! A server that infa starts.

use super::{OpenedEngine, Processes, Purpose, ServerOptions};
use crate::engine::EngineError;
use crate::engine::launch::{Launch, LaunchError, Server};
use crate::fetch::Cancel;

#[derive(Clone)]
pub(crate) struct LaunchOptions {
    pub launch: Launch,
    /// The options of connecting to it; its URL is known when it is started.
    pub server: ServerOptions,
}

impl LaunchOptions {
    /// Starts the server and connects to it.
    pub(super) async fn open(&self, purpose: Purpose<'_>, cancel: &Cancel) -> Result<OpenedEngine, EngineError> {
        let server = Server::start(&self.launch, cancel).await?;
        let connect = ServerOptions { spec: server.spec().clone(), ..self.server.clone() };
        let mut opened = match connect.open(purpose, cancel).await {
            Ok(opened) => opened,
            Err(error) => {
                // A dead server's last output explains more than a failed connection.
                let died = server.died();
                server.stop().await;
                return Err(died.map_or(error, |reason| LaunchError::Died(reason).into()));
            }
        };
        opened.facts.details.insert("command".into(), server.command().to_owned());
        opened.processes = Processes::Others(vec![server.pid()]);
        opened.server = Some(server);
        Ok(opened)
    }
}
