//! The settings of `infa bench`, set by flags or by a config.

use std::num::NonZero;
use std::time::Duration;

use clap::builder::StyledStr;
use clap::{Arg, Args};

use crate::bench::demand::Demand;
use crate::bench::load::Load;
use crate::bench::report::Task;
use crate::cli::flags::{duration, given};
use crate::cli::{EngineSetArgs, Rounds, Share};

/// The settings that flags and configs have in common; each has a default.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Load")]
#[command(mut_arg("engines", |arg| arg.help(ENGINES)))]
#[command(mut_arg("model_id", |arg| arg.long_help(MODEL)))]
#[command(mut_args(default_of_configs))]
pub struct BenchSettings {
    /// Title of the run (configs only).
    #[arg(skip)]
    pub title: Option<String>,

    /// Load: offline, closed:N, constant:RATE, poisson:RATE, ramp:A-B, sweep, search:p99<TIME [default: closed:4]
    #[arg(long, value_name = "LOAD", conflicts_with_all = ["concurrency", "rate"])]
    pub load: Option<Demand>,

    /// Concurrent clients, each with one request at a time: --load closed:N
    #[arg(long, value_name = "N", conflicts_with = "rate")]
    pub concurrency: Option<NonZero<usize>>,

    /// Requests/s at random times, independent of replies: --load poisson:RATE
    #[arg(long, value_name = "RATE")]
    pub rate: Option<f64>,

    /// Requests of a round
    ///
    /// [default: the dataset once for offline loads, otherwise what --duration allows]
    #[arg(long, value_name = "N", conflicts_with = "duration")]
    pub requests: Option<NonZero<usize>>,

    /// Duration of a round [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub duration: Option<Duration>,

    /// Rounds: N, or MIN-MAX until the figures are stable [default: 5-20]
    #[arg(long, value_name = "N")]
    pub rounds: Option<Rounds>,

    /// Half-width of the 95 % interval of a stable figure: 2% or 0.02 [default: 2%]
    #[arg(long, value_name = "SHARE")]
    pub stable: Option<Share>,

    /// Time after which no round begins [default: unlimited]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub time_limit: Option<Duration>,

    /// Maximum warm-up of an engine; 0s turns it off [default: 10s]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub warm_up: Option<Duration>,

    #[command(flatten)]
    pub set: EngineSetArgs,

    /// Task: embed, rerank [default: embed]
    #[arg(long, value_enum, value_name = "TASK", help_heading = "Workload")]
    pub task: Option<Task>,

    /// Texts: NAME[:KEY=VALUE,…] or file=PATH [default: lognormal; rerank: rerank]
    #[arg(long, value_name = "SPEC", help_heading = "Workload")]
    pub dataset: Option<String>,

    /// Field or column of the texts of --dataset file=PATH [default: text]
    #[arg(long, value_name = "NAME", help_heading = "Workload")]
    pub field: Option<String>,

    /// Engine with speed 1 [default: the first]
    #[arg(long, value_name = "NAME", help_heading = "Report")]
    pub baseline: Option<String>,

    /// Remark in the report; repeat for several
    #[arg(id = "note", long, value_name = "TEXT", help_heading = "Report")]
    pub notes: Vec<String>,

    /// Price of an hour of this machine in dollars, for the price of a million tokens
    #[arg(long, value_name = "DOLLARS", help_heading = "Report")]
    pub machine_cost_per_hour: Option<f64>,
}

const ENGINES: &str = "Engines, separated by commas: SPEC or NAME=SPEC [default: those of the config]";
const MODEL: &str = "\
Directory, .onnx file, or Hugging Face repository [default: the config's]

Its tokenizer counts the tokens.";

/// A config, by default the one called quick, comes before the defaults of the flags.
fn default_of_configs(arg: Arg) -> Arg {
    // The config itself.
    if arg.is_positional() {
        return arg;
    }
    let with_config = |help: Option<&StyledStr>| {
        let help = help.map(ToString::to_string).filter(|help| !help.contains("the config"))?;
        let (before, default) = help.split_once("[default: ")?;
        Some(format!("{before}[default: the config's, else {default}"))
    };
    let (help, long) = (with_config(arg.get_help()), with_config(arg.get_long_help()));
    let arg = if let Some(help) = help { arg.help(help) } else { arg };
    if let Some(long) = long { arg.long_help(long) } else { arg }
}

impl BenchSettings {
    /// The flags that are set.
    pub fn given(&self) -> Vec<&'static str> {
        let Self {
            title: _,
            set,
            task,
            dataset,
            field,
            load,
            concurrency,
            rate,
            requests,
            duration,
            rounds,
            stable,
            time_limit,
            warm_up,
            baseline,
            notes,
            machine_cost_per_hour,
        } = self;
        let own = given([
            ("--note", !notes.is_empty()),
            ("--task", task.is_some()),
            ("--dataset", dataset.is_some()),
            ("--field", field.is_some()),
            ("--load", load.is_some()),
            ("--concurrency", concurrency.is_some()),
            ("--rate", rate.is_some()),
            ("--requests", requests.is_some()),
            ("--duration", duration.is_some()),
            ("--rounds", rounds.is_some()),
            ("--stable", stable.is_some()),
            ("--time-limit", time_limit.is_some()),
            ("--warm-up", warm_up.is_some()),
            ("--baseline", baseline.is_some()),
            ("--machine-cost-per-hour", machine_cost_per_hour.is_some()),
        ]);
        [set.given(), own].concat()
    }

    /// Fills in what is missing from `other`.
    pub fn or(self, other: Self) -> Self {
        // load, concurrency and rate exclude each other.
        let load_given = self.load.is_some() || self.concurrency.is_some() || self.rate.is_some();
        // The end of a round belongs to its load: one job ends by itself, a ramp after a time; a time that fits a few
        // clients is long for single requests, but never wrong.
        let other_end = match self.load {
            Some(Demand::Rounds(Load::Offline)) => true,
            Some(Demand::Rounds(Load::Ramp { .. })) => other.requests.is_some(),
            _ => false,
        };
        let end_given = self.requests.is_some() || self.duration.is_some() || other_end;
        // The field belongs to the file.
        let field = if self.dataset.is_some() { self.field } else { self.field.or(other.field) };
        Self {
            title: self.title.or(other.title),
            set: self.set.or(other.set),
            task: self.task.or(other.task),
            dataset: self.dataset.or(other.dataset),
            field,
            load: if load_given { self.load } else { other.load },
            concurrency: if load_given { self.concurrency } else { other.concurrency },
            rate: if load_given { self.rate } else { other.rate },
            requests: if end_given { self.requests } else { other.requests },
            duration: if end_given { self.duration } else { other.duration },
            rounds: self.rounds.or(other.rounds),
            stable: self.stable.or(other.stable),
            time_limit: self.time_limit.or(other.time_limit),
            warm_up: self.warm_up.or(other.warm_up),
            baseline: self.baseline.or(other.baseline),
            notes: if self.notes.is_empty() { other.notes } else { self.notes },
            machine_cost_per_hour: self.machine_cost_per_hour.or(other.machine_cost_per_hour),
        }
    }
}
