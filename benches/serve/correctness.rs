//! Many clients with random texts in random batches: is every vector the one that `infa embed` computes, and its own
//! text's?

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Result, ensure};
use fastrand::Rng;

use crate::bench::Bench;
use crate::load;
use crate::report::{Measured, Target};
use crate::request::{Ask, Form};
use crate::server::Server;
use crate::soak::skewed;

/// Each waits for its reply.
const CLIENTS: usize = 32;

/// Texts of the largest request.
const BATCH: f64 = 32.0;

pub(crate) async fn run(bench: &Bench) -> Result<Measured> {
    let pool = Arc::new(bench.pool(bench.texts.clone())?.distinct());
    let different = pool.texts.len();
    println!("{different} of {} texts have vectors unlike all others", bench.texts.len());
    ensure!(different > 0, "no text has a vector of its own");
    let server = Server::start(bench).await?;

    let (wanted, texts) = (bench.args.requests, Arc::clone(&pool));
    let random = Mutex::new((Rng::with_seed(bench.args.seed), 0));
    let source = move || {
        let (random, asked) = &mut *random.lock().unwrap_or_else(PoisonError::into_inner);
        if *asked == wanted {
            return None;
        }
        *asked += 1;
        let form = Form::ALL[random.usize(..Form::ALL.len())];
        let size = skewed(random, BATCH);
        // Writing a request cannot fail.
        Ask::new(&texts, form, (0..size).map(|_| random.usize(..texts.texts.len()))).ok()
    };
    let worst = Arc::new(Mutex::new((0f32, 0)));
    let largest = Arc::clone(&worst);
    let sink = move |ask: Ask, reply: bytes::Bytes| {
        let difference = ask.check(&reply, &pool)?;
        let (worst, checked) = &mut *largest.lock().unwrap_or_else(PoisonError::into_inner);
        *worst = worst.max(difference);
        *checked += ask.texts.len();
        Ok(())
    };
    let tell = async {
        loop {
            tokio::time::sleep(Duration::from_secs(60)).await;
            println!("{} vectors checked", worst.lock().unwrap_or_else(PoisonError::into_inner).1);
        }
    };
    let seen = tokio::select! {
        seen = load::closed(server.address, load::kept(CLIENTS), source, sink) => seen?,
        () = tell => unreachable!(),
    };
    server.stop()?;

    let (worst, checked) = *worst.lock().unwrap_or_else(PoisonError::into_inner);
    ensure!(checked == seen.texts && seen.requests == wanted, "{checked} of {} vectors checked", seen.texts);
    let mut measured = Measured::default();
    measured.wanted("requests", "", 0, &[seen.requests as f64], Target::AtLeast(wanted as f64));
    measured.rounds("vectors, all of them right", "", 0, &[checked as f64]);
    measured.rounds("different texts", "", 0, &[different as f64]);
    let most = if bench.args.dtype == "int8" { 0.0 } else { 1e-5 };
    measured.wanted("largest difference from infa embed", "", 0, &[f64::from(worst)], Target::AtMost(most));
    measured.rounds("texts", "texts/s", 0, &[seen.texts as f64 / seen.seconds]);
    Ok(measured)
}
