//! `infa completions` and `infa man`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// A shell with completions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompletedShell {
    /// bash 3.2 or later
    Bash,
    /// Elvish
    Elvish,
    /// fish
    Fish,
    /// Nushell: flags and fixed values
    Nushell,
    /// PowerShell
    Powershell,
    /// zsh
    Zsh,
}

/// Flags of `infa completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Shell: bash, elvish, fish, nushell, powershell or zsh
    pub shell: CompletedShell,
}

/// Flags of `infa man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Directory for a page of infa and of each subcommand [default: one page, to stdout]
    #[arg(short, long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub output: Option<PathBuf>,
}
