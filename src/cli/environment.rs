//! Flags and environment variables together: the command line wins, and an empty variable counts as unset.

use std::ffi::OsStr;

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::Cli;

/// Flags that exclude each other. Typed, the one must silence the other's variable as it does its own.
const RIVALS: &[&[&str]] = &[&["normalize", "no_normalize"], &["prompt", "prompt_name", "mode"]];

impl Cli {
    /// What the command line and the environment say; wrong usage ends the process with status 2.
    pub fn from_environment() -> Self {
        let typed = without_variables(Self::command(), &|_| true).ignore_errors(true).try_get_matches().ok();
        let ignored = |arg: &Arg| {
            let id = arg.get_id().as_str();
            let mut rivals = RIVALS.iter().filter(|group| group.contains(&id)).copied().flatten().filter(|&&r| r != id);
            // Scripts and container files "unset" variables by emptying them.
            arg.get_env().is_some_and(is_empty) || rivals.any(|rival| is_typed(typed.as_ref(), rival))
        };
        let matches = without_variables(Self::command(), &ignored).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|e| e.exit())
    }
}

/// `command`, deaf to the variables of those arguments.
fn without_variables(command: Command, ignored: &dyn Fn(&Arg) -> bool) -> Command {
    command
        .mut_args(|arg| if ignored(&arg) { arg.env(Resettable::Reset) } else { arg })
        .mut_subcommands(|command| without_variables(command, ignored))
}

fn is_empty(variable: &OsStr) -> bool {
    std::env::var_os(variable).is_some_and(|value| value.is_empty())
}

fn is_typed(matches: Option<&ArgMatches>, id: &str) -> bool {
    matches.and_then(ArgMatches::subcommand).is_some_and(|(_, matches)| {
        matches!(matches.try_contains_id(id), Ok(true)) && matches.value_source(id) == Some(ValueSource::CommandLine)
    })
}
