//! Retries after transient errors, with pauses that double.

use std::time::{Duration, Instant};

use super::limits::Limits;
use super::{Context, FetchError};

const MAX_BACKOFF: Duration = Duration::from_secs(8);

/// The pause after `failures` in a row: `first`, doubled with each of them, at most 8 seconds.
pub(crate) fn backoff(failures: u32, first: Duration) -> Duration {
    first.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(MAX_BACKOFF)
}

/// Interval at which a pause checks for cancellation.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

pub(super) enum AttemptError {
    /// Another attempt may succeed.
    Transient {
        error: FetchError,
        /// The pause that the server requests (`Retry-After`).
        wait: Option<Duration>,
        /// No connection was made at all.
        never_connected: bool,
    },
    /// Another attempt would fail as well.
    Permanent(FetchError),
}

impl From<FetchError> for AttemptError {
    fn from(error: FetchError) -> Self {
        AttemptError::Permanent(error)
    }
}

/// The failures in a row of one fetch.
pub(super) struct Retries<'l> {
    limits: &'l Limits,
    max_retries: u32,
    failures: u32,
}

impl<'l> Retries<'l> {
    /// At most `max_retries` retries in a row.
    pub(crate) fn new(limits: &'l Limits, max_retries: u32) -> Self {
        Self { limits, max_retries, failures: 0 }
    }

    /// Starts to count anew: the last attempt made progress.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Waits before the next attempt. `connected`: an earlier attempt of this fetch reached the server.
    ///
    /// # Errors
    /// The attempt's own error if no retry follows: the error is permanent, the retries are used up, or the very first
    /// connection failed.
    pub(crate) fn wait(&mut self, error: AttemptError, connected: bool, ctx: &Context) -> Result<(), FetchError> {
        let (error, wait, never_connected) = match error {
            AttemptError::Permanent(error) => return Err(error),
            AttemptError::Transient { error, wait, never_connected } => (error, wait, never_connected),
        };
        self.failures += 1;
        if self.failures > self.max_retries || (never_connected && !connected) {
            return Err(error);
        }
        tracing::debug!(%error, failures = self.failures, "trying again");
        self.pause(wait, ctx)
    }

    /// Waits as long as the server requests, or twice as long as the last time.
    fn pause(&self, requested: Option<Duration>, ctx: &Context) -> Result<(), FetchError> {
        let backoff = backoff(self.failures, self.limits.backoff);
        let wait = requested.map_or(backoff, |requested| requested.min(self.limits.retry_after));
        let began = Instant::now();
        loop {
            ctx.cancel.check()?;
            let left = wait.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(POLL_INTERVAL));
        }
    }
}
