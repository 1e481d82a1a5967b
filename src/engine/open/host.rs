//! The machine that engines are opened on.

use crate::fetch::Context;
use crate::runtime::RuntimeError;
use crate::runtime::library::{Library, Search};

/// Folders and search paths of engines.
#[derive(Clone)]
pub(crate) struct Host {
    /// Downloads: progress, cancellation, offline or not.
    pub context: Context,
    pub search: Search,
}

impl Host {
    /// ONNX Runtime, which is found or installed.
    pub(crate) fn library(&self) -> Result<Library, RuntimeError> {
        let library = self.search.find_or_install(&self.context)?;
        tracing::info!(version = library.version, "ONNX Runtime: {} ({})", library.path.display(), library.origin);
        Ok(library)
    }
}
