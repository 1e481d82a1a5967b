//! What every command works with: settings, the terminal, cancellation.

use std::sync::Arc;

use super::settings::Globals;
use crate::engine::open::Host;
use crate::fetch::{Cancel, Context};
use crate::ui::Bars;

/// What every command works with.
#[derive(Clone)]
pub struct World {
    pub globals: Globals,
    pub bars: Bars,
    pub cancel: Cancel,
}

impl World {
    /// Where engines find files and libraries.
    pub fn host(&self) -> Host {
        Host { context: self.context(), search: self.globals.search() }
    }

    /// What fetching needs to know.
    pub fn context(&self) -> Context {
        Context { progress: Arc::new(self.bars.clone()), cancel: self.cancel.clone(), offline: self.globals.offline }
    }
}
