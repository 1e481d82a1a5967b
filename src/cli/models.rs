//! `infa model`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::ListingArgs;
use super::parse::paragraphs;
use crate::model::DEFAULT_MODEL;
use crate::runtime::device::Dtype;

const EXPORT_EXAMPLES: &str = "\
Examples:
  infa model export BAAI/bge-small-en-v1.5 -o model.onnx
  infa model export ./my-reranker --standard-ops -o r.onnx
  infa model export ./my-model --dtype int8 -o small.onnx";
const PADDING: &str = "\
Without --attention-mask the file has no such input: all texts of a batch must have the same number of tokens, without padding. infa batches so, and it is faster. With it, pad after the text.";

/// The subcommands of `infa model`.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// List the cached models and their sizes
    ///
    /// The models in the Hugging Face cache, and the default model if infa has its own copy. Uses no network.
    #[command(visible_alias = "ls")]
    List(ListingArgs),
    /// Fetch a model from the Hugging Face Hub into the cache
    ///
    /// Prints the directory of its files. Files in the cache are not fetched again.
    Pull(PullArgs),
    /// Remove models from the cache
    ///
    /// Prompts on a terminal; --yes confirms. Removes nothing outside of the cache, and no file that another revision needs.
    #[command(visible_alias = "rm")]
    Remove(RemoveArgs),
    /// Show a model's purpose, sizes, settings and files
    ///
    /// Reads only the configuration and the headers of weights, without ONNX Runtime. Names unsupported parts. Exit status: 0 if infa can run the model, 3 if not.
    Inspect(InspectArgs),
    /// Write a model as a self-contained ONNX file
    ///
    /// The file holds the weights, in float32 or int8; if they have more than 1.9 GB, they are in FILE.data beside it. Inputs are input_ids, token_type_ids if the head uses them, and attention_mask with --attention-mask, all int64 [batch, sequence]. The output is last_hidden_state [batch, sequence, hidden], logits [batch, labels], or lexical_weights [batch, vocabulary]. The file does not pool; infa does if the model's other files are beside it.
    #[command(after_help = paragraphs(&[EXPORT_EXAMPLES, PADDING]))]
    Export(ExportArgs),
}

/// A model that is named as an argument or by a flag.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// Directory, .onnx file, or Hugging Face repository
    #[arg(value_name = "MODEL", default_value = DEFAULT_MODEL)]
    pub model_id: String,

    #[command(flatten)]
    pub flags: ModelFlagArgs,
}

/// The model's name as a flag, as other commands have it, and its revision.
#[derive(Debug, Args)]
pub struct ModelFlagArgs {
    /// The same as the argument
    #[arg(
        short = 'm',
        long = "model-id",
        alias = "model",
        value_name = "MODEL",
        hide = true,
        conflicts_with = "model_id"
    )]
    pub model_flag: Option<String>,

    /// Branch, tag or commit of the repository [default: main]
    #[arg(long, value_name = "REV")]
    pub revision: Option<String>,
}

/// A repository that is named as an argument or by a flag.
#[derive(Debug, Args)]
pub struct PulledArgs {
    /// Repository on the Hugging Face Hub
    #[arg(value_name = "ID", required_unless_present = "model_flag")]
    pub model_id: Option<String>,

    #[command(flatten)]
    pub flags: ModelFlagArgs,
}

impl From<PulledArgs> for SourceArgs {
    fn from(PulledArgs { model_id, flags }: PulledArgs) -> Self {
        // clap requires one of the two.
        Self { model_id: model_id.unwrap_or_default(), flags }
    }
}

impl SourceArgs {
    /// The model's name and revision.
    pub fn named(self) -> (String, Option<String>) {
        let ModelFlagArgs { model_flag, revision } = self.flags;
        (model_flag.unwrap_or(self.model_id), revision)
    }
}

/// Flags of `infa model pull`.
#[derive(Debug, Args)]
#[command(override_usage = "infa model pull [OPTIONS] <ID>")]
pub struct PullArgs {
    #[command(flatten)]
    pub source: PulledArgs,

    /// ONNX file to fetch, instead of safetensors
    #[arg(long, value_name = "FILE")]
    pub onnx_file: Option<PathBuf>,
}

/// Flags of `infa model remove`.
#[derive(Debug, Args)]
#[command(override_usage = "infa model remove [OPTIONS] <ID>...")]
pub struct RemoveArgs {
    /// Models, by the names that infa model list shows
    #[arg(value_name = "ID", required_unless_present = "model_flag")]
    pub model_id: Vec<String>,

    /// The same as the argument
    #[arg(
        short = 'm',
        long = "model-id",
        alias = "model",
        value_name = "ID",
        hide = true,
        conflicts_with = "model_id"
    )]
    pub model_flag: Vec<String>,

    /// Remove only this branch, tag or commit
    #[arg(long, value_name = "REV")]
    pub revision: Option<String>,

    /// Remove without a prompt
    #[arg(short, long)]
    pub yes: bool,
}

/// Flags of `infa model inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    #[command(flatten)]
    pub source: SourceArgs,

    /// ONNX file of the directory or repository to inspect, instead of safetensors
    #[arg(long, value_name = "FILE")]
    pub onnx_file: Option<PathBuf>,

    #[command(flatten)]
    pub listing: ListingArgs,
}

/// Flags of `infa model export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    pub source: SourceArgs,

    /// Output file; it appears under its name when it is complete
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// Output of the graph: embed, rerank, classify, sparse
    ///
    /// embed is the last hidden state; rerank and classify are the logits of the classification head; sparse is lexical weights [default: the model's purpose]
    #[arg(long, value_enum, value_name = "TASK")]
    pub task: Option<ExportTask>,

    /// Use only operators of the ONNX standard (opset 17)
    ///
    /// Slower than with ONNX Runtime's own operators, but any runtime can run the file.
    #[arg(long)]
    pub standard_ops: bool,

    /// Add an input attention_mask, for batches padded after the texts
    #[arg(long)]
    pub attention_mask: bool,

    /// Number format: auto, float32, int8
    ///
    /// In int8 the products of the layers are computed in 8-bit integers, with weights that are exact on any processor. Other formats are not implemented for exported files.
    #[arg(long, value_enum, default_value_t, value_name = "DTYPE")]
    pub dtype: Dtype,

    /// Texts to calibrate int8 with [default: built-in sentences]
    ///
    /// A file of lines, JSON lines, CSV or TSV, with texts like those of the later input.
    #[arg(long, value_name = "FILE")]
    pub calibrate: Option<PathBuf>,
}

/// Output of an exported graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportTask {
    /// The last hidden state
    Embed,
    /// The logit of the classification head
    Rerank,
    /// The logits of the classification head
    Classify,
    /// Lexical weights
    Sparse,
}
