//! Work that takes a while, away from threads that have other tasks.

use tokio::runtime::{Handle, RuntimeFlavor};

use crate::engine::SubmitError;

/// Runs `work`, on another thread if this one has other tasks meanwhile.
pub(super) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SubmitError> {
    match Handle::current().runtime_flavor() {
        // The thread of a command waits for this alone.
        RuntimeFlavor::CurrentThread => Ok(work()),
        _ => tokio::task::spawn_blocking(work).await.map_err(|error| SubmitError::Failed(error.to_string())),
    }
}
