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
pub(crate) fn probe(count: usize) -> io::Result<()> {
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

/// Opens and closes the files that a runtime of tokio has, which panics where it cannot open those for signals.
///
/// # Errors
/// The system's error.
pub(crate) fn probe_files() -> io::Result<()> {
    const PAIRS: usize = 4;
    #[cfg(unix)]
    let _files = (0..PAIRS).map(|_| std::os::unix::net::UnixStream::pair()).collect::<io::Result<Vec<_>>>()?;
    Ok(())
}

/// The limit that the system has run into, for the reason that a thread cannot be started.
pub(crate) fn hint(reason: &str) -> &'static str {
    match reason {
        // Each runtime needs a few files: EMFILE, and ENFILE of the whole system.
        _ if reason.contains("os error 24") => "raise the limit of open files (ulimit -n)",
        _ if reason.contains("os error 23") => "raise the system's limit of open files (sysctl fs.file-max)",
        _ if reason.contains("os error 12") => "free some memory, or raise the limit (ulimit -v)",
        _ => "use fewer with --threads, or raise the limit (ulimit -u)",
    }
}

/// Starts rayon's global pool. Rayon would start it on first use, and panic on failure.
///
/// # Errors
/// The reason of the failure, as a text.
pub(crate) fn start_pool() -> Result<(), String> {
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
    fn the_hint_names_the_limit() {
        for (code, limit) in [(24, "ulimit -n"), (23, "file-max"), (12, "ulimit -v"), (11, "ulimit -u")] {
            let reason = io::Error::from_raw_os_error(code).to_string();
            assert!(hint(&reason).contains(limit), "{reason}");
        }
        assert!(hint("The global thread pool failed").contains("--threads"));
    }

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
