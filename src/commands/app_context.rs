//! The context of every command: settings, terminal, cancellation.

use std::sync::Arc;

use super::settings::Globals;
use crate::engine::open::Host;
use crate::fetch::{Cancel, Context};
use crate::ui::Bars;

#[derive(Clone)]
pub(crate) struct AppContext {
    pub globals: Globals,
    pub bars: Bars,
    pub cancel: Cancel,
}

impl AppContext {
    /// The folders and search paths for engines.
    pub(crate) fn host(&self) -> Host {
        Host { context: self.context(), search: self.globals.search() }
    }

    pub(crate) fn context(&self) -> Context {
        Context { progress: Arc::new(self.bars.clone()), cancel: self.cancel.clone(), offline: self.globals.offline }
    }
}
