//! `infa search`.

use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;

use super::parse::{STATUS, paragraphs};
use super::{EngineArgs, ModelArgs, OutputArgs, ReadArgs, TextArgs};
use crate::output;

const EXAMPLES: &str = "\
Examples:
  infa search 'what do cats eat' notes.txt
  infa search 'what do cats eat' vectors.npy
  infa search --queries q.txt docs.jsonl > results.jsonl";
const MORE_EXAMPLES: &str = "  infa search 'cats' --rerank BAAI/bge-reranker-base a.csv
  infa embed notes.txt | infa search 'cats' --vectors -";
const VECTORS: &str = "\
Vectors: the model must be the one that made them. Their ids are the field or column id, their texts text. Memory stays small however many vectors a file holds, but for npy in Fortran order and large row groups of Parquet.";

fn all_examples() -> String {
    paragraphs(&[&format!("{EXAMPLES}\n{MORE_EXAMPLES}"), VECTORS, STATUS])
}

/// Flags of `infa search`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = all_examples())]
#[command(mut_arg("files", |arg| arg.help("Files of texts or vectors; - is stdin [default: stdin]")))]
#[command(mut_arg("prompt", |arg| arg.help("Put TEXT before the query")))]
#[command(mut_arg("prompt_name", |arg| arg.help("Put the model's prompt of this name before the query")))]
pub struct SearchArgs {
    /// Query; with --queries every argument is a file
    #[arg(value_name = "QUERY")]
    pub query: Option<String>,

    #[command(flatten)]
    pub read: ReadArgs,

    /// File of queries, in a format of texts
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub queries: Option<PathBuf>,

    /// Read vectors from stdin [default: files are recognised, stdin holds texts]
    #[arg(long, conflicts_with_all = ["text", "input_format", "field", "id_field"], help_heading = "Input")]
    pub vectors: bool,

    /// Print the N nearest documents
    #[arg(long, alias = "top-n", value_name = "N", default_value = "10", help_heading = "Output")]
    pub top_k: NonZero<usize>,

    /// Print only documents that score at least this
    #[arg(long, value_name = "SCORE", allow_negative_numbers = true, help_heading = "Output")]
    pub threshold: Option<f64>,

    /// Reranker that puts the nearest 5 N documents in order
    ///
    /// A cross-encoder, such as BAAI/bge-reranker-base; scores are its own. It runs in this process and needs the documents' texts.
    #[arg(long, value_name = "MODEL", help_heading = "Output")]
    pub rerank: Option<String>,

    /// Print the documents' texts
    #[arg(long, help_heading = "Output")]
    pub return_documents: bool,

    /// Output format: table, jsonl, json or csv
    ///
    /// [default: from the extension of --output, else table on a terminal and jsonl elsewhere]
    #[arg(long, alias = "output-format", value_enum, value_name = "FORMAT", help_heading = "Output")]
    pub format: Option<output::RankingFormat>,

    #[command(flatten)]
    pub output: OutputArgs,

    #[command(flatten)]
    pub model: ModelArgs,

    #[command(flatten)]
    pub engine: EngineArgs,

    #[command(flatten)]
    pub text: TextArgs,
}
