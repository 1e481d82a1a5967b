//! A target with known latencies: servers behind one queue, with planned stalls and failures.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep_until};

use super::target::{Answer, Failure, FailureKind, Outcome, Output, Target};

type Service = Box<dyn Fn(usize) -> Duration + Send + Sync>;
type Failing = Box<dyn Fn(usize) -> Option<Failure> + Send + Sync>;

/// A target whose requests wait in one queue for the first free server. The duration and the failure of the `n`th
/// request (from 0) are given.
pub(crate) struct Fake {
    requests: usize,
    /// The time at which each server is free again; without servers requests do not wait.
    servers: Mutex<Vec<Instant>>,
    service: Service,
    failing: Failing,
    /// Start, relative to the first request, and length of the periods without work.
    stalls: Vec<(Duration, Duration)>,
    first: Mutex<Option<Instant>>,
    received: AtomicUsize,
    in_flight: usize,
}

pub(crate) fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

impl Fake {
    /// A target without a queue, all of whose requests take `service`.
    pub(crate) fn constant(service: Duration) -> Self {
        Self::by(move |_| service)
    }

    /// A target without a queue, whose requests take these durations, over and over again.
    pub(crate) fn list(services: Vec<Duration>) -> Self {
        Self::by(move |n| services[n % services.len()])
    }

    /// A target without a queue, whose `n`th request takes `service(n)`.
    pub(crate) fn by(service: impl Fn(usize) -> Duration + Send + Sync + 'static) -> Self {
        Self {
            requests: 1000,
            servers: Mutex::default(),
            service: Box::new(service),
            failing: Box::new(|_| None),
            stalls: Vec::new(),
            first: Mutex::default(),
            received: AtomicUsize::new(0),
            in_flight: 1,
        }
    }

    /// Adds a queue before this number of servers, which is the number of requests in flight offline, too.
    pub(crate) fn servers(mut self, servers: usize) -> Self {
        self.servers = Mutex::new(vec![Instant::now(); servers]);
        self.in_flight = servers;
        self
    }

    pub(crate) fn requests(mut self, requests: usize) -> Self {
        self.requests = requests;
        self
    }

    /// Adds a period without work that begins `from` after the first request.
    pub(crate) fn stall(mut self, from: Duration, length: Duration) -> Self {
        self.stalls.push((from, length));
        self
    }

    /// Adds failures: the `n`th request fails after its time if there is one for it.
    pub(crate) fn failing(mut self, failing: impl Fn(usize) -> Option<Failure> + Send + Sync + 'static) -> Self {
        self.failing = Box::new(failing);
        self
    }

    /// From the `n`th request on the engine is dead.
    pub(crate) fn dies_at(self, at: usize) -> Self {
        self.failing(move |n| (n >= at).then(|| Failure::new(FailureKind::Died, "killed by signal 9")))
    }

    pub(crate) fn target(self) -> Arc<dyn Target> {
        Arc::new(self)
    }

    /// The end of work that begins at `start` and takes `service` beside stalls.
    fn done(&self, start: Instant, service: Duration) -> Instant {
        let first = *self.first.lock().unwrap().get_or_insert(start);
        let mut done = start + service;
        for (from, length) in &self.stalls {
            let (from, until) = (first + *from, first + *from + *length);
            if start < until && done > from {
                done += until - start.max(from);
            }
        }
        done
    }
}

impl Target for Fake {
    fn requests(&self) -> usize {
        self.requests
    }

    fn send(self: Arc<Self>, index: usize) -> BoxFuture<'static, Outcome> {
        async move {
            let n = self.received.fetch_add(1, Ordering::SeqCst);
            let now = Instant::now();
            let done = {
                let mut servers = self.servers.lock().unwrap();
                match servers.iter_mut().min() {
                    Some(free) => {
                        *free = self.done(now.max(*free), (self.service)(n));
                        *free
                    }
                    None => self.done(now, (self.service)(n)),
                }
            };
            sleep_until(done).await;
            match (self.failing)(n) {
                Some(failure) => Err(failure),
                None => Ok(Answer {
                    inputs: 2,
                    tokens: Some(10),
                    reported: None,
                    received: None,
                    output: Some(Output::Scores(vec![index as f32])),
                }),
            }
        }
        .boxed()
    }

    fn in_flight(&self) -> usize {
        self.in_flight
    }
}
