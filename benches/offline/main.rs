//! Offline throughput: `infa embed` beside stock ONNX Runtime on the exported graph, alternating in one run.
//!
//!     python3 benches/make_workload.py --out DIR --tokenizer DIR           # a random-weight bge-small, and texts
//!     cargo bench --bench offline -- --model DIR --dtype float32,int8
//!
//! Every side is a process of its own that starts anew each round: it loads the model, tokenises, runs, pools, and writes
//! JSON lines to a file; rounds begin with another side each time. The baseline is what a careful user of stock ONNX
//! Runtime does (and what fastembed does): the `torch.onnx.export` of the same weights with all graph optimisations, texts
//! in batches of 32 padded to their longest, one session on all threads; it tokenises and writes by infa's own code, and
//! loads the same ONNX Runtime. Every vector of every round is compared with those of stock float32. The peak is measured
//! in the same run, too. Speed does not depend on the weights' values.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod peak;
mod report;
#[path = "../shared/mod.rs"]
mod shared;
mod side;
mod stock;
mod workload;

use std::num::NonZero;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser;
use infa::parts::runtime::{Runtime, cores};
use peak::Peak;
use side::Side;
use workload::Workload;

#[derive(Parser)]
struct Args {
    /// Directory made by make_workload.py
    #[arg(long)]
    model: PathBuf,
    /// Texts, one a line [default: texts.txt in the model's directory]
    #[arg(long)]
    texts: Option<PathBuf>,
    /// Rounds; each runs all sides
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Threads of every side
    #[arg(long, default_value_t = NonZero::new(cores::usable()).unwrap_or(NonZero::<usize>::MIN))]
    threads: NonZero<usize>,
    /// infa's --dtype; a side for each
    #[arg(long, value_delimiter = ',', default_value = "float32,int8")]
    dtype: Vec<String>,
    /// infa's --batch-tokens; a side for each [default: infa's own]
    #[arg(long, value_delimiter = ',')]
    batch_tokens: Vec<NonZero<usize>>,
    /// Baselines: the export, or what quantize_dynamic made of it; texts in input order, or sorted by length
    #[arg(long, value_enum, value_delimiter = ',', default_value = "float32,int8")]
    stock: Vec<stock::Kind>,
    /// Batch size of the baselines
    #[arg(long, default_value_t = 32)]
    stock_batch: usize,
    /// Be a baseline: write the vectors to this file, and the times to stderr
    #[arg(long, hide = true)]
    worker: Option<PathBuf>,
    /// Cargo passes this to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let mut args = Args::parse();
    let texts = args.texts.take().unwrap_or_else(|| args.model.join("texts.txt"));
    if let Some(output) = &args.worker {
        let options = stock::Options { kind: args.stock[0], threads: args.threads.get(), batch: args.stock_batch };
        return stock::work(&args.model, &texts, output, options);
    }

    let library = shared::process::find_library()?;
    let runtime = Runtime::load(&library)?;
    let workload = Workload::read(&args.model, &texts)?;
    println!("{workload}, {} threads", args.threads);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let sides = sides(&args, &library, &texts, &folder.path().join("vectors.jsonl"))?;
    let threads = args.threads.get();
    let mut peaks = [Peak::float32(&runtime, &args.model, threads)?, Peak::int8(&runtime, &args.model, threads)?];

    // A round for nothing, so that files are in memory and quantised weights in infa's cache. The first side is stock float32.
    println!("warming up: {}", sides.iter().map(|side| side.name.as_str()).collect::<Vec<_>>().join(", "));
    let mut reference = Vec::new();
    for side in &sides {
        side.run(&workload)?;
        if reference.is_empty() {
            reference = workload.vectors(&side.output)?;
        }
    }

    let mut samples = vec![Vec::new(); sides.len()];
    for round in 0..args.rounds {
        for peak in &mut peaks {
            peak.measure()?;
        }
        for turn in 0..sides.len() {
            let at = (round + turn) % sides.len();
            let side = &sides[at];
            let mut sample = side.run(&workload)?;
            sample.agreement =
                workload.compare(&reference, &side.output, side.exact).with_context(|| side.name.clone())?;
            samples[at].push(sample);
        }
        let rates = samples.iter().map(|s| format!("{:.0}", workload.tokens as f64 / s[round].seconds));
        println!("round {}: tokens/s {}", round + 1, rates.collect::<Vec<_>>().join("  "));
    }
    report::print(&workload, &peaks, &sides, &samples);
    Ok(())
}

/// The baselines, then infa. Stock float32 is always the first: it says what vectors are right.
fn sides(
    args: &Args,
    library: &std::path::Path,
    texts: &std::path::Path,
    output: &std::path::Path,
) -> Result<Vec<Side>> {
    let mut kinds = vec![stock::Kind::Float32];
    kinds.extend(args.stock.iter().copied().filter(|&kind| kind != stock::Kind::Float32));
    let this = std::env::current_exe()?;
    let mut sides: Vec<Side> =
        kinds.into_iter().map(|kind| Side::stock(kind, &this, args, library, texts, output)).collect();
    let batches: Vec<_> = match &*args.batch_tokens {
        [] => vec![None],
        some => some.iter().copied().map(Some).collect(),
    };
    for dtype in &args.dtype {
        sides.extend(batches.iter().map(|&batch| Side::infa(dtype, batch, args, library, texts, output)));
    }
    Ok(sides)
}
