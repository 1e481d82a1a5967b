//! Flags of commands that print a list or a report.

use clap::{Args, ValueEnum};

/// Format of a list or a report.
#[derive(Debug, Args)]
pub struct ListingArgs {
    /// Output format: table or json
    #[arg(long, alias = "output-format", value_enum, default_value_t, value_name = "FORMAT")]
    pub format: ListingFormat,

    /// Short for --format json
    #[arg(long)]
    pub json: bool,
}

impl ListingArgs {
    /// True if the output is JSON.
    pub fn is_json(&self) -> bool {
        self.json || self.format == ListingFormat::Json
    }
}

/// Format of a list or a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ListingFormat {
    /// For people
    #[default]
    Table,
    /// As JSON
    Json,
}
