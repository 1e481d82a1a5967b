//! Downloads that end checked or not at all: HTTP with resume, packages by pip, locks, cancellation.
//!
//! `model` and `runtime` both bring files from elsewhere. What they share lives here, below both.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub mod archive;
pub mod digest;
mod download;
mod error;
mod exchange;
pub mod http;
pub mod lock;
pub mod names;
pub mod pip;
mod staging;

pub use download::{Download, Downloaded};
pub use error::FetchError;
pub use http::{Http, Limits};
pub use staging::{publish, readable_by_all, remove_file, staging_directory};

/// How often asynchronous work looks for an interruption.
const TICK: Duration = Duration::from_millis(20);

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

    /// Returns soon after somebody asked to stop. The flag is set by a signal handler's thread, which can wake nobody.
    pub async fn cancelled(&self) {
        while !self.is_cancelled() {
            tokio::time::sleep(TICK).await;
        }
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
    /// Whoever does the work said this.
    fn line(&mut self, _line: &str) {}
}

/// Nobody: for tests, and for callers that show nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

struct SilentTask;

impl Progress for Silent {
    fn start(&self, _label: &str, _total: Option<u64>) -> Box<dyn ProgressTask> {
        Box::new(SilentTask)
    }

    fn note(&self, _line: &str) {}
}

impl ProgressTask for SilentTask {
    fn position(&mut self, _position: u64) {}
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

impl Context {
    /// A context that shows nothing, may use the network, and that nobody cancels.
    pub fn silent() -> Self {
        Self { progress: Arc::new(Silent), cancel: Cancel::new(), offline: false }
    }
}
