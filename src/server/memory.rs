//! The memory budget of all requests together: request bodies and the contents of large responses.
//!
//! Each request has its own limits, but hundreds of them could exhaust the memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::http::ApiError;

/// Memory is counted in blocks of this many bytes. The first block of each request is free, so that small requests
/// always fit.
const BLOCK: usize = 64 << 10;
/// `Retry-After` of requests that found no memory.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Freed memory is returned to the system after a request of more than this many bytes.
const LARGE: usize = 1 << 20;
/// Delay and minimum interval of the return of freed memory.
const RETURN_AFTER: Duration = Duration::from_millis(500);

#[derive(Debug, Clone)]
pub struct BodyBudget {
    blocks: Arc<Semaphore>,
    /// Bytes.
    size: usize,
    /// True while a return of freed memory is scheduled.
    returning: Arc<AtomicBool>,
}

impl BodyBudget {
    /// `size`: bytes.
    pub fn new(size: usize) -> Self {
        let blocks = Semaphore::new((size / BLOCK).min(Semaphore::MAX_PERMITS));
        Self { blocks: Arc::new(blocks), size, returning: Arc::default() }
    }

    /// An empty permit for one request.
    pub fn permit(&self) -> BodyPermit {
        BodyPermit { budget: self.clone(), held: None, bytes: 0 }
    }

    /// Schedules a return of freed memory to the system.
    fn return_freed(&self) {
        let Ok(runtime) = Handle::try_current() else { return };
        if self.returning.swap(true, Ordering::AcqRel) {
            return;
        }
        let returning = Arc::clone(&self.returning);
        runtime.spawn(async move {
            tokio::time::sleep(RETURN_AFTER).await;
            returning.store(false, Ordering::Release);
            let _ = tokio::task::spawn_blocking(return_freed_memory).await;
        });
    }
}

/// The memory held by one request; released on drop.
#[derive(Debug)]
pub struct BodyPermit {
    budget: BodyBudget,
    held: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl BodyPermit {
    /// Adds `bytes` bytes.
    ///
    /// # Errors
    /// 429 while other requests hold too much of the budget.
    pub fn add(&mut self, bytes: usize) -> Result<(), ApiError> {
        self.grow(self.bytes.saturating_add(bytes))
    }

    /// Grows to `bytes` bytes in total.
    ///
    /// # Errors
    /// 429 while other requests hold too much of the budget.
    pub fn grow(&mut self, bytes: usize) -> Result<(), ApiError> {
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = (bytes / BLOCK).saturating_sub(held);
        if more > 0 {
            let permit = u32::try_from(more).ok();
            let permit = permit.and_then(|more| Arc::clone(&self.budget.blocks).try_acquire_many_owned(more).ok());
            let permit = permit.ok_or_else(|| self.refusal())?;
            match &mut self.held {
                Some(held) => held.merge(permit),
                None => self.held = Some(permit),
            }
        }
        self.bytes = self.bytes.max(bytes);
        Ok(())
    }

    fn refusal(&self) -> ApiError {
        let message = format!("all requests together need more than {} bytes; try again", self.budget.size);
        ApiError::new(StatusCode::TOO_MANY_REQUESTS, message).code("too_many_requests").retry_after(RETRY_AFTER)
    }
}

impl Drop for BodyPermit {
    fn drop(&mut self) {
        if self.bytes >= LARGE {
            self.budget.return_freed();
        }
    }
}

/// Returns the freed memory that the allocator keeps to the system; takes some milliseconds.
pub(crate) fn return_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes no pointers and may be called at any time from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_share_it_and_small_ones_need_none() {
        let budget = BodyBudget::new(4 * BLOCK);
        let (mut first, mut second, mut small) = (budget.permit(), budget.permit(), budget.permit());
        assert!(first.grow(BLOCK - 1).is_ok());
        assert!(first.grow(2 * BLOCK).is_ok());
        assert!(first.add(BLOCK).is_ok());
        assert!(second.grow(2 * BLOCK).is_err_and(|e| e.status == StatusCode::TOO_MANY_REQUESTS));
        assert!(second.grow(BLOCK).is_ok());
        assert!(small.grow(BLOCK - 1).is_ok());
        assert!(first.grow(4 * BLOCK).is_err());
        drop(first);
        assert!(second.grow(4 * BLOCK).is_ok());
        assert!(second.grow(usize::MAX).is_err());
    }
}
