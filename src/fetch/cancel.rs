//! The flag that stops long work.

use super::error::FetchError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Interval at which asynchronous work checks for cancellation.
const TICK: Duration = Duration::from_millis(20);

/// A flag that stops long work; cheap to clone, set from a signal handler's thread.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// A flag that is not set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the flag in all clones.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// True if the flag is set.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Returns soon after the flag is set. It polls: a signal handler's thread cannot wake a task.
    pub async fn cancelled(&self) {
        while !self.is_cancelled() {
            tokio::time::sleep(TICK).await;
        }
    }

    /// `Err(FetchError::Cancelled)` once the flag is set.
    pub fn check(&self) -> Result<(), FetchError> {
        if self.is_cancelled() { Err(FetchError::Cancelled) } else { Ok(()) }
    }
}
