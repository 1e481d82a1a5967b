//! `infa model`: what a model is, and what becomes of it.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{Args, Subcommand, ValueEnum};

use super::ListingArgs;
use crate::model::DEFAULT_MODEL;
use crate::runtime::device::Dtype;

/// The subcommands of `infa model`.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// List the models that are here, with their sizes
    ///
    /// Those in the Hugging Face cache, whoever fetched them, and the default model where infa has its own copy. Uses no
    /// network.
    #[command(visible_alias = "ls")]
    List(ListingArgs),
    /// Fetch a model from the Hugging Face Hub into the cache
    ///
    /// Prints the directory of its files. What is here already is not fetched again.
    Pull(PullArgs),
    /// Remove models from the cache
    ///
    /// Asks first, on a terminal; --yes answers. Nothing outside of the cache is removed, and no file that another revision
    /// needs.
    #[command(visible_alias = "rm")]
    Remove(RemoveArgs),
    /// Tell what infa understands of a model: what it is for, its sizes, settings and files
    ///
    /// Reads configuration and the headers of weights, nothing more, and needs no ONNX Runtime. What is not supported
    /// is named; the rest is told all the same. Exit status: 0 if infa can run the model, 3 if not.
    Inspect(InspectArgs),
    /// Write a model as an ONNX file that needs nothing else
    ///
    /// The weights are inside, in float32; those of a model of more than 1.9 GB lie in FILE.data beside it. Inputs are
    /// input_ids, token_type_ids where the head heeds them, and attention_mask if asked for, all int64 [batch, sequence];
    /// the output is last_hidden_state [batch, sequence, hidden], logits [batch, labels], or lexical_weights [batch,
    /// vocabulary]. Pooling, and what follows it, is left to whoever runs the file: infa does it when it finds the model's
    /// other files beside it.
    #[command(after_help = "\
Examples:
  infa model export sentence-transformers/all-MiniLM-L6-v2 -o model.onnx
  infa model export ./my-reranker --standard-ops --attention-mask -o model.onnx

Without --attention-mask the file has no such input: all texts of a batch must have the same number of tokens,
and none of them may be padding. That is what infa does, and faster. With it, pad after the text.")]
    Export(ExportArgs),
}

/// Which model.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// A directory, an .onnx file, or a repository on the Hugging Face Hub
    #[arg(value_name = "ID|DIR", default_value = DEFAULT_MODEL, env = "INFA_MODEL_ID", hide_env = true)]
    pub model_id: String,

    /// The same as a flag, as the other commands have it.
    #[arg(
        short = 'm',
        long = "model-id",
        alias = "model",
        value_name = "ID|DIR",
        hide = true,
        conflicts_with = "model_id"
    )]
    pub model_flag: Option<String>,

    /// Branch, tag or commit of the repository [default: main]
    #[arg(long, value_name = "REV", env = "INFA_REVISION", hide_env = true)]
    pub revision: Option<String>,
}

/// Which repository.
#[derive(Debug, Args)]
pub struct PulledArgs {
    /// A repository on the Hugging Face Hub
    #[arg(value_name = "ID", required_unless_present = "model_flag", env = "INFA_MODEL_ID", hide_env = true)]
    pub model_id: Option<String>,

    /// The same as a flag, as the other commands have it.
    #[arg(
        short = 'm',
        long = "model-id",
        alias = "model",
        value_name = "ID",
        hide = true,
        conflicts_with = "model_id"
    )]
    pub model_flag: Option<String>,

    /// Branch, tag or commit of the repository [default: main]
    #[arg(long, value_name = "REV", env = "INFA_REVISION", hide_env = true)]
    pub revision: Option<String>,
}

impl From<PulledArgs> for SourceArgs {
    fn from(PulledArgs { model_id, model_flag, revision }: PulledArgs) -> Self {
        // One of the two is there, or clap has ended the command.
        Self { model_id: model_id.unwrap_or_default(), model_flag, revision }
    }
}

impl SourceArgs {
    /// The model, by whichever of the two it was named, and its revision.
    pub fn named(self) -> (String, Option<String>) {
        (self.model_flag.unwrap_or(self.model_id), self.revision)
    }
}

/// Flags of `infa model pull`.
#[derive(Debug, Args)]
pub struct PullArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub source: PulledArgs,

    /// Fetch this .onnx file of the repository, instead of the safetensors
    #[arg(long, value_name = "FILE", env = "INFA_ONNX_FILE", hide_env = true)]
    pub onnx_file: Option<PathBuf>,
}

/// Flags of `infa model remove`.
#[derive(Debug, Args)]
pub struct RemoveArgs {
    /// Models, by the names that infa model list shows
    #[arg(value_name = "ID", required_unless_present = "model_flag", env = "INFA_MODEL_ID", hide_env = true)]
    pub model_id: Vec<String>,

    /// The same as a flag, as the other commands have it.
    #[arg(
        short = 'm',
        long = "model-id",
        alias = "model",
        value_name = "ID",
        hide = true,
        conflicts_with = "model_id"
    )]
    pub model_flag: Vec<String>,

    /// Only this branch, tag or commit of the model
    #[arg(long, value_name = "REV", env = "INFA_REVISION", hide_env = true)]
    pub revision: Option<String>,

    /// Remove without asking
    #[arg(short, long, value_parser = BoolishValueParser::new(), env = "INFA_YES", hide_env = true)]
    pub yes: bool,
}

/// Flags of `infa model inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub source: SourceArgs,

    /// Look at this .onnx file of the directory or repository, instead of the safetensors
    #[arg(long, value_name = "FILE", env = "INFA_ONNX_FILE", hide_env = true)]
    pub onnx_file: Option<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub listing: ListingArgs,
}

/// Flags of `infa model export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub source: SourceArgs,

    /// The file to write, which appears only when it is complete
    #[arg(short, long, value_name = "FILE", env = "INFA_OUTPUT", hide_env = true)]
    pub output: PathBuf,

    /// What the file computes: the last hidden state; the logits of the classification head; lexical weights [default:
    /// what the model is for]
    #[arg(
        long,
        value_enum,
        env = "INFA_TASK",
        hide_env = true,
        hide_possible_values = true,
        value_name = "embed|rerank|classify|sparse"
    )]
    pub task: Option<ExportTask>,

    /// Use only operators of the ONNX standard (opset 17), none of ONNX Runtime's own: slower, but any runtime can run it
    #[arg(long, value_parser = BoolishValueParser::new(), env = "INFA_STANDARD_OPS", hide_env = true)]
    pub standard_ops: bool,

    /// Add an input attention_mask, for batches that are padded (after the texts)
    #[arg(long, value_parser = BoolishValueParser::new(), env = "INFA_ATTENTION_MASK", hide_env = true)]
    pub attention_mask: bool,

    /// Number format of weights and arithmetic
    #[arg(
        long,
        value_enum,
        default_value_t,
        env = "INFA_DTYPE",
        hide_env = true,
        hide_possible_values = true,
        value_name = "auto|float32|float16|bfloat16|int8"
    )]
    pub dtype: Dtype,
}

/// What an exported file computes.
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
