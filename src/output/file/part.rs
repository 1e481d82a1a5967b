//! The partial file beside the target, and its clean-up when the process ends early.
//!
//! Its name is the target's with six letters and `.infa-part`, an ending that no other program uses. The writing
//! process holds a lock on it. A part without a lock was left behind by a killed process; the next output to the same
//! target removes it. The part of a job has no letters; beside a manifest it is kept ([`super::job`]).

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions, TryLockError};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// The letters between the target's name and the suffix.
const LETTERS: usize = 6;
/// The ending of partial files. They are removed without a question, so the ending must be unique: `split` makes
/// `data.000001.part`.
pub(super) const SUFFIX: &str = ".infa-part";

/// Bytes of the target's name that a part's has: names of files have at most 255.
const MAX_PREFIX: usize = 255 - 1 - LETTERS - SUFFIX.len();

/// Parts that are being written. Signals end the process without running destructors.
static PARTS: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A part; dropped, it is removed, unless it is kept for a later job.
pub(crate) struct Part {
    file: File,
    path: PathBuf,
    kept: Kept,
}

/// True once a part outlives its process.
#[derive(Clone, Default)]
pub(super) struct Kept(Arc<AtomicBool>);

impl Kept {
    /// Keeps the part at `path`, or leaves it to its end again.
    pub(super) fn set(&self, path: &Path, kept: bool) {
        self.0.store(kept, Ordering::Relaxed);
        register(|parts| _ = if kept { parts.remove(path) } else { parts.insert(path.to_owned()) });
    }
}

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
                let (file, path) = part.keep().map_err(|error| error.error)?;
                return Ok(Self::new(file, path));
            }
        }
    }

    /// The part of a job: its name is the target's with the suffix, so that a later process finds it, and there is one at a
    /// time. What an earlier process wrote is still in it.
    ///
    /// # Errors
    /// `WouldBlock` if another process writes it.
    pub(super) fn claim(path: PathBuf, mode: u32) -> io::Result<Self> {
        loop {
            let mut options = fs::OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false).mode(mode);
            // Neither links nor pipes are followed or waited for.
            let file = options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(&path)?;
            let metadata = file.metadata()?;
            if !metadata.is_file() || !is_mine(&metadata) {
                return Err(io::Error::other("the partial file beside it belongs to another user"));
            }
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
                // Some file systems have no locks.
                Ok(()) | Err(TryLockError::Error(_)) => {}
            }
            // The process that held the lock may have moved or removed it.
            let same = |there: fs::Metadata| (there.dev(), there.ino()) == (metadata.dev(), metadata.ino());
            if fs::symlink_metadata(&path).is_ok_and(same) {
                return Ok(Self::new(file, path));
            }
        }
    }

    fn new(file: File, path: PathBuf) -> Self {
        register(|parts| _ = parts.insert(path.clone()));
        Self { file, path, kept: Kept::default() }
    }

    /// The file itself.
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Moves it to its place, with its content on the disk: after a power cut the name would else stand for an empty file.
    pub(crate) fn persist(self, place: &Path) -> io::Result<()> {
        sync(&self.file)?;
        fs::rename(&self.path, place)?;
        // What is at the path now is another process's.
        self.kept.set(&self.path, true);
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept.0.load(Ordering::Relaxed) {
            let _ = fs::remove_file(&self.path);
            register(|parts| _ = parts.remove(&self.path));
        }
    }
}

/// Brings what was written to the disk. Some file systems cannot; a disk that fails is an error.
pub(super) fn sync(file: &File) -> io::Result<()> {
    match file.sync_data() {
        Err(error) if !matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOSYS | libc::ENOTSUP)) => Err(error),
        _ => Ok(()),
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
