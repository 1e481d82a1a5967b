//! Many clients with one short text each, beside `infa embed` on the same texts.

use anyhow::Result;

use crate::bench::Bench;
use crate::load;
use crate::report::{Measured, Target};
use crate::request::{Ask, Form, Replies};
use crate::server::Server;

/// Each waits for its reply before it sends the next text.
const CLIENTS: usize = 64;

/// Most that the 99th percentile of the latencies may be, in medians.
const TAIL: f64 = 4.0;

/// Share of `infa embed`'s speed.
const WANTED: f64 = 0.8;

pub(crate) async fn run(bench: &Bench) -> Result<Measured> {
    let short = shortest(&bench.texts);
    let bytes = short.iter().map(String::len).max().unwrap_or(0);
    // As many as there are texts at all, so that `infa embed` has something to do.
    let texts: Vec<String> = short.iter().cycle().take(bench.texts.len()).cloned().collect();
    let pool = bench.pool(texts)?;
    let asks = Ask::batches(&pool, Form::Base64, 1)?;
    let server = Server::start(bench).await?;
    let pass = async || {
        let (source, replies) = (load::once(asks.clone()), Replies::default());
        let seen = load::closed(server.address, load::kept(CLIENTS), source, replies.sink()).await?;
        anyhow::Ok((seen, replies.check(&pool)?))
    };
    pass().await?;

    let mut latencies = load::latencies()?;
    let (mut offline, mut rates, mut ratios, mut tails, mut worst) = (vec![], vec![], vec![], vec![], 0f32);
    for round in 0..bench.args.rounds {
        let embed = || anyhow::Ok(pool.texts.len() as f64 / bench.offline(&pool.texts)?.seconds);
        let first = if round % 2 == 0 { Some(embed()?) } else { None };
        let (seen, difference) = pass().await?;
        let embedded = first.map_or_else(embed, Ok)?;
        let rate = seen.texts as f64 / seen.seconds;
        let quantile = |quantile| load::milliseconds(&seen.latencies, quantile);
        let (p50, p99) = (quantile(0.5), quantile(0.99));
        println!(
            "round {}: texts/s: infa embed {embedded:.0}; HTTP {rate:.0}, p50 {p50:.1} ms, p99 {p99:.1} ms",
            round + 1
        );
        offline.push(embedded);
        rates.push(rate);
        ratios.push(rate / embedded);
        tails.push(p99 / p50);
        latencies.add(&seen.latencies)?;
        worst = worst.max(difference);
    }
    server.stop()?;

    let mut measured = Measured::default();
    measured.rounds(format!("infa embed, texts of at most {bytes} bytes"), "texts/s", 0, &offline);
    measured.rounds(format!("HTTP, {CLIENTS} clients with one text each"), "texts/s", 0, &rates);
    measured.wanted("HTTP / infa embed", "ratio", 2, &ratios, Target::AtLeast(WANTED));
    measured.latencies("latency", &latencies);
    measured.wanted("latency, p99 / p50", "ratio", 2, &tails, Target::AtMost(TAIL));
    measured.rounds("largest difference from infa embed", "", 0, &[f64::from(worst)]);
    Ok(measured)
}

/// The shortest quarter of some texts, in their order.
pub(crate) fn shortest(texts: &[String]) -> Vec<String> {
    let mut lengths: Vec<usize> = texts.iter().map(String::len).collect();
    lengths.sort_unstable();
    let longest = lengths[lengths.len() / 4];
    texts.iter().filter(|text| text.len() <= longest).cloned().collect()
}
