//! How commands that print a list or a report write it: for people, or as JSON. One pair of flags for all of them.

use clap::builder::BoolishValueParser;
use clap::{Args, ValueEnum};

/// Flags about how a list or a report is written.
#[derive(Debug, Args)]
pub struct ListingArgs {
    /// How it is written
    #[arg(
        long,
        alias = "output-format",
        value_enum,
        default_value_t,
        env = "INFA_FORMAT",
        hide_env = true,
        hide_possible_values = true,
        value_name = "table|json"
    )]
    pub format: ListingFormat,

    /// The same as --format json
    #[arg(long, value_parser = BoolishValueParser::new(), env = "INFA_JSON", hide_env = true)]
    pub json: bool,
}

impl ListingArgs {
    /// Whether JSON is asked for.
    pub fn is_json(&self) -> bool {
        self.json || self.format == ListingFormat::Json
    }
}

/// How a list or a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ListingFormat {
    /// For people
    #[default]
    Table,
    /// As JSON
    Json,
}
