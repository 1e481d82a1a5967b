//! Offline throughput: infa's engine beside stock ONNX Runtime on the exported graph, alternating in one run.
//!
//!     python3 benches/make_workload.py --out /tmp/workload --tokenizer DIR      # a random-weight bge-small and texts
//!     cargo bench --bench offline -- --model /tmp/workload
//!
//! The baseline is what a careful user of stock ONNX Runtime does (and what fastembed does): the `torch.onnx.export` of
//! the same weights with all graph optimisations, texts in input order in batches of 32 padded to their longest, one
//! session on all threads. Both sides tokenise (with the same tokenizer), run and pool; model load is excluded; every
//! vector of the baseline is compared with infa's. Speed does not depend on the weights' values.
#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use infa::engine::{Engine, OnnxEngine, OnnxOptions, Purpose, Role, TextOptions};
use infa::fetch::Context;
use infa::model::Model;
use infa::model::cache::HubEnv;
use infa::model::pooling::{self, Pooling};
use infa::model::source::Request;
use infa::model::tokenizer::Truncate;
use infa::runtime::device::{Device, Dtype};
use infa::runtime::library::Search;
use infa::runtime::{Runtime, cores, install};
use ort::session::Session;
use ort::value::TensorRef;
use rayon::prelude::*;

/// Largest difference of any number of any vector between the two sides: other operators, other order of additions.
const TOLERANCE: f32 = 1e-4;

#[derive(Parser)]
struct Args {
    /// Directory made by make_workload.py
    #[arg(long)]
    model: PathBuf,
    /// Exported graph [default: onnx/stock.onnx in the model's directory]
    #[arg(long)]
    stock: Option<PathBuf>,
    /// Texts, one a line [default: texts.txt in the model's directory]
    #[arg(long)]
    texts: Option<PathBuf>,
    /// Rounds; each runs both sides, in turn first
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Threads of either side
    #[arg(long, default_value_t = NonZero::new(cores::usable()).unwrap_or(NonZero::<usize>::MIN))]
    threads: NonZero<usize>,
    /// infa's --batch-tokens; several values are compared with one another
    #[arg(long, value_delimiter = ',', default_values_t = [OnnxOptions::BATCH_TOKENS])]
    batch_tokens: Vec<NonZero<usize>>,
    /// The baseline's batch size
    #[arg(long, default_value_t = 32)]
    stock_batch: usize,
    /// The baseline sorts texts by length first
    #[arg(long)]
    stock_sorted: bool,
    /// Leave the baseline out
    #[arg(long)]
    no_stock: bool,
    /// Cargo passes this to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let texts_file = args.texts.clone().unwrap_or_else(|| args.model.join("texts.txt"));
    let texts = std::fs::read_to_string(&texts_file).with_context(|| texts_file.display().to_string())?;
    let texts: Vec<&str> = texts.lines().collect();
    let runtime = load_runtime()?;
    let model = |args: &Args| read_model(&args.model);

    let mut sides: Vec<Side> = Vec::new();
    if !args.no_stock {
        sides.push(Side::Stock(Box::new(Stock::new(&runtime, &args, model(&args)?)?)));
    }
    for &batch_tokens in &args.batch_tokens {
        let options = OnnxOptions { device: Device::Cpu, dtype: Dtype::Float32, threads: args.threads, batch_tokens };
        let engine = OnnxEngine::new(&runtime, model(&args)?, Purpose::Embed, &TextOptions::default(), options)?;
        sides.push(Side::Infa(Box::new(engine), batch_tokens));
    }

    // The warm-up also says what every later sample must give.
    let reference: Vec<Vec<f32>> = sides.iter_mut().map(|side| side.run(&texts)).collect::<Result<Vec<_>>>()?.remove(0);
    let (tokens, gflop) = work(&model(&args)?, &texts)?;
    println!("{} texts, {tokens} tokens, {gflop:.0} GFLOP, {} threads", texts.len(), args.threads);

    let mut seconds: Vec<Vec<f64>> = vec![Vec::new(); sides.len()];
    for round in 0..args.rounds {
        for turn in 0..sides.len() {
            let at = (round + turn) % sides.len();
            let start = Instant::now();
            let vectors = black_box(sides[at].run(&texts)?);
            seconds[at].push(start.elapsed().as_secs_f64());
            verify(&reference, &vectors).with_context(|| sides[at].name())?;
        }
        let rates: Vec<String> = seconds.iter().map(|s| format!("{:.0}", tokens as f64 / s[round])).collect();
        println!("round {}: tokens/s {}", round + 1, rates.join("  "));
    }
    println!();
    println!(
        "{:<28} {:>10} {:>10} {:>10} {:>9}   ratio to the first, round by round",
        "", "tokens/s", "min", "max", "GFLOP/s"
    );
    for (at, side) in sides.iter().enumerate() {
        let rate: Vec<f64> = seconds[at].iter().map(|s| tokens as f64 / s).collect();
        let ratio: Vec<f64> = seconds[at].iter().zip(&seconds[0]).map(|(s, first)| first / s).collect();
        let ((rate, low, high), (ratio, least, most)) = (spread(&rate), spread(&ratio));
        let gflops = gflop * rate / tokens as f64;
        println!(
            "{:<28} {rate:>10.0} {low:>10.0} {high:>10.0} {gflops:>9.0}   {ratio:.3} ({least:.3}–{most:.3})",
            side.name()
        );
    }
    Ok(())
}

enum Side {
    Infa(Box<OnnxEngine>, NonZero<usize>),
    Stock(Box<Stock>),
}

impl Side {
    fn name(&self) -> String {
        match self {
            Self::Infa(_, batch) => format!("infa, {batch} tokens a group"),
            Self::Stock(stock) => {
                format!("stock, batches of {}{}", stock.batch, if stock.sorted { ", sorted" } else { "" })
            }
        }
    }

    fn run(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        match self {
            Self::Infa(engine, _) => Ok(engine
                .embed(texts, Role::Text)
                .into_iter()
                .map(|result| result.map(|embedding| embedding.vector))
                .collect::<Result<_, _>>()?),
            Self::Stock(stock) => stock.run(texts),
        }
    }
}

/// Stock ONNX Runtime on the exported graph.
struct Stock {
    session: Session,
    model: Model,
    pooling: Pooling,
    batch: usize,
    sorted: bool,
}

impl Stock {
    fn new(runtime: &Runtime, args: &Args, model: Model) -> Result<Self> {
        let file = args.stock.clone().unwrap_or_else(|| args.model.join("onnx/stock.onnx"));
        let session = Session::builder(runtime.environment())?
            .with_intra_threads(args.threads.get())
            .map_err(|e| anyhow::anyhow!("{e}"))?
            .commit_from_file(&file)?;
        let pooling = model.pooling(None)[0];
        Ok(Self { session, model, pooling, batch: args.stock_batch, sorted: args.stock_sorted })
    }

    fn run(&mut self, texts: &[&str]) -> Result<Vec<Vec<f32>>> {
        let tokens = tokenize(&self.model, texts)?;
        let mut order: Vec<usize> = (0..texts.len()).collect();
        if self.sorted {
            order.sort_by_key(|&i| std::cmp::Reverse(tokens[i].len()));
        }
        let mut vectors = vec![Vec::new(); texts.len()];
        for batch in order.chunks(self.batch) {
            let longest = batch.iter().map(|&i| tokens[i].len()).max().unwrap_or(0);
            let shape = [batch.len(), longest];
            let mut ids = vec![0i64; batch.len() * longest];
            let mut mask = ids.clone();
            for (row, &i) in batch.iter().enumerate() {
                let at = row * longest;
                ids[at..at + tokens[i].len()].copy_from_slice(&tokens[i]);
                mask[at..at + tokens[i].len()].fill(1);
            }
            let types = vec![0i64; ids.len()];
            let outputs = self.session.run(ort::inputs! {
                "input_ids" => TensorRef::from_array_view((shape, &*ids))?,
                "attention_mask" => TensorRef::from_array_view((shape, &*mask))?,
                "token_type_ids" => TensorRef::from_array_view((shape, &*types))?,
            })?;
            let (shape, numbers) = outputs["last_hidden_state"].try_extract_tensor::<f32>()?;
            let hidden = usize::try_from(shape[2])?;
            for (row, &i) in batch.iter().enumerate() {
                let own = &numbers[row * longest * hidden..][..tokens[i].len() * hidden];
                self.pooling.pool(own, hidden, 0, &mut vectors[i]);
                pooling::normalize(&mut vectors[i]);
            }
        }
        Ok(vectors)
    }
}

fn tokenize(model: &Model, texts: &[&str]) -> Result<Vec<Vec<i64>>> {
    let length = model.sentence.max_seq_length.unwrap_or(512);
    let encode = |text: &&str| Ok(model.tokenizer.encode(text, length, Truncate::Right)?.ids);
    texts.par_iter().map(encode).collect()
}

/// Tokens, and the arithmetic of a BERT over them in GFLOP (a multiplication and an addition are two): the matrix
/// products of the layers, and attention.
fn work(model: &Model, texts: &[&str]) -> Result<(usize, f64)> {
    let number = |key: &str| model.config[key].as_f64().with_context(|| format!("config.json: {key}"));
    let (layers, hidden, inner) = (number("num_hidden_layers")?, number("hidden_size")?, number("intermediate_size")?);
    let lengths: Vec<usize> = tokenize(model, texts)?.iter().map(Vec::len).collect();
    let tokens: usize = lengths.iter().sum();
    let squares: f64 = lengths.iter().map(|&n| (n * n) as f64).sum();
    let products = tokens as f64 * 2.0 * (4.0 * hidden * hidden + 2.0 * hidden * inner);
    Ok((tokens, layers * (products + squares * 4.0 * hidden) / 1e9))
}

fn verify(reference: &[Vec<f32>], vectors: &[Vec<f32>]) -> Result<()> {
    ensure!(reference.len() == vectors.len(), "{} vectors instead of {}", vectors.len(), reference.len());
    for (i, (a, b)) in reference.iter().zip(vectors).enumerate() {
        let worst = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        ensure!(a.len() == b.len() && worst <= TOLERANCE, "the vector of text {i} differs by {worst:e}");
    }
    Ok(())
}

/// Median, minimum, maximum.
fn spread(numbers: &[f64]) -> (f64, f64, f64) {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (first, last) = (sorted.first().copied().unwrap_or(0.0), sorted.last().copied().unwrap_or(0.0));
    (sorted.get(sorted.len() / 2).copied().unwrap_or(0.0), first, last)
}

fn load_runtime() -> Result<Runtime> {
    let cache = std::env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let cache = cache.or_else(|| Some(std::env::home_dir()?.join(".cache"))).context("no home directory")?.join("infa");
    let environment = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let search = Search { flag: None, environment, cache, ask_python: true };
    Ok(Runtime::load(&search.find_or_install(&Context::silent())?.path)?)
}

fn read_model(dir: &Path) -> Result<Model> {
    let request = Request {
        model_id: dir.display().to_string(),
        revision: None,
        onnx_file: None,
        cache: PathBuf::new(),
        python: install::python(),
    };
    Ok(Model::read(request.resolve(HubEnv::from_env(), &Context::silent())?)?)
}
