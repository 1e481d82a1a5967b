//! Clients that measure their latencies while a thousand others never finish their headers, and while those are away.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;

use crate::bench::Bench;
use crate::crowd::Crowd;
use crate::load::{self, Closed, Connect};
use crate::pool::Pool;
use crate::report::{Measured, Target};
use crate::request::{Ask, Form, Replies};
use crate::server::Server;
use crate::short::shortest;

/// Sockets with unfinished headers.
const CROWD: usize = 1000;

/// Clients that measure: half of them keep their connections, half connect for each request. Few, so that what is measured
/// is not how long they wait for each other.
const CLIENTS: usize = 4;

/// Most that the crowd may add to the 99th percentile.
const WANTED: f64 = 1.1;

pub(crate) async fn run(bench: &Bench) -> Result<Measured> {
    let pool = bench.pool(shortest(&bench.texts))?;
    let asks: Arc<[Ask]> = Ask::batches(&pool, Form::Base64, 1)?.into();
    let server = Server::start(bench).await?;
    phase(bench, &server, &pool, &asks).await?;

    let (mut alone, mut crowded) = (load::latencies()?, load::latencies()?);
    let (mut ratios, mut counts) = (Vec::new(), Vec::new());
    for round in 0..bench.args.rounds {
        let mut p99 = [0.0; 2];
        for turn in 0..2 {
            let with = (round + turn) % 2 == 1;
            let crowd = if with { Some(Crowd::gather(server.address, CROWD).await) } else { None };
            tokio::time::sleep(Duration::from_millis(500)).await;
            let seen = phase(bench, &server, &pool, &asks).await?;
            p99[usize::from(with)] = load::milliseconds(&seen.latencies, 0.99);
            if with { &mut crowded } else { &mut alone }.add(&seen.latencies)?;
            counts.extend(crowd.map(|crowd| crowd.counts()));
        }
        println!("round {}: p99 {:.2} ms without, {:.2} ms with the crowd", round + 1, p99[0], p99[1]);
        ratios.push(p99[1] / p99[0]);
    }
    server.stop()?;

    let mut measured = Measured::default();
    measured.latencies("latency without the crowd", &alone);
    measured.latencies("latency with the crowd", &crowded);
    let all = load::milliseconds(&crowded, 0.99) / load::milliseconds(&alone, 0.99);
    measured.rounds("p99 with / without, round by round", "ratio", 3, &ratios);
    measured.wanted("p99 with / without, all rounds together", "ratio", 3, &[all], Target::AtMost(WANTED));
    let count = |of: fn(&(usize, usize)) -> usize| counts.iter().map(|both| of(both) as f64).collect::<Vec<_>>();
    measured.rounds("slow sockets open at the end of a phase", "", 0, &count(|&(open, _)| open));
    measured.rounds("slow sockets closed by the server in a phase", "", 0, &count(|&(_, closed)| closed));
    Ok(measured)
}

async fn phase(bench: &Bench, server: &Server, pool: &Pool, asks: &Arc<[Ask]>) -> Result<Closed> {
    let replies = Replies::default();
    let connects = [Connect::Once, Connect::Anew].into_iter().cycle().take(CLIENTS);
    let source = load::repeat(Arc::clone(asks), bench.args.phase);
    let seen = load::closed(server.address, connects, source, replies.sink()).await?;
    replies.check(pool)?;
    Ok(seen)
}
