//! `infa embed`.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::parse::{STATUS, paragraphs};
use super::{EngineArgs, JobArgs, ModelArgs, OutputArgs, ReadArgs, TextArgs};
use crate::engine::Role;
use crate::input::Template;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  infa embed notes.txt > vectors.jsonl
  infa embed --text 'what do cats eat'
  infa embed -m BAAI/bge-small-en-v1.5 -o vectors.npy a.txt";
const MORE_EXAMPLES: &str = "  infa embed --field body -o vectors.csv corpus.jsonl.gz
  infa embed -m intfloat/e5-base-v2 --prompt 'query: ' q.txt
  infa embed -m Qwen/Qwen3-Embedding-0.6B --mode query q.txt
  infa embed -m naver/splade-v3 --output-type sparse a.txt
  infa embed -m BAAI/bge-m3 --output-type colbert a.txt
  infa embed --engine tei=http://127.0.0.1:8080 notes.txt";

fn all_examples() -> String {
    paragraphs(&[&format!("{EXAMPLES}\n{MORE_EXAMPLES}"), STATUS])
}

/// Flags of `infa embed`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, after_long_help = all_examples())]
#[command(mut_arg("output", |arg| arg.long_help(OUTPUT)))]
pub struct EmbedArgs {
    #[command(flatten)]
    pub read: ReadArgs,

    /// Text from several fields, such as '{title}\n{body}'
    ///
    /// A name in braces is a field or column, a.b the field b of an object a. \n and \t are a line break and a tab, {{ and }} are braces. Missing and null fields are empty, if at least one is there.
    #[arg(long, value_name = "TEMPLATE", conflicts_with_all = ["field", "text"], help_heading = "Input")]
    pub template: Option<Template>,

    /// Columns or fields to repeat in each row
    ///
    /// Separated by commas, or with a flag for each. In jsonl, json, csv, parquet and arrow.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', conflicts_with = "text", help_heading = "Output")]
    pub keep: Vec<String>,

    /// Vectors: dense, sparse or colbert
    ///
    /// dense is one vector a text; sparse is weights of vocabulary tokens (SPLADE, BGE-M3); colbert is one vector a token (ColBERT, BGE-M3).
    #[arg(long, value_enum, default_value_t, value_name = "TYPE", help_heading = "Output")]
    pub output_type: OutputType,

    /// Output format: jsonl, json, csv, npy, npz, parquet, arrow or f32
    ///
    /// [default: from the extension of --output, else jsonl; on a terminal, the beginning of each vector]. npy and f32 hold only the vectors, with NaN for texts that failed; npz also the ids. A file named .jsonl.gz, .csv.zst and so on is compressed.
    #[arg(long, alias = "output-format", value_enum, value_name = "FORMAT", help_heading = "Output")]
    pub format: Option<output::Format>,

    /// Digits after the decimal point, 0 to 10
    ///
    /// In jsonl, json and csv; trailing zeros are left out. [default: as few as read back as the same float32]
    #[arg(long, value_name = "DIGITS", help_heading = "Output")]
    pub precision: Option<output::Precision>,

    /// Type of the numbers in dense vectors [default: float32]
    ///
    /// float32, float16, int8, uint8, binary or ubinary, as in sentence-transformers' quantize_embeddings. float16 is for npy, npz, parquet, arrow and f32.
    #[arg(long, value_enum, value_name = "TYPE", help_heading = "Output")]
    pub embedding_dtype: Option<output::Dtype>,

    /// Range of each dimension for int8 and uint8 [default: -1 to 1]
    ///
    /// Saved vectors (.npy, .jsonl, …) of two rows: the least and the largest number of each dimension. Without it, numbers beyond -1 and 1 are an error.
    #[arg(long, value_name = "FILE", requires = "embedding_dtype", help_heading = "Output")]
    pub ranges: Option<PathBuf>,

    #[command(flatten)]
    pub output: OutputArgs,

    #[command(flatten)]
    pub job: JobArgs,

    #[command(flatten)]
    pub model: ModelArgs,

    #[command(flatten)]
    pub engine: EngineArgs,

    /// Role of the texts: query or document
    ///
    /// Chooses the prompt that the model's files have for the role, if any.
    #[arg(
        long,
        value_enum,
        value_name = "ROLE",
        conflicts_with_all = ["prompt", "prompt_name"],
        help_heading = "Embedding (default: the model's files)"
    )]
    pub mode: Option<Mode>,

    #[command(flatten)]
    pub text: TextArgs,
}

const OUTPUT: &str = "\
Output file; - is stdout [default: stdout]

The file appears under its name when it is complete. The names dense, sparse and colbert stand for --output-type; a file of that name is ./sparse.";

impl EmbedArgs {
    /// The output type and the output file. `--output sparse` names a type, `--output ./sparse` a file.
    pub fn outputs(&self) -> (OutputType, Option<PathBuf>) {
        let output = &self.output.output;
        let named = output.as_deref().and_then(Path::to_str).and_then(|name| OutputType::from_str(name, false).ok());
        named.map_or_else(|| (self.output_type, output.clone()), |output_type| (output_type, None))
    }
}

/// The role of the texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Queries
    Query,
    /// Documents
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

/// The result of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum OutputType {
    /// One vector
    #[default]
    Dense,
    /// Weights of vocabulary tokens
    Sparse,
    /// One vector a token
    Colbert,
}
