//! A target whose latencies are known: servers with one queue before them, planted stalls and failures.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep_until};

use super::target::{Answer, Failure, FailureKind, Outcome, Output, Target};

type Service = Box<dyn Fn(usize) -> Duration + Send + Sync>;
type Failing = Box<dyn Fn(usize) -> Option<Failure> + Send + Sync>;

/// Requests wait in one queue, first come first served, for the first free of its servers. Its `n`th request (from 0)
/// takes the time that it was told, and what it was told becomes of it.
pub struct Fake {
    requests: usize,
    /// When each server is free again; empty: there are as many as it takes.
    servers: Mutex<Vec<Instant>>,
    service: Service,
    failing: Failing,
    /// In these, from the first request on, nobody works.
    stalls: Vec<(Duration, Duration)>,
    first: Mutex<Option<Instant>>,
    asked: AtomicUsize,
    in_flight: usize,
}

pub fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

impl Fake {
    /// As many servers as it takes, each request this long.
    pub fn constant(service: Duration) -> Self {
        Self::by(move |_| service)
    }

    /// As many servers as it takes, the `n`th request as long as the `n`th duration, and round again.
    pub fn list(services: Vec<Duration>) -> Self {
        Self::by(move |n| services[n % services.len()])
    }

    /// As many servers as it takes, the `n`th request so long.
    pub fn by(service: impl Fn(usize) -> Duration + Send + Sync + 'static) -> Self {
        Self {
            requests: 1000,
            servers: Mutex::default(),
            service: Box::new(service),
            failing: Box::new(|_| None),
            stalls: Vec::new(),
            first: Mutex::default(),
            asked: AtomicUsize::new(0),
            in_flight: 1,
        }
    }

    /// So many servers, and as many requests in flight offline.
    pub fn servers(mut self, servers: usize) -> Self {
        self.servers = Mutex::new(vec![Instant::now(); servers]);
        self.in_flight = servers;
        self
    }

    /// So many prepared requests.
    pub fn requests(mut self, requests: usize) -> Self {
        self.requests = requests;
        self
    }

    /// Nobody works from this time on after the first request, for so long.
    pub fn stall(mut self, from: Duration, length: Duration) -> Self {
        self.stalls.push((from, length));
        self
    }

    /// The `n`th request fails, after its time, if this says so.
    pub fn failing(mut self, failing: impl Fn(usize) -> Option<Failure> + Send + Sync + 'static) -> Self {
        self.failing = Box::new(failing);
        self
    }

    /// From the `n`th request on the engine is dead.
    pub fn dies_at(self, at: usize) -> Self {
        self.failing(move |n| (n >= at).then(|| Failure::new(FailureKind::Died, "killed by signal 9")))
    }

    pub fn target(self) -> Arc<dyn Target> {
        Arc::new(self)
    }

    /// When work of this length that begins at `start` is done.
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

    fn send(&self, index: usize) -> BoxFuture<'_, Outcome> {
        async move {
            let n = self.asked.fetch_add(1, Ordering::SeqCst);
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
