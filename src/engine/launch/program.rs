//! Programs in directories and in `PATH`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

pub(super) fn find(program: &str, directories: &[PathBuf], path: Option<&OsStr>) -> Option<PathBuf> {
    let path = path.map(std::env::split_paths).into_iter().flatten();
    directories.iter().cloned().chain(path).map(|directory| directory.join(program)).find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}
