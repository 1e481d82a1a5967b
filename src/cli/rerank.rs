//! `infa rerank`.

use clap::Args;

use super::parse::{STATUS, paragraphs};
use super::{EngineArgs, InputArgs, ModelArgs, OutputArgs, ReadArgs};
use crate::output;

const EXAMPLES: &str = "\
Examples:
  infa rerank --query 'what do cats eat' documents.txt
  infa rerank -m BAAI/bge-reranker-base --query cats a.txt
  infa rerank -m BAAI/bge-reranker-base q.jsonl > r.jsonl";
const MORE_EXAMPLES: &str = "  infa rerank --query 'what do cats eat' --top-n 10 docs.csv
  infa rerank --engine infinity=http://h:7997 --query q a";
const QUERIES: &str = "\
Several queries: each line of the input is {\"query\":\"…\",\"documents\":[\"…\",{\"id\":7,\"text\":\"…\"}]}.";
const MODELS: &str = "\
Models: cross-encoders, such as BAAI/bge-reranker-base or cross-encoder/ms-marco-MiniLM-L6-v2, read query and document together and judge best. Language models that answer whether a document fits work as well, such as Qwen/Qwen3-Reranker-0.6B. With an embedding model, such as the default, the vectors are compared; stderr says so.";

fn all_examples() -> String {
    paragraphs(&[&format!("{EXAMPLES}\n{MORE_EXAMPLES}"), QUERIES, MODELS, STATUS])
}

/// Flags of `infa rerank`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = all_examples())]
#[command(mut_arg("prompt", |arg| arg.help("Put TEXT before the query")))]
#[command(mut_arg("prompt_name", |arg| arg.help("Put the model's prompt of this name before the query")))]
pub struct RerankArgs {
    /// Query
    ///
    /// Without it, every line of input is a JSON object with "query" and "documents".
    #[arg(long, value_name = "TEXT", help_heading = "Input")]
    pub query: Option<String>,

    #[command(flatten)]
    pub read: ReadArgs,

    /// Print only the N best documents [default: all]
    #[arg(long, alias = "top-k", value_name = "N", help_heading = "Output")]
    pub top_n: Option<usize>,

    /// Print the documents' texts
    #[arg(long, help_heading = "Output")]
    pub return_documents: bool,

    /// Print scores without an activation function
    ///
    /// Similarities of vectors never have one.
    #[arg(long, help_heading = "Output")]
    pub raw_scores: bool,

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
    pub input: InputArgs,
}
