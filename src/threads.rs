//! Threads of this process, started so that a system that has none left is an error and not a panic.
//!
//! tokio, tracing-appender and rayon's global pool panic where a thread cannot be started (`ulimit -u`, a container's
//! limit of processes); tokio's runtime then even waits for ever for the threads that it had.

use std::io;
use std::sync::OnceLock;
use std::sync::mpsc;

/// Starts and ends `count` threads, to see if the system allows that many more.
///
/// # Errors
/// The system's error.
pub fn probe(count: usize) -> io::Result<()> {
    let mut threads = Vec::with_capacity(count);
    for _ in 0..count {
        let (release, wait) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new().name("probe".into()).spawn(move || _ = wait.recv())?;
        threads.push((release, thread));
    }
    for (release, thread) in threads {
        drop(release);
        let _ = thread.join();
    }
    Ok(())
}

/// Starts rayon's global pool. Rayon would start it on first use, and panic on failure.
///
/// # Errors
/// The reason of the failure, as a text.
pub fn start_pool() -> Result<(), String> {
    static STARTED: OnceLock<Result<(), String>> = OnceLock::new();
    let start = || match rayon::ThreadPoolBuilder::new().thread_name(|number| format!("pool-{number}")).build_global() {
        Ok(()) => Ok(()),
        // The crate has no variant for this error: the pool is already running.
        Err(e) if e.to_string().contains("already been initialized") => Ok(()),
        Err(e) => Err(e.to_string()),
    };
    STARTED.get_or_init(start).clone()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn threads_are_there_and_gone_again() {
        probe(3).unwrap();
        probe(0).unwrap();
    }

    #[test]
    fn the_pool_starts_once_whoever_started_it() {
        rayon::join(|| (), || ());
        assert_eq!(start_pool(), Ok(()));
        assert_eq!(start_pool(), Ok(()));
    }
}
