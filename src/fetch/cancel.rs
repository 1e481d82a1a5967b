//! The flag that stops long work.

use super::error::FetchError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

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
