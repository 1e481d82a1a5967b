//! The phases of the shutdown.

/// The phase of the server's shutdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// No shutdown.
    Serving,
    /// Requests in progress are finished; used connections close after their current request.
    Draining,
    /// All connections close after their current request, if any.
    Closing,
    /// All connections end now.
    Cut,
}
