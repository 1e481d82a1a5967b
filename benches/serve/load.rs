//! Load: clients that wait for their replies, or requests that come whether or not the last ones are answered.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::{Client, Reply};
use crate::request::Ask;

/// Latencies in microseconds, up to ten minutes, three digits.
pub(crate) type Latencies = Histogram<u64>;

/// No latencies yet.
pub(crate) fn latencies() -> Result<Latencies> {
    Ok(Histogram::new_with_bounds(1, 600_000_000, 3)?)
}

/// A quantile in milliseconds.
pub(crate) fn milliseconds(latencies: &Latencies, quantile: f64) -> f64 {
    latencies.value_at_quantile(quantile) as f64 / 1e3
}

/// Adds a latency to them.
pub(crate) fn add(latencies: &mut Latencies, latency: Duration) {
    latencies.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
}

/// Where requests come from, until there are no more.
pub(crate) trait Source: Fn() -> Option<Ask> + Send + Sync + 'static {}
impl<F: Fn() -> Option<Ask> + Send + Sync + 'static> Source for F {}

/// Where replies go; an error ends the load.
pub(crate) trait Sink: Fn(Ask, Bytes) -> Result<()> + Send + Sync + 'static {}
impl<F: Fn(Ask, Bytes) -> Result<()> + Send + Sync + 'static> Sink for F {}

/// Each request once.
pub(crate) fn once(asks: Vec<Ask>) -> impl Source {
    let next = AtomicUsize::new(0);
    move || asks.get(next.fetch_add(1, Ordering::Relaxed)).cloned()
}

/// The requests again and again, for so long from now.
pub(crate) fn repeat(asks: Arc<[Ask]>, span: Duration) -> impl Source {
    let (next, end) = (AtomicUsize::new(0), Instant::now() + span);
    move || (Instant::now() < end).then(|| asks[next.fetch_add(1, Ordering::Relaxed) % asks.len()].clone())
}

/// What clients that wait have seen.
pub(crate) struct Closed {
    /// From the first request to the last reply.
    pub seconds: f64,
    pub requests: usize,
    pub texts: usize,
    pub latencies: Latencies,
}

/// How a client connects.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connect {
    /// Once.
    Once,
    /// Anew for each request, in its latency.
    Anew,
}

/// As many clients as there are `connects`, each with one request at a time; another status than 200 is an error. They are
/// connected before the clock starts.
pub(crate) async fn closed(
    address: SocketAddr,
    connects: impl IntoIterator<Item = Connect>,
    source: impl Source,
    sink: impl Sink,
) -> Result<Closed> {
    let mut clients = Vec::new();
    for connect in connects {
        let mut client = Client::new(address);
        client.connect().await?;
        clients.push((client, connect));
    }
    let (source, sink) = (Arc::new(source), Arc::new(sink));
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for (mut client, connect) in clients {
        let (source, sink) = (Arc::clone(&source), Arc::clone(&sink));
        tasks.spawn(async move {
            let (mut requests, mut texts, mut latencies) = (0, 0, latencies()?);
            while let Some(ask) = source() {
                let sent = Instant::now();
                if connect == Connect::Anew {
                    client.disconnect();
                }
                let Reply { status, body } = client.post(&ask).await?;
                ensure!(status == 200, "status {status}: {}", String::from_utf8_lossy(&body));
                add(&mut latencies, sent.elapsed());
                (requests, texts) = (requests + 1, texts + ask.texts.len());
                sink(ask, body)?;
            }
            anyhow::Ok((requests, texts, latencies))
        });
    }
    let mut all = Closed { seconds: 0.0, requests: 0, texts: 0, latencies: latencies()? };
    while let Some(task) = tasks.join_next().await {
        let (requests, texts, latencies) = task??;
        all.requests += requests;
        all.texts += texts;
        all.latencies.add(&latencies)?;
    }
    all.seconds = start.elapsed().as_secs_f64();
    Ok(all)
}

/// Clients that keep their connections.
pub(crate) fn kept(clients: usize) -> impl Iterator<Item = Connect> {
    std::iter::repeat_n(Connect::Once, clients)
}

/// What became of requests that came at their times.
pub(crate) struct Open {
    pub sent: usize,
    /// Answered with 200 before the time was over.
    pub good: usize,
    /// By status; latencies counted from the time at which the request was due.
    pub statuses: BTreeMap<u16, Latencies>,
    /// From the time at which a request was due until it was sent: the client's own part of the latencies.
    pub late: Latencies,
    /// Requests without a reply.
    pub broken: Vec<String>,
}

/// `rate` requests a second for `span`, evenly, over as many connections as it takes. Replies with status 200 go to `sink`.
pub(crate) async fn open(
    address: SocketAddr,
    rate: f64,
    span: Duration,
    asks: &[Ask],
    sink: impl Sink,
) -> Result<Open> {
    let idle: Arc<Mutex<Vec<Client>>> = Arc::default();
    let take = |idle: &Mutex<Vec<Client>>| idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let sink = Arc::new(sink);
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    let end = start + span;
    let requests = (span.as_secs_f64() * rate) as usize;
    for (i, ask) in asks.iter().cycle().take(requests).enumerate() {
        let due = start + Duration::from_secs_f64(i as f64 / rate);
        tokio::time::sleep_until(due).await;
        let mut client = take(&idle).unwrap_or_else(|| Client::new(address));
        let (idle, sink, ask) = (Arc::clone(&idle), Arc::clone(&sink), ask.clone());
        tasks.spawn(async move {
            let late = due.elapsed();
            let reply = client.post(&ask).await;
            let done = Instant::now();
            if reply.is_ok() {
                idle.lock().unwrap_or_else(PoisonError::into_inner).push(client);
            }
            let reply = reply.map(|reply| (reply.status, reply.body));
            if let Ok((200, body)) = &reply {
                sink(ask, body.clone())?;
            }
            anyhow::Ok((reply.map(|(status, _)| status), late, done - due, done <= end))
        });
    }
    let mut open = Open { sent: requests, good: 0, statuses: BTreeMap::new(), late: latencies()?, broken: Vec::new() };
    while let Some(task) = tasks.join_next().await {
        let (status, late, latency, in_time) = task??;
        add(&mut open.late, late);
        match status {
            Ok(status) => {
                open.good += usize::from(status == 200 && in_time);
                let latencies = match open.statuses.entry(status) {
                    std::collections::btree_map::Entry::Vacant(entry) => entry.insert(latencies()?),
                    std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
                };
                add(latencies, latency);
            }
            Err(e) => open.broken.push(format!("{e:#}")),
        }
    }
    Ok(open)
}
