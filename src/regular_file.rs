//! Opens and reads regular files only, and no more of them than a named number of bytes.
//!
//! A model's directory comes from strangers: in place of config.json there may be a pipe, which never ends, a link to
//! /dev/zero, or a file larger than memory.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

/// Size limit of a settings file: config.json, modules.json, chat templates and the like. The largest known have about
/// 2 MB (label names).
pub(crate) const SETTINGS: u64 = 16 << 20;

/// Most bytes of a file with a vocabulary: tokenizer.json, vocab.txt, merges.txt. The largest known have about 35 MB.
pub(crate) const VOCABULARY: u64 = 256 << 20;

/// Opens the regular file at `path` for reading, without waiting for the other end of a pipe.
///
/// # Errors
/// The system's, and `InvalidInput` for anything that is not a regular file.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Opening a named pipe would wait for a writer. The flag has no effect on regular files.
        options.custom_flags(libc::O_NONBLOCK);
    }
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    Ok(file)
}

/// Length, modification time and inode of a file, which change when it is written or replaced.
pub(crate) type Stamp = (u64, Option<SystemTime>, u64);

/// `None` for anything that is not a regular file.
pub(crate) fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok().filter(|metadata| metadata.is_file())?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&metadata);
    #[cfg(not(unix))]
    let inode = 0;
    Some((metadata.len(), metadata.modified().ok(), inode))
}

/// The bytes of the regular file at `path`, at most `limit` of them.
///
/// # Errors
/// As [`open`], and `FileTooLarge` where the file has more than `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let file = open(path)?;
    let size = file.metadata()?.len();
    let too_large = || {
        let reason = format!("it has more than {limit} bytes, the most that is read of such a file");
        Err(io::Error::new(io::ErrorKind::FileTooLarge, reason))
    };
    if size > limit {
        return too_large();
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    // It may grow while it is read.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit { too_large() } else { Ok(bytes) }
}

/// The text of the regular file at `path`, at most `limit` bytes.
///
/// # Errors
/// As [`read`], and `InvalidData` where it is not UTF-8.
pub(crate) fn read_text(path: &Path, limit: u64) -> io::Result<String> {
    String::from_utf8(read(path, limit)?).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn files_are_read_up_to_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.json");
        std::fs::write(&path, "abcd").unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"abcd");
        assert_eq!(read_text(&path, 4).unwrap(), "abcd");
        assert_eq!(read(&path, 3).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        std::fs::write(&path, b"\xff").unwrap();
        assert_eq!(read_text(&path, 4).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(read(&dir.path().join("none"), 4).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn pipes_devices_and_directories_are_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let (pipe, zero) = (dir.path().join("pipe"), dir.path().join("zero"));
        let name = std::ffi::CString::new(pipe.to_str().unwrap()).unwrap();
        // SAFETY: the name ends with NUL and lives until the call returns.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        std::os::unix::fs::symlink("/dev/zero", &zero).unwrap();
        for path in [pipe.as_path(), &zero, dir.path()] {
            let error = read(path, 4).unwrap_err();
            assert!(error.to_string().contains("not a regular file"), "{}: {error}", path.display());
        }
    }
}
