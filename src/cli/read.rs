//! Flags about what is read, shared by the subcommands that read texts.

use std::path::PathBuf;

use clap::Args;

use crate::input;

/// Which files are read, and how.
#[derive(Debug, Args)]
pub struct ReadArgs {
    /// Files to read, one after the other; - is stdin [default: stdin]
    #[arg(value_name = "FILE", env = "INFA_FILES", hide_env = true, value_delimiter = None)]
    pub files: Vec<PathBuf>,

    /// Take TEXT itself instead of a file; can be given several times
    #[arg(
        long,
        value_name = "TEXT",
        env = "INFA_TEXT",
        hide_env = true,
        value_delimiter = None,
        allow_hyphen_values = true,
        conflicts_with_all = ["files", "input_format", "field", "id_field"]
    )]
    pub text: Vec<String>,

    /// Format of the input: lines, jsonl, json, csv, tsv, nul [default: by the file's ending and first bytes, else lines];
    /// gzip and zstd are decompressed
    #[arg(
        long,
        value_enum,
        env = "INFA_INPUT_FORMAT",
        hide_env = true,
        hide_possible_values = true,
        value_name = "FORMAT",
        help_heading = "Input and output"
    )]
    pub input_format: Option<input::Format>,

    /// Field or column that holds the text [default: text; the only column of a CSV]
    #[arg(long, value_name = "NAME", env = "INFA_FIELD", hide_env = true, help_heading = "Input and output")]
    pub field: Option<String>,

    /// Field or column that holds the id [default: id, where there is one]
    #[arg(long, value_name = "NAME", env = "INFA_ID_FIELD", hide_env = true, help_heading = "Input and output")]
    pub id_field: Option<String>,
}
