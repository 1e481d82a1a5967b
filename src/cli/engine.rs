//! Flags about what computes: this process, a Python process, or a server that is asked over HTTP.

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::serve::duration;

/// What computes, and how it is asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// What computes: onnx, in this process (onnx:int8, onnx@cuda:float16); a Python process: torch, onnx-export,
    /// openvino, ctranslate2 or fastembed (torch:bfloat16:compile; infa engines lists them); or a server, NAME=URL, where
    /// NAME is openai, tei, infinity, cohere, jina, triton or infa. --model-id is then the server's name of the model, and
    /// the key comes from OPENAI_API_KEY, TEI_API_KEY, … (docs/engines.md) [default: onnx]
    // A string, since a message about what cannot be parsed would show passwords.
    #[arg(long, value_name = "SPEC", env = "INFA_ENGINE", hide_env = true)]
    pub engine: Option<String>,

    /// Ask a server again, up to N times a request, after failures that may pass (429, 503, a lost connection), when it
    /// says so or ever later [default: 0]
    #[arg(long, value_name = "N", env = "INFA_RETRIES", hide_env = true)]
    pub retries: Option<u32>,

    /// Longest that a server, or a Python process, may take for a request [default: 2m; Python: 10m]
    #[arg(long, value_name = "TIME", value_parser = duration, env = "INFA_REQUEST_TIMEOUT", hide_env = true)]
    pub request_timeout: Option<Duration>,

    /// Most texts in a request to a server, or in a batch of a Python engine [default: 32]
    #[arg(long, value_name = "N", env = "INFA_REQUEST_BATCH", hide_env = true)]
    pub request_batch: Option<NonZero<usize>>,

    /// Most requests at once to a server [default: 4]
    #[arg(long, value_name = "N", env = "INFA_CONCURRENCY", hide_env = true)]
    pub concurrency: Option<NonZero<usize>>,

    /// Python interpreter of a Python engine [default: the first that has the engine's packages: that of infa engines
    /// install, the active environment's, python3]
    #[arg(long, value_name = "FILE", env = "INFA_PYTHON", hide_env = true)]
    pub python: Option<PathBuf>,
}
