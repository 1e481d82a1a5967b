//! Time limits and retries of a fetch.

use std::time::Duration;

/// Time limits and numbers of attempts. The defaults suit the internet; tests use milliseconds.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Until a connection stands (default 10 s).
    pub connect: Duration,
    /// Between two bytes of an answer, and until its first (default 30 s).
    pub stall: Duration,
    /// Consecutive retries without a new byte (default 5).
    pub retries: u32,
    /// Before the first retry; doubles with each one, up to 8 s (default 500 ms).
    pub backoff: Duration,
    /// The longest `Retry-After` that is honoured (default 10 s).
    pub retry_after: Duration,
    /// The largest JSON document read, in bytes (default 16 MiB).
    pub json_bytes: usize,
    /// Use HTTP_PROXY, HTTPS_PROXY and NO_PROXY (default: yes). Tests against this machine do not.
    pub proxies: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            stall: Duration::from_secs(30),
            retries: 5,
            backoff: Duration::from_millis(500),
            retry_after: Duration::from_secs(10),
            json_bytes: 16 << 20,
            proxies: true,
        }
    }
}
