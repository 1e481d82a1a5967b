//! Directories that appear complete or not at all: filled beside their place, then renamed into it.

use std::fs::File;
use std::path::Path;

use tempfile::TempDir;

use super::FetchError;

const STAGING: &str = ".installing-";

/// A temporary directory beside `target`; deleted on drop unless [`publish`]ed.
pub(crate) fn staging_directory(target: &Path) -> Result<TempDir, FetchError> {
    let parent = target.parent().unwrap_or(Path::new("."));
    let io = |source| FetchError::Io { path: parent.to_owned(), source };
    std::fs::create_dir_all(parent).map_err(io)?;
    tempfile::Builder::new().prefix(STAGING).tempdir_in(parent).map_err(io)
}

/// Removes the temporary directories that processes left beside `target` when they were killed. The caller holds the lock
/// under which they are made.
pub(crate) fn sweep_staging(target: &Path) {
    let Some(entries) = target.parent().and_then(|parent| std::fs::read_dir(parent).ok()) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(STAGING)) {
        if let Err(error) = std::fs::remove_dir_all(entry.path()) {
            tracing::info!("{} cannot be removed: {error}", entry.path().display());
        }
    }
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_killed_processes_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("1.0");
        std::fs::create_dir(&target).unwrap();
        let left = staging_directory(&target).unwrap().keep();
        std::fs::write(left.join("half"), "a").unwrap();
        sweep_staging(&target);
        assert!(!left.exists() && target.exists());
        sweep_staging(&dir.path().join("none/1.0"));
    }
}
