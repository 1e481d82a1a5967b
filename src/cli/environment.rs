//! Flags and environment variables together: the command line wins, and an empty variable counts as unset.
//!
//! `infa serve` understands Infinity's variables too, where infa's own are not set.

use std::ffi::{OsStr, OsString};

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches};

use super::Cli;

/// Flags that exclude each other. Typed, the one must silence the other's variable as it does its own.
const RIVALS: &[&[&str]] = &[
    &["normalize", "no_normalize"],
    &["prompt", "prompt_name", "mode"],
    &["model_warmup", "no_model_warmup"],
    &["preload_only", "no_preload_only"],
    &["permissive_cors", "no_permissive_cors"],
    &["unix_socket", "tls_cert"],
    &["unix_socket", "tls_key"],
    &["base", "baseline"],
];

/// Flags of `infa serve` that other commands have by another name, and that name.
const NAMESAKES: &[(&str, &str)] = &[("max_batch_tokens", "INFA_BATCH_TOKENS")];

impl Cli {
    /// What the command line and the environment say; wrong usage ends the process with status 2.
    pub fn from_environment() -> Self {
        let command = Self::command().mut_subcommand("serve", |serve| serve.mut_args(with_aliases));
        let typed = without_variables(command.clone(), &|_| true).ignore_errors(true).try_get_matches().ok();
        let ignored = |arg: &Arg| {
            let id = arg.get_id().as_str();
            let mut rivals = RIVALS.iter().filter(|group| group.contains(&id)).copied().flatten().filter(|&&r| r != id);
            // Scripts and container files "unset" variables by emptying them.
            arg.get_env().is_some_and(|variable| value(id, variable).is_none())
                || rivals.any(|rival| is_typed(typed.as_ref(), rival))
        };
        let matches = without_variables(command, &ignored).get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|e| e.exit())
    }
}

/// `command`, deaf to the variables of those arguments.
fn without_variables(command: Command, ignored: &dyn Fn(&Arg) -> bool) -> Command {
    command
        .mut_args(|arg| if ignored(&arg) { arg.env(Resettable::Reset) } else { arg })
        .mut_subcommands(|command| without_variables(command, ignored))
}

/// An argument of `infa serve`, which listens to Infinity's variable where infa's is not set.
fn with_aliases(arg: Arg) -> Arg {
    let id = arg.get_id().as_str();
    let own = arg.get_env().map(OsStr::to_owned);
    let namesake = NAMESAKES.iter().find(|(name, _)| *name == id).map(|(_, variable)| variable.into());
    let infinitys = arg.get_long().map(|_| format!("INFINITY_{}", id.to_ascii_uppercase()).into());
    let known = own.into_iter().chain(namesake).chain(infinitys);
    match known.into_iter().find(|variable| value(id, variable).is_some()) {
        Some(variable) => arg.env(variable),
        None => arg,
    }
}

/// What a variable says, if anything.
fn value(id: &str, variable: &OsStr) -> Option<OsString> {
    // For a service called "infa", Kubernetes sets INFA_PORT to "tcp://10.0.0.1:7997" in every container.
    let of_kubernetes = |value: &OsStr| id == "port" && value.as_encoded_bytes().starts_with(b"tcp://");
    std::env::var_os(variable).filter(|value| !value.is_empty() && !of_kubernetes(value))
}

fn is_typed(matches: Option<&ArgMatches>, id: &str) -> bool {
    matches.and_then(ArgMatches::subcommand).is_some_and(|(_, matches)| {
        matches!(matches.try_contains_id(id), Ok(true)) && matches.value_source(id) == Some(ValueSource::CommandLine)
    })
}
