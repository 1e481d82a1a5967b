//! Observers of a run: a progress bar, a collector of results, or none.

use std::fmt;

use super::recorder::{Recording, Sample};

/// The purpose of a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Requests that do not count.
    WarmUp,
    /// A measured round, from 0.
    Round(usize),
    /// A step of a sweep or a search, from 0.
    Step(usize),
}

impl fmt::Display for Stage {
    /// Rounds and steps for people, from 1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WarmUp => f.write_str("warm-up"),
            Self::Round(round) => write!(f, "round {}", round + 1),
            Self::Step(step) => write!(f, "step {}", step + 1),
        }
    }
}

/// A receiver of the events of a run. Calls come from the task that measures and must return quickly.
pub(crate) trait Observer: Send + Sync {
    /// A stage of the target of this index begins. Stages follow one another.
    fn began(&self, _target: usize, _stage: Stage) {}

    /// A request has ended.
    fn finished(&self, _sample: Sample) {}

    /// The last stage is over.
    fn ended(&self, _recording: &Recording) {}
}

impl Observer for () {}
