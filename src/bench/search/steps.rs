//! Steps of a sweep or a search.

use std::sync::Arc;

use crate::bench::load::{self, Load, Phase, PhaseError};
use crate::bench::observer::{Observer, Stage};
use crate::bench::recorder::{Ending, Recording};
use crate::bench::target::Target;
use crate::fetch::Cancel;

/// A phase of a sweep or a search; all of them together are a curve of latency over throughput.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub load: Load,
    pub recording: Recording,
}

/// The reason for the end of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The result is found.
    Found,
    /// The range or the number of steps is used up.
    Limit,
    /// The target died, or answered nothing.
    Failed,
    /// The user stopped the run.
    Cancelled,
}

/// The steps of one target so far.
pub(super) struct Steps<'a> {
    pub target: &'a Arc<dyn Target>,
    pub phase: &'a Phase,
    pub cancel: &'a Cancel,
    pub observer: &'a dyn Observer,
    pub steps: Vec<Step>,
}

impl Steps<'_> {
    /// Takes another step under this load: its recording, or the reason that no more follow.
    pub(crate) async fn take(&mut self, load: Load) -> Result<Result<&Recording, Stop>, PhaseError> {
        let number = self.steps.len();
        // Poisson arrivals differ from step to step.
        let mut phase = self.phase.with_load(load)?;
        phase.seed = phase.seed.wrapping_add(number as u64);
        self.observer.began(0, Stage::Step(number));
        let recording = load::run(self.target, &phase, self.cancel, self.observer).await;
        self.observer.ended(&recording);
        let ending = recording.ending;
        self.steps.push(Step { load, recording });
        Ok(match (ending, self.steps.last()) {
            (Ending::Complete | Ending::GaveUp, Some(step)) => Ok(&step.recording),
            (Ending::Cancelled, _) => Err(Stop::Cancelled),
            _ => Err(Stop::Failed),
        })
    }
}
