//! `infa classify`.

use clap::Args;

use super::flags::MODEL_SOURCES;
use super::parse::{STATUS, paragraphs};
use super::{EngineArgs, InputArgs, ModelArgs, OutputArgs, ReadArgs};
use crate::output;

const EXAMPLES: &str = "\
Examples:
  infa classify -m SamLowe/roberta-base-go_emotions a.txt
  infa classify -m ./my-classifier --text 'what a day'
  infa classify -m ./my-model --field body -o b.csv a.jsonl";
const MORE_EXAMPLES: &str = "  infa classify -m ./my-classifier --top-k 3 comments.txt
  infa classify -m ./my-nli --field a --pair-field b c.jsonl
  infa classify --engine tei=http://127.0.0.1:8080 notes.txt";
const LABELS: &str = "\
Labels and scores: the labels are those of id2label in config.json; problem_type decides between softmax (one of the labels holds), sigmoid (each holds or not; also with one label) and no function (regression).";

fn all_examples() -> String {
    paragraphs(&[&format!("{EXAMPLES}\n{MORE_EXAMPLES}"), LABELS, STATUS])
}

/// Flags of `infa classify`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = all_examples())]
#[command(mut_arg("model_id", |arg| arg.long_help(MODEL_SOURCES)))]
pub struct ClassifyArgs {
    #[command(flatten)]
    pub read: ReadArgs,

    /// Field or column of the second text of a pair
    #[arg(long, value_name = "NAME", conflicts_with = "text", help_heading = "Input")]
    pub pair_field: Option<String>,

    /// Print only the K best labels [default: all]
    #[arg(long, alias = "top-n", value_name = "K", help_heading = "Output")]
    pub top_k: Option<usize>,

    /// Print logits instead of probabilities
    #[arg(long, help_heading = "Output")]
    pub raw_scores: bool,

    /// Output format: jsonl, json or csv
    ///
    /// [default: from the extension of --output, else jsonl]. csv has one row a label.
    #[arg(long, alias = "output-format", value_enum, value_name = "FORMAT", help_heading = "Output")]
    pub format: Option<output::LabelsFormat>,

    #[command(flatten)]
    pub output: OutputArgs,

    #[command(flatten)]
    pub model: ModelArgs,

    #[command(flatten)]
    pub engine: EngineArgs,

    #[command(flatten)]
    pub input: InputArgs,
}
