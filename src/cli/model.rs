//! Flags about the model and about the way from text to vector, shared by the subcommands that run models.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use crate::model::DEFAULT_MODEL;
use crate::model::pooling::Pooling;
use crate::model::tokenizer::Truncate;
use crate::runtime::device::{Device, Dtype};

/// The default is named here, and filled in where a model runs in this process: a server has its own.
fn model_help() -> String {
    format!("{SOURCES} [default: {DEFAULT_MODEL}]")
}

/// What a model can be.
pub(super) const SOURCES: &str = "A directory, an .onnx file, or a repository on the Hugging Face Hub";

/// Which model, and how it computes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Model")]
pub struct ModelArgs {
    /// A directory, an .onnx file, or a repository on the Hugging Face Hub
    #[arg(short, long, alias = "model", help = model_help(), value_name = "ID|DIR|FILE", env = "INFA_MODEL_ID", hide_env = true)]
    pub model_id: Option<String>,

    /// Branch, tag or commit of the repository [default: main]
    #[arg(long, value_name = "REV", env = "INFA_REVISION", hide_env = true)]
    pub revision: Option<String>,

    /// Run this .onnx file of the directory or repository, instead of the safetensors
    #[arg(long, value_name = "FILE", env = "INFA_ONNX_FILE", hide_env = true)]
    pub onnx_file: Option<PathBuf>,

    /// Where the model runs [default: auto]
    #[arg(
        long,
        value_enum,
        env = "INFA_DEVICE",
        hide_env = true,
        hide_possible_values = true,
        value_name = "auto|cpu|cuda|tensorrt"
    )]
    pub device: Option<Device>,

    /// Number format of weights and arithmetic; int8 is made of float32 weights once, and kept in the cache [default: auto]
    #[arg(
        long,
        value_enum,
        env = "INFA_DTYPE",
        hide_env = true,
        hide_possible_values = true,
        value_name = "auto|float32|float16|bfloat16|int8"
    )]
    pub dtype: Option<Dtype>,

    /// Texts like those to come, by which int8 is calibrated: a file of lines, JSON lines, CSV or TSV [default: built-in
    /// sentences]
    #[arg(long, value_name = "FILE", env = "INFA_CALIBRATE", hide_env = true)]
    pub calibrate: Option<PathBuf>,

    /// Copy the weights into memory, so that a change of the model's files cannot harm; takes their size in memory
    #[arg(long, value_parser = BoolishValueParser::new(), overrides_with = "copy_weights", env = "INFA_COPY_WEIGHTS", hide_env = true)]
    pub copy_weights: bool,

    /// Worker threads [default: the cores this process may use]
    #[arg(long, value_name = "N", env = "INFA_THREADS", hide_env = true)]
    pub threads: Option<NonZero<usize>>,

    /// Most tokens that run together, in texts of equal length [default: 512]
    #[arg(long, value_name = "N", env = "INFA_BATCH_TOKENS", hide_env = true)]
    pub batch_tokens: Option<NonZero<usize>>,
}

/// How texts become vectors. What is left out, the model's own files decide.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Text to vector (default: as the model's files say)")]
pub struct TextArgs {
    /// How token embeddings become one vector: cls, mean, max, mean-sqrt-len, weighted-mean, last-token
    #[arg(long, value_enum, env = "INFA_POOLING", hide_env = true, hide_possible_values = true, value_name = "MODE")]
    pub pooling: Option<Pooling>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub vectors: VectorArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub input: InputArgs,
}

/// What becomes of a vector. What is left out, the model's own files decide.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Text to vector (default: as the model's files say)")]
pub struct VectorArgs {
    /// Scale vectors to length 1
    #[arg(long, overrides_with = "no_normalize", value_parser = BoolishValueParser::new(), env = "INFA_NORMALIZE", hide_env = true)]
    pub normalize: bool,

    /// Leave vectors as long as the model makes them
    #[arg(long, overrides_with = "normalize", value_parser = BoolishValueParser::new(), env = "INFA_NO_NORMALIZE", hide_env = true)]
    pub no_normalize: bool,

    /// Cut vectors to their first N numbers, then normalise
    #[arg(long, value_name = "N", env = "INFA_DIMENSIONS", hide_env = true)]
    pub dimensions: Option<usize>,
}

/// What the model is fed. What is left out, the model's own files decide.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "What the model is fed (default: as its files say)")]
pub struct InputArgs {
    /// Put TEXT before every input
    #[arg(long, value_name = "TEXT", conflicts_with = "prompt_name", env = "INFA_PROMPT", hide_env = true)]
    pub prompt: Option<String>,

    /// Put the model's prompt of this name before every input ("query", say)
    #[arg(long, value_name = "NAME", env = "INFA_PROMPT_NAME", hide_env = true)]
    pub prompt_name: Option<String>,

    /// Which end of a text that is too long goes; none: such a text is an error
    #[arg(
        long,
        value_enum,
        env = "INFA_TRUNCATE",
        hide_env = true,
        hide_possible_values = true,
        value_name = "right|left|none"
    )]
    pub truncate: Option<Truncate>,

    /// Longest text in tokens, special tokens included
    #[arg(long, value_name = "N", env = "INFA_MAX_LENGTH", hide_env = true)]
    pub max_length: Option<usize>,
}

impl From<InputArgs> for TextArgs {
    /// For commands that leave the rest to the model's files.
    fn from(input: InputArgs) -> Self {
        Self { pooling: None, vectors: VectorArgs::default(), input }
    }
}
