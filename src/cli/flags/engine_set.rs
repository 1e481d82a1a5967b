//! Flags of commands that run several engines: `infa bench` and `infa compare --engines`.

use std::num::NonZero;
use std::time::Duration;

use clap::Args;

use super::values::duration;
use super::{EngineEntry, HardwareArgs, ModelIdArgs, PythonArgs, RequestArgs, given};

/// Several engines, their model, and the requests to them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
#[command(next_help_heading = "Engines and model")]
#[command(mut_arg("request_timeout", |arg| arg.help("Maximum time of a request [default: 60s]")))]
pub struct EngineSetArgs {
    /// Engines, separated by commas: SPEC or NAME=SPEC
    ///
    /// A SPEC is that of infa embed --engine: onnx, onnx:int8, torch, or a server such as tei=http://host:8080. A NAME of your own goes in front: prod=openai=https://example.org/v1.
    // Strings: clap's message about a value that cannot be parsed would show passwords.
    #[arg(long, value_delimiter = ',', value_name = "SPEC,…")]
    pub engines: Option<Vec<EngineEntry>>,

    #[command(flatten)]
    pub model: ModelIdArgs,

    #[command(flatten)]
    pub hardware: HardwareArgs,

    #[command(flatten)]
    pub python: PythonArgs,

    #[command(flatten)]
    pub requests: RequestArgs,

    /// Maximum time for an engine to start [default: 10m]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub startup_timeout: Option<Duration>,

    /// Engine that the others' results are compared with [default: torch, else onnx, else the first]
    #[arg(long, value_name = "NAME")]
    pub reference: Option<String>,

    /// Texts in a request [default: 32]
    #[arg(long, value_name = "N", help_heading = "Workload")]
    pub batch: Option<NonZero<usize>>,

    /// Number of texts whose results are compared [default: 64]
    #[arg(long, value_name = "N", help_heading = "Workload")]
    pub samples: Option<usize>,

    /// Random seed [default: 0]
    #[arg(long, value_name = "N", help_heading = "Workload")]
    pub seed: Option<u64>,
}

impl EngineSetArgs {
    /// The names of the flags that are given.
    pub fn given(&self) -> Vec<&'static str> {
        let Self {
            engines,
            model,
            hardware,
            python: PythonArgs { python },
            requests,
            startup_timeout,
            reference,
            batch,
            samples,
            seed,
        } = self;
        let own = given([
            ("--engines", engines.is_some()),
            ("--python", python.is_some()),
            ("--startup-timeout", startup_timeout.is_some()),
            ("--reference", reference.is_some()),
            ("--batch", batch.is_some()),
            ("--samples", samples.is_some()),
            ("--seed", seed.is_some()),
        ]);
        [own, model.given(), hardware.given(), requests.given()].concat()
    }

    /// Fills in what is missing from `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            engines: self.engines.or(other.engines),
            model: self.model.or(other.model),
            hardware: self.hardware.or(other.hardware),
            python: self.python.or(other.python),
            requests: self.requests.or(other.requests),
            startup_timeout: self.startup_timeout.or(other.startup_timeout),
            reference: self.reference.or(other.reference),
            batch: self.batch.or(other.batch),
            samples: self.samples.or(other.samples),
            seed: self.seed.or(other.seed),
        }
    }
}
