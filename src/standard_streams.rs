//! stdin and stdout as files, whose errors are errors.
//!
//! Before `main`, Rust opens `/dev/null` in place of a standard stream that is closed, and its `Stdin` and `Stdout`
//! take a descriptor of the wrong kind for an empty or endless one: data would be lost without an error.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};

static CLOSED: [AtomicBool; 2] = [const { AtomicBool::new(false) }; 2];

/// Called by the loader, before Rust's own start.
#[used]
#[cfg_attr(target_vendor = "apple", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_vendor = "apple"), unsafe(link_section = ".init_array"))]
static AT_START: extern "C" fn() = note_closed;

extern "C" fn note_closed() {
    for (descriptor, closed) in (0..).zip(&CLOSED) {
        // SAFETY: reads the flags of a descriptor, which need not be open.
        closed.store(unsafe { libc::fcntl(descriptor, libc::F_GETFD) } == -1, Ordering::Relaxed);
    }
}

/// # Errors
/// It was closed when the process started.
pub(crate) fn stdin() -> io::Result<File> {
    open(0, io::stdin().as_fd())
}

/// # Errors
/// It was closed when the process started.
pub(crate) fn stdout() -> io::Result<File> {
    open(1, io::stdout().as_fd())
}

fn open(number: usize, descriptor: BorrowedFd<'_>) -> io::Result<File> {
    if CLOSED.get(number).is_some_and(|closed| closed.load(Ordering::Relaxed)) {
        return Err(io::Error::other("it is closed"));
    }
    descriptor.try_clone_to_owned().map(File::from)
}
