//! The same texts through HTTP and through `infa embed`, in turn.

use anyhow::Result;

use crate::bench::Bench;
use crate::load;
use crate::pool::Pool;
use crate::report::{Measured, Target};
use crate::request::{Ask, Form, Replies};
use crate::server::{Server, processor_time};

/// Clients that send at the same time.
const CLIENTS: usize = 4;

/// Texts a request.
const BATCHES: [usize; 3] = [32, 128, 256];

/// Share of `infa embed`'s speed.
const WANTED: f64 = 0.9;

/// One way through HTTP.
struct Way {
    form: Form,
    batch: usize,
    asks: Vec<Ask>,
    ratios: Vec<f64>,
    rates: Vec<f64>,
}

pub(crate) async fn run(bench: &Bench) -> Result<Measured> {
    // Vectors do not change from round to round; computing them warms everything up, too.
    let pool = bench.pool(bench.texts.clone())?;
    let server = Server::start(bench).await?;
    let mut ways = Vec::new();
    for form in Form::OPENAI {
        for batch in BATCHES {
            let asks = Ask::batches(&pool, form, batch)?;
            ways.push(Way { form, batch, asks, ratios: Vec::new(), rates: Vec::new() });
        }
    }
    pass(&server, &pool, &ways[0]).await?;

    let texts = bench.texts.len() as f64;
    let (mut offline, mut client, mut worst) = (Vec::new(), Vec::new(), 0f32);
    for round in 0..bench.args.rounds {
        // One more than there are ways: `infa embed` has its turn among them.
        let (sides, mut seconds) = (ways.len() + 1, vec![0.0; ways.len()]);
        for turn in 0..sides {
            let at = (round + turn) % sides;
            if at == ways.len() {
                offline.push(texts / bench.offline(&bench.texts)?.seconds);
                continue;
            }
            let pass = pass(&server, &pool, &ways[at]).await?;
            client.push(pass.client / pass.seconds);
            seconds[at] = pass.seconds;
            worst = worst.max(pass.worst);
        }
        for (way, seconds) in ways.iter_mut().zip(seconds) {
            way.rates.push(texts / seconds);
            way.ratios.push(texts / seconds / offline[round]);
        }
        let rates: Vec<String> = ways.iter().map(|way| format!("{:.0}", way.rates[round])).collect();
        println!("round {}: texts/s: infa embed {:.0}; HTTP {}", round + 1, offline[round], rates.join("  "));
    }
    server.stop()?;

    let mut measured = Measured::default();
    measured.rounds("infa embed", "texts/s", 0, &offline);
    for way in &ways {
        let what = format!("HTTP, {}, {} texts a request, {CLIENTS} clients", way.form.name(), way.batch);
        measured.rounds(&what, "texts/s", 0, &way.rates);
        measured.wanted(what + " / infa embed", "ratio", 2, &way.ratios, Target::AtLeast(WANTED));
    }
    measured.rounds("the client's own processor time, of one core", "share", 3, &client);
    measured.rounds("largest difference from infa embed", "", 0, &[f64::from(worst)]);
    Ok(measured)
}

/// All texts once.
struct Pass {
    seconds: f64,
    /// Processor time of this process meanwhile, in seconds.
    client: f64,
    /// The largest difference of any number.
    worst: f32,
}

async fn pass(server: &Server, pool: &Pool, way: &Way) -> Result<Pass> {
    let (source, replies) = (load::once(way.asks.clone()), Replies::default());
    let before = processor_time("self")?;
    let seen = load::closed(server.address, load::kept(CLIENTS), source, replies.sink()).await?;
    let client = processor_time("self")? - before;
    Ok(Pass { seconds: seen.seconds, client, worst: replies.check(pool)? })
}
