//! The surroundings of a fetch: an observer, cancellation, and whether the network may be used.

use super::cancel::Cancel;
use super::progress::{Progress, Silent};
use std::sync::Arc;

/// What a fetch needs to know of the world: whom to tell, when to stop, whether the network may be used.
#[derive(Clone)]
pub struct Context {
    /// Observer of downloads.
    pub progress: Arc<dyn Progress>,
    /// Set when the user wants out.
    pub cancel: Cancel,
    /// No network at all: whatever is not cached is an error.
    pub offline: bool,
}

impl Context {
    /// A context that shows nothing, may use the network, and that nobody cancels.
    pub fn silent() -> Self {
        Self { progress: Arc::new(Silent), cancel: Cancel::new(), offline: false }
    }
}
