//! `infa rerank`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::help::{STATUS, paragraphs};
use super::{EngineArgs, InputArgs, ModelArgs, ReadArgs};
use crate::output;

/// Commands to begin with.
const EXAMPLES: &str = "\
Examples:
  infa rerank --query 'what do cats eat' documents.txt
  infa rerank -m BAAI/bge-reranker-base --query 'cats' --top-n 10 docs.jsonl
  infa rerank -m BAAI/bge-reranker-base queries.jsonl > ranked.jsonl
    (each line {\"query\":\"…\",\"documents\":[\"…\",{\"id\":7,\"text\":\"…\"}]})
  infa rerank --engine infinity=http://127.0.0.1:7997 --query 'cats' docs.txt";
/// Which models score documents.
const MODELS: &str = "\
Models: cross-encoders, such as BAAI/bge-reranker-base or cross-encoder/ms-marco-MiniLM-L6-v2, read query and document together and judge best; so do language models that answer whether a document fits, such as Qwen/Qwen3-Reranker-0.6B. Of an embedding model, such as the default, the vectors are compared, which stderr says.";

/// Flags of `infa rerank`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = paragraphs(&[EXAMPLES, MODELS, STATUS]))]
#[command(mut_arg("prompt", |arg| arg.help("Put TEXT before the query")))]
#[command(mut_arg("prompt_name", |arg| arg.help("Put the model's prompt of this name before the query")))]
pub struct RerankArgs {
    /// The query; without it, every line of input is a JSON object with "query" and "documents"
    #[arg(long, value_name = "TEXT", env = "INFA_QUERY", hide_env = true)]
    pub query: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub read: ReadArgs,

    /// Only the N best documents [default: all]
    #[arg(
        long,
        alias = "top-k",
        value_name = "N",
        env = "INFA_TOP_N",
        hide_env = true,
        help_heading = "Input and output"
    )]
    pub top_n: Option<usize>,

    /// Put the documents' texts into the output, too
    #[arg(long, value_parser = BoolishValueParser::new(), env = "INFA_RETURN_DOCUMENTS", hide_env = true, help_heading = "Input and output")]
    pub return_documents: bool,

    /// Scores as the model gives them, without an activation function (similarities never have one)
    #[arg(long, value_parser = BoolishValueParser::new(), env = "INFA_RAW_SCORES", hide_env = true, help_heading = "Input and output")]
    pub raw_scores: bool,

    /// Format of the output [default: by the ending of --output, else table on a terminal and jsonl elsewhere]
    #[arg(
        long,
        alias = "output-format",
        value_enum,
        env = "INFA_FORMAT",
        hide_env = true,
        hide_possible_values = true,
        value_name = "table|jsonl|json|csv",
        help_heading = "Input and output"
    )]
    pub format: Option<output::RankingFormat>,

    /// Write to FILE, which appears only when it is complete; - is stdout [default: stdout]
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
    pub input: InputArgs,
}
