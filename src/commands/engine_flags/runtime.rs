//! The runtime of an engine, and the words for its start.

use std::sync::Arc;

use crate::commands::async_runtime::EngineRuntime;
use crate::commands::{AppContext, Error};
use crate::engine::open::EngineOptions;

pub(crate) fn runtime(options: &EngineOptions, app: &AppContext) -> Result<Arc<EngineRuntime>, Error> {
    match options {
        EngineOptions::Local(_) => EngineRuntime::local(),
        EngineOptions::Python(_) | EngineOptions::Server(_) | EngineOptions::Launched(_) => EngineRuntime::network(app),
    }
}

/// The first thing that the engine has done when it is open.
pub(crate) fn start_words(options: &EngineOptions) -> &'static str {
    match options {
        EngineOptions::Local(_) | EngineOptions::Python(_) => "model loaded",
        EngineOptions::Server(_) | EngineOptions::Launched(_) => "first reply",
    }
}
