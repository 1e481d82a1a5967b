//! Requests before the clock counts: caches fill, compilers compile, processors reach their speed.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::load::{self, Load, Phase};
use super::observer::Observer;
use super::recorder::{Ending, Recording};
use super::target::Target;
use crate::fetch::Cancel;
use crate::stats::spread::coefficient_of_variation;

/// The number of blocks in a row that must take about the same time.
const BLOCKS: usize = 3;
/// Requests of a block per request in flight.
const PER_CLIENT: usize = 2;

/// The end of a warm-up: clients that wait for their replies send blocks of equally many requests until the last three
/// took the same time (the steady state of Georges, Buytaert and Eeckhout, OOPSLA 2007, section 3.3), or until one of
/// the other two limits is reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WarmUp {
    /// The most requests.
    pub requests: usize,
    /// No block begins after this time.
    pub limit: Duration,
    /// The largest coefficient of variation of three blocks' times that counts as steady.
    pub stable: f64,
}

impl Default for WarmUp {
    fn default() -> Self {
        Self { requests: 500, limit: Duration::from_secs(10), stable: 0.05 }
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct WarmedUp {
    /// All blocks together, with the ending of the last one; [`Ending::GaveUp`] also if a block had no answer at all.
    pub recording: Recording,
    /// True if the end was steady.
    pub stable: bool,
}

impl WarmUp {
    /// Warms a target up for this phase.
    pub(crate) async fn run(
        &self,
        target: &Arc<dyn Target>,
        phase: &Phase,
        cancel: &Cancel,
        observer: &dyn Observer,
    ) -> WarmedUp {
        let width = match phase.load() {
            Load::Closed { concurrency } => concurrency,
            _ => target.in_flight().max(1),
        };
        let (begin, mut warmed) = (Instant::now(), WarmedUp::default());
        let (mut seconds, mut sent) = (Vec::new(), 0);
        while sent < self.requests && begin.elapsed() < self.limit {
            let block = width.saturating_mul(PER_CLIENT).min(self.requests - sent);
            // Other requests each time: a target may need to see each length once.
            let part = phase.of_clients(width, block, sent);
            let recording = load::run(target, &part, cancel, observer).await;
            sent += block;
            let fruitless = recording.done.requests == 0 && recording.ending == Ending::Complete;
            seconds.push(recording.elapsed.as_secs_f64());
            warmed.recording.merge(&recording);
            if fruitless {
                warmed.recording.ending = Ending::GaveUp;
            }
            if warmed.recording.ending != Ending::Complete {
                break;
            }
            let last = seconds.len().checked_sub(BLOCKS).and_then(|from| seconds.get(from..));
            warmed.stable = last.and_then(coefficient_of_variation).is_some_and(|variation| variation <= self.stable);
            if warmed.stable {
                break;
            }
        }
        warmed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::fake::{Fake, ms};
    use crate::bench::load::End;
    use crate::bench::target::{Failure, FailureKind};

    async fn warm(fake: Fake, warm_up: WarmUp) -> WarmedUp {
        let phase = Phase::new(Load::Closed { concurrency: 1 }, End::Requests(1)).unwrap();
        warm_up.run(&fake.target(), &phase, &Cancel::new(), &()).await
    }

    /// Ten slow requests, then it is warm: five blocks of two, and three of equal times.
    #[tokio::test(start_paused = true)]
    async fn until_it_is_steady() {
        let fake = Fake::by(|n| ms(if n < 10 { 1000 - 100 * n as u64 } else { 10 }));
        let warmed = warm(fake, WarmUp::default()).await;
        assert_eq!((warmed.stable, warmed.recording.done.requests), (true, 16));
    }

    #[tokio::test(start_paused = true)]
    async fn no_longer_than_it_may() {
        let shaky = || Fake::by(|n| ms(if n % 3 == 0 { 1000 } else { 10 }));
        let few = warm(shaky(), WarmUp { requests: 7, ..WarmUp::default() }).await;
        assert_eq!((few.stable, few.recording.offered), (false, 7));
        // Blocks of 1010, 1010, 20 ms and so on: the fourth begins at 2.04 s, the fifth at 3.05 s.
        let short = warm(shaky(), WarmUp { limit: ms(3000), ..WarmUp::default() }).await;
        assert_eq!((short.stable, short.recording.offered), (false, 8));
    }

    #[tokio::test(start_paused = true)]
    async fn without_an_answer_it_gives_up() {
        let refusing = Fake::constant(ms(1)).failing(|_| Some(Failure::new(FailureKind::Connect, "refused")));
        let warmed = warm(refusing, WarmUp::default()).await;
        assert_eq!((warmed.recording.ending, warmed.recording.offered), (Ending::GaveUp, 2));
        let dying = warm(Fake::constant(ms(1)).dies_at(3), WarmUp::default()).await;
        assert_eq!((dying.recording.ending, dying.recording.done.requests), (Ending::Died, 3));
    }
}
