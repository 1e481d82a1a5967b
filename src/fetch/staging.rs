//! Directories that appear complete or not at all: filled beside their place, then renamed into it.

use std::fs::File;
use std::path::Path;

use tempfile::TempDir;

use super::FetchError;

/// A temporary directory beside `target`; deleted on drop unless [`publish`]ed.
pub(crate) fn staging_directory(target: &Path) -> Result<TempDir, FetchError> {
    let parent = target.parent().unwrap_or(Path::new("."));
    let io = |source| FetchError::Io { path: parent.to_owned(), source };
    std::fs::create_dir_all(parent).map_err(io)?;
    tempfile::Builder::new().prefix(".installing-").tempdir_in(parent).map_err(io)
}

/// Puts a filled directory in its place; what stood there before goes.
pub(crate) fn publish(staging: TempDir, target: &Path) -> Result<(), FetchError> {
    let io = |source| FetchError::Io { path: target.to_owned(), source };
    match std::fs::remove_dir_all(target) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(io(e)),
        _ => {}
    }
    // tempfile creates directories for the owner alone; the cache has ordinary permissions.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(staging.path(), std::fs::Permissions::from_mode(0o755)).map_err(io)?;
    }
    std::fs::rename(staging.path(), target).map_err(io)?;
    let _ = staging.keep();
    Ok(())
}

/// Lets all users read a file in a cache: temporary files are their owner's alone.
pub(crate) fn readable_by_all(file: &File) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// Removes a file that must not stay.
pub(crate) fn remove_file(path: &Path) -> Result<(), FetchError> {
    std::fs::remove_file(path).map_err(|source| FetchError::Io { path: path.to_owned(), source })
}
