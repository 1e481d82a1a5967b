//! Flags of `infa serve`.

use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use clap::Args;

use super::infinity::InfinityArgs;
use super::tei::TeiArgs;
use super::values::{
    ApiKey, LogLevel, ServeEngine, device, dtype, embedding_dtype, engine, gpu_ids, path, pooling, text, yes_or_no,
};
use crate::cli::flags::{CpuArgs, GpuArgs, InputArgs, List, MODEL_SOURCES, VectorArgs, duration, list};
use crate::cli::parse::paragraphs;
use crate::model::DEFAULT_MODEL;
use crate::model::pooling::Pooling;
use crate::runtime::device::{Device, Dtype, GpuIds};
use crate::server::EmbeddingDtype;

const EXAMPLES: &str = "\
Examples:
  infa serve
  infa serve -m BAAI/bge-small-en-v1.5 --port 8080
  infa serve -m BAAI/bge-m3 -m BAAI/bge-reranker-base
  infa serve -m 'a/b;a/c' --dtype 'auto;int8'
  infa serve --host 0.0.0.0 --api-key \"$KEY\"";
const SEVERAL_MODELS: &str = "\
Several models: repeat a flag of Models, or separate its values by semicolons. One value holds for all models.";
const VARIABLES: &str = "\
Variables: INFA_ and the flag's name in capitals; if unset, INFINITY_ and the same name; if both are unset, the variables of text-embeddings-inference (MODEL_ID, API_KEY, PORT; see --tei-env). All flags of both servers are accepted; those without effect here are named on stderr (docs/serve.md).";
const UNITS: &str = "\
Times are seconds or have a unit: 500ms, 30s, 5m, 1h. Sizes are bytes or have a unit: 32MiB.";
const SIGNALS: &str = "\
SIGTERM, SIGHUP and Ctrl-C: the server refuses new requests, finishes the running ones and exits with 0. A second signal exits at once.";
const STATUS: &str = "Exit status: 0 shut down; 2 wrong usage, such as a port in use; 3 a model cannot be loaded; 130 interrupted twice.";

/// Flags of `infa serve`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[command(after_long_help = paragraphs(&[EXAMPLES, SEVERAL_MODELS, VARIABLES, UNITS, SIGNALS, STATUS]))]
#[command(mut_arg("prompt", |arg| arg.alias("default-prompt")))]
#[command(mut_arg("prompt_name", |arg| arg.alias("default-prompt-name")))]
pub struct ServeArgs {
    #[command(flatten)]
    pub models: ModelsArgs,

    #[command(flatten)]
    pub vectors: VectorArgs,

    #[command(flatten)]
    pub input: InputArgs,

    #[command(flatten)]
    pub listen: ListenArgs,

    #[command(flatten)]
    pub limits: LimitArgs,

    #[command(flatten)]
    pub life: LifeArgs,

    #[command(flatten)]
    pub infinity: InfinityArgs,

    #[command(flatten)]
    pub tei: TeiArgs,
}

/// The served models. Each flag takes one value for all models, or one for each.
#[derive(Debug, Args)]
#[command(next_help_heading = "Models")]
#[command(mut_arg("threads", |arg| arg.help("Worker threads of each model [default: the usable cores]")))]
pub struct ModelsArgs {
    #[arg(short, long, alias = "model", help = MODEL_SOURCES, value_parser = list::<String, String>(text), value_name = "MODEL", default_value = DEFAULT_MODEL)]
    pub model_id: Vec<List<String>>,

    /// Name of the model for clients [default: the last two parts of its id]
    ///
    /// Commas separate several names of one model.
    #[arg(long, value_parser = list::<String, String>(text), value_name = "NAME")]
    pub served_model_name: Vec<List<String>>,

    /// Accept only the models' names
    ///
    /// Otherwise a server of one model accepts any name.
    #[arg(long)]
    pub strict_model_names: bool,

    /// Branch, tag or commit of the repository [default: main]
    #[arg(long, value_parser = list::<String, String>(text), value_name = "REV")]
    pub revision: Vec<List<String>>,

    /// ONNX file of the directory or repository, instead of safetensors
    #[arg(long, value_parser = list::<PathBuf, String>(path), value_name = "FILE")]
    pub onnx_file: Vec<List<PathBuf>>,

    /// Device: auto, cpu, cuda, tensorrt [default: auto]
    ///
    /// cuda is the first NVIDIA GPU, cuda:1 the second, cuda:0,1 both, cuda:all all. auto is cuda if a GPU can be used and its libraries are here, otherwise cpu (docs/gpu.md).
    #[arg(long, value_parser = list(device), value_name = "DEVICE")]
    pub device: Vec<List<Device>>,

    /// Numbers of the GPUs of --device cuda: 0, or 0,1
    ///
    /// As Infinity has them; --device cuda:0,1 says the same.
    #[arg(long, value_parser = list(gpu_ids), value_name = "IDS")]
    pub device_id: Vec<List<GpuIds>>,

    /// Number format of weights and arithmetic: auto, float32, float16, bfloat16, int8 [default: auto]
    #[arg(long, value_parser = list(dtype), value_name = "DTYPE")]
    pub dtype: Vec<List<Dtype>>,

    /// Engine: onnx [default: onnx]
    ///
    /// Infinity's torch, optimum, ctranslate2 and neuron are accepted and mean onnx.
    #[arg(long, value_parser = list(engine), value_name = "ENGINE")]
    pub engine: Vec<List<ServeEngine>>,

    /// Pooling: auto, cls, mean, max, mean-sqrt-len, weighted-mean, last-token
    ///
    /// [default: auto, from the model's files]
    #[arg(long, alias = "pooling", value_parser = list(pooling), value_name = "POOLING")]
    pub pooling_method: Vec<List<Option<Pooling>>>,

    /// Number format of vectors in replies: float32, int8, uint8, binary, ubinary [default: float32]
    ///
    /// A request may choose another.
    #[arg(long, value_parser = list(embedding_dtype), value_name = "DTYPE")]
    pub embedding_dtype: Vec<List<EmbeddingDtype>>,

    /// Compute a few texts before a model is ready [default: true]
    #[arg(long, value_parser = list(yes_or_no), num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub model_warmup: Vec<List<bool>>,

    /// A model is ready as soon as it is loaded
    #[arg(long, overrides_with = "no_model_warmup", conflicts_with = "model_warmup")]
    pub no_model_warmup: bool,

    /// Accepted for Infinity's users, without effect
    ///
    /// --max-batch-tokens bounds a batch.
    #[arg(long, value_parser = list(str::parse::<usize>), value_name = "N")]
    pub batch_size: Vec<List<usize>>,

    /// Texts to calibrate int8 with [default: built-in sentences]
    ///
    /// A file of lines, JSON lines, CSV or TSV, with texts like those of later requests.
    #[arg(long, value_name = "FILE")]
    pub calibrate: Option<PathBuf>,

    #[command(flatten)]
    pub gpu: GpuArgs,

    #[command(flatten)]
    pub cpu: CpuArgs,
}

/// Address, encryption and access.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub struct ListenArgs {
    /// Address or name to listen on; 0.0.0.0 is all addresses
    #[arg(long, alias = "hostname", value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: String,

    /// Port to listen on; 0 is any free port
    #[arg(long, short_alias = 'p', value_name = "PORT", default_value_t = 7997)]
    pub port: u16,

    /// Unix socket to listen on instead
    #[arg(long, value_name = "PATH", conflicts_with_all = ["tls_cert", "tls_key"])]
    pub unix_socket: Option<PathBuf>,

    /// Certificate chain for HTTPS (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// Private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Prefix of all paths, such as /embeddings-a
    #[arg(long, value_name = "PATH", default_value = "", hide_default_value = true)]
    pub url_prefix: String,

    /// API key that requests must carry; repeat for several
    ///
    /// Requests carry it as Authorization: Bearer KEY. Other users of the machine can read command lines: the variable INFA_API_KEY is safer.
    #[arg(long, value_name = "KEY", hide_env_values = true)]
    pub api_key: Vec<ApiKey>,

    /// Origin of web pages that may send requests; repeat for several
    ///
    /// Such as https://example.org; * is any origin.
    #[arg(long, value_name = "ORIGIN", value_delimiter = ';')]
    pub cors_allow_origin: Vec<String>,

    /// Host name that requests may name, besides this machine's own; repeat for several
    ///
    /// The header Host is checked on loopback addresses without an API key, and wherever this flag is given. Such as infa.example.org; * is any name.
    #[arg(long, value_name = "NAME", value_delimiter = ';')]
    pub allow_host: Vec<String>,
}

/// Limits of requests and queues.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Maximum tokens of a batch [default: 512; on GPUs 8192, or 16384 from 40 GB of memory]
    #[arg(long, alias = "batch-tokens", value_name = "N")]
    pub max_batch_tokens: Option<NonZero<usize>>,

    /// Maximum tokens in a model's queue; beyond it, requests get 429
    #[arg(long, value_name = "N", default_value_t = 524_288)]
    pub queue_tokens: usize,

    /// Maximum concurrent requests; beyond it, requests get 429
    #[arg(long, value_name = "N", default_value = "512")]
    pub max_concurrent_requests: NonZero<usize>,

    /// Maximum inputs of a request
    #[arg(long, value_name = "N", default_value = "2048")]
    pub max_client_batch_size: NonZero<usize>,

    /// Maximum size of a request body after decompression
    #[arg(long, alias = "payload-limit", value_name = "SIZE", default_value = "32MiB")]
    pub body_limit: ByteSize,

    /// Maximum size of a reply with token vectors or tokens; beyond it, 413
    #[arg(long, value_name = "SIZE", default_value = "128MiB")]
    pub reply_limit: ByteSize,

    /// Maximum time of a request; 0s is unlimited [default: unlimited]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub request_timeout: Option<Duration>,
}

/// Start, shutdown, log and traces.
#[derive(Debug, Args)]
#[command(next_help_heading = "Start and shutdown")]
pub struct LifeArgs {
    /// Fetch and load the models, then exit
    #[arg(long, overrides_with = "preload_only")]
    pub preload_only: bool,

    /// Unload a model after this time without requests; 0s is never [default: never]
    ///
    /// The next request loads it again.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub unload_after: Option<Duration>,

    /// Time for running requests to finish after SIGTERM
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "25s")]
    pub shutdown_timeout: Duration,

    /// Log level: critical, error, warning, info, debug, trace
    ///
    /// info includes every request.
    #[arg(
        long,
        value_enum,
        ignore_case = true,
        value_name = "LEVEL",
        default_value_t,
        help_heading = "Log and traces"
    )]
    pub log_level: LogLevel,

    /// Collector of traces, by OTLP over HTTP, such as http://localhost:4318
    ///
    /// The variable OTEL_EXPORTER_OTLP_ENDPOINT works as well.
    #[arg(long, value_name = "URL", help_heading = "Log and traces")]
    pub otlp_endpoint: Option<String>,

    /// Name of this service in traces [default: infa]
    ///
    /// The variable OTEL_SERVICE_NAME works as well.
    #[arg(long, value_name = "NAME", help_heading = "Log and traces")]
    pub otlp_service_name: Option<String>,
}
