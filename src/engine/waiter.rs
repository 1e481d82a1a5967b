//! From blocking code to asynchronous work: a runtime that waits for the network, or for a process.

use tokio::runtime::{Builder, Runtime};

use super::EngineError;

/// A runtime of its own. Work that nobody waits for any more holds nothing up when it is dropped, wherever that is, nor
/// does a name that the system still looks up.
pub(super) struct Waiter(Option<Runtime>);

impl Waiter {
    /// With so many threads, which are called `name`.
    pub fn new(name: &str, threads: usize) -> Result<Self, EngineError> {
        let runtime = Builder::new_multi_thread().worker_threads(threads).thread_name(name).enable_all().build();
        Ok(Self(Some(runtime.map_err(|e| EngineError::Threads(e.to_string()))?)))
    }

    /// Blocks until `work` is done; `None` only while it is being dropped.
    pub fn wait<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.0.as_ref().map(|runtime| runtime.block_on(work))
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
