//! `infa embed`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::help::{STATUS, paragraphs};
use super::{EngineArgs, ModelArgs, ReadArgs, TextArgs};
use crate::engine::Role;
use crate::output;

/// Commands to begin with.
const EXAMPLES: &str = "\
Examples:
  infa embed notes.txt > vectors.jsonl
  infa embed --text 'what do cats eat'
  infa embed --field body -o vectors.csv corpus.jsonl.gz
  infa embed -m BAAI/bge-small-en-v1.5 -o vectors.npy a.txt b.txt
  infa embed -m intfloat/e5-base-v2 --prompt 'query: ' queries.txt
  infa embed -m naver/splade-v3 --output-type sparse notes.txt
  infa embed -m lightonai/GTE-ModernColBERT-v1 --output-type colbert notes.txt
  infa embed -m Snowflake/snowflake-arctic-embed-m-v2.0 --mode query q.txt
  infa embed --engine tei=http://127.0.0.1:8080 notes.txt";

/// Flags of `infa embed`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = paragraphs(&[EXAMPLES, STATUS]))]
pub struct EmbedArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub read: ReadArgs,

    /// Embed texts as queries or as documents, with the prompt that the model's files have for them, if any
    #[arg(
        long,
        value_enum,
        conflicts_with_all = ["prompt", "prompt_name"],
        env = "INFA_MODE",
        hide_env = true,
        hide_possible_values = true,
        value_name = "query|document",
        help_heading = "Text to vector (default: as the model's files say)"
    )]
    pub mode: Option<Mode>,

    /// What to make of a text: one vector; weights of the vocabulary (SPLADE, BGE-M3); a vector a token (ColBERT, BGE-M3)
    #[arg(
        long,
        value_enum,
        default_value_t,
        env = "INFA_OUTPUT_TYPE",
        hide_env = true,
        hide_possible_values = true,
        value_name = "dense|sparse|colbert",
        help_heading = "Input and output"
    )]
    pub output_type: OutputType,

    /// Format of the output; npy holds the vectors alone, with NaN for texts that failed [default: by the ending of
    /// --output, else jsonl; on a terminal the beginning of each vector]
    #[arg(
        long,
        alias = "output-format",
        value_enum,
        env = "INFA_FORMAT",
        hide_env = true,
        hide_possible_values = true,
        value_name = "jsonl|json|csv|npy",
        help_heading = "Input and output"
    )]
    pub format: Option<output::Format>,

    /// Digits after the decimal point, 0 to 10, zeros at the end left out; for jsonl, json and csv [default: as few as read
    /// back as the same float32]
    #[arg(long, env = "INFA_PRECISION", hide_env = true, value_name = "DIGITS", help_heading = "Input and output")]
    pub precision: Option<output::Precision>,

    /// Write to FILE, which appears only when it is complete; - is stdout [default: stdout]; dense, sparse and colbert
    /// stand for --output-type (a file of that name: ./sparse)
    #[arg(short, long, value_name = "FILE", env = "INFA_OUTPUT", hide_env = true, help_heading = "Input and output")]
    pub output: Option<PathBuf>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub model: ModelArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub engine: EngineArgs,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub text: TextArgs,
}

impl EmbedArgs {
    /// What to make of a text, and the file to write: `--output sparse` names the one, `--output ./sparse` the other.
    pub fn outputs(&self) -> (OutputType, Option<PathBuf>) {
        let named =
            self.output.as_deref().and_then(Path::to_str).and_then(|name| OutputType::from_str(name, false).ok());
        named.map_or_else(|| (self.output_type, self.output.clone()), |output_type| (output_type, None))
    }
}

/// The role of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// As queries
    Query,
    /// As documents
    Document,
}

impl From<Option<Mode>> for Role {
    fn from(mode: Option<Mode>) -> Self {
        match mode {
            None => Self::Text,
            Some(Mode::Query) => Self::Query,
            Some(Mode::Document) => Self::Document,
        }
    }
}

/// What becomes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OutputType {
    /// One vector
    #[default]
    Dense,
    /// Weights of tokens of the vocabulary
    Sparse,
    /// A vector for every token
    Colbert,
}
