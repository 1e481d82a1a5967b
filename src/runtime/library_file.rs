//! Opening of shared libraries.

use std::error::Error as _;
use std::path::Path;

/// Opens a library, with its names for itself (RTLD_LOCAL).
///
/// # Errors
/// The system's message, without the path that it begins with.
pub(super) fn open(path: &Path) -> Result<libloading::Library, String> {
    // SAFETY: loading a library runs its initialisers; the user, their Python environment, the system or infa's checked
    // download vouches for it, and it is about to be used for inference anyway.
    unsafe { libloading::Library::new(path) }.map_err(|e| {
        let reason = e.source().unwrap_or(&e).to_string();
        reason.strip_prefix(&format!("{}: ", path.display())).unwrap_or(&reason).to_owned()
    })
}
