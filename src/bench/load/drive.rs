//! The run of a phase: tasks send requests when they are due, one task records the outcomes.

use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::{JoinSet, coop, yield_now};
use tokio::time::{Instant, sleep, timeout};

use super::arrivals::Arrivals;
use super::clients::Supply;
use super::pacer::Pacer;
use super::phase::{End, Load, MAX_IN_FLIGHT, Phase};
use crate::bench::observer::Observer;
use crate::bench::recorder::Sample;
use crate::bench::recorder::{Ending, Recorder, Recording};
use crate::bench::target::{Failure, FailureKind, Outcome, Target};
use crate::fetch::Cancel;

/// The most samples that wait to be recorded; only beyond that do clients wait, too.
const WAITING: usize = 4096;

/// Sends requests to the target as the phase requires, and reports their outcomes. Returns when all have ended; soon
/// after `cancel` is set, with the outcomes so far.
pub(crate) async fn run(
    target: &Arc<dyn Target>,
    phase: &Phase,
    cancel: &Cancel,
    observer: &dyn Observer,
) -> Recording {
    let (recorder, width) = match phase.load() {
        Load::Closed { concurrency } => (Recorder::new(Some(concurrency)), Some(concurrency)),
        Load::Offline => (Recorder::new(None), Some(target.in_flight().clamp(1, MAX_IN_FLIGHT))),
        Load::Constant { .. } | Load::Poisson { .. } | Load::Ramp { .. } => (Recorder::of_open_loop(phase.due()), None),
    };
    if target.requests() == 0 {
        return recorder.into_recording(Ending::Complete, 0);
    }
    let (sender, samples) = mpsc::channel(WAITING);
    let begin = Instant::now();
    let supply = Arc::new(Supply::new(begin, phase.end()));
    let requester = Requester { target: Arc::clone(target), begin, phase: phase.clone(), sender };
    let driver = Driver { requester, observer, recorder, tasks: JoinSet::new(), samples, supply, sent: 0, finished: 0 };
    driver.run(width, pin!(cancel.cancelled())).await
}

/// A sender of requests, which passes on their outcomes.
#[derive(Clone)]
struct Requester {
    target: Arc<dyn Target>,
    begin: Instant,
    phase: Phase,
    sender: mpsc::Sender<Sample>,
}

struct Prepared {
    index: usize,
    answer: BoxFuture<'static, Outcome>,
}

impl Requester {
    /// The `number`th request of the phase, before the clock starts.
    fn prepare(&self, number: usize) -> Prepared {
        let index = self.phase.first.wrapping_add(number) % self.target.requests().max(1);
        Prepared { index, answer: Arc::clone(&self.target).send(index) }
    }

    /// Sends a request, which is due at this time or when it is sent; there is an outcome in any case.
    async fn send(&self, Prepared { index, answer }: Prepared, due: Option<Instant>) -> Sample {
        let sent = Instant::now();
        let (outcome, received) = self.outcome(answer).await;
        let since = |instant: Instant| instant.saturating_duration_since(self.begin);
        let scheduled = since(due.unwrap_or(sent));
        Sample { index, scheduled, sent: since(sent), done: since(received.max(sent)), outcome }
    }

    async fn outcome(&self, answer: BoxFuture<'static, Outcome>) -> (Outcome, Instant) {
        let limit = self.phase.limits.timeout;
        let outcome = match timeout(limit, AssertUnwindSafe(answer).catch_unwind()).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => {
                let text = panic.downcast_ref::<&str>().copied();
                let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
                let message = format!("the engine panicked: {}", text.unwrap_or("it does not say why"));
                Err(Failure::new(FailureKind::Other, message))
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

    /// Sends one request of an open loop.
    async fn once(self, request: Prepared, due: Instant) {
        let sample = self.send(request, Some(due)).await;
        // A cancelled phase does not wait for it.
        let _ = self.sender.send(sample).await;
    }

    /// A client, which sends the next request when the last one has ended, until there are no more.
    async fn client(self, supply: Arc<Supply>) {
        while let Some(number) = supply.take() {
            let sample = self.send(self.prepare(number), None).await;
            let failed = sample.outcome.as_ref().err().map(|failure| failure.kind);
            if failed == Some(FailureKind::Died) {
                supply.stop();
            }
            if self.sender.send(sample).await.is_err() {
                break;
            }
            if failed.is_some() {
                // Failures may come faster than the recorder can see that there are too many.
                yield_now().await;
            }
        }
    }
}

struct Driver<'a> {
    requester: Requester,
    observer: &'a dyn Observer,
    recorder: Recorder,
    /// The senders; dropping this aborts them.
    tasks: JoinSet<()>,
    samples: mpsc::Receiver<Sample>,
    /// The requests of a closed loop.
    supply: Arc<Supply>,
    sent: usize,
    finished: usize,
}

impl Driver<'_> {
    async fn run(mut self, width: Option<usize>, mut cancelled: Pin<&mut impl Future<Output = ()>>) -> Recording {
        if let End::After(duration) = self.requester.phase.end() {
            self.recorder.end(duration);
        }
        let mut ending = match width {
            Some(width) => self.closed(width, cancelled.as_mut()).await,
            None => self.open(cancelled.as_mut()).await,
        };
        self.supply.stop();
        let waits = ending != Ending::Cancelled;
        if waits {
            ending = self.drain(ending, cancelled).await;
        }
        // The outcomes so far count, for any end of the phase.
        self.tasks.abort_all();
        while let Ok(sample) = self.samples.try_recv() {
            ending = self.finish(sample).map_or(ending, |new| ending.max(new));
        }
        if waits && ending != Ending::Cancelled {
            self.lose_rest();
        }
        let unfinished = self.in_flight();
        self.recorder.into_recording(ending, unfinished)
    }

    /// Lets `width` clients send requests until the end, or until there are no more.
    async fn closed(&mut self, width: usize, mut cancelled: Pin<&mut impl Future<Output = ()>>) -> Ending {
        let supply = Arc::clone(&self.supply);
        for _ in 0..width.min(supply.most()) {
            self.tasks.spawn(self.requester.clone().client(Arc::clone(&supply)));
        }
        let mut over = pin!(supply.over());
        loop {
            let sample = tokio::select! {
                biased;
                () = cancelled.as_mut() => return Ending::Cancelled,
                Some(sample) = self.samples.recv() => sample,
                () = over.as_mut() => return Ending::Complete,
            };
            if let Some(ending) = self.finish(sample) {
                return ending;
            }
        }
    }

    /// Sends each request when it is due, unless too many are in flight.
    async fn open(&mut self, mut cancelled: Pin<&mut impl Future<Output = ()>>) -> Ending {
        let pacer = Pacer::new(self.requester.phase.timer);
        let mut last = Duration::ZERO;
        for offset in Arrivals::new(&self.requester.phase) {
            let Some(due) = self.requester.begin.checked_add(offset) else { break };
            let request = self.requester.prepare(self.sent);
            let mut wait = pin!(pacer.until(due));
            loop {
                let sample = tokio::select! {
                    biased;
                    () = cancelled.as_mut() => return Ending::Cancelled,
                    () = wait.as_mut() => break,
                    Some(sample) = self.samples.recv() => sample,
                };
                if let Some(ending) = self.finish(sample) {
                    return ending;
                }
            }
            // Ended requests are no longer in flight: they must be recorded before these are counted.
            while let Ok(sample) = self.samples.try_recv() {
                if let Some(ending) = self.finish(sample) {
                    return ending;
                }
            }
            while self.tasks.try_join_next().is_some() {}
            last = offset;
            if self.in_flight() < self.requester.phase.limits.in_flight {
                self.tasks.spawn(self.requester.clone().once(request, due));
                self.sent += 1;
            } else {
                self.recorder.dropped();
            }
            // A series of requests that are all due already must not occupy the thread.
            coop::consume_budget().await;
        }
        self.recorder.end(last);
        Ending::Complete
    }

    /// Waits for the requests in flight, up to the limit.
    async fn drain(&mut self, mut ending: Ending, mut cancelled: Pin<&mut impl Future<Output = ()>>) -> Ending {
        let mut over = pin!(sleep(self.requester.phase.limits.drain));
        loop {
            let sample = tokio::select! {
                biased;
                () = cancelled.as_mut() => return Ending::Cancelled,
                Some(sample) = self.samples.recv() => sample,
                task = self.tasks.join_next() => match task {
                    Some(_) => continue,
                    None => break,
                },
                () = over.as_mut() => break,
            };
            ending = self.finish(sample).map_or(ending, |new| ending.max(new));
        }
        ending
    }

    /// Counts the requests in flight as failed.
    fn lose_rest(&mut self) {
        let lost = self.in_flight();
        if lost > 0 {
            let limit = humantime::format_duration(self.requester.phase.limits.drain);
            let message = format!("no answer within {limit} after the last request was due");
            let failure = Failure::new(FailureKind::Timeout, message);
            self.recorder.lost(lost as u64, &failure, self.requester.begin.elapsed());
            self.finished += lost;
        }
    }

    fn in_flight(&self) -> usize {
        (self.sent + self.supply.taken()).saturating_sub(self.finished)
    }

    /// Records the outcome of a request; `Some` if the phase ends with it.
    fn finish(&mut self, sample: Sample) -> Option<Ending> {
        if let Some(last) = self.supply.last() {
            self.recorder.end(last);
        }
        self.finished += 1;
        let died = matches!(&sample.outcome, Err(failure) if failure.kind == FailureKind::Died);
        self.recorder.finished(&sample);
        self.observer.finished(sample);
        let gave_up = self.recorder.failures_in_a_row() >= self.requester.phase.limits.failures_in_a_row;
        match (died, gave_up) {
            (true, _) => Some(Ending::Died),
            (false, true) => Some(Ending::GaveUp),
            (false, false) => None,
        }
    }
}
