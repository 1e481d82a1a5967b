//! `infa bench`.

use std::num::NonZero;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use serde::{Deserialize, Deserializer};

use super::serve::duration;
use crate::bench::demand::Demand;
use crate::bench::report::Task;
use crate::runtime::device::Device;

/// Flags of `infa bench`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infa bench                                        # quick: the default model, under a minute
  infa bench --engines onnx,onnx:int8,torch
  infa bench cpu-bge-small --export-html bge.html --splice README.md
  infa bench --engines onnx,tei=http://127.0.0.1:8080 --load sweep --dataset lognormal
  infa bench --task rerank -m BAAI/bge-reranker-base --engines onnx,torch
  infa bench serving --dry-run

Engines: onnx (infa's own, in this process), torch, onnx-export, openvino, ctranslate2 and fastembed (Python
processes; infa engines tells which are here and installs them), infinity, tei and infa (servers: started here, or
NAME=URL), openai, cohere, jina and triton (NAME=URL). Options follow a colon: onnx:int8, torch:bfloat16:compile.

Datasets: words, payload, fixed, uniform, lognormal, duplicates, queries, passages, multilingual, code, rerank, each
with keys (lognormal:median=64,sigma=0.8,count=1000), or file=PATH.

Loads: offline (one job), closed:CLIENTS, constant:RATE, poisson:RATE, ramp:FROM-TO (requests a second),
sweep[:clients|constant|poisson[:FROM-TO]], search:p99<100ms (the highest rate that keeps the latency).

Exit status: 0 all well; 2 wrong usage; 3 the model whose tokens are counted cannot be used; 4 an engine failed (its
row says why); 130 interrupted, after what was measured has been printed and exported.")]
pub struct BenchArgs {
    /// What to measure: a TOML file, or one that comes with infa: quick, cpu-bge-small, l4-bge-large, rerank, latency,
    /// serving, quantisation. Flags override it [default: quick]
    #[arg(value_name = "CONFIG", env = "INFA_CONFIG", hide_env = true)]
    pub config: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub settings: BenchSettings,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub exports: ExportReportArgs,

    /// Tell what would be measured, and measure nothing
    #[arg(long, value_parser = BoolishValueParser::new(), env = "INFA_DRY_RUN", hide_env = true)]
    pub dry_run: bool,
}

/// What flags and configs say alike; what both leave out has a default.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct BenchSettings {
    /// What the run is called (configs only).
    #[arg(skip)]
    pub title: Option<String>,

    /// What a reader of the report should know; may be given several times
    #[arg(id = "note", long, value_name = "TEXT", env = "INFA_NOTE", hide_env = true, help_heading = "What is told")]
    pub notes: Vec<String>,

    /// The engines, with commas between them; the first is the baseline unless --baseline names another [default: onnx]
    // Strings, since a message about what cannot be parsed would show passwords.
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "SPEC,…",
        env = "INFA_ENGINES",
        hide_env = true,
        help_heading = "What is measured"
    )]
    pub engines: Option<Vec<EngineEntry>>,

    /// What engines are asked for: vectors of texts, or scores of documents [default: embed]
    #[arg(
        long,
        value_enum,
        value_name = "embed|rerank",
        hide_possible_values = true,
        env = "INFA_TASK",
        hide_env = true,
        help_heading = "What is measured"
    )]
    pub task: Option<Task>,

    /// The model: a directory, an .onnx file, or a repository on the Hugging Face Hub. Its tokenizer counts
    #[arg(
        short,
        long,
        value_name = "ID|DIR|FILE",
        env = "INFA_MODEL_ID",
        hide_env = true,
        help_heading = "What is measured"
    )]
    pub model_id: Option<String>,

    /// Branch, tag or commit of the repository [default: main]
    #[arg(long, value_name = "REV", env = "INFA_REVISION", hide_env = true, help_heading = "What is measured")]
    pub revision: Option<String>,

    /// Where engines of this machine compute [default: auto]
    #[arg(
        long,
        value_enum,
        hide_possible_values = true,
        value_name = "auto|cpu|cuda|tensorrt",
        env = "INFA_DEVICE",
        hide_env = true,
        help_heading = "What is measured"
    )]
    #[serde(deserialize_with = "by_name")]
    pub device: Option<Device>,

    /// Threads of each engine of this machine [default: the cores this process may use]
    #[arg(long, value_name = "N", env = "INFA_THREADS", hide_env = true, help_heading = "What is measured")]
    pub threads: Option<NonZero<usize>>,

    /// The Python of torch, onnx-export, openvino, ctranslate2 and fastembed [default: the first that has what they need]
    #[arg(long, value_name = "FILE", env = "INFA_PYTHON", hide_env = true, help_heading = "What is measured")]
    pub python: Option<PathBuf>,

    /// The texts: NAME[:KEY=VALUE,…] or file=PATH [default: lognormal; rerank: rerank]
    #[arg(long, value_name = "SPEC", env = "INFA_DATASET", hide_env = true, help_heading = "How it is asked")]
    pub dataset: Option<String>,

    /// Decides what is random: texts, order, arrivals, samples [default: 0]
    #[arg(long, value_name = "N", env = "INFA_SEED", hide_env = true, help_heading = "How it is asked")]
    pub seed: Option<u64>,

    /// Texts in a request [default: 32]; for rerank each query with its documents is one
    #[arg(long, value_name = "N", env = "INFA_BATCH", hide_env = true, help_heading = "How it is asked")]
    pub batch: Option<NonZero<usize>>,

    /// How requests come: offline, closed:N, constant:RATE, poisson:RATE, ramp:A-B, sweep, search:p99<TIME [default:
    /// closed:4]
    #[arg(long, value_name = "LOAD", conflicts_with_all = ["concurrency", "rate"], env = "INFA_LOAD", hide_env = true, help_heading = "How it is asked")]
    pub load: Option<Written<Demand>>,

    /// So many clients, each of which waits for its answer: --load closed:N
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "rate",
        env = "INFA_CONCURRENCY",
        hide_env = true,
        help_heading = "How it is asked"
    )]
    pub concurrency: Option<NonZero<usize>>,

    /// So many requests a second, at random times, whether or not the last ones are answered: --load poisson:RATE
    #[arg(long, value_name = "RATE", env = "INFA_RATE", hide_env = true, help_heading = "How it is asked")]
    pub rate: Option<f64>,

    /// Requests of a round [default: the dataset once for offline loads, else as many as --duration takes]
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "duration",
        env = "INFA_REQUESTS",
        hide_env = true,
        help_heading = "How it is asked"
    )]
    pub requests: Option<NonZero<usize>>,

    /// Length of a round [default: 10s]
    #[arg(long, value_name = "TIME", env = "INFA_DURATION", hide_env = true, help_heading = "How it is asked")]
    pub duration: Option<Span>,

    /// Rounds: N, or MIN-MAX, as many as it takes until figures are stable [default: 5-20]
    #[arg(long, value_name = "N|MIN-MAX", env = "INFA_ROUNDS", hide_env = true, help_heading = "How it is asked")]
    pub rounds: Option<Written<Rounds>>,

    /// A figure is stable when its 95 % interval reaches no further to either side [default: 0.02]
    #[arg(long, value_name = "SHARE", env = "INFA_STABLE", hide_env = true, help_heading = "How it is asked")]
    pub stable: Option<f64>,

    /// No round begins after this time [default: as long as it takes]
    #[arg(long, value_name = "TIME", env = "INFA_TIME_LIMIT", hide_env = true, help_heading = "How it is asked")]
    pub time_limit: Option<Span>,

    /// Longest warm-up of an engine; 0s: none [default: 10s]
    #[arg(long, value_name = "TIME", env = "INFA_WARM_UP", hide_env = true, help_heading = "How it is asked")]
    pub warm_up: Option<Span>,

    /// Longest wait for an answer [default: 60s]
    #[arg(long, value_name = "TIME", env = "INFA_REQUEST_TIMEOUT", hide_env = true, help_heading = "How it is asked")]
    pub request_timeout: Option<Span>,

    /// Longest wait until an engine is ready [default: 10m]
    #[arg(long, value_name = "TIME", env = "INFA_STARTUP_TIMEOUT", hide_env = true, help_heading = "How it is asked")]
    pub startup_timeout: Option<Span>,

    /// Ask a server again, up to N times a request, after failures that may pass [default: 0]
    #[arg(long, value_name = "N", env = "INFA_RETRIES", hide_env = true, help_heading = "How it is asked")]
    pub retries: Option<u32>,

    /// The engine whose speed is 1, by its name [default: the first]
    #[arg(long, value_name = "NAME", env = "INFA_BASELINE", hide_env = true, help_heading = "What is told")]
    pub baseline: Option<String>,

    /// The engine whose vectors or scores are right, by its name [default: torch, else onnx, else the first]
    #[arg(long, value_name = "NAME", env = "INFA_REFERENCE", hide_env = true, help_heading = "What is told")]
    pub reference: Option<String>,

    /// Texts (queries) whose vectors (scores) are compared; 0: none [default: 64]
    #[arg(long, value_name = "N", env = "INFA_SAMPLES", hide_env = true, help_heading = "What is told")]
    pub samples: Option<usize>,

    /// What an hour of this machine costs, in dollars: tells the price of a million tokens
    #[arg(
        long,
        value_name = "DOLLARS",
        env = "INFA_MACHINE_COST_PER_HOUR",
        hide_env = true,
        help_heading = "What is told"
    )]
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

/// An engine of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineEntry {
    /// Its name in tables; `None`: its spec.
    pub name: Option<String>,
    /// Which it is.
    pub spec: String,
    /// The command that starts its server.
    pub launch: Option<String>,
    /// The model's name there; `None`: the server is asked, or has only one.
    pub model: Option<String>,
}

impl From<&str> for EngineEntry {
    fn from(spec: &str) -> Self {
        Self { name: None, spec: spec.trim().to_owned(), launch: None, model: None }
    }
}

impl<'de> Deserialize<'de> for EngineEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        struct Table {
            name: Option<String>,
            spec: String,
            launch: Option<String>,
            model: Option<String>,
        }
        struct Either;
        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = EngineEntry;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an engine such as \"onnx:int8\", or a table { spec = \"infinity\", launch = \"…\" }")
            }

            fn visit_str<E: serde::de::Error>(self, spec: &str) -> Result<EngineEntry, E> {
                Ok(spec.into())
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, map: A) -> Result<EngineEntry, A::Error> {
                let Table { name, spec, launch, model } =
                    Table::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
                Ok(EngineEntry { name, spec, launch, model })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A value that configs write as flags do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Written<T>(pub T);

impl<T: FromStr> FromStr for Written<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        text.parse().map(Self)
    }
}

impl<'de, T: FromStr<Err: std::fmt::Display>> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_number(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A length of time: `30s`, `5m`, or seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        duration(text).map(Self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text_or_number(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How many rounds there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rounds {
    /// At least.
    pub min: usize,
    /// At most.
    pub max: usize,
}

/// More rounds than anybody waits for.
const MOST_ROUNDS: usize = 10_000;

impl FromStr for Rounds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no number of rounds, such as 5 or 5-20, from 1 to {MOST_ROUNDS}");
        let number = |text: &str| text.trim().parse::<usize>().map_err(|_| wrong());
        let (min, max) = text.split_once('-').unwrap_or((text, text));
        let (min, max) = (number(min)?, number(max)?);
        if min == 0 || min > max || max > MOST_ROUNDS { Err(wrong()) } else { Ok(Self { min, max }) }
    }
}

/// A string, or a number as it would be written as one.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct Text;
    impl serde::de::Visitor<'_> for Text {
        type Value = String;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a string or a number")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }
    deserializer.deserialize_any(Text)
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
    /// These, and where they say nothing what `other` says.
    pub fn or(self, other: Self) -> Self {
        // One of the three decides how requests come; the others of the file must not come beside it.
        let load_given = self.load.is_some() || self.concurrency.is_some() || self.rate.is_some();
        let end_given = self.requests.is_some() || self.duration.is_some();
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
    use super::*;

    #[test]
    fn rounds() {
        assert_eq!("5".parse(), Ok(Rounds { min: 5, max: 5 }));
        assert_eq!(" 3 - 10 ".parse(), Ok(Rounds { min: 3, max: 10 }));
        for text in ["", "0", "5-3", "a", "1-100000", "-1"] {
            assert!(text.parse::<Rounds>().is_err(), "{text}");
        }
    }

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
        ] {
            let error = toml::from_str::<BenchSettings>(wrong).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
