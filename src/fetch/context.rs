//! The surroundings of a fetch: an observer, cancellation, and whether the network may be used.

use super::cancel::Cancel;
use super::progress::{Progress, Silent};
use std::sync::Arc;

/// The surroundings of a fetch: its observer, its cancellation, and whether it may use the network.
#[derive(Clone)]
pub struct Context {
    pub progress: Arc<dyn Progress>,
    /// Stops the fetch when it is set.
    pub cancel: Cancel,
    /// No network: a file that is not cached is an error.
    pub offline: bool,
}

impl Context {
    /// A context without output and without cancellation; it may use the network.
    pub fn silent() -> Self {
        Self { progress: Arc::new(Silent), cancel: Cancel::new(), offline: false }
    }
}
