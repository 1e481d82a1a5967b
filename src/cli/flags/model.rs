//! Flags of models: where they come from, how they compute, how they read text.

use std::num::NonZero;
use std::path::PathBuf;

use bytesize::ByteSize;
use clap::Args;

use super::given;
use crate::model::DEFAULT_MODEL;
use crate::model::pooling::Pooling;
use crate::model::tokenizer::Truncate;
use crate::runtime::device::{Device, Dtype, Kernels};

/// The kinds of model sources, for help texts.
pub(crate) const MODEL_SOURCES: &str = "Directory, .onnx file, or Hugging Face repository";

/// The default is named here and filled in where a model runs in this process: a server has its own.
fn model_help() -> String {
    format!("{MODEL_SOURCES} [default: {DEFAULT_MODEL}]")
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Args)]
pub struct ModelIdArgs {
    #[arg(short, long, alias = "model", help = MODEL_SOURCES, long_help = model_help(), value_name = "MODEL")]
    pub model_id: Option<String>,

    /// Branch, tag or commit of the repository [default: main]
    #[arg(long, value_name = "REV")]
    pub revision: Option<String>,
}

impl ModelIdArgs {
    /// The names of the flags that are given.
    pub fn given(&self) -> Vec<&'static str> {
        let Self { model_id, revision } = self;
        given([("--model-id", model_id.is_some()), ("--revision", revision.is_some())])
    }

    /// Fills in what is missing from `other`. A revision belongs to its model.
    pub fn or(self, other: Self) -> Self {
        match self.model_id {
            Some(_) => self,
            None => Self { model_id: other.model_id, revision: self.revision.or(other.revision) },
        }
    }
}

/// The hardware that engines on this machine use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub struct HardwareArgs {
    /// Device: auto, cpu, cuda, tensorrt [default: auto]
    ///
    /// cuda is the first NVIDIA GPU, cuda:1 the second, cuda:0,1 both, cuda:all all. auto is cuda if a GPU can be used and its libraries are here, otherwise cpu; cuda and tensorrt never become cpu. cuda installs missing libraries (0.7 GB); infa doctor lists them (docs/gpu.md).
    #[arg(long, value_name = "DEVICE")]
    pub device: Option<Device>,

    #[command(flatten)]
    pub gpu: GpuArgs,

    #[command(flatten)]
    pub cpu: CpuArgs,
}

impl HardwareArgs {
    /// The names of the flags that are given.
    pub fn given(&self) -> Vec<&'static str> {
        let Self { device, gpu: GpuArgs { gpu_memory, tf32 }, cpu: CpuArgs { threads, copy_weights, kernels } } = *self;
        given([
            ("--device", device.is_some()),
            ("--gpu-memory", gpu_memory.is_some()),
            ("--tf32", tf32),
            ("--threads", threads.is_some()),
            ("--copy-weights", copy_weights),
            ("--kernels", kernels.is_some()),
        ])
    }

    /// With the `device` of an engine's spec, if it names one.
    pub fn on(self, device: Option<Device>) -> Self {
        Self { device: device.or(self.device), ..self }
    }

    /// Fills in what is missing from `other`.
    pub fn or(self, other: Self) -> Self {
        Self { device: self.device.or(other.device), gpu: self.gpu.or(other.gpu), cpu: self.cpu.or(other.cpu) }
    }
}

/// Memory and arithmetic of GPUs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub struct GpuArgs {
    /// Maximum GPU memory for activations, such as 2GiB [default: unlimited]
    ///
    /// Of each GPU and model; weights come on top.
    #[arg(long, value_name = "SIZE", hide_short_help = true)]
    pub gpu_memory: Option<ByteSize>,

    /// Compute float32 products on GPUs in TensorFloat-32: faster, less exact
    #[arg(long, overrides_with = "tf32", hide_short_help = true)]
    pub tf32: bool,
}

impl GpuArgs {
    /// Fills in what is missing from `other`.
    pub fn or(self, other: Self) -> Self {
        Self { gpu_memory: self.gpu_memory.or(other.gpu_memory), tf32: self.tf32 || other.tf32 }
    }
}

/// Threads and memory of each engine on this machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub struct CpuArgs {
    /// Worker threads [default: the usable cores]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZero<usize>>,

    /// Load weights into memory
    ///
    /// Otherwise they are mapped from the file, which must not change meanwhile.
    #[arg(long, overrides_with = "copy_weights")]
    pub copy_weights: bool,

    /// Arithmetic of layers: auto, builtin (ONNX Runtime's), or infa's own by instruction set [default: auto]
    #[arg(long, value_enum, value_name = "SET", hide_short_help = true)]
    pub kernels: Option<Kernels>,
}

impl CpuArgs {
    /// Fills in what is missing from `other`.
    pub fn or(self, other: Self) -> Self {
        Self {
            threads: self.threads.or(other.threads),
            copy_weights: self.copy_weights || other.copy_weights,
            kernels: self.kernels.or(other.kernels),
        }
    }
}

/// The model of a command that runs one.
#[derive(Debug, Args)]
#[command(next_help_heading = "Model")]
pub struct ModelArgs {
    #[command(flatten)]
    pub id: ModelIdArgs,

    /// ONNX file of the directory or repository, instead of safetensors
    #[arg(long, value_name = "FILE")]
    pub onnx_file: Option<PathBuf>,

    #[command(flatten)]
    pub hardware: HardwareArgs,

    /// float32, float16, bfloat16, int8 [default: auto]
    ///
    /// Number format of weights and arithmetic; auto is float32, on GPUs float16. Weights are quantised to int8 once and cached. On the CPU, bfloat16 needs a processor with AVX-512 BF16; float16 is for GPUs, int8 for the CPU.
    #[arg(long, value_enum, value_name = "DTYPE")]
    pub dtype: Option<Dtype>,

    /// Texts to calibrate int8 with [default: built-in sentences]
    ///
    /// A file of lines, JSON lines, CSV or TSV, with texts like those of the later input.
    #[arg(long, value_name = "FILE")]
    pub calibrate: Option<PathBuf>,

    /// Maximum tokens of a batch [default: 512; on GPUs 8192, or 16384 from 40 GB of memory]
    #[arg(long, value_name = "N")]
    pub batch_tokens: Option<NonZero<usize>>,
}

impl ModelArgs {
    /// A model on some hardware, with the defaults of all else.
    pub fn new(id: ModelIdArgs, hardware: HardwareArgs) -> Self {
        Self { id, onnx_file: None, hardware, dtype: None, calibrate: None, batch_tokens: None }
    }

    /// The names of the flags that are given.
    pub fn given(&self) -> Vec<&'static str> {
        let Self { id, onnx_file, hardware, dtype, calibrate, batch_tokens } = self;
        let own = given([
            ("--onnx-file", onnx_file.is_some()),
            ("--dtype", dtype.is_some()),
            ("--calibrate", calibrate.is_some()),
            ("--batch-tokens", batch_tokens.is_some()),
        ]);
        [id.given(), hardware.given(), own].concat()
    }
}

/// Settings of embedding. The model's files give the defaults.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Embedding (default: the model's files)")]
pub struct TextArgs {
    /// Pooling: cls, mean, max, mean-sqrt-len, weighted-mean, last-token
    #[arg(long, value_enum, value_name = "POOLING")]
    pub pooling: Option<Pooling>,

    #[command(flatten)]
    pub vectors: VectorArgs,

    #[command(flatten)]
    pub input: InputArgs,
}

/// Post-processing of vectors. The model's files give the defaults.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Embedding (default: the model's files)")]
pub struct VectorArgs {
    /// Scale vectors to length 1
    #[arg(long, overrides_with = "no_normalize")]
    pub normalize: bool,

    /// Keep the length of vectors
    ///
    /// The last of --normalize and --no-normalize counts.
    #[arg(long, overrides_with = "normalize")]
    pub no_normalize: bool,

    /// Keep the first N dimensions and normalise
    #[arg(long, value_name = "N")]
    pub dimensions: Option<usize>,
}

/// Prompt and truncation. The model's files give the defaults.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Prompt and truncation (default: the model's files)")]
pub struct InputArgs {
    /// Put TEXT before every input
    #[arg(long, value_name = "TEXT", conflicts_with = "prompt_name")]
    pub prompt: Option<String>,

    /// Put the model's prompt of this name before every input, such as query
    #[arg(long, value_name = "NAME")]
    pub prompt_name: Option<String>,

    /// Side on which long texts are cut: right, left; none: a long text is an error
    #[arg(long, value_enum, value_name = "SIDE")]
    pub truncate: Option<Truncate>,

    /// Maximum tokens of a text, special tokens included
    #[arg(long, value_name = "N")]
    pub max_length: Option<usize>,
}

impl From<InputArgs> for TextArgs {
    /// Leaves pooling and post-processing to the model's files.
    fn from(input: InputArgs) -> Self {
        Self { pooling: None, vectors: VectorArgs::default(), input }
    }
}
