//! `infa classify`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::BoolishValueParser;

use super::help::{STATUS, paragraphs};
use super::model::SOURCES;
use super::{EngineArgs, InputArgs, ModelArgs, ReadArgs};
use crate::output;

/// Commands to begin with.
const EXAMPLES: &str = "\
Examples:
  infa classify -m SamLowe/roberta-base-go_emotions --top-k 3 comments.txt
  infa classify -m SamLowe/roberta-base-go_emotions --text 'what a day'
  infa classify -m ./my-classifier --field body -o labels.csv reviews.jsonl
  infa classify -m cross-encoder/nli-deberta-v3-base --field a --pair-field b pairs.jsonl
  infa classify --engine tei=http://127.0.0.1:8080 comments.txt";
/// Where labels and scores come from.
const LABELS: &str = "\
The labels are those of id2label in config.json; problem_type decides between softmax (one of the labels holds), sigmoid (each holds or not; also with one label) and no function (regression).";

/// Flags of `infa classify`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = paragraphs(&[EXAMPLES, LABELS, STATUS]))]
#[command(mut_arg("model_id", |arg| arg.help(SOURCES)))]
pub struct ClassifyArgs {
    #[command(flatten)]
    #[allow(missing_docs, reason = "a doc comment here would become the help's text")]
    pub read: ReadArgs,

    /// Field or column that holds the second text, for models that judge pairs of texts
    #[arg(
        long,
        value_name = "NAME",
        conflicts_with = "text",
        env = "INFA_PAIR_FIELD",
        hide_env = true,
        help_heading = "Input and output"
    )]
    pub pair_field: Option<String>,

    /// Only the K best labels [default: all]
    #[arg(
        long,
        alias = "top-n",
        value_name = "K",
        env = "INFA_TOP_K",
        hide_env = true,
        help_heading = "Input and output"
    )]
    pub top_k: Option<usize>,

    /// Logits instead of probabilities
    #[arg(long, value_parser = BoolishValueParser::new(), env = "INFA_RAW_SCORES", hide_env = true, help_heading = "Input and output")]
    pub raw_scores: bool,

    /// Format of the output; csv has a row a label [default: by the ending of --output, else jsonl]
    #[arg(
        long,
        alias = "output-format",
        value_enum,
        env = "INFA_FORMAT",
        hide_env = true,
        hide_possible_values = true,
        value_name = "jsonl|json|csv",
        help_heading = "Input and output"
    )]
    pub format: Option<output::LabelsFormat>,

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
