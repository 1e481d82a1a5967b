//! `infa bench`.

mod values;

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;
use serde::{Deserialize, Deserializer};

use super::help::paragraphs;
use crate::bench::demand::Demand;
use crate::bench::load::Load;
use crate::bench::report::Task;
use crate::runtime::device::Device;

pub use values::{EngineEntry, Rounds, Share, Span, Written};

/// Commands to begin with. What a command answers stands above it, so that no comment breaks into a command.
const EXAMPLES: &str = "\
Examples:
  # quick: the default model, under a minute
  infa bench
  # the same with other engines
  infa bench --engines onnx,onnx:int8,torch
  infa bench --engines prod=openai=https://example.org/v1
  # draws a run again, measures nothing
  infa bench --from run.json --export-html run.html
  infa bench cpu-bge-small --splice README.md
  infa bench --engines onnx,tei=http://host --load sweep
  infa bench --task rerank -m BAAI/bge-reranker-base
  infa bench serving --dry-run";

/// What may be measured.
const ENGINES: &str = "\
Engines: onnx (infa's own, in this process), torch, onnx-export, openvino, ctranslate2 and fastembed (Python processes; infa engines tells which are here and installs them), infinity, tei and infa (servers: started here, or NAME=URL), openai, cohere, jina and triton (NAME=URL). Options follow a colon: onnx:int8, torch:bfloat16:compile. A name of your own goes in front: fast=onnx:int8, prod=openai=https://example.org/v1.";

/// What texts there are.
const DATASETS: &str = "\
Datasets: words, payload, fixed, uniform, lognormal, duplicates, queries, passages, multilingual, code, rerank, each with keys (lognormal:median=64,sigma=0.8,count=1000), or file=PATH.";

/// How requests come.
const LOADS: &str = "\
Loads: offline (one job), closed:CLIENTS, constant:RATE, poisson:RATE, ramp:FROM-TO (requests a second), sweep[:clients|constant|poisson[:FROM-TO]], search:p99<100ms (the highest rate that keeps the latency).";

/// What the exit status says.
const STATUS: &str = "\
Exit status: 0 all well; 2 wrong usage; 3 the model whose tokens are counted cannot be used; 4 an engine failed (its row says why); 130 interrupted, after what was measured has been printed and exported.";

/// Flags of `infa bench`.
#[derive(Debug, Args)]
#[command(after_help = paragraphs(&[EXAMPLES, ENGINES, DATASETS, LOADS, STATUS]))]
pub struct BenchArgs {
    /// What to measure: a TOML file, or one that comes with infa: quick, cpu-bge-small, l4-bge-large, rerank, latency,
    /// serving, quantisation. Flags override it [default: quick; with --task rerank: rerank]
    #[arg(value_name = "CONFIG", env = "INFA_CONFIG", hide_env = true)]
    pub config: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub settings: BenchSettings,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub exports: ExportReportArgs,

    /// Print what would be measured, how long that takes and which engines cannot run here, and fail where the run would
    /// fail at once (the model, the texts, the exports); measure and download nothing
    #[arg(long, value_parser = BoolishValueParser::new(), env = "INFA_DRY_RUN", hide_env = true)]
    pub dry_run: bool,

    /// Draw the report of an earlier run (--export-json) again, as table and exports; measure nothing
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["config", "dry_run"],
        env = "INFA_FROM",
        hide_env = true,
        help_heading = "Report"
    )]
    pub from: Option<PathBuf>,

    /// Show every column there is, in the table and in Markdown, not only the eight that say most
    #[arg(long, value_parser = BoolishValueParser::new(), env = "INFA_ALL_COLUMNS", hide_env = true, help_heading = "Report")]
    pub all_columns: bool,
}

/// The settings that flags and configs have in common; each has a default.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BenchSettings {
    /// What the run is called (configs only).
    #[arg(skip)]
    pub title: Option<String>,

    /// A remark for the readers of the report; may be given several times
    #[arg(id = "note", long, value_name = "TEXT", env = "INFA_NOTE", hide_env = true, help_heading = "Report")]
    pub notes: Vec<String>,

    /// The engines, with commas between them, each SPEC or NAME=SPEC; the first is the baseline unless --baseline names
    /// another [default: those of the config]
    // Strings, since a message about what cannot be parsed would show passwords.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "[NAME=]SPEC,…",
        env = "INFA_ENGINES",
        hide_env = true,
        help_heading = "Engines and model"
    )]
    pub engines: Option<Vec<EngineEntry>>,

    /// The work: vectors of texts, or scores of documents [default: embed]
    #[arg(
        long,
        value_enum,
        value_name = "embed|rerank",
        hide_possible_values = true,
        env = "INFA_TASK",
        hide_env = true,
        help_heading = "Engines and model"
    )]
    pub task: Option<Task>,

    /// The model: a directory, an .onnx file, or a repository on the Hugging Face Hub. Its tokenizer counts
    #[arg(
        short,
        long,
        alias = "model",
        value_name = "ID|DIR|FILE",
        env = "INFA_MODEL_ID",
        hide_env = true,
        help_heading = "Engines and model"
    )]
    pub model_id: Option<String>,

    /// Branch, tag or commit of the repository [default: main]
    #[arg(long, value_name = "REV", env = "INFA_REVISION", hide_env = true, help_heading = "Engines and model")]
    pub revision: Option<String>,

    /// Where engines of this machine compute [default: auto]
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "auto|cpu|cuda|tensorrt",
        env = "INFA_DEVICE",
        hide_env = true,
        help_heading = "Engines and model"
    )]
    #[serde(deserialize_with = "by_name")]
    pub device: Option<Device>,

    /// Threads of each engine of this machine [default: the cores this process may use]
    #[arg(long, value_name = "N", env = "INFA_THREADS", hide_env = true, help_heading = "Engines and model")]
    pub threads: Option<NonZero<usize>>,

    /// Copy the weights of engines in this process into memory, so that a change of the model's files cannot harm; takes
    /// their size in memory
    #[arg(long, value_parser = BoolishValueParser::new(), env = "INFA_COPY_WEIGHTS", hide_env = true, help_heading = "Engines and model")]
    pub copy_weights: bool,

    /// The Python of torch, onnx-export, openvino, ctranslate2 and fastembed [default: the first that has what they need]
    #[arg(long, value_name = "FILE", env = "INFA_PYTHON", hide_env = true, help_heading = "Engines and model")]
    pub python: Option<PathBuf>,

    /// The texts: NAME[:KEY=VALUE,…] or file=PATH [default: lognormal; rerank: rerank]
    #[arg(long, value_name = "SPEC", env = "INFA_DATASET", hide_env = true, help_heading = "Load")]
    pub dataset: Option<String>,

    /// Seed of texts, order, arrivals and samples [default: 0]
    #[arg(long, value_name = "N", env = "INFA_SEED", hide_env = true, help_heading = "Load")]
    pub seed: Option<u64>,

    /// Texts in a request [default: 32]; for rerank each query with its documents is one
    #[arg(long, value_name = "N", env = "INFA_BATCH", hide_env = true, help_heading = "Load")]
    pub batch: Option<NonZero<usize>>,

    /// How requests come: offline, closed:N, constant:RATE, poisson:RATE, ramp:A-B, sweep, search:p99<TIME [default:
    /// closed:4]
    #[arg(long, value_name = "LOAD", conflicts_with_all = ["concurrency", "rate"], env = "INFA_LOAD", hide_env = true, help_heading = "Load")]
    pub load: Option<Written<Demand>>,

    /// Number of concurrent clients, each of which waits for its answer: --load closed:N
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "rate",
        env = "INFA_CONCURRENCY",
        hide_env = true,
        help_heading = "Load"
    )]
    pub concurrency: Option<NonZero<usize>>,

    /// Requests a second, at random times, whether or not the last ones are answered: --load poisson:RATE
    #[arg(long, value_name = "RATE", env = "INFA_RATE", hide_env = true, help_heading = "Load")]
    pub rate: Option<f64>,

    /// Requests of a round [default: the dataset once for offline loads, else as many as --duration takes]
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "duration",
        env = "INFA_REQUESTS",
        hide_env = true,
        help_heading = "Load"
    )]
    pub requests: Option<NonZero<usize>>,

    /// Length of a round [default: 10s]
    #[arg(long, value_name = "TIME", env = "INFA_DURATION", hide_env = true, help_heading = "Load")]
    pub duration: Option<Span>,

    /// Rounds: N, or MIN-MAX, until figures are stable [default: 5-20]
    #[arg(long, value_name = "N|MIN-MAX", env = "INFA_ROUNDS", hide_env = true, help_heading = "Load")]
    pub rounds: Option<Written<Rounds>>,

    /// Half-width of the 95 % interval at which a figure is stable, as a share: 2% or 0.02 [default: 2%]
    #[arg(long, value_name = "SHARE", env = "INFA_STABLE", hide_env = true, help_heading = "Load")]
    pub stable: Option<Written<Share>>,

    /// No round begins after this time [default: as long as it takes]
    #[arg(long, value_name = "TIME", env = "INFA_TIME_LIMIT", hide_env = true, help_heading = "Load")]
    pub time_limit: Option<Span>,

    /// Longest warm-up of an engine; 0s: none [default: 10s]
    #[arg(long, value_name = "TIME", env = "INFA_WARM_UP", hide_env = true, help_heading = "Load")]
    pub warm_up: Option<Span>,

    /// Longest wait for an answer [default: 60s]
    #[arg(long, value_name = "TIME", env = "INFA_REQUEST_TIMEOUT", hide_env = true, help_heading = "Load")]
    pub request_timeout: Option<Span>,

    /// Longest wait until an engine is ready [default: 10m]
    #[arg(long, value_name = "TIME", env = "INFA_STARTUP_TIMEOUT", hide_env = true, help_heading = "Load")]
    pub startup_timeout: Option<Span>,

    /// Retry a request to a server up to N times after failures that may pass (429, 503, lost connection) [default: 0]
    #[arg(long, value_name = "N", env = "INFA_RETRIES", hide_env = true, help_heading = "Load")]
    pub retries: Option<u32>,

    /// Name of the engine whose speed is 1 [default: the first]
    #[arg(long, value_name = "NAME", env = "INFA_BASELINE", hide_env = true, help_heading = "Report")]
    pub baseline: Option<String>,

    /// Name of the engine whose vectors or scores the others are compared with [default: torch, else onnx, else the first]
    #[arg(long, value_name = "NAME", env = "INFA_REFERENCE", hide_env = true, help_heading = "Report")]
    pub reference: Option<String>,

    /// Texts (queries) whose vectors (scores) are compared; 0: none [default: 64]
    #[arg(long, value_name = "N", env = "INFA_SAMPLES", hide_env = true, help_heading = "Report")]
    pub samples: Option<usize>,

    /// Price of an hour of this machine in dollars, for the price of a million tokens
    #[arg(long, value_name = "DOLLARS", env = "INFA_MACHINE_COST_PER_HOUR", hide_env = true, help_heading = "Report")]
    pub machine_cost_per_hour: Option<f64>,
}

/// Where the report goes besides the terminal.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Exports")]
pub struct ExportReportArgs {
    /// Write the whole report as JSON (docs/bench-report.schema.json)
    #[arg(long, value_name = "FILE", env = "INFA_EXPORT_JSON", hide_env = true)]
    pub export_json: Option<PathBuf>,

    /// Write a row an engine as CSV
    #[arg(long, value_name = "FILE", env = "INFA_EXPORT_CSV", hide_env = true)]
    pub export_csv: Option<PathBuf>,

    /// Write the table as Markdown
    #[arg(long, value_name = "FILE", env = "INFA_EXPORT_MARKDOWN", hide_env = true)]
    pub export_markdown: Option<PathBuf>,

    /// Write one self-contained page with table and charts
    #[arg(long, value_name = "FILE", env = "INFA_EXPORT_HTML", hide_env = true)]
    pub export_html: Option<PathBuf>,

    /// Put the Markdown table into this file, between <!-- infa bench: CONFIG --> and <!-- infa bench end -->
    #[arg(long, value_name = "FILE", env = "INFA_SPLICE", hide_env = true)]
    pub splice: Option<PathBuf>,
}

/// One of the names that the flag takes.
fn by_name<'de, D: Deserializer<'de>, T: clap::ValueEnum>(deserializer: D) -> Result<Option<T>, D::Error> {
    let name = String::deserialize(deserializer)?;
    T::from_str(&name, true).map(Some).map_err(|_| {
        let known =
            T::value_variants().iter().filter_map(|value| Some(value.to_possible_value()?.get_name().to_owned()));
        serde::de::Error::custom(format!("{name:?} is none of {}", known.collect::<Vec<_>>().join(", ")))
    })
}

impl BenchSettings {
    /// The names of all that is said here, as flags write them.
    pub fn given(&self) -> Vec<&'static str> {
        let Self {
            title: _,
            notes,
            engines,
            task,
            model_id,
            revision,
            device,
            threads,
            copy_weights,
            python,
            dataset,
            seed,
            batch,
            load,
            concurrency,
            rate,
            requests,
            duration,
            rounds,
            stable,
            time_limit,
            warm_up,
            request_timeout,
            startup_timeout,
            retries,
            baseline,
            reference,
            samples,
            machine_cost_per_hour,
        } = self;
        let all = [
            ("--note", !notes.is_empty()),
            ("--engines", engines.is_some()),
            ("--task", task.is_some()),
            ("--model-id", model_id.is_some()),
            ("--revision", revision.is_some()),
            ("--device", device.is_some()),
            ("--threads", threads.is_some()),
            ("--copy-weights", *copy_weights),
            ("--python", python.is_some()),
            ("--dataset", dataset.is_some()),
            ("--seed", seed.is_some()),
            ("--batch", batch.is_some()),
            ("--load", load.is_some()),
            ("--concurrency", concurrency.is_some()),
            ("--rate", rate.is_some()),
            ("--requests", requests.is_some()),
            ("--duration", duration.is_some()),
            ("--rounds", rounds.is_some()),
            ("--stable", stable.is_some()),
            ("--time-limit", time_limit.is_some()),
            ("--warm-up", warm_up.is_some()),
            ("--request-timeout", request_timeout.is_some()),
            ("--startup-timeout", startup_timeout.is_some()),
            ("--retries", retries.is_some()),
            ("--baseline", baseline.is_some()),
            ("--reference", reference.is_some()),
            ("--samples", samples.is_some()),
            ("--machine-cost-per-hour", machine_cost_per_hour.is_some()),
        ];
        all.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }

    /// These, and where they say nothing what `other` says.
    pub fn or(self, other: Self) -> Self {
        // One of the three decides how requests come; the others of the file must not come beside it.
        let load_given = self.load.is_some() || self.concurrency.is_some() || self.rate.is_some();
        // Nor does the end of a round that was written for another load: one job ends by itself, a ramp after a time, and
        // a time that fits a few clients is long for single requests, but never wrong.
        let other_end = match self.load {
            Some(Written(Demand::Rounds(Load::Offline))) => true,
            Some(Written(Demand::Rounds(Load::Ramp { .. }))) => other.requests.is_some(),
            _ => false,
        };
        let end_given = self.requests.is_some() || self.duration.is_some() || other_end;
        Self {
            title: self.title.or(other.title),
            notes: if self.notes.is_empty() { other.notes } else { self.notes },
            engines: self.engines.or(other.engines),
            task: self.task.or(other.task),
            // A revision belongs to its model.
            revision: if self.model_id.is_some() { self.revision } else { self.revision.or(other.revision) },
            model_id: self.model_id.or(other.model_id),
            device: self.device.or(other.device),
            threads: self.threads.or(other.threads),
            copy_weights: self.copy_weights || other.copy_weights,
            python: self.python.or(other.python),
            dataset: self.dataset.or(other.dataset),
            seed: self.seed.or(other.seed),
            batch: self.batch.or(other.batch),
            load: if load_given { self.load } else { other.load },
            concurrency: if load_given { self.concurrency } else { other.concurrency },
            rate: if load_given { self.rate } else { other.rate },
            requests: if end_given { self.requests } else { other.requests },
            duration: if end_given { self.duration } else { other.duration },
            rounds: self.rounds.or(other.rounds),
            stable: self.stable.or(other.stable),
            time_limit: self.time_limit.or(other.time_limit),
            warm_up: self.warm_up.or(other.warm_up),
            request_timeout: self.request_timeout.or(other.request_timeout),
            startup_timeout: self.startup_timeout.or(other.startup_timeout),
            retries: self.retries.or(other.retries),
            baseline: self.baseline.or(other.baseline),
            reference: self.reference.or(other.reference),
            samples: self.samples.or(other.samples),
            machine_cost_per_hour: self.machine_cost_per_hour.or(other.machine_cost_per_hour),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_a_flag_says_about_the_load_silences_the_file() {
        let file: BenchSettings =
            toml::from_str("load = 'offline'\nrequests = 7\nrevision = 'r'\nmodel-id = 'a'").unwrap();
        let flags = BenchSettings {
            concurrency: NonZero::new(3),
            duration: Some(Span(Duration::from_secs(1))),
            model_id: Some("b".into()),
            ..BenchSettings::default()
        };
        let both = flags.or(file);
        assert_eq!((both.load, both.concurrency, both.requests), (None, NonZero::new(3), None));
        assert_eq!((both.model_id.as_deref(), both.revision), (Some("b"), None));
        // The end of a round for another load goes with that load.
        let of = |load: &str, file: &str| {
            let flags: BenchSettings = toml::from_str(&format!("load = '{load}'")).unwrap();
            let both = flags.or(toml::from_str(file).unwrap());
            (both.requests.is_some(), both.duration.is_some())
        };
        assert_eq!(of("offline", "duration = '2s'"), (false, false));
        assert_eq!(of("ramp:1-9", "requests = 3"), (false, false));
        assert_eq!(of("ramp:1-9", "duration = '2s'"), (false, true));
        assert_eq!(of("closed:3", "requests = 3"), (true, false));
    }

    #[test]
    fn what_is_given_is_listed_by_flag() {
        let settings: BenchSettings = toml::from_str("title = 'x'\nrounds = 3\nengines = ['onnx']").unwrap();
        assert_eq!(settings.given(), ["--engines", "--rounds"]);
    }

    #[test]
    fn configs_write_values_as_flags_do() {
        let read: BenchSettings = toml::from_str(
            "engines = ['onnx', { name = 'i', spec = 'infinity', launch = 'x' }]\nload = 'closed:3'\nduration = 2\n\
             rounds = '2-3'\ndevice = 'CPU'\ntask = 'rerank'\nwarm-up = '1m'",
        )
        .unwrap();
        let engines = read.engines.unwrap();
        assert_eq!((engines[0].spec.as_str(), engines[1].name.as_deref()), ("onnx", Some("i")));
        assert_eq!(
            (read.duration, read.warm_up),
            (Some(Span(Duration::from_secs(2))), Some(Span(Duration::from_mins(1))))
        );
        assert_eq!((read.rounds.unwrap().0.max, read.device, read.task), (3, Some(Device::Cpu), Some(Task::Rerank)));
        for (wrong, said) in [
            ("load = 'open'", "there is no load"),
            ("rounds = 0", "no number of rounds"),
            ("device = 'gpu'", "none of auto, cpu"),
            ("engines = [3]", "an engine such as"),
            ("duration = '-1s'", "duration"),
            ("stable = 'a'", "not a share"),
            ("stable = 2", "did you mean 2%?"),
        ] {
            let error = toml::from_str::<BenchSettings>(wrong).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
