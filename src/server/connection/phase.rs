//! How near the end of the server is.

/// How near the end of the server is; what connections go by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It is not.
    Serving,
    /// What was begun is finished; connections that had their first request by then close after it.
    Draining,
    /// All connections close after the request that they have, if any.
    Closing,
    /// All connections end now.
    Cut,
}
