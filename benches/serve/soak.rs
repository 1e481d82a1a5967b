//! Texts of all lengths in requests of all sizes for minutes: does memory stay where it is after warm-up?

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use fastrand::Rng;
use tokio::time::{Instant, MissedTickBehavior};

use crate::bench::Bench;
use crate::load;
use crate::report::{Measured, Target};
use crate::request::{Ask, Form};
use crate::server::Server;
use crate::shared::table::Spread;

/// Each waits for its reply.
const CLIENTS: usize = 8;

/// Different texts.
const TEXTS: usize = 1000;

/// Words of the longest text; most models cut it.
const WORDS: f64 = 600.0;

/// Texts of the largest request.
const BATCH: f64 = 64.0;

/// Warm-up: a share of the time, and at most so many seconds.
const WARM_UP: (f64, f64) = (0.2, 120.0);

/// Most that memory may grow.
const WANTED: f64 = 1.1;

pub(crate) async fn run(bench: &Bench) -> Result<Measured> {
    let mut random = Rng::with_seed(bench.args.seed);
    let pool = Arc::new(bench.pool(mixed(&bench.texts, &mut random))?);
    let server = Server::start(bench).await?;
    let loaded = server.memory()?;

    let end = Instant::now() + Duration::from_secs_f64(bench.args.minutes * 60.0);
    let (random, texts) = (Mutex::new(random), Arc::clone(&pool));
    let source = move || {
        let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
        let form = Form::ALL[random.usize(..Form::ALL.len())];
        let size = skewed(&mut random, BATCH);
        // Writing a request cannot fail.
        let ask = Ask::new(&texts, form, (0..size).map(|_| random.usize(..texts.texts.len()))).ok();
        ask.filter(|_| Instant::now() < end)
    };
    let sink = move |ask: Ask, reply: bytes::Bytes| ask.check(&reply, &pool).map(drop);
    let mut memory = Vec::new();
    let sample = async {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            second.tick().await;
            memory.push(server.memory()?);
            if memory.len() % 60 == 0 {
                println!("{} min: {:.0} MiB", memory.len() / 60, memory[memory.len() - 1]);
            }
        }
    };
    let seen = tokio::select! {
        seen = load::closed(server.address, load::kept(CLIENTS), source, sink) => seen?,
        failed = sample => return failed,
    };
    server.stop()?;

    let warm_up = (memory.len() as f64 * WARM_UP.0).min(WARM_UP.1) as usize;
    ensure!(warm_up > 0, "too short to tell: {} samples of memory", memory.len());
    let (before, after) = memory.split_at(warm_up);
    // A few seconds, of which the median is not moved by one request.
    let warm = Spread::of(before[before.len().saturating_sub(10)..].iter().copied()).median;
    let last = Spread::of(after[after.len().saturating_sub(10)..].iter().copied()).median;
    let most = Spread::of(after.iter().copied()).max;
    let mut measured = Measured::default();
    measured.rounds("texts", "texts/s", 0, &[seen.texts as f64 / seen.seconds]);
    measured.rounds("requests, every vector checked", "", 0, &[seen.requests as f64]);
    measured.rounds("resident memory, model loaded", "MiB", 0, &[loaded]);
    measured.rounds(format!("resident memory, warm after {warm_up} s"), "MiB", 0, &[warm]);
    measured.rounds("resident memory afterwards, each second", "MiB", 0, after);
    measured.rounds(format!("resident memory at the end, after {} s", memory.len()), "MiB", 0, &[last]);
    measured.wanted("largest / warm", "ratio", 3, &[most / warm], Target::AtMost(WANTED));
    measured.latencies("latency", &seen.latencies);
    Ok(measured)
}

/// Texts from one word to [`WORDS`], as many short ones as long ones on a logarithmic scale.
fn mixed(texts: &[String], random: &mut Rng) -> Vec<String> {
    let words: Vec<&str> = texts.iter().flat_map(|text| text.split_whitespace()).collect();
    let text = |_| {
        let length = WORDS.powf(random.f64()) as usize;
        let start = random.usize(..words.len());
        words.iter().cycle().skip(start).take(length).copied().collect::<Vec<_>>().join(" ")
    };
    (0..TEXTS).map(text).collect()
}

/// A number from 1 to `most`: mostly small, sometimes large.
pub(crate) fn skewed(random: &mut Rng, most: f64) -> usize {
    most.powf(random.f64().powi(3)).round() as usize
}
