//! The highest rate at which a target keeps a latency.

use std::sync::Arc;
use std::time::Duration;

use super::steps::{Step, Steps, Stop};
use crate::bench::load::{Load, MAX_RATE, Phase, PhaseError};
use crate::bench::observer::Observer;
use crate::bench::recorder::{Ending, Recording};
use crate::bench::target::Target;
use crate::fetch::Cancel;

/// The latency to keep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Goal {
    /// The quantile of the latencies, from 0 to 1.
    pub quantile: f64,
    /// Its limit.
    pub latency: Duration,
    /// The largest share of requests that may fail or be dropped.
    pub failures: f64,
}

/// A result this many times better or worse than the goal needs no repetition.
const CLEAR: f64 = 2.0;
/// Any other needs this many phases that agree.
const AGREE: usize = 2;
/// Rates below the first one by this factor are not tried.
const LOWEST: f64 = 1.0 / 1024.0;

impl Goal {
    pub fn met(&self, recording: &Recording) -> bool {
        self.exceeded(recording) <= 1.0
    }

    /// The worse of latency and failures, as a multiple of its limit. Infinite if the phase gave up or had no answer.
    fn exceeded(&self, recording: &Recording) -> f64 {
        let Some(latency) = recording.latency.quantile(self.quantile) else { return f64::INFINITY };
        if recording.ending != Ending::Complete {
            return f64::INFINITY;
        }
        let latency = latency.as_secs_f64() / self.latency.as_secs_f64();
        let failures = match recording.failure_rate() {
            0.0 => 0.0,
            rate => rate / self.failures,
        };
        latency.max(failures)
    }
}

/// The search: doubles or halves the first rate until one rate meets the goal and one does not, then halves the
/// (logarithmic) gap between them.
///
/// Near the edge the noise of one phase would decide; so a rate whose outcome is within a factor of two of the goal
/// needs two phases that agree, or two of three. The result holds for phases of this length: at a rate a little above
/// the capacity the queue grows slowly, so long phases are stricter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RateSearch {
    pub goal: Goal,
    /// The first rate, in requests a second.
    pub from: f64,
    /// The highest rate that is tried, in requests a second.
    pub to: f64,
    /// The search ends when the lowest rate that fails is above the highest that holds by at most this share.
    pub tolerance: f64,
    /// The most phases.
    pub steps: usize,
    /// True for random times (see [`Load::Poisson`]), false for even intervals.
    pub poisson: bool,
}

/// The result of a search.
#[derive(Debug, Clone)]
pub(crate) struct HighestRate {
    /// The highest rate at which the goal was met, in requests a second.
    pub holds: Option<f64>,
    /// The lowest rate at which it was missed, in requests a second.
    pub fails: Option<f64>,
    /// All phases, in order.
    pub steps: Vec<Step>,
    /// [`Stop::Found`]: `holds` is within the tolerance; [`Stop::Limit`]: the phases or the range are used up.
    pub stop: Stop,
}

impl RateSearch {
    /// Searches with phases like this one; its own load is not used.
    pub(crate) async fn run(
        &self,
        target: &Arc<dyn Target>,
        phase: &Phase,
        cancel: &Cancel,
        observer: &dyn Observer,
    ) -> Result<HighestRate, PhaseError> {
        let mut steps = Steps { target, phase, cancel, observer, steps: Vec::new() };
        let (mut holds, mut fails) = (None, None);
        let stop = loop {
            let rate = match self.next(holds, fails) {
                Ok(rate) => rate,
                Err(stop) => break stop,
            };
            match self.judge(&mut steps, rate).await? {
                Ok(true) => holds = Some(rate),
                Ok(false) => fails = Some(rate),
                Err(stop) => break stop,
            }
        };
        Ok(HighestRate { holds, fails, steps: steps.steps, stop })
    }

    /// The rate to try next.
    fn next(&self, holds: Option<f64>, fails: Option<f64>) -> Result<f64, Stop> {
        let highest = self.to.min(MAX_RATE);
        match (holds, fails) {
            (None, None) => Ok(self.from.min(highest)),
            (Some(holds), None) if holds >= highest => Err(Stop::Limit),
            (Some(holds), None) => Ok((holds * 2.0).min(highest)),
            (None, Some(fails)) if fails <= self.from * LOWEST => Err(Stop::Limit),
            (None, Some(fails)) => Ok(fails / 2.0),
            (Some(holds), Some(fails)) if fails <= holds * (1.0 + self.tolerance) => Err(Stop::Found),
            (Some(holds), Some(fails)) => Ok((holds * fails).sqrt()),
        }
    }

    /// True if the goal is met at this rate, by as many phases as it takes.
    async fn judge(&self, steps: &mut Steps<'_>, rate: f64) -> Result<Result<bool, Stop>, PhaseError> {
        let load = if self.poisson { Load::Poisson { rate } } else { Load::Constant { rate } };
        let (mut met, mut missed) = (0, 0);
        while met < AGREE && missed < AGREE {
            if steps.steps.len() >= self.steps {
                return Ok(Err(Stop::Limit));
            }
            let recording = match steps.take(load).await? {
                Ok(recording) => recording,
                Err(stop) => return Ok(Err(stop)),
            };
            let exceeded = self.goal.exceeded(recording);
            if exceeded <= 1.0 {
                met += 1
            } else {
                missed += 1
            }
            if exceeded <= 1.0 / CLEAR || exceeded >= CLEAR {
                return Ok(Ok(exceeded <= 1.0));
            }
        }
        Ok(Ok(met > missed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::fake::{Fake, ms};
    use crate::bench::load::End;
    use crate::bench::target::{Failure, FailureKind};

    const SEARCH: RateSearch = RateSearch {
        goal: Goal { quantile: 0.99, latency: Duration::from_millis(50), failures: 0.01 },
        from: 10.0,
        to: 10_000.0,
        tolerance: 0.05,
        steps: 40,
        poisson: false,
    };

    async fn search(fake: Fake, search: RateSearch) -> HighestRate {
        let phase = Phase::new(Load::Offline, End::After(ms(20_000))).unwrap();
        search.run(&fake.target(), &phase, &Cancel::new(), &()).await.unwrap()
    }

    /// One server of 10 ms can do 100/s; above that its queue grows to seconds.
    #[tokio::test(start_paused = true)]
    async fn the_knee_of_a_known_capacity() {
        let found = search(Fake::constant(ms(10)).servers(1), SEARCH).await;
        let (holds, fails) = (found.holds.unwrap(), found.fails.unwrap());
        assert!(holds <= 100.2 && fails > 99.8 && fails <= holds * 1.05, "{holds} {fails}");
        assert_eq!(found.stop, Stop::Found);
        let rates: Vec<String> = found.steps.iter().map(|step| step.load.to_string()).collect();
        assert_eq!(rates[..6], ["10/s", "20/s", "40/s", "80/s", "160/s", "113.13708498984761/s"]);
    }

    /// With random arrivals one request in a hundred waits for more than 40 ms at 56.1/s already (Erlang's formula for
    /// M/D/1: `P(W ≤ x) = (1 - ρ)·Σ (ρ(j - x/D))^j/j!·exp(-ρ(j - x/D))` for j from 0 to x/D); phases of a thousand
    /// requests see that to some 10 %.
    #[tokio::test(start_paused = true)]
    async fn random_arrivals_need_room() {
        let found = search(Fake::constant(ms(10)).servers(1), RateSearch { poisson: true, ..SEARCH }).await;
        let holds = found.holds.unwrap();
        assert!((50.0..62.0).contains(&holds), "{holds}");
    }

    /// A server slower than the goal for the first rate: the search goes down, without success.
    #[tokio::test(start_paused = true)]
    async fn no_rate_is_low_enough() {
        let found = search(Fake::constant(ms(60)), RateSearch { from: 200.0, steps: 60, ..SEARCH }).await;
        assert_eq!((found.holds, found.stop), (None, Stop::Limit));
        assert!(found.fails.unwrap() <= 200.0 / 1024.0);
    }

    #[tokio::test(start_paused = true)]
    async fn down_from_too_high_a_rate() {
        let found = search(Fake::constant(ms(10)).servers(1), RateSearch { from: 1000.0, ..SEARCH }).await;
        let holds = found.holds.unwrap();
        assert!((95.0..=100.2).contains(&holds), "{holds}");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_too_much_up_to_the_limit() {
        let found = search(Fake::constant(ms(10)), RateSearch { to: 100.0, ..SEARCH }).await;
        assert_eq!((found.holds, found.fails, found.stop), (Some(100.0), None, Stop::Limit));
        assert_eq!(found.steps.len(), 5);
    }

    /// One disturbed phase does not decide: near the goal, two of three do.
    #[tokio::test(start_paused = true)]
    async fn one_disturbed_phase_does_not_decide() {
        // At 40 ms every result is near the goal. A stall in the first phase makes its p99 miss, by less than twice.
        let fake = Fake::constant(ms(40)).stall(ms(1000), ms(1000));
        let goal = Goal { latency: ms(600), quantile: 0.98, ..SEARCH.goal };
        let disturbed = search(fake, RateSearch { goal, to: 10.0, ..SEARCH }).await;
        let met: Vec<bool> = disturbed.steps.iter().map(|step| goal.met(&step.recording)).collect();
        assert_eq!((met, disturbed.holds), (vec![false, true], Some(10.0)));
    }

    #[tokio::test(start_paused = true)]
    async fn failures_count_as_missing_it() {
        let failing = |n: usize| n.is_multiple_of(50).then(|| Failure::new(FailureKind::Overloaded(429), "slow down"));
        let found = search(Fake::constant(ms(1)).failing(failing), RateSearch { steps: 3, ..SEARCH }).await;
        assert_eq!((found.holds, found.stop), (None, Stop::Limit));
        let tolerant = Goal { failures: 0.04, ..SEARCH.goal };
        let failing = Fake::constant(ms(1)).failing(failing);
        let found = search(failing, RateSearch { goal: tolerant, to: 20.0, ..SEARCH }).await;
        assert_eq!(found.holds, Some(20.0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_dying_target_ends_it() {
        let found = search(Fake::constant(ms(10)).dies_at(250), SEARCH).await;
        assert_eq!((found.holds, found.stop, found.steps.len()), (Some(10.0), Stop::Failed, 2));
    }
}
