//! A file of weights in memory: mapped, and watched for changes, or copied.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use memmap2::{Mmap, MmapMut};

#[cfg(unix)]
use super::sigbus::Guard;
use crate::fetch::digest::Hasher;
use crate::regular_file;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// The file is mapped: its pages are read when they are needed, and shared with other processes.
    #[default]
    Map,
    /// The file is copied: it takes its size in memory, and later changes of it have no effect.
    Copy,
}

/// A file of weights in memory.
///
/// A mapping shows the current content of the file. Another program that writes to the file changes the weights of a
/// loaded model, and one that shortens it makes the bytes beyond the new end unreadable (SIGBUS); zeros are read
/// instead. So a mapped file is watched ([`MappedFile::changed`]), and engines check it before and after they compute.
/// *Replacing* the file by renaming another one over it is harmless: the mapping keeps the old one.
pub struct MappedFile {
    /// An absolute path; `None` for bytes in memory.
    path: Option<PathBuf>,
    memory: Memory,
}

enum Memory {
    /// In this order: the guard goes before the mapping that it looks after.
    Mapped {
        #[cfg(unix)]
        guard: Guard,
        map: Mmap,
        watch: Watch,
    },
    Copied(Mmap),
}

impl MappedFile {
    /// The file at `path`, which must be a regular file.
    ///
    /// # Errors
    /// The system's, and `InvalidInput` for anything that is not a regular file.
    pub fn open(path: &Path, access: Access) -> io::Result<Self> {
        let mut file = regular_file::open(path)?;
        let absolute = Some(path.canonicalize()?);
        let memory = match access {
            Access::Map => {
                // The state is recorded before the mapping, so that all later changes are noticed.
                let watch = Watch::begin(file)?;
                // SAFETY: the mapping is shared (MAP_SHARED) and read-only; nothing in this process writes through it
                // or to the file. The remaining risk is another process that changes the file in place, under a
                // `&[u8]`. No code relies on bytes that stay the same: they are used as numbers, for which any bits are
                // valid. Lengths, indices and text are copied first, checked in the copy and never read from the
                // mapping again (the header in `weights::header`, the rows of tokens in `static_embedding`). A byte may
                // be read twice and give two values; no branch, bound or `str` depends on their being equal. Results
                // are discarded once `watch` has seen the change. Bytes beyond the end of a shortened file become zeros
                // (`sigbus`).
                let map = unsafe { Mmap::map(&watch.file) }?;
                Memory::Mapped {
                    #[cfg(unix)]
                    guard: Guard::new(&map),
                    map,
                    watch,
                }
            }
            Access::Copy => {
                let size = usize::try_from(file.metadata()?.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
                let mut map = MmapMut::map_anon(size.max(1))?;
                file.read_exact(&mut map[..size])?;
                Memory::Copied(map.make_read_only()?)
            }
        };
        Ok(Self { path: absolute, memory })
    }

    /// The same for bytes that are no file. They are aligned as those of a mapped file are.
    pub(super) fn of_bytes(bytes: &[u8]) -> io::Result<Self> {
        let mut map = MmapMut::map_anon(bytes.len().max(1))?;
        map[..bytes.len()].copy_from_slice(bytes);
        Ok(Self { path: None, memory: Memory::Copied(map.make_read_only()?) })
    }

    /// The file itself, as an absolute path: a path in the Hugging Face cache is a link to it.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    pub fn bytes(&self) -> &[u8] {
        match &self.memory {
            Memory::Mapped { map, .. } => map,
            Memory::Copied(map) => map,
        }
    }

    /// The change of the file since it was opened; `None` if there is none. Once changed, always changed.
    ///
    /// Costs one system call. Compares size and modification time; if only the status time differs (permissions, name,
    /// or a modification time that was set back), samples of the contents as well.
    pub fn changed(&self) -> Option<&str> {
        match &self.memory {
            #[cfg(unix)]
            Memory::Mapped { guard, watch, .. } => watch.changed(self.path.as_deref(), guard.is_lost()),
            #[cfg(not(unix))]
            Memory::Mapped { watch, .. } => watch.changed(self.path.as_deref(), false),
            Memory::Copied(_) => None,
        }
    }

    /// Gives the mapped pages back to the system; they are read from the file again when they are touched.
    pub(super) fn release_pages(&self) {
        #[cfg(unix)]
        if let Memory::Mapped { map, .. } = &self.memory {
            // SAFETY: the mapping is read-only, so no change is lost with its pages. Dropped pages are read from the
            // file again when they are touched; those that `sigbus` has put in place of a lost end are zeros before and
            // after.
            let _ = unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
        }
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes()
    }
}

struct Watch {
    /// The file that is mapped; its name may belong to another file by now.
    file: File,
    size: u64,
    modified: Option<SystemTime>,
    /// The time of the last change of state, in seconds and nanoseconds.
    state: std::sync::Mutex<Option<(i64, i64)>>,
    samples: String,
    changed: OnceLock<String>,
}

/// Pieces of the file that are compared where times leave a doubt, and their length in bytes.
const SAMPLES: u64 = 64;
const SAMPLE_BYTES: usize = 4096;

impl Watch {
    fn begin(file: File) -> io::Result<Self> {
        let about = file.metadata()?;
        let samples = samples(&file, about.len())?;
        Ok(Self {
            size: about.len(),
            modified: about.modified().ok(),
            state: std::sync::Mutex::new(state_change(&about)),
            samples,
            changed: OnceLock::new(),
            file,
        })
    }

    /// `lost`: whether bytes of the mapping could not be read.
    fn changed(&self, path: Option<&Path>, lost: bool) -> Option<&str> {
        if let Some(reason) = self.changed.get() {
            return Some(reason);
        }
        let what = self.compare().or_else(|| lost.then(|| "it could not be read any more".to_owned()))?;
        let reason = self.changed.get_or_init(|| {
            let name = path.map_or_else(|| "the file of weights".to_owned(), |path| path.display().to_string());
            let reason = format!("{name} was changed while the model was in use ({what})");
            tracing::error!("{reason}; load the model again, and replace files by renaming new ones over them");
            reason
        });
        Some(reason)
    }

    fn compare(&self) -> Option<String> {
        let about = match self.file.metadata() {
            Ok(about) => about,
            // A network file system may have lost it: reading the mapping would fail as well.
            Err(e) => return Some(e.to_string()),
        };
        if about.len() != self.size {
            return Some(format!("it has {} bytes instead of {}", about.len(), self.size));
        }
        if about.modified().ok() != self.modified {
            return Some("something was written to it".into());
        }
        let now = state_change(&about);
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *state != now {
            match samples(&self.file, self.size) {
                Ok(samples) if samples == self.samples => *state = now,
                Ok(_) => return Some("something was written to it, and its time was set back".into()),
                Err(e) => return Some(e.to_string()),
            }
        }
        None
    }
}

#[cfg(unix)]
fn state_change(about: &Metadata) -> Option<(i64, i64)> {
    use std::os::unix::fs::MetadataExt;
    Some((about.ctime(), about.ctime_nsec()))
}

#[cfg(not(unix))]
fn state_change(_: &Metadata) -> Option<(i64, i64)> {
    None
}

/// A digest of pieces of the file, evenly spread from its beginning to its end.
#[cfg(unix)]
fn samples(file: &File, size: u64) -> io::Result<String> {
    use std::os::unix::fs::FileExt;
    let mut hasher = Hasher::new();
    let mut piece = [0; SAMPLE_BYTES];
    let last = size.saturating_sub(SAMPLE_BYTES as u64);
    for number in 0..SAMPLES {
        let n = file.read_at(&mut piece, last / (SAMPLES - 1) * number)?;
        hasher.update(&piece[..n]);
    }
    Ok(hasher.finish())
}

#[cfg(not(unix))]
fn samples(_: &File, _: u64) -> io::Result<String> {
    Ok(String::new())
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs::{FileTimes, OpenOptions, Permissions};
    use std::io::Write;
    use std::os::unix::fs::{FileExt, PermissionsExt};
    use std::time::Duration;

    use super::*;

    const SIZE: usize = 300_000;

    /// A file that was written some time ago, in a directory of its own.
    fn file() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors");
        std::fs::write(&path, vec![7; SIZE]).unwrap();
        set_time(&path, SystemTime::now() - Duration::from_secs(3600));
        (dir, path)
    }

    fn set_time(path: &Path, time: SystemTime) {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.set_times(FileTimes::new().set_modified(time)).unwrap();
    }

    fn open(path: &Path) -> MappedFile {
        let file = MappedFile::open(path, Access::Map).unwrap();
        assert_eq!(file.changed(), None);
        file
    }

    #[test]
    fn writing_and_cutting_are_noticed_and_stay_noticed() {
        let write = |path: &Path| OpenOptions::new().write(true).open(path).unwrap().write_all_at(b"x", 5).unwrap();
        let cut = |path: &Path| OpenOptions::new().write(true).open(path).unwrap().set_len(1000).unwrap();
        let append = |path: &Path| OpenOptions::new().append(true).open(path).unwrap().write_all(b"x").unwrap();
        let copy_over = |path: &Path| std::fs::write(path, vec![8; SIZE]).unwrap();
        let changes: [&dyn Fn(&Path); 4] = [&write, &cut, &append, &copy_over];
        for (number, change) in changes.iter().enumerate() {
            let (_dir, path) = file();
            let before = std::fs::metadata(&path).unwrap().modified().unwrap();
            let open = open(&path);
            change(&path);
            let reason = open.changed().unwrap_or_else(|| panic!("change {number} is not noticed"));
            assert!(reason.contains("model.safetensors was changed"), "{reason}");
            // Results computed before the content was restored are wrong all the same.
            std::fs::write(&path, vec![7; SIZE]).unwrap();
            set_time(&path, before);
            assert!(open.changed().is_some(), "change {number}");
        }
    }

    #[test]
    fn a_time_that_was_set_back_hides_nothing() {
        let (_dir, path) = file();
        let before = std::fs::metadata(&path).unwrap().modified().unwrap();
        let open = open(&path);
        std::fs::write(&path, vec![8; SIZE]).unwrap();
        set_time(&path, before);
        assert!(open.changed().is_some());
    }

    #[test]
    fn other_names_permissions_and_a_new_file_change_nothing() {
        let (dir, path) = file();
        let open = open(&path);
        std::fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert_eq!(open.changed(), None);
        let new = dir.path().join("new");
        std::fs::write(&new, "another model").unwrap();
        std::fs::rename(&new, &path).unwrap();
        assert_eq!(open.changed(), None);
        std::fs::remove_file(&path).unwrap();
        assert_eq!((open.changed(), open.bytes()), (None, &vec![7; SIZE][..]));
    }

    #[test]
    fn a_shortened_file_can_still_be_read() {
        let (_dir, path) = file();
        let open = open(&path);
        std::fs::write(&path, "short").unwrap();
        assert_eq!(&open.bytes()[..5], b"short");
        assert_eq!(open.bytes()[SIZE - 1], 0);
        assert!(open.changed().is_some());
    }

    #[test]
    fn a_copy_stays_what_it_was() {
        let (_dir, path) = file();
        let copy = MappedFile::open(&path, Access::Copy).unwrap();
        std::fs::write(&path, "short").unwrap();
        copy.release_pages();
        assert_eq!((copy.changed(), copy.bytes()), (None, &vec![7; SIZE][..]));
    }

    #[test]
    fn empty_files_are_no_trouble() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("empty");
        std::fs::write(&path, "").unwrap();
        assert_eq!(MappedFile::open(&path, Access::Copy).unwrap().bytes().len(), 1);
        assert!(MappedFile::open(&path, Access::Map).is_ok_and(|file| file.changed().is_none()));
    }
}
