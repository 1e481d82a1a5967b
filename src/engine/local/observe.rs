//! What an engine tells of its work while it works, for whoever counts it.

use std::time::Duration;

/// One run of the model over a group of texts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GroupRun {
    /// Texts (or pairs) in the group.
    pub texts: usize,
    /// Tokens of all of them, specials included, padding not.
    pub tokens: usize,
    /// Tokens that were computed only because texts of one run must have one length. 0 where groups are of equal length.
    pub padding_tokens: usize,
    /// How long the text that came first had waited when the run began.
    pub wait: Duration,
    /// From the beginning of the run until its results were there.
    pub run: Duration,
}

/// Is told what an engine does. Called by worker threads, many times a second: it must be cheap and never block.
pub trait GroupObserver: Send + Sync {
    fn group(&self, group: GroupRun);
}
