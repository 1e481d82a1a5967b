//! Runs a phase: one task sends what is due and records what has ended.

use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::task::{JoinSet, coop};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::pacer::Pacer;
use super::{Arrivals, End, Load, MOST_IN_FLIGHT, Phase};
use crate::bench::observer::{Observer, Sample};
use crate::bench::recorder::{Ending, Recorder, Recording};
use crate::bench::target::{Failure, FailureKind, Outcome, Target};
use crate::fetch::Cancel;

/// How often a phase looks whether somebody asked to stop.
const CANCEL_EVERY: Duration = Duration::from_millis(20);

/// Sends requests to the target as the phase says, and tells what became of
/// them. It returns when all have ended; soon after `cancel` is set, with what has ended by then.
pub async fn run(target: &Arc<dyn Target>, phase: &Phase, cancel: &Cancel, observer: &dyn Observer) -> Recording {
    let wave = match phase.load() {
        Load::Closed { concurrency } => Some(concurrency),
        Load::Offline => None,
        Load::Constant { .. } | Load::Poisson { .. } | Load::Ramp { .. } => Some(1),
    };
    let driver = Driver {
        target,
        phase,
        observer,
        begin: Instant::now(),
        recorder: Recorder::new(wave),
        tasks: JoinSet::new(),
        sent: 0,
    };
    if target.requests() == 0 {
        return driver.recorder.into_recording(Ending::Complete, 0);
    }
    driver.run(pin!(cancelled(cancel))).await
}

/// Returns once somebody asked to stop. The flag is set by a signal handler's thread, which can wake nobody.
async fn cancelled(cancel: &Cancel) {
    while !cancel.is_cancelled() {
        sleep(CANCEL_EVERY).await;
    }
}

struct Driver<'a> {
    target: &'a Arc<dyn Target>,
    phase: &'a Phase,
    observer: &'a dyn Observer,
    begin: Instant,
    recorder: Recorder,
    /// What is in flight; what is dropped with it is given up.
    tasks: JoinSet<Sample>,
    /// Requests sent.
    sent: usize,
}

impl Driver<'_> {
    async fn run(mut self, mut cancelled: Pin<&mut impl Future<Output = ()>>) -> Recording {
        if let End::After(duration) = self.phase.end() {
            self.recorder.end(duration);
        }
        let width = match self.phase.load() {
            Load::Closed { concurrency } => Some(concurrency),
            Load::Offline => Some(self.target.in_flight().clamp(1, MOST_IN_FLIGHT)),
            Load::Constant { .. } | Load::Poisson { .. } | Load::Ramp { .. } => None,
        };
        let ending = match width {
            Some(width) => self.closed(width, cancelled.as_mut()).await,
            None => self.open(cancelled.as_mut()).await,
        };
        let ending = if ending == Ending::Cancelled { ending } else { self.drain(ending, cancelled).await };
        let unfinished = self.tasks.len();
        self.recorder.into_recording(ending, unfinished)
    }

    /// Keeps `width` requests in flight until the end. That of a number of requests is when the last one is sent.
    async fn closed(&mut self, width: usize, mut cancelled: Pin<&mut impl Future<Output = ()>>) -> Ending {
        let (most, end) = match self.phase.end() {
            End::After(duration) => (usize::MAX, self.begin + duration),
            // No phase takes longer: it is another limit that ends it.
            End::Requests(requests) => (requests, self.begin + super::LONGEST_PHASE),
        };
        while self.sent < width.min(most) {
            self.send(Instant::now());
        }
        let mut over = pin!(sleep_until(end));
        while self.sent < most {
            let joined = tokio::select! {
                biased;
                () = cancelled.as_mut() => return Ending::Cancelled,
                Some(joined) = self.tasks.join_next() => joined,
                () = over.as_mut() => break,
            };
            if let Some(ending) = self.finish(joined.ok()) {
                return ending;
            }
            let now = Instant::now();
            if now >= end {
                break;
            }
            self.send(now);
        }
        self.recorder.end(self.begin.elapsed());
        Ending::Complete
    }

    /// Sends each request when it is due, unless too many are in flight.
    async fn open(&mut self, mut cancelled: Pin<&mut impl Future<Output = ()>>) -> Ending {
        let pacer = Pacer::new(self.phase.timer);
        let mut last = Duration::ZERO;
        for offset in Arrivals::new(self.phase) {
            let Some(due) = self.begin.checked_add(offset) else { break };
            let mut wait = pin!(pacer.until(due));
            loop {
                let joined = tokio::select! {
                    biased;
                    () = cancelled.as_mut() => return Ending::Cancelled,
                    () = wait.as_mut() => break,
                    Some(joined) = self.tasks.join_next() => joined,
                };
                if let Some(ending) = self.finish(joined.ok()) {
                    return ending;
                }
            }
            last = offset;
            while let Some(joined) = self.tasks.try_join_next() {
                if let Some(ending) = self.finish(joined.ok()) {
                    return ending;
                }
            }
            if self.tasks.len() < self.phase.limits.in_flight {
                self.send(due);
            } else {
                self.recorder.dropped();
            }
            // Requests that are all due already must not keep others from the thread.
            coop::consume_budget().await;
        }
        self.recorder.end(last);
        Ending::Complete
    }

    /// Waits for what is in flight, up to the limit; the rest has failed.
    async fn drain(&mut self, mut ending: Ending, mut cancelled: Pin<&mut impl Future<Output = ()>>) -> Ending {
        let limit = self.phase.limits.drain;
        let mut over = pin!(sleep(limit));
        while !self.tasks.is_empty() {
            let joined = tokio::select! {
                biased;
                () = cancelled.as_mut() => return Ending::Cancelled,
                Some(joined) = self.tasks.join_next() => joined,
                () = over.as_mut() => break,
            };
            ending = self.finish(joined.ok()).map_or(ending, |new| ending.max(new));
        }
        if !self.tasks.is_empty() {
            let message =
                format!("no answer within {} after the last request was due", humantime::format_duration(limit));
            self.lose(self.tasks.len() as u64, FailureKind::Timeout, message);
            self.tasks.abort_all();
            self.tasks.detach_all();
        }
        ending
    }

    fn send(&mut self, due: Instant) {
        let (target, begin, limit) = (Arc::clone(self.target), self.begin, self.phase.limits.timeout);
        let index = self.phase.first.wrapping_add(self.sent) % target.requests().max(1);
        self.sent += 1;
        self.tasks.spawn(async move {
            let sent = Instant::now();
            let (outcome, received) = ask(target.as_ref(), index, limit).await;
            let done = received.max(sent) - begin;
            Sample { index, scheduled: due - begin, sent: sent - begin, done, outcome }
        });
    }

    /// Records what has ended; tells whether the phase ends with it.
    fn finish(&mut self, sample: Option<Sample>) -> Option<Ending> {
        let mut died = false;
        if let Some(sample) = sample {
            died = matches!(&sample.outcome, Err(failure) if failure.kind == FailureKind::Died);
            self.recorder.finished(&sample);
            self.observer.finished(sample);
        } else {
            self.lose(1, FailureKind::Other, "the client gave up".into());
        }
        let gave_up = self.recorder.failures_in_a_row() >= self.phase.limits.failures_in_a_row;
        match (died, gave_up) {
            (true, _) => Some(Ending::Died),
            (false, true) => Some(Ending::GaveUp),
            (false, false) => None,
        }
    }

    fn lose(&mut self, count: u64, kind: FailureKind, message: String) {
        self.recorder.lost(count, &Failure::new(kind, message), self.begin.elapsed());
    }
}

/// Sends one request; gives what became of it and when. Whatever the target does, there is an outcome.
async fn ask(target: &dyn Target, index: usize, limit: Duration) -> (Outcome, Instant) {
    let asking = AssertUnwindSafe(async { target.send(index).await }).catch_unwind();
    let outcome = match timeout(limit, asking).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => {
            let text =
                panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
            Err(Failure::new(FailureKind::Other, format!("the engine panicked: {}", text.unwrap_or("for no reason"))))
        }
        Err(_) => {
            let limit = humantime::format_duration(limit);
            Err(Failure::new(FailureKind::Timeout, format!("no answer within {limit}")))
        }
    };
    let now = Instant::now();
    let received = outcome.as_ref().ok().and_then(|answer| answer.received);
    (outcome, received.map_or(now, |received| received.min(now)))
}
