//! The machine that engines are opened on.

use crate::fetch::Context;
use crate::runtime::library::Search;

/// Folders and search paths of engines.
#[derive(Clone)]
pub(crate) struct Host {
    /// Downloads: progress, cancellation, offline or not.
    pub context: Context,
    pub search: Search,
}
