//! How far a target can be driven: sweeps until it is saturated, searches for the highest rate that keeps a promise.

mod highest_rate;
mod sweep;

pub use highest_rate::{Goal, HighestRate, RateSearch};
pub use sweep::{Axis, Sweep, Swept};

use std::sync::Arc;

use super::load::{self, Load, Phase, PhaseError};
use super::observer::{Observer, Stage};
use super::recorder::{Ending, Recording};
use super::target::Target;
use crate::fetch::Cancel;

/// One phase of a sweep or a search; all of them together are a curve of latency over throughput.
#[derive(Debug, Clone)]
pub struct Step {
    /// Under which load.
    pub load: Load,
    /// What it showed.
    pub recording: Recording,
}

/// Why there are no more steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// What was looked for is found.
    Found,
    /// The range or the number of steps is used up.
    Limit,
    /// The target failed: it died, or answered nothing.
    Failed,
    /// Somebody asked to stop.
    Cancelled,
}

/// Takes steps with one target and keeps what they show.
struct Steps<'a> {
    target: &'a Arc<dyn Target>,
    phase: &'a Phase,
    cancel: &'a Cancel,
    observer: &'a dyn Observer,
    steps: Vec<Step>,
}

impl Steps<'_> {
    /// One more, under this load; its recording, or why none follows.
    async fn take(&mut self, load: Load) -> Result<Result<&Recording, Stop>, PhaseError> {
        let number = self.steps.len();
        // Poisson arrivals are others each time.
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
