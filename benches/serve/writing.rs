//! Replies as numbers in JSON and as base64: what does writing them cost beside computing them?

use std::path::Path;

use anyhow::Result;

use crate::bench::Bench;
use crate::load;
use crate::pool::Pool;
use crate::report::{Measured, Target};
use crate::request::{Ask, Form, Replies};
use crate::server::Server;
use crate::short::shortest;
use crate::static_model;

/// Texts a request; there is one at a time.
const BATCH: usize = 2048;

/// Most that writing numbers as JSON may take of the time in which a short text is computed.
const WANTED: f64 = 0.1;

/// What one form took.
#[derive(Default)]
struct Seen {
    rates: Vec<f64>,
    /// Processor time of the server for one text, in microseconds.
    cost: Vec<f64>,
}

pub(crate) async fn run(bench: &Bench) -> Result<Measured> {
    let short = shortest(&bench.texts);
    let texts: Vec<String> = short.iter().cycle().take(BATCH).cloned().collect();
    let model = bench.args.model.as_path();
    let mut measured = Measured::default();
    let [float, _] = measure(bench, model, bench.pool(texts.clone())?, 1, "the model", &mut measured).await?;
    let dir = static_model::write(model, bench.folder())?;
    let rows = bench.offline_with(&dir, &texts)?.rows;
    let pool = Pool::new(texts, rows, false)?;
    let [plain, packed] =
        measure(bench, &dir, pool, 16, "static embeddings, which cost nothing", &mut measured).await?;
    let own: Vec<f64> = plain.cost.iter().zip(&packed.cost).map(|(plain, packed)| plain - packed).collect();
    let shares: Vec<f64> = own.iter().zip(&float.cost).map(|(own, whole)| own / whole).collect();
    measured.rounds("numbers in JSON beyond base64, processor time", "µs/text", 1, &own);
    measured.wanted("the same as a share of the model's whole time", "ratio", 3, &shares, Target::AtMost(WANTED));
    Ok(measured)
}

/// The texts of the pool so many `times`, in each form, in turn.
async fn measure(
    bench: &Bench,
    model: &Path,
    pool: Pool,
    times: usize,
    name: &str,
    measured: &mut Measured,
) -> Result<[Seen; 2]> {
    let asks = Form::OPENAI.map(|form| Ask::batches(&pool, form, BATCH));
    let server = Server::with_model(bench, model).await?;
    let mut seen = [Seen::default(), Seen::default()];
    // A round for nothing.
    for round in 0..=bench.args.rounds {
        for turn in 0..asks.len() {
            let at = (round + turn) % asks.len();
            let asks = asks[at].as_ref().map_err(|e| anyhow::anyhow!("{e:#}"))?;
            let asks = std::iter::repeat_n(asks, times).flatten().cloned().collect();
            let (replies, before) = (Replies::default(), server.processor_time()?);
            let took = load::closed(server.address, load::kept(1), load::once(asks), replies.sink()).await?;
            let used = server.processor_time()? - before;
            replies.check(&pool)?;
            if round > 0 {
                seen[at].rates.push(took.texts as f64 / took.seconds);
                seen[at].cost.push(used / took.texts as f64 * 1e6);
            }
        }
    }
    server.stop()?;
    for (form, seen) in Form::OPENAI.into_iter().zip(&seen) {
        measured.rounds(format!("{name}, {}", form.name()), "texts/s", 0, &seen.rates);
        measured.rounds(format!("{name}, {}, processor time", form.name()), "µs/text", 1, &seen.cost);
    }
    let ratios: Vec<f64> = seen[0].rates.iter().zip(&seen[1].rates).map(|(float, base64)| float / base64).collect();
    measured.rounds(format!("{name}, float / base64"), "ratio", 2, &ratios);
    Ok(seen)
}
