//! The surroundings of every command: settings, the terminal, cancellation.

use std::sync::Arc;

use super::settings::Globals;
use crate::engine::open::Host;
use crate::fetch::{Cancel, Context};
use crate::ui::Bars;

/// The surroundings of every command.
#[derive(Clone)]
pub struct World {
    pub globals: Globals,
    pub bars: Bars,
    pub cancel: Cancel,
}

impl World {
    /// Folders and search paths of engines.
    pub fn host(&self) -> Host {
        Host { context: self.context(), search: self.globals.search() }
    }

    /// The context of downloads.
    pub fn context(&self) -> Context {
        Context { progress: Arc::new(self.bars.clone()), cancel: self.cancel.clone(), offline: self.globals.offline }
    }
}
