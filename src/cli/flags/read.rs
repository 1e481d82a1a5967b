//! Flags of input and output files.

use std::path::PathBuf;

use clap::Args;

use crate::input;

/// Texts to read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Input")]
pub struct ReadArgs {
    /// Input files; - is stdin [default: stdin]
    #[arg(value_name = "FILE", help_heading = None::<&str>)]
    pub files: Vec<PathBuf>,

    /// Text to use instead of files; repeat for several
    #[arg(
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        conflicts_with_all = ["files", "input_format", "field", "id_field"]
    )]
    pub text: Vec<String>,

    #[command(flatten)]
    pub fields: FieldArgs,
}

/// Format and fields of input files.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Input")]
pub struct FieldArgs {
    /// Input format: lines, jsonl, json, csv, tsv, nul
    ///
    /// [default: from the file's extension and first bytes, else lines]. Files in gzip and zstd are decompressed.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub input_format: Option<input::Format>,

    /// Field or column of the text [default: text]
    ///
    /// In a CSV with one column, that column.
    #[arg(long, value_name = "NAME")]
    pub field: Option<String>,

    /// Field or column of the id [default: id, if present]
    #[arg(long, value_name = "NAME")]
    pub id_field: Option<String>,
}

/// The output file.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Output file; - is stdout [default: stdout]
    ///
    /// The file appears under its name when it is complete.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}
