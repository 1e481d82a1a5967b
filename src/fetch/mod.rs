//! Downloads that end checked or not at all: HTTP with resume, packages by pip, locks, cancellation.
//!
//! `model` and `runtime` both bring files from elsewhere. What they share lives here, below both.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A flag that asks long work to stop; cheap to clone, set from a signal handler's thread.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A flag nobody has set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everyone who holds a clone to stop soon.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Whether somebody asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// `Err(FetchError::Cancelled)` once somebody asked to stop.
    pub fn check(&self) -> Result<(), FetchError> {
        if self.is_cancelled() { Err(FetchError::Cancelled) } else { Ok(()) }
    }
}

/// Somebody to tell about downloads: the terminal's progress bars, or nobody.
pub trait Progress: Send + Sync {
    /// A download of `total` bytes (when known) begins; `label` names it for people.
    fn start(&self, label: &str, total: Option<u64>) -> Box<dyn ProgressTask>;
    /// One line for people, such as what was installed and where.
    fn note(&self, line: &str);
}

/// One running download, as its observer sees it. Dropping it ends the display.
pub trait ProgressTask: Send {
    /// `position` bytes of the whole have arrived (after a resume it starts above 0).
    fn position(&mut self, position: u64);
}

/// What a fetch needs to know of the world: whom to tell, when to stop, whether the network may be used.
#[derive(Clone)]
pub struct Context {
    /// Observer of downloads.
    pub progress: Arc<dyn Progress>,
    /// Set when the user wants out.
    pub cancel: Cancel,
    /// No network at all: whatever is not cached is an error.
    pub offline: bool,
}

/// Why something could not be brought here.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The user asked to stop.
    #[error("interrupted")]
    Cancelled,
    /// `--offline` forbids the network and the thing is not cached.
    #[error("{what} is not cached and --offline forbids the network")]
    Offline {
        /// What was wanted.
        what: String,
    },
    /// No answer: name resolution, connection, TLS, or a timeout.
    #[error("no connection to {url}: {reason}")]
    Unreachable {
        /// The address asked, without secrets.
        url: String,
        /// The innermost cause.
        reason: String,
    },
    /// The server answered with an error status.
    #[error("{url} answered {status}")]
    Status {
        /// The address asked, without secrets.
        url: String,
        /// The HTTP status code.
        status: u16,
    },
    /// The server answered something that makes no sense.
    #[error("{url} answered something unusable: {reason}")]
    Malformed {
        /// The address asked, without secrets.
        url: String,
        /// What is wrong with the answer.
        reason: String,
    },
    /// The bytes that arrived are not the ones that were promised.
    #[error("{what} does not have the expected SHA-256 {expected}: it has {actual}")]
    Checksum {
        /// The file or address.
        what: String,
        /// The sum promised, in hex.
        expected: String,
        /// The sum of what arrived, in hex.
        actual: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// pip is missing or failed.
    #[error("{command} failed: {reason}")]
    Pip {
        /// The command line.
        command: String,
        /// The last lines it printed.
        reason: String,
    },
}
