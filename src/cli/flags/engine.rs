//! Flags of the engine: ONNX Runtime in this process, a Python process, or a server.

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::given;
use super::values::duration;

/// The engine of a command that runs one.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// onnx, torch, … or a server NAME=URL [default: onnx]
    ///
    /// onnx runs in this process, also as onnx:int8. Python engines are torch, onnx-export, openvino, ctranslate2 and fastembed, with options such as torch@cuda:bfloat16:compile or openvino:int8; infa engines lists them.
    ///
    /// Servers are openai, tei, infinity, cohere, jina, triton and infa, each with =URL. --model-id is then the server's name of the model, and the API key is read from OPENAI_API_KEY, TEI_API_KEY, … (docs/engines.md).
    // A string: clap's message about a value that cannot be parsed would show passwords.
    #[arg(long, value_name = "SPEC")]
    pub engine: Option<String>,

    #[command(flatten)]
    pub requests: RequestArgs,

    /// Maximum texts of a request to a server, or of a Python engine's batch [default: 32]
    #[arg(long, value_name = "N")]
    pub request_batch: Option<NonZero<usize>>,

    /// Maximum concurrent requests to a server [default: 4]
    #[arg(long, value_name = "N")]
    pub concurrency: Option<NonZero<usize>>,

    #[command(flatten)]
    pub python: PythonArgs,

    /// True if the interpreter is given on the command line, not by a variable.
    #[arg(skip)]
    pub python_is_typed: bool,
}

impl EngineArgs {
    /// The names of the flags that are given, without those that name the engine and its interpreter.
    pub fn given(&self) -> Vec<&'static str> {
        let Self { engine: _, requests, request_batch, concurrency, python: _, python_is_typed: _ } = self;
        let own = [("--request-batch", request_batch.is_some()), ("--concurrency", concurrency.is_some())];
        [requests.given(), given(own)].concat()
    }
}

/// Time-out and retries of requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub struct RequestArgs {
    /// Retry transient failures up to N times per request [default: 0]
    ///
    /// Failures of a server that may pass: 429, 503, a lost connection. The wait grows with each retry, or is the one that the server names.
    #[arg(long, value_name = "N")]
    pub retries: Option<u32>,

    /// Maximum time of a request [default: 2m; Python engines: 10m]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub request_timeout: Option<Duration>,
}

impl RequestArgs {
    /// The names of the flags that are given.
    pub fn given(&self) -> Vec<&'static str> {
        let Self { retries, request_timeout } = self;
        given([("--retries", retries.is_some()), ("--request-timeout", request_timeout.is_some())])
    }

    /// Fills in what is missing from `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            retries: self.retries.or(other.retries),
            request_timeout: self.request_timeout.or(other.request_timeout),
        }
    }
}

/// The interpreter of Python engines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct PythonArgs {
    /// Python interpreter [default: the first that has the engine's packages]
    ///
    /// Tried in this order: the environment that infa engines install has made, the active environment, python3.
    #[arg(long, value_name = "FILE")]
    pub python: Option<PathBuf>,
}

impl PythonArgs {
    /// Fills in what is missing from `other`.
    pub fn or(self, other: Self) -> Self {
        Self { python: self.python.or(other.python) }
    }
}
