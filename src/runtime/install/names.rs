//! Names of what is installed, and of what installs it.

use std::path::{Path, PathBuf};

/// The Python interpreter: the one of the active environment.
pub fn python() -> &'static str {
    "python3"
}

/// True if a file name is that of the ONNX Runtime library itself (not of one of its providers).
pub(crate) fn is_library(name: &str) -> bool {
    name.starts_with("libonnxruntime.") && (name.contains(".so") || name.ends_with(".dylib"))
}

/// ONNX Runtime's library in a folder.
pub(super) fn library_in(directory: &Path) -> Option<PathBuf> {
    std::fs::read_dir(directory)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.file_name().and_then(|n| n.to_str()).is_some_and(is_library))
}
