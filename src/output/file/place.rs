//! The place of an output: a file behind links, or an open descriptor.

use std::fs::{self, File};
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// True if an output to `path` is a file that is replaced when everything is written.
pub(super) fn replaces(path: &Path) -> bool {
    let is_file = |place: &PathBuf| fs::metadata(place).map_or(true, |metadata| metadata.is_file());
    matches!(behind_links(path), Ok(Behind::File(place)) if is_file(&place))
}

/// The end of a chain of symbolic links.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// A file, which need not exist.
    File(PathBuf),
    /// An open descriptor of this process, as behind `/dev/stdout`: what it writes to is not replaced by another file.
    Descriptor(i32),
}

/// The most symbolic links that are followed, as Linux does (path_resolution(7)).
const MAX_LINKS: usize = 40;

pub(super) fn behind_links(path: &Path) -> io::Result<Behind> {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if let Some(number) = path.file_name().and_then(|name| name.to_str()?.parse().ok())
            && directory.canonicalize().is_ok_and(|directory| holds_descriptors(&directory))
        {
            return Ok(Behind::Descriptor(number));
        }
        match fs::read_link(&path) {
            Ok(target) => path = directory.join(target),
            Err(_) => return Ok(Behind::File(fs::canonicalize(&path).unwrap_or(path))),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

/// True for the folder of this process's open descriptors.
fn holds_descriptors(directory: &Path) -> bool {
    let own = format!("/proc/{}/fd", std::process::id());
    directory == Path::new(&own) || directory == Path::new("/dev/fd")
}

pub(super) fn duplicate(number: i32) -> io::Result<File> {
    // SAFETY: takes no pointers; a number that is no open descriptor is an error.
    let copy = unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) };
    if copy < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call above has just opened it, and nothing else owns it.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(copy) }))
}
