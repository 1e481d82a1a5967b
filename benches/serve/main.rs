//! `infa serve` under load: the whole server over sockets, beside `infa embed` on the same texts.
//!
//!     python3 benches/make_workload.py --out DIR --model MODEL_DIR --sts FILE        # the model, and texts
//!     cargo bench --bench serve -- --model DIR [throughput short overload fairness hostile slow-headers …]
//!
//! Every scenario starts a server of its own on a free port and loads it over 127.0.0.1. Client and server share the
//! machine's cores, so the client is cheap: one thread, requests written beforehand, replies kept as they come and
//! examined once the clock has stopped. Every vector of every reply is compared with the one that `infa embed` makes of
//! its text. Where two speeds are compared, they alternate in one run, and the ratios are taken round by round. What is
//! measured is printed beside its target and recorded as JSON; the exit status is 1 where a target is missed.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod bench;
mod client;
mod correctness;
mod crowd;
mod fairness;
mod hostile;
mod load;
mod machine;
mod overload;
mod pool;
mod report;
mod request;
mod server;
#[path = "../shared/mod.rs"]
mod shared;
mod short;
mod slow_headers;
mod soak;
mod static_model;
mod throughput;
mod writing;

use std::num::NonZero;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bench::Bench;
use clap::{Parser, ValueEnum};
use infa::parts::runtime::cores;
use report::Report;

#[derive(Parser)]
struct Args {
    /// What to measure [default: all]
    scenarios: Vec<Scenario>,
    /// Model directory
    #[arg(long)]
    model: PathBuf,
    /// Texts, one a line [default: texts.txt in the model's directory]
    #[arg(long)]
    texts: Option<PathBuf>,
    /// Use only the first texts
    #[arg(long)]
    count: Option<usize>,
    /// Of server and `infa embed`
    #[arg(long, default_value = "float32")]
    dtype: String,
    /// Worker threads of server and `infa embed`
    #[arg(long, default_value_t = NonZero::new(cores::usable()).unwrap_or(NonZero::<usize>::MIN))]
    threads: NonZero<usize>,
    /// Another flag of the server, such as --server-arg=--queue-tokens=100000; repeatable
    #[arg(long = "server-arg", allow_hyphen_values = true)]
    server_args: Vec<String>,
    /// Rounds of everything that alternates
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of one phase: measuring the capacity, or the latencies of one side
    #[arg(long, default_value = "10", value_parser = seconds)]
    phase: Duration,
    /// Seconds of overload
    #[arg(long, default_value = "60", value_parser = seconds)]
    seconds: Duration,
    /// Minutes of soak
    #[arg(long, default_value_t = 15.0)]
    minutes: f64,
    /// Requests of correctness
    #[arg(long, default_value_t = 100_000)]
    requests: usize,
    /// Where random choices begin
    #[arg(long, default_value_t = 5)]
    seed: u64,
    /// Write the record to this file [default: serve.json in the folder for temporary files of cargo]
    #[arg(long)]
    record: Option<PathBuf>,
    /// Cargo passes this to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Scenario {
    /// Batches of many texts: as fast as `infa embed`?
    Throughput,
    /// Many clients with one short text each
    Short,
    /// Three times as many requests as can be answered
    Overload,
    /// Clients with one short text beside one with requests of 2,000
    Fairness,
    /// Legal requests that are made to hurt: memory, and /livez meanwhile
    Hostile,
    /// A thousand clients that never finish their headers
    SlowHeaders,
    /// Mixed lengths for minutes: does memory stay flat?
    Soak,
    /// Whether writing vectors is what takes the time
    Writing,
    /// Random texts from many clients: is every vector right?
    Correctness,
}

impl Scenario {
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

fn main() -> Result<ExitCode> {
    let args = Args::parse();
    machine::raise_open_files()?;
    let scenarios = match &*args.scenarios {
        [] => Scenario::value_variants().to_vec(),
        some => some.to_vec(),
    };
    let record = args.record.clone().unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("serve.json"));
    let bench = Bench::new(args)?;
    let mut report = Report::new(&bench)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for scenario in scenarios {
        println!("\n{}", scenario.name());
        let measured = runtime.block_on(async {
            match scenario {
                Scenario::Throughput => throughput::run(&bench).await,
                Scenario::Short => short::run(&bench).await,
                Scenario::Overload => overload::run(&bench).await,
                Scenario::Fairness => fairness::run(&bench).await,
                Scenario::Hostile => hostile::run(&bench).await,
                Scenario::SlowHeaders => slow_headers::run(&bench).await,
                Scenario::Soak => soak::run(&bench).await,
                Scenario::Writing => writing::run(&bench).await,
                Scenario::Correctness => correctness::run(&bench).await,
            }
        });
        let measured = measured.with_context(|| scenario.name())?;
        println!("{}", measured.table());
        report.add(scenario.name(), measured);
        report.write(&record)?;
    }
    println!("\nrecorded in {}", record.display());
    Ok(if report.all_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn seconds(text: &str) -> Result<Duration> {
    Ok(Duration::try_from_secs_f64(text.parse()?)?)
}
