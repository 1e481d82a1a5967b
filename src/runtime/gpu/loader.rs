//! Files that the system's loader would take, checked before it does: it waits for the writer of a pipe, and a file that is
//! cut off ends the process by a signal.

use std::ffi::OsStr;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::elf;
use crate::regular_file;
use crate::runtime::integrity;

/// Folders that the loader looks into after LD_LIBRARY_PATH. Those of its cache are mostly these.
const SYSTEM: &[&str] = &[
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
    "/lib",
    "/usr/lib",
    "/usr/lib/wsl/lib",
    "/usr/local/nvidia/lib64",
];

/// The reason that the file at `path` is not the library `name`; `None` if its headers show no damage.
pub(super) fn flaw(path: &Path, name: &str) -> Option<String> {
    headers(path).or_else(|| match elf::names(path) {
        Ok(names) => {
            names.soname.filter(|soname| soname != name).map(|soname| format!("it is another library, {soname}"))
        }
        Err(error) => Some(error.to_string()),
    })
}

/// The reason that a file cannot be a library of this system; its name is not compared.
pub(super) fn headers(path: &Path) -> Option<String> {
    match regular_file::open(path).and_then(|mut file| integrity::is_cut_off(&mut file)) {
        Ok(true) => Some(integrity::CUT_OFF.into()),
        Ok(false) => None,
        Err(error) => Some(error.to_string()),
    }
}

/// The reason that the system's library `name` must not be loaded.
pub(super) fn flaw_of_system(name: &str) -> Option<String> {
    flaw_in(&folders(std::env::var_os("LD_LIBRARY_PATH").as_deref()), name)
}

fn folders(variable: Option<&OsStr>) -> Vec<PathBuf> {
    let own = variable.map(|text| std::env::split_paths(text).collect::<Vec<_>>()).unwrap_or_default();
    own.into_iter().filter(|folder| !folder.as_os_str().is_empty()).chain(SYSTEM.iter().map(PathBuf::from)).collect()
}

/// Of the first file of this name, as the loader takes it.
fn flaw_in(folders: &[PathBuf], name: &str) -> Option<String> {
    folders.iter().map(|folder| folder.join(name)).find_map(|path| {
        match regular_file::open(&path) {
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return None,
            // The loader passes libraries for 32 bits over.
            Ok(ref file) if is_of_32_bits(file) => return None,
            _ => {}
        }
        Some(headers(&path).map(|reason| format!("{}: {reason}", path.display())))
    })?
}

fn is_of_32_bits(file: impl Read) -> bool {
    let mut start = Vec::new();
    file.take(5).read_to_end(&mut start).is_ok() && start == b"\x7fELF\x01"
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_that_the_loader_takes_is_checked() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (dir.path().join("a"), dir.path().join("b"));
        std::fs::create_dir(&first).unwrap();
        std::fs::create_dir(&second).unwrap();
        let folders = [first.clone(), dir.path().join("none"), second.clone()];
        let flaw = || flaw_in(&folders, "lib.so.1");
        assert_eq!(flaw(), None);
        std::fs::write(second.join("lib.so.1"), b"\x7fELF\x02\x01").unwrap();
        assert!(flaw().unwrap().ends_with(integrity::CUT_OFF));
        std::fs::write(first.join("lib.so.1"), b"\x7fELF\x01\x01").unwrap();
        assert!(flaw().unwrap().contains("b/lib.so.1"), "{:?}", flaw());
        std::fs::remove_file(first.join("lib.so.1")).unwrap();
        let name = std::ffi::CString::new(first.join("lib.so.1").to_str().unwrap()).unwrap();
        // SAFETY: the name ends with NUL and lives until the call returns.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        assert!(flaw().unwrap().contains("a/lib.so.1: it is not a regular file"), "{:?}", flaw());
    }

    #[test]
    fn folders_of_the_variable_come_first() {
        let folders = folders(Some(OsStr::new("/own::/other")));
        assert_eq!(folders[..2], ["/own", "/other"].map(PathBuf::from));
        assert!(folders.len() > 2);
    }
}
