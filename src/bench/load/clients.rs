//! The requests that clients of a closed loop share.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::phase::End;

/// Requests for clients that take the next one when they are free.
#[derive(Debug)]
pub(crate) struct Supply {
    begin: Instant,
    end: End,
    next: AtomicUsize,
    stopped: AtomicBool,
    /// The time at which the last of a number of requests was taken.
    last: OnceLock<Duration>,
    exhausted: Notify,
}

impl Supply {
    pub(crate) fn new(begin: Instant, end: End) -> Self {
        let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
        Self { begin, end, next, stopped, last: OnceLock::new(), exhausted: Notify::new() }
    }

    /// The number of requests.
    pub(crate) fn most(&self) -> usize {
        match self.end {
            End::After(_) => usize::MAX,
            End::Requests(requests) => requests,
        }
    }

    /// The number of the next request, which is due now; `None` after the last one.
    pub(crate) fn take(&self) -> Option<usize> {
        let since = self.begin.elapsed();
        let late = matches!(self.end, End::After(duration) if since >= duration);
        if late || self.stopped.load(Ordering::SeqCst) {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        if number.checked_add(1) == Some(self.most()) {
            self.last.get_or_init(|| since);
            self.exhausted.notify_one();
        }
        (number < self.most()).then_some(number)
    }

    /// No more requests from now on.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    /// The number of requests that were taken.
    pub(crate) fn taken(&self) -> usize {
        // Clients that came after the last request have counted themselves, too.
        self.next.load(Ordering::SeqCst).min(self.most())
    }

    /// The time at which the last of a number of requests was taken, since the phase began.
    pub(crate) fn last(&self) -> Option<Duration> {
        self.last.get().copied()
    }

    /// Returns at the end: of the time, or when the last request is taken.
    pub(crate) async fn over(&self) {
        match self.end {
            End::After(duration) => sleep_until(self.begin + duration).await,
            End::Requests(_) => self.exhausted.notified().await,
        }
    }
}
