//! `infa serve`.

use std::fmt;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;

use super::infinity::InfinityArgs;
use super::list::{List, list};
use super::tei::TeiArgs;
use super::{InputArgs, VectorArgs};
use crate::engine::OnnxOptions;
use crate::model::DEFAULT_MODEL;
use crate::model::pooling::Pooling;
use crate::runtime::device::{Device, Dtype};
use crate::server::EmbeddingDtype;

/// Flags of `infa serve`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  infa serve
  infa serve -m BAAI/bge-small-en-v1.5 -m BAAI/bge-reranker-base --port 8080
  infa serve -m 'intfloat/e5-base-v2;intfloat/e5-base-v2' --served-model-name 'e5;e5-int8' --dtype 'auto;int8'
  infa serve --host 0.0.0.0 --api-key \"$KEY\" --unload-after 10m --log-format json

Variables: INFA_ and the flag's name in capitals; where that is not set, INFINITY_ and the same, as
Infinity has it; where neither is set, those of text-embeddings-inference (MODEL_ID, API_KEY, PORT; see --tei-env).
All flags of both are accepted, and a line on stderr names those that change nothing here (docs/serve.md).
Durations are seconds or such as 500ms, 30s, 5m, 1h; sizes are bytes or such as 32MiB.

SIGTERM, SIGHUP or Ctrl-C: no new requests, those that were begun are finished, exit status 0; a second one ends
at once.
Exit status: 0 ended as asked; 2 wrong usage, such as a port in use; 3 a model cannot be loaded; 130 ended at once.")]
#[command(mut_arg("prompt", |arg| arg.alias("default-prompt")))]
#[command(mut_arg("prompt_name", |arg| arg.alias("default-prompt-name")))]
pub struct ServeArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub models: ModelsArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub vectors: VectorArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub input: InputArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub listen: ListenArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub limits: LimitArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub life: LifeArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub infinity: InfinityArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub tei: TeiArgs,
}

/// Which models, and how they compute.
#[derive(Debug, Args)]
#[command(next_help_heading = "Models (several: repeat flags or separate values by ; - one value holds for all)")]
pub struct ModelsArgs {
    /// A directory, an .onnx file, or a repository on the Hugging Face Hub
    #[arg(short, long, alias = "model", value_parser = list::<String, String>(text), value_name = "ID|DIR|FILE", default_value = DEFAULT_MODEL, env = "INFA_MODEL_ID", hide_env = true)]
    pub model_id: Vec<List<String>>,

    /// Name that clients use; several names of one model are separated by commas [default: the last two parts of the
    /// model id]
    #[arg(long, value_parser = list::<String, String>(text), value_name = "NAME", env = "INFA_SERVED_MODEL_NAME", hide_env = true)]
    pub served_model_name: Vec<List<String>>,

    /// Answer only to the names of the models; otherwise a server of one model answers to any name
    #[arg(long, value_parser = BoolishValueParser::new(), env = "INFA_STRICT_MODEL_NAMES", hide_env = true)]
    pub strict_model_names: bool,

    /// Branch, tag or commit of the repository [default: main]
    #[arg(long, value_parser = list::<String, String>(text), value_name = "REV", env = "INFA_REVISION", hide_env = true)]
    pub revision: Vec<List<String>>,

    /// Run this .onnx file of the directory or repository, instead of the safetensors
    #[arg(long, value_parser = list::<PathBuf, String>(path), value_name = "FILE", env = "INFA_ONNX_FILE", hide_env = true)]
    pub onnx_file: Vec<List<PathBuf>>,

    /// Where the model runs: auto, cpu, cuda, tensorrt [default: auto]
    #[arg(long, value_parser = list(device), value_name = "DEVICE", env = "INFA_DEVICE", hide_env = true)]
    pub device: Vec<List<Device>>,

    /// Number format of weights and arithmetic: auto, float32, float16, bfloat16, int8 [default: auto]
    #[arg(long, value_parser = list(dtype), value_name = "FORMAT", env = "INFA_DTYPE", hide_env = true)]
    pub dtype: Vec<List<Dtype>>,

    /// What runs the model: onnx; Infinity's torch, optimum, ctranslate2 and neuron mean the same [default: onnx]
    #[arg(long, value_parser = list(engine), value_name = "ENGINE", env = "INFA_ENGINE", hide_env = true)]
    pub engine: Vec<List<ServeEngine>>,

    /// How token embeddings become one vector: auto, cls, mean, max, mean-sqrt-len, weighted-mean, last-token
    /// [default: auto, as the model's files say]
    #[arg(long, alias = "pooling", value_parser = list(pooling), value_name = "MODE", env = "INFA_POOLING_METHOD", hide_env = true)]
    pub pooling_method: Vec<List<Option<Pooling>>>,

    /// Number format of vectors where a request names none: float32, int8, uint8, binary, ubinary [default: float32]
    #[arg(long, value_parser = list(embedding_dtype), value_name = "FORMAT", env = "INFA_EMBEDDING_DTYPE", hide_env = true)]
    pub embedding_dtype: Vec<List<EmbeddingDtype>>,

    /// Compute a few texts before a model counts as ready [default: true]
    #[arg(
        long,
        value_parser = list(yes_or_no),
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        value_name = "BOOL",
        env = "INFA_MODEL_WARMUP",
        hide_env = true
    )]
    pub model_warmup: Vec<List<bool>>,

    /// Let models count as ready as soon as they are loaded
    #[arg(long, overrides_with = "no_model_warmup", conflicts_with = "model_warmup", value_parser = BoolishValueParser::new(), env = "INFA_NO_MODEL_WARMUP", hide_env = true)]
    pub no_model_warmup: bool,

    /// Accepted for Infinity's sake, and changes nothing: what runs together is bounded by --max-batch-tokens
    #[arg(long, value_parser = list(str::parse::<usize>), value_name = "N", env = "INFA_BATCH_SIZE", hide_env = true)]
    pub batch_size: Vec<List<usize>>,

    /// Texts like those to come, by which int8 is calibrated: a file of lines, JSON lines, CSV or TSV [default: built-in
    /// sentences]
    #[arg(long, value_name = "FILE", env = "INFA_CALIBRATE", hide_env = true)]
    pub calibrate: Option<PathBuf>,

    /// Copy the weights into memory, so that a change of the models' files cannot harm; takes their size in memory
    #[arg(long, value_parser = BoolishValueParser::new(), overrides_with = "copy_weights", env = "INFA_COPY_WEIGHTS", hide_env = true)]
    pub copy_weights: bool,

    /// Worker threads of each model [default: the cores this process may use]
    #[arg(long, value_name = "N", env = "INFA_THREADS", hide_env = true)]
    pub threads: Option<NonZero<usize>>,
}

/// Where requests come in, and whose.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where requests come in")]
pub struct ListenArgs {
    /// Address or name to listen on; 0.0.0.0 for everybody
    #[arg(
        long,
        alias = "hostname",
        value_name = "ADDRESS",
        default_value = "127.0.0.1",
        env = "INFA_HOST",
        hide_env = true
    )]
    pub host: String,

    /// Port to listen on; 0 takes a free one
    #[arg(long, short_alias = 'p', value_name = "PORT", default_value_t = 7997, env = "INFA_PORT", hide_env = true)]
    pub port: u16,

    /// Listen on a Unix socket of this path instead
    #[arg(long, value_name = "PATH", conflicts_with_all = ["tls_cert", "tls_key"], env = "INFA_UNIX_SOCKET", hide_env = true)]
    pub unix_socket: Option<PathBuf>,

    /// Serve HTTPS with this certificate (PEM, the whole chain)
    #[arg(long, value_name = "FILE", requires = "tls_key", env = "INFA_TLS_CERT", hide_env = true)]
    pub tls_cert: Option<PathBuf>,

    /// Private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert", env = "INFA_TLS_KEY", hide_env = true)]
    pub tls_key: Option<PathBuf>,

    /// Put before every path, such as /embeddings-a
    #[arg(
        long,
        value_name = "PATH",
        default_value = "",
        hide_default_value = true,
        env = "INFA_URL_PREFIX",
        hide_env = true
    )]
    pub url_prefix: String,

    /// Key that requests must carry (Authorization: Bearer KEY); repeat for several. Other users of the machine see
    /// command lines: INFA_API_KEY is safer
    #[arg(long, value_name = "KEY", env = "INFA_API_KEY", hide_env = true, hide_env_values = true)]
    pub api_key: Vec<ApiKey>,

    /// Origin of web pages that may ask, such as https://example.org, or * for any; repeat for several
    #[arg(long, value_name = "ORIGIN", value_delimiter = ';', env = "INFA_CORS_ALLOW_ORIGIN", hide_env = true)]
    pub cors_allow_origin: Vec<String>,

    /// Host name that requests may be for (header Host), besides this machine's own, such as infa.example.org, or * for
    /// any; repeat for several. Checked on loopback addresses without an API key, and wherever the flag is given
    #[arg(long, value_name = "NAME", value_delimiter = ';', env = "INFA_ALLOW_HOST", hide_env = true)]
    pub allow_host: Vec<String>,
}

/// What requests may take.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Most tokens that run together, in texts of equal length
    #[arg(long, alias = "batch-tokens", value_name = "N", default_value_t = OnnxOptions::BATCH_TOKENS, env = "INFA_MAX_BATCH_TOKENS", hide_env = true)]
    pub max_batch_tokens: NonZero<usize>,

    /// Most tokens that wait for a worker of a model; beyond, requests get 429
    #[arg(long, value_name = "N", default_value_t = 524_288, env = "INFA_QUEUE_TOKENS", hide_env = true)]
    pub queue_tokens: usize,

    /// Most requests at once; beyond, they get 429
    #[arg(long, value_name = "N", default_value = "512", env = "INFA_MAX_CONCURRENT_REQUESTS", hide_env = true)]
    pub max_concurrent_requests: NonZero<usize>,

    /// Most inputs in one request
    #[arg(long, value_name = "N", default_value = "2048", env = "INFA_MAX_CLIENT_BATCH_SIZE", hide_env = true)]
    pub max_client_batch_size: NonZero<usize>,

    /// Largest body of a request, after decompression
    #[arg(
        long,
        alias = "payload-limit",
        value_name = "SIZE",
        default_value = "32MiB",
        env = "INFA_BODY_LIMIT",
        hide_env = true
    )]
    pub body_limit: ByteSize,

    /// Largest reply with a vector for each token, or with the tokens of texts; beyond, 413
    #[arg(long, value_name = "SIZE", default_value = "128MiB", env = "INFA_REPLY_LIMIT", hide_env = true)]
    pub reply_limit: ByteSize,

    /// Longest a request may take [default: as long as it takes]
    #[arg(long, value_name = "TIME", value_parser = duration, env = "INFA_REQUEST_TIMEOUT", hide_env = true)]
    pub request_timeout: Option<Duration>,
}

/// From the start to the end.
#[derive(Debug, Args)]
#[command(next_help_heading = "Start and end")]
pub struct LifeArgs {
    /// Fetch and load the models, then end
    #[arg(long, value_parser = BoolishValueParser::new(), overrides_with = "preload_only", env = "INFA_PRELOAD_ONLY", hide_env = true)]
    pub preload_only: bool,

    /// Models that nobody has asked for so long leave memory, and come back with the next request [default: never]
    #[arg(long, value_name = "TIME", value_parser = duration, env = "INFA_UNLOAD_AFTER", hide_env = true)]
    pub unload_after: Option<Duration>,

    /// How long requests that were begun may go on after SIGTERM
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "25s", env = "INFA_SHUTDOWN_TIMEOUT", hide_env = true)]
    pub shutdown_timeout: Duration,

    /// What is told on stderr, in Infinity's words: critical, error, warning, info (requests, too), debug, trace
    #[arg(
        long,
        value_enum,
        ignore_case = true,
        value_name = "LEVEL",
        default_value_t,
        hide_possible_values = true,
        env = "INFA_LOG_LEVEL",
        hide_env = true
    )]
    pub log_level: LogLevel,

    /// Collector of traces, by OTLP over HTTP, such as http://localhost:4318; OTEL_EXPORTER_OTLP_ENDPOINT works, too
    #[arg(long, value_name = "URL", env = "INFA_OTLP_ENDPOINT", hide_env = true)]
    pub otlp_endpoint: Option<String>,

    /// Name of this service in traces; OTEL_SERVICE_NAME works, too [default: infa]
    #[arg(long, value_name = "NAME", env = "INFA_OTLP_SERVICE_NAME", hide_env = true)]
    pub otlp_service_name: Option<String>,
}

/// What runs a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ServeEngine {
    /// ONNX Runtime in this process
    Onnx,
    /// Infinity's
    Torch,
    /// Infinity's
    Optimum,
    /// Infinity's
    Ctranslate2,
    /// Infinity's
    Neuron,
}

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, ValueEnum)]
pub enum LogLevel {
    /// What ends the server
    Critical,
    /// What fails
    Error,
    /// What should be looked at
    #[value(alias = "warn")]
    Warning,
    /// Every request
    #[default]
    Info,
    /// What was found where, and why
    Debug,
    /// Everything
    Trace,
}

/// A key, which is never shown.
#[derive(Clone)]
pub struct ApiKey(pub String);

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

impl From<String> for ApiKey {
    fn from(key: String) -> Self {
        Self(key)
    }
}

/// Longer than anybody waits, and short enough to be added to any point in time.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// Seconds, or such as `5m`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().map(|seconds| Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string()));
    let duration = seconds.unwrap_or_else(|| humantime::parse_duration(text).map_err(|e| e.to_string()))?;
    if duration > LONGEST { Err("that is more than a year".into()) } else { Ok(duration) }
}

fn text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

fn path(text: &str) -> Result<PathBuf, String> {
    Ok(text.into())
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Ok(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Ok(false),
        _ => Err("there is true and false".into()),
    }
}

/// One of an enumeration's values.
fn choice<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(text, true).map_err(|_| {
        let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
        format!("there is {}", names.join(", "))
    })
}

fn device(text: &str) -> Result<Device, String> {
    match text {
        "mps" => Err("infa computes on the CPU: leave --device out, or say cpu".into()),
        _ => choice(text),
    }
}

fn dtype(text: &str) -> Result<Dtype, String> {
    match text {
        "fp8" => Err("there is no fp8; the format of 8 bits is int8".into()),
        _ => choice(text),
    }
}

fn engine(text: &str) -> Result<ServeEngine, String> {
    match text {
        "debugengine" => Err("Infinity's engine for tests, which computes no model, is not here; there is onnx".into()),
        _ => choice(text),
    }
}

fn pooling(text: &str) -> Result<Option<Pooling>, String> {
    match text {
        // A SPLADE model is known by its files: TEI's word for it adds nothing.
        "auto" | "splade" => Ok(None),
        _ => choice(text).map(Some).map_err(|names| format!("{names}, auto")),
    }
}

fn embedding_dtype(text: &str) -> Result<EmbeddingDtype, ValueError> {
    EmbeddingDtype::deserialize(text.into_deserializer())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_seconds_or_have_a_unit() {
        for (text, millis) in [("30", 30_000), ("0.5", 500), ("30s", 30_000), ("5m", 300_000), ("200ms", 200), ("0", 0)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "-1", "soon", "5 parsecs", "NaN", "inf", "1e300", "900000000000y", "2y"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn keys_are_not_shown() {
        assert!(!format!("{:?}", ApiKey("secret".into())).contains("secret"));
    }
}
