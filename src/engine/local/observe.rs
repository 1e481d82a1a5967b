//! Observers of the local engine's work, for metrics.

use std::time::Duration;

/// One run of the model over a group of texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupRun {
    /// Texts (or pairs) in the group.
    pub texts: usize,
    /// Tokens of all of them, specials included. None are padding.
    pub tokens: usize,
    /// Waiting time of the group's first text before the run.
    pub wait: Duration,
    /// Duration from the beginning of the run until its results were there.
    pub run: Duration,
}

/// Notified of an engine's runs. Called by worker threads, many times a second: it must be cheap and never block.
pub trait GroupObserver: Send + Sync {
    fn group(&self, group: GroupRun);
}
