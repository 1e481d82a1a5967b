//! The asynchronous runtime of commands that talk to many at once, started so that a system without threads is an error.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};

use super::{AppContext, Error};
use crate::runtime::cores;
use crate::threads;
use crate::ui::interrupt;

/// Threads that are needed soon besides the runtime's own: one for blocking work, those that load and watch models.
const OTHERS: usize = 4;

/// Threads that read from and write to the network, or a process.
const NETWORK_THREADS: usize = 2;

/// Time for a thread for blocking work to start.
const START_TIMEOUT: Duration = Duration::from_secs(10);

/// A runtime with a worker for each core that may be used.
///
/// # Errors
/// [`Error::Thread`] if the system has not enough threads left.
pub(super) fn multi_thread(app: &AppContext) -> Result<Runtime, Error> {
    let workers = cores::usable();
    threads::probe(workers + OTHERS).and_then(|()| threads::probe_files()).map_err(Error::Thread)?;
    let runtime = without_unwinding(app, || Builder::new_multi_thread().worker_threads(workers).enable_all().build());
    let runtime = runtime.map_err(Error::Thread)?;
    // If no thread for blocking work can be started, tokio waits forever for one of its workers.
    let blocking = runtime.spawn_blocking(|| ());
    if runtime.block_on(async { tokio::time::timeout(START_TIMEOUT, blocking).await }).is_err() {
        runtime.shutdown_background();
        return Err(Error::Thread(io::ErrorKind::WouldBlock.into()));
    }
    Ok(runtime)
}

/// A runtime for commands that send one window of inputs after the other to an engine.
pub(super) struct EngineRuntime(Option<Runtime>);

impl EngineRuntime {
    /// For a model of this process: without threads of its own.
    ///
    /// # Errors
    /// [`Error::Thread`]
    pub(crate) fn local() -> Result<Arc<Self>, Error> {
        threads::probe_files().map_err(Error::Thread)?;
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::Thread)?;
        Ok(Arc::new(Self(Some(runtime))))
    }

    /// For a server or a Python process, with threads that read and write meanwhile.
    ///
    /// # Errors
    /// [`Error::Thread`] if the system has not enough threads left.
    pub(crate) fn network(app: &AppContext) -> Result<Arc<Self>, Error> {
        threads::probe(NETWORK_THREADS).and_then(|()| threads::probe_files()).map_err(Error::Thread)?;
        let build =
            || Builder::new_multi_thread().worker_threads(NETWORK_THREADS).thread_name("engine").enable_all().build();
        let runtime = without_unwinding(app, build).map_err(Error::Thread)?;
        Ok(Arc::new(Self(Some(runtime))))
    }

    /// Its handle.
    ///
    /// # Errors
    /// [`Error::Interrupted`] while it is being dropped.
    pub(crate) fn handle(&self) -> Result<&Handle, Error> {
        self.0.as_ref().map(Runtime::handle).ok_or(Error::Interrupted)
    }

    /// Blocks until `work` is done; `None` while the runtime is being dropped, when nothing can be waiting any more.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        self.0.as_ref().map(|runtime| runtime.block_on(work))
    }
}

impl Drop for EngineRuntime {
    fn drop(&mut self) {
        // Work whose results are no longer wanted holds nothing up, nor does a name that the system still looks up.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// Runs `build`. If it panics, which it does if another process has taken the last threads since they were counted, the
/// process ends at once: tokio waits for its threads while it unwinds, and they for it.
fn without_unwinding<T>(app: &AppContext, build: impl FnOnce() -> T) -> T {
    let (here, printer) = (std::thread::current().id(), app.bars.printer().clone());
    let previous = std::sync::Arc::new(std::panic::take_hook());
    let outer = std::sync::Arc::clone(&previous);
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() != here {
            return outer(info);
        }
        let e = Error::Thread(io::ErrorKind::WouldBlock.into());
        printer.error(&e.to_string(), e.hint().as_deref());
        interrupt::exit(e.exit_status());
    }));
    let built = build();
    std::panic::set_hook(Box::new(move |info| previous(info)));
    built
}
