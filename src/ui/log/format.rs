//! The format of messages on stderr.

use clap::ValueEnum;

/// The format of messages on stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// Lines for people; a server's lines are short on a terminal
    #[default]
    Text,
    /// Lines with all fields, also on a terminal
    Full,
    /// One JSON object a line
    Json,
}
