//! One infa at a time: an advisory lock on a file, so that processes started together install a thing once.
//!
//! The operating system drops the lock when its holder dies, however it dies; the lock file itself stays, as
//! removing it would let a third process lock a file that a second one no longer sees.

use super::{Context, FetchError};
use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(2);

/// Runs `body` while holding the lock on the file `path`, which is created if missing.
///
/// After two seconds of waiting a note is printed. `body` checks first if another process has done the work meanwhile.
///
/// # Errors
/// `Io` if the lock file cannot be created, `Cancelled` if the user interrupts the wait, and the errors of `body`.
pub(crate) fn with_lock<T, E>(path: &Path, ctx: &Context, body: impl FnOnce() -> Result<T, E>) -> Result<T, E>
where
    E: From<FetchError>,
{
    let file = open(path)?;
    acquire(&file, path, ctx)?;
    let outcome = body();
    // Closing the file would do it too; unlocking first leaves no doubt on systems that close late.
    let _ = file.unlock();
    outcome
}

fn open(path: &Path) -> Result<File, FetchError> {
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(FetchError::io(parent))?;
    }
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(FetchError::io(path))
}

fn acquire(file: &File, path: &Path, ctx: &Context) -> Result<(), FetchError> {
    let began = Instant::now();
    let mut reported = false;
    loop {
        ctx.cancel.check()?;
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) => {}
            // Some network file systems have no locks. Without one the worst case is a double download: files are
            // checked before they are renamed into place.
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
                tracing::debug!(path = %path.display(), "this file system has no locks");
                return Ok(());
            }
            Err(TryLockError::Error(error)) => return Err(FetchError::io(path)(error)),
        }
        if !reported && began.elapsed() > PATIENCE {
            reported = true;
            let path = path.display();
            ctx.progress.note(&format!("Waiting for another infa to finish installing (it holds {path})"));
        }
        std::thread::sleep(POLL);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[test]
    fn only_one_thread_is_inside_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/er/x.lock");
        let (inside, entered) = (AtomicU32::new(0), AtomicU32::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    with_lock(&path, &Context::silent(), || -> Result<(), FetchError> {
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        std::thread::sleep(Duration::from_millis(5));
                        inside.fetch_sub(1, Ordering::SeqCst);
                        entered.fetch_add(1, Ordering::SeqCst);
                        Ok(())
                    })
                    .unwrap();
                });
            }
        });
        assert_eq!(entered.into_inner(), 4);
    }

    #[test]
    fn waiting_ends_when_cancelled() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.lock");
        let held = open(&path).unwrap();
        held.lock().unwrap();
        let ctx = Context::silent();
        let cancel = ctx.cancel.clone();
        let waiter = std::thread::spawn(move || with_lock(&path, &ctx, || Ok::<_, FetchError>(())));
        cancel.cancel();
        assert!(matches!(waiter.join().unwrap(), Err(FetchError::Cancelled)));
    }
}
