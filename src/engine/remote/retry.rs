//! Retries of failed requests.

use std::time::Duration;

use super::error::RemoteError;
use crate::fetch::backoff;

/// Before the first retry.
const FIRST: Duration = Duration::from_millis(500);
/// Beyond, the server counts as unavailable.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(120);

/// Pause before the next attempt of a request that has failed `failures` times, the last time with `error`; `None` if
/// there is none. `luck`, from 0 to 1, spreads clients that failed together.
pub(super) fn wait(error: &RemoteError, failures: u32, retries: u32, luck: f64) -> Option<Duration> {
    if failures > retries || !error.may_pass() {
        return None;
    }
    match error {
        RemoteError::Status { retry_after: Some(wait), .. } => (*wait <= MAX_RETRY_AFTER).then_some(*wait),
        _ => Some(backoff(failures, FIRST).mul_f64(0.5 + luck.clamp(0.0, 1.0) / 2.0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, retry_after: Option<u64>) -> RemoteError {
        RemoteError::Status { code, message: None, retry_after: retry_after.map(Duration::from_secs) }
    }

    #[test]
    fn failures_are_retried_as_often_as_configured() {
        assert_eq!(wait(&status(429, Some(1)), 1, 0, 1.0), None);
        assert_eq!(wait(&status(429, Some(1)), 1, 1, 1.0), Some(Duration::from_secs(1)));
        assert_eq!(wait(&status(429, Some(1)), 2, 1, 1.0), None);
        assert_eq!(wait(&status(400, None), 1, 9, 1.0), None);
    }

    #[test]
    fn pauses_follow_the_server_or_double() {
        assert_eq!(wait(&status(503, Some(0)), 1, 9, 1.0), Some(Duration::ZERO));
        assert_eq!(wait(&status(503, Some(3600)), 1, 9, 1.0), None);
        let waits: Vec<u128> = (1..8).filter_map(|n| Some(wait(&status(503, None), n, 9, 1.0)?.as_millis())).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
        assert_eq!(wait(&RemoteError::Broken { reason: String::new() }, 1, 9, 0.0), Some(Duration::from_millis(250)));
    }
}
