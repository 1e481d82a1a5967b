//! Clients with one short text each, alone and beside one client with requests of 2,000 texts.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};

use crate::bench::Bench;
use crate::load::{self, Closed};
use crate::report::{Measured, Target};
use crate::request::{Ask, Form, Replies};
use crate::server::Server;
use crate::short::shortest;

/// Small clients; each waits for its reply before it sends the next text.
const CLIENTS: usize = 16;

/// Texts of a large request.
const BATCH: usize = 2000;

/// Share of the rate alone that small clients keep.
const WANTED_RATE: f64 = 0.5;

/// Most that the 99th percentile beside the large client may be, in medians alone.
const WANTED_TAIL: f64 = 4.0;

/// Milliseconds of a piece of work that is not interrupted, which come on top.
const PIECE: f64 = 30.0;

pub(crate) async fn run(bench: &Bench) -> Result<Measured> {
    let short = shortest(&bench.texts);
    let pool = bench.pool(short.iter().cycle().take(BATCH).cloned().collect())?;
    let small: Arc<[Ask]> = Ask::batches(&pool, Form::Base64, 1)?.into();
    let large: Arc<[Ask]> = Ask::batches(&pool, Form::Base64, BATCH)?.into();
    let server = Server::start(bench).await?;
    let phase = async |asks: &Arc<[Ask]>, clients: usize| -> Result<Closed> {
        let replies = Replies::default();
        let source = load::repeat(Arc::clone(asks), bench.args.phase);
        let seen = load::closed(server.address, load::kept(clients), source, replies.sink()).await?;
        replies.check(&pool)?;
        Ok(seen)
    };
    phase(&small, CLIENTS).await?;

    let (mut alone, mut beside) = (load::latencies()?, load::latencies()?);
    let (mut rates, mut shares, mut tails, mut bulk) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..bench.args.rounds {
        let mut seen = [None, None];
        for turn in 0..2 {
            let mixed = (round + turn) % 2 == 1;
            seen[usize::from(mixed)] = Some(if mixed {
                // The large client has begun before the small ones come.
                let later = async {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    phase(&small, CLIENTS).await
                };
                let (large, small) = tokio::try_join!(phase(&large, 1), later)?;
                bulk.push(large.texts as f64 / large.seconds);
                small
            } else {
                phase(&small, CLIENTS).await?
            });
        }
        let [Some(quiet), Some(mixed)] = seen else { continue };
        let rate = |seen: &Closed| seen.texts as f64 / seen.seconds;
        let (p50, p99) = (load::milliseconds(&quiet.latencies, 0.5), load::milliseconds(&mixed.latencies, 0.99));
        println!(
            "round {}: {:.0} texts/s alone (p50 {p50:.1} ms), {:.0} beside the large client (p99 {p99:.1} ms)",
            round + 1,
            rate(&quiet),
            rate(&mixed)
        );
        rates.push(rate(&quiet));
        shares.push(rate(&mixed) / rate(&quiet));
        tails.push(p99 / (WANTED_TAIL * p50 + PIECE));
        alone.add(&quiet.latencies)?;
        beside.add(&mixed.latencies)?;
    }
    server.stop()?;
    ensure!(bulk.iter().all(|&rate| rate > 0.0), "the large client was not answered");

    let mut measured = Measured::default();
    measured.rounds(format!("{CLIENTS} small clients alone"), "texts/s", 0, &rates);
    measured.rounds("the large client beside them", "texts/s", 0, &bulk);
    measured.wanted("small clients' rate beside it / alone", "ratio", 2, &shares, Target::AtLeast(WANTED_RATE));
    measured.wanted("p99 beside it / (4 × p50 alone + 30 ms)", "ratio", 2, &tails, Target::AtMost(1.0));
    measured.latencies("latency alone", &alone);
    measured.latencies("latency beside the large client", &beside);
    Ok(measured)
}
