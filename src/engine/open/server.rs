//! A server that is there already.

use super::opened::checked;
use super::{EngineFacts, OpenedEngine, Processes, Purpose};
use crate::engine::remote::{self, RemoteTask, Roles};
use crate::engine::{
    Completed, Engine, EngineError, EngineInfo, EngineSpec, Pending, RemoteEngine, RemoteOptions, Request,
    RequestOptions, Role, SubmitError, TextOptions,
};
use crate::fetch::Cancel;
use crate::model::Setting;

#[derive(Clone)]
pub(crate) struct ServerOptions {
    pub spec: EngineSpec,
    pub text: TextOptions,
    pub remote: RemoteOptions,
    /// True if it is measured: the first request is the caller's, results are not checked, and a role of texts that
    /// the server lacks becomes the nearest that it has.
    pub measured: bool,
    /// The model's prompts for texts of a role, which infa puts before them where a measured server has no roles.
    pub role_prompts: Vec<(Role, String)>,
}

impl ServerOptions {
    /// Connects to the server: once for each role of texts, since the prompt of a role belongs to its connection.
    pub(super) async fn open(&self, purpose: Purpose<'_>, cancel: &Cancel) -> Result<OpenedEngine, EngineError> {
        purpose.check_output("servers")?;
        let mut facts = EngineFacts::default();
        let roles = if let Purpose::Embed { roles, .. } = purpose { roles } else { &[] };
        let (&role, others) = roles.split_first().unwrap_or((&Role::Text, &[]));
        let first = self.connect(purpose, role, &mut facts, cancel).await?;
        let mut rest = Vec::new();
        for &role in others {
            rest.push(self.connect(purpose, role, &mut facts, cancel).await?);
        }
        if self.measured {
            facts.version = remote::version(&self.spec, &self.remote).await;
        }
        let engine = checked(Connections { first, rest }, &self.spec, self.measured);
        Ok(OpenedEngine { engine, facts, processes: Processes::Others(Vec::new()), server: None })
    }

    /// The connection for texts of `role`.
    async fn connect(
        &self,
        purpose: Purpose<'_>,
        role: Role,
        facts: &mut EngineFacts,
        cancel: &Cancel,
    ) -> Result<Connection, EngineError> {
        let mut text = self.text.clone();
        let own = if self.measured { self.nearest(role) } else { role };
        if let Some((_, prompt)) = self.role_prompts.iter().find(|(of, _)| *of == role && own == Role::Text) {
            let name = if role == Role::Query { "query prompt" } else { "document prompt" };
            facts.details.insert(name.into(), format!("{prompt:?}, put before by infa"));
            text.prompt = Some(prompt.clone());
        }
        let task = match purpose {
            Purpose::Embed { .. } => RemoteTask::Vectors(own),
            Purpose::Rerank { .. } => RemoteTask::Scores,
            Purpose::Classify { pairs, .. } => RemoteTask::Labels { pairs },
        };
        let options = RemoteOptions { raw_scores: purpose.raw_scores(), ..self.remote.clone() };
        let engine = RemoteEngine::start(&self.spec, task, &text, &options, !self.measured, cancel).await?;
        let model = engine.info().model.clone();
        facts.details.extend(Some(("model".to_owned(), model)).filter(|(_, model)| !model.is_empty()));
        Ok(Connection { role, own, engine })
    }

    /// The server's own role for texts of `role`.
    fn nearest(&self, role: Role) -> Role {
        match (remote::roles(&self.spec), role) {
            (Roles::Always, Role::Text) => Role::Document,
            (Roles::No, _) => Role::Text,
            _ => role,
        }
    }
}

struct Connection {
    /// The role of the texts, and the server's own role for them.
    role: Role,
    own: Role,
    engine: RemoteEngine,
}

/// The connections to a server, one for each role of texts.
struct Connections {
    first: Connection,
    rest: Vec<Connection>,
}

impl Engine for Connections {
    fn info(&self) -> &EngineInfo {
        self.first.engine.info()
    }

    fn submit(&self, request: Request) -> Result<Pending<Completed>, SubmitError> {
        let mut connections = std::iter::once(&self.first).chain(&self.rest);
        let found = connections.find(|connection| connection.role == request.options.role);
        let Connection { own, engine, .. } = found.ok_or_else(|| SubmitError::settled(Setting::Role))?;
        let options = RequestOptions { role: *own, ..request.options };
        engine.submit(Request { options, ..request })
    }

    fn in_flight(&self) -> usize {
        self.first.engine.in_flight()
    }
}
