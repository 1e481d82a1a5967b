//! `infa completions` and `infa man`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Shells that infa completes in.
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
    /// The shell
    #[arg(env = "INFA_SHELL", hide_env = true)]
    pub shell: CompletedShell,
}

/// Flags of `infa man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for infa and one for each subcommand into this directory [default: one page for all, to stdout]
    #[arg(short, long, value_name = "DIR", env = "INFA_OUTPUT", hide_env = true, value_hint = clap::ValueHint::DirPath)]
    pub output: Option<PathBuf>,
}
