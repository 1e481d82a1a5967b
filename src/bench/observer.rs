//! Somebody who watches a run: a progress bar, a collector of vectors, or nobody.

use std::fmt;

use super::recorder::{Recording, Sample};

/// What a phase is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Before it counts.
    WarmUp,
    /// A measured round, from 0.
    Round(usize),
    /// A step of a sweep or a search, from 0.
    Step(usize),
}

impl fmt::Display for Stage {
    /// As people count, from 1.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WarmUp => f.write_str("warm-up"),
            Self::Round(round) => write!(f, "round {}", round + 1),
            Self::Step(step) => write!(f, "step {}", step + 1),
        }
    }
}

/// Is told what happens while it happens. Calls come from the task that measures: they must be quick.
pub trait Observer: Send + Sync {
    /// The target of this place in the list begins a stage. Stages follow one another.
    fn began(&self, _target: usize, _stage: Stage) {}

    /// A request has ended.
    fn finished(&self, _sample: Sample) {}

    /// The stage that began last is over.
    fn ended(&self, _recording: &Recording) {}
}

/// Nobody.
impl Observer for () {}
