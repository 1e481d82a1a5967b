//! The partial file beside the target, and its clean-up when the process ends early.
//!
//! Its name is the target's with six letters and `.infa-part`, an ending that no other program uses. The writing
//! process holds a lock on it. A part without a lock was left behind by a killed process; the next output to the same
//! target removes it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tempfile::NamedTempFile;

/// The letters between the target's name and the suffix.
const LETTERS: usize = 6;
/// The ending of partial files. They are removed without a question, so the ending must be unique: `split` makes
/// `data.000001.part`.
const SUFFIX: &str = ".infa-part";

/// Bytes of the target's name that a part's has: names of files have at most 255.
const MAX_PREFIX: usize = 255 - 1 - LETTERS - SUFFIX.len();

/// Parts that are being written. Signals end the process without running destructors.
static PARTS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A part; dropped, it is removed.
pub(crate) struct Part(NamedTempFile);

impl Part {
    /// A part for `file_name` in `directory`, with these permissions less the umask; parts of earlier processes go.
    pub(crate) fn create(directory: &Path, file_name: &OsStr, mode: u32) -> io::Result<Self> {
        let mut prefix = OsStr::from_bytes(&file_name.as_bytes()[..file_name.len().min(MAX_PREFIX)]).to_os_string();
        prefix.push(".");
        sweep(directory, &prefix);
        loop {
            let part = tempfile::Builder::new()
                .prefix(&prefix)
                .suffix(SUFFIX)
                .rand_bytes(LETTERS)
                .permissions(Permissions::from_mode(mode))
                .tempfile_in(directory)?;
            // Some file systems have no locks; on them the sweep removes nothing.
            let _ = part.as_file().try_lock();
            // Another process may have swept it away before it was locked.
            if part.as_file().metadata()?.nlink() > 0 {
                register(|parts| _ = parts.insert(part.path().to_owned()));
                return Ok(Self(part));
            }
        }
    }

    /// The file itself.
    pub(crate) fn file(&mut self) -> &mut File {
        self.0.as_file_mut()
    }

    /// Moves it to its place, with its content on the disk: after a power cut the name would else stand for an empty file.
    pub(crate) fn persist(self, place: &Path) -> io::Result<()> {
        // Some file systems cannot; a disk that fails is an error.
        match self.0.as_file().sync_data() {
            Err(error) if !matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS | libc::ENOTSUP)) => {
                return Err(error);
            }
            _ => {}
        }
        let path = self.0.path().to_owned();
        let moved = self.0.persist(place).map(drop).map_err(|error| error.error);
        register(|parts| _ = parts.remove(&path));
        moved
    }
}

fn register(change: impl FnOnce(&mut BTreeSet<PathBuf>)) {
    change(&mut PARTS.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
}

/// Removes the parts of this process: for a process that ends without running destructors.
pub(crate) fn remove_parts() {
    // A thread that is just creating one must not keep the process from ending.
    if let Ok(parts) = PARTS.try_lock() {
        for part in parts.iter() {
            let _ = fs::remove_file(part);
        }
    }
}

/// Removes parts whose process has ended.
fn sweep(directory: &Path, prefix: &OsStr) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        if !is_part(name.as_encoded_bytes(), prefix.as_encoded_bytes()) {
            continue;
        }
        // Neither links nor pipes are followed or waited for.
        let opened =
            fs::OpenOptions::new().write(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(entry.path());
        let Ok(file) = opened else { continue };
        let ordinary = file.metadata().is_ok_and(|metadata| metadata.is_file() && is_mine(&metadata));
        match file.try_lock() {
            Ok(()) if ordinary => _ = fs::remove_file(entry.path()),
            Ok(()) | Err(TryLockError::WouldBlock | TryLockError::Error(_)) => {}
        }
    }
}

fn is_mine(metadata: &fs::Metadata) -> bool {
    // SAFETY: has no arguments and cannot fail.
    metadata.uid() == unsafe { libc::geteuid() }
}

fn is_part(name: &[u8], prefix: &[u8]) -> bool {
    let letters = name.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(SUFFIX.as_bytes()));
    letters.is_some_and(|letters| letters.len() == LETTERS && letters.iter().all(u8::is_ascii_alphanumeric))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let names = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn only_parts_left_behind_are_swept() {
        let folder = tempfile::tempdir().unwrap();
        let stale = folder.path().join("out.csv.aB3dE6.infa-part");
        let others = [
            "out.csv.abcde.infa-part",
            "out.csv.a-b-c-.infa-part",
            "other.csv.abcdef.infa-part",
            "out.csv",
            "out.csv.abcdef",
            // Files of the user's own.
            "out.csv.000001.part",
            "out.csv.backup.part",
        ];
        for name in others {
            fs::write(folder.path().join(name), "kept").unwrap();
        }
        fs::write(&stale, "half").unwrap();
        let live = Part::create(folder.path(), OsStr::new("out.csv"), 0o666).unwrap();
        assert!(!stale.exists());
        let second = Part::create(folder.path(), OsStr::new("out.csv"), 0o666).unwrap();
        assert_eq!(names(folder.path()).len(), others.len() + 2, "a part in use was swept");
        second.persist(&folder.path().join("out.csv")).unwrap();
        drop(live);
        assert_eq!(names(folder.path()).len(), others.len());
    }
}
