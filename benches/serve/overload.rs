//! Three times as many requests as the server can answer.

use std::sync::Arc;

use anyhow::Result;

use crate::bench::Bench;
use crate::load;
use crate::pool::Pool;
use crate::report::{Measured, Target};
use crate::request::{Ask, Form, Replies};
use crate::server::Server;

/// Clients by which the capacity is found: enough that no worker is ever idle.
const CLIENTS: usize = 32;

/// Texts a request. With one, a good part of the machine would be busy with sending and refusing requests.
const BATCH: usize = 8;

/// Requests, in capacities.
const OVERLOAD: f64 = 3.0;

/// Share of the capacity that is still answered.
const WANTED: f64 = 0.9;

/// 99th percentile of the time until a request is refused, in milliseconds.
const REFUSED: f64 = 10.0;

pub(crate) async fn run(bench: &Bench) -> Result<Measured> {
    let pool = bench.pool(bench.texts.clone())?;
    let asks: Arc<[Ask]> = Ask::batches(&pool, Form::Base64, BATCH)?.into();
    let server = Server::start(bench).await?;
    capacity(bench, &server, &pool, &asks).await?;
    let before = capacity(bench, &server, &pool, &asks).await?;
    println!("capacity: {before:.1} requests/s");

    let replies = Replies::default();
    let (rate, span) = (before * OVERLOAD, bench.args.seconds);
    let mut seen = load::open(server.address, rate, span, &asks, replies.sink()).await?;
    let worst = replies.check(&pool)?;
    let goodput = seen.good as f64 / span.as_secs_f64();
    println!("{} requests at {rate:.1}/s: {goodput:.1}/s answered", seen.sent);
    let after = capacity(bench, &server, &pool, &asks).await?;
    println!("capacity: {after:.1} requests/s");
    server.stop()?;

    let mut measured = Measured::default();
    measured.rounds(format!("capacity before and after, {BATCH} texts a request"), "requests/s", 1, &[before, after]);
    measured.rounds("sent", "requests/s", 1, &[seen.sent as f64 / span.as_secs_f64()]);
    measured.rounds("answered in time", "requests/s", 1, &[goodput]);
    measured.wanted("answered / capacity", "ratio", 2, &[goodput / before, goodput / after], Target::AtLeast(WANTED));
    measured.latencies("from the time a request was due until it was sent", &seen.late);
    let good = seen.statuses.remove(&200);
    let refused = seen.statuses.remove(&429);
    for (status, latencies) in &seen.statuses {
        println!("status {status}: {} times", latencies.len());
    }
    for why in seen.broken.iter().take(5) {
        println!("no reply: {why}");
    }
    let others = seen.statuses.values().map(|latencies| latencies.len()).sum::<u64>() + seen.broken.len() as u64;
    measured.wanted("replies that are neither 200 nor 429", "", 0, &[others as f64], Target::AtMost(0.0));
    if let Some(good) = good {
        measured.latencies("answered, from the time it was due", &good);
    }
    let count = refused.as_ref().map_or(0, |latencies| latencies.len()) as f64;
    measured.wanted("requests refused", "", 0, &[count], Target::AtLeast(1.0));
    if let Some(refused) = refused {
        measured.latencies("refused, from the time it was due", &refused);
        let p99 = load::milliseconds(&refused, 0.99);
        measured.wanted("refused, p99", "ms", 2, &[p99], Target::AtMost(REFUSED));
    }
    measured.rounds("largest difference from infa embed", "", 0, &[f64::from(worst)]);
    Ok(measured)
}

/// Requests a second that clients get answered who wait for their replies.
async fn capacity(bench: &Bench, server: &Server, pool: &Pool, asks: &Arc<[Ask]>) -> Result<f64> {
    let replies = Replies::default();
    let source = load::repeat(Arc::clone(asks), bench.args.phase);
    let seen = load::closed(server.address, load::kept(CLIENTS), source, replies.sink()).await?;
    replies.check(pool)?;
    Ok(seen.requests as f64 / seen.seconds)
}
