//! An engine that is open.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::engine::launch::Server;
use crate::engine::{Checked, Engine, EngineSpec};

pub(crate) struct OpenedEngine {
    pub engine: Arc<dyn Engine>,
    pub facts: EngineFacts,
    pub processes: Processes,
    /// The server that was started for it, which ends when this is dropped.
    pub server: Option<Server>,
}

/// Facts about an open engine, for reports.
#[derive(Debug, Clone, Default)]
pub(crate) struct EngineFacts {
    pub version: Option<String>,
    pub details: BTreeMap<String, String>,
}

/// The processes in which an engine computes.
pub(crate) enum Processes {
    This,
    /// These and their descendants; none are known of a server that infa did not start.
    Others(Vec<u32>),
}

/// The engine, with its results checked unless it is `measured`.
pub(super) fn checked(engine: impl Engine + 'static, spec: &EngineSpec, measured: bool) -> Arc<dyn Engine> {
    if measured { Arc::new(engine) } else { Arc::new(Checked::new(engine, spec.to_string())) }
}
