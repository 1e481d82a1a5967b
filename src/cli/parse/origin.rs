//! Names the variable that a wrong value came from: the command line does not have the flag of the message.

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, Error};

/// The values that variables gave to flags.
#[derive(Debug, Default)]
pub struct FromVariables(Vec<FromVariable>);

#[derive(Debug)]
struct FromVariable {
    /// With its dashes.
    flag: String,
    variable: String,
    values: Vec<String>,
}

/// Shorter values stand in too many messages by chance.
const SHORTEST_VALUE: usize = 3;

impl FromVariables {
    /// The variables of the parsed `command`.
    pub(super) fn of(command: &Command, matches: &ArgMatches) -> Self {
        let mut found = Vec::new();
        let (mut command, mut matches) = (Some(command), matches);
        while let Some(here) = command {
            found.extend(here.get_arguments().filter_map(|arg| from_variable(arg, matches)));
            let Some((name, below)) = matches.subcommand() else { break };
            (command, matches) = (here.find_subcommand(name), below);
        }
        Self(found)
    }

    /// A sentence about those behind an error: the variable of the `flag` that the error is about; else those whose flag
    /// or value `message` names.
    pub fn behind(&self, flag: Option<&str>, message: &str) -> Option<String> {
        let is_named = |from: &&FromVariable| {
            let value = |value: &String| value.len() >= SHORTEST_VALUE && has_word(message, value);
            has_word(message, &from.flag) || from.values.iter().any(value)
        };
        let sets = |from: &FromVariable| format!("{} sets {}", from.variable, from.flag);
        let of_flag = self.0.iter().find(|from| Some(from.flag.as_str()) == flag);
        let meant: Vec<String> = match of_flag {
            Some(from) => vec![sets(from)],
            None => self.0.iter().filter(is_named).map(sets).collect(),
        };
        (!meant.is_empty()).then(|| format!("the variable {}", meant.join(", and ")))
    }
}

fn from_variable(arg: &Arg, matches: &ArgMatches) -> Option<FromVariable> {
    let id = arg.get_id().as_str();
    let is_set =
        matches!(matches.try_contains_id(id), Ok(true)) && matches.value_source(id) == Some(ValueSource::EnvVariable);
    let (true, Some(variable)) = (is_set, arg.get_env()?.to_str()) else { return None };
    let values = matches.get_raw(id).into_iter().flatten().map(|value| value.to_string_lossy().into_owned());
    let flag = match (arg.get_long(), arg.get_value_names()) {
        (Some(long), _) => format!("--{long}"),
        (None, Some([name, ..])) => name.to_string(),
        (None, _) => id.to_owned(),
    };
    Some(FromVariable { flag, variable: variable.to_owned(), values: values.collect() })
}

/// True if `message` has `word`, and not as a part of a longer one.
fn has_word(message: &str, word: &str) -> bool {
    let goes_on = |next: Option<char>| next.is_some_and(|next| next.is_alphanumeric() || next == '-');
    message.match_indices(word).any(|(at, _)| {
        !goes_on(message[..at].chars().next_back()) && !goes_on(message[at + word.len()..].chars().next())
    })
}

/// clap's error with the variable before each flag that was not typed. `command` is the one of infa that was
/// parsed, `path` the names of the subcommands.
pub(super) fn with_variable_names(mut error: Error, command: &Command, path: &[&str], typed: &[OsString]) -> Error {
    if !matches!(error.kind(), ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::ArgumentConflict) {
        return error;
    }
    // clap shows arguments of built commands alone.
    let mut built = command.clone();
    built.build();
    let name = |shown: &String| variable_of(shown, &built, path, typed).unwrap_or_else(|| shown.clone());
    for kind in [ContextKind::InvalidArg, ContextKind::PriorArg] {
        let named = match error.get(kind) {
            Some(ContextValue::String(shown)) => ContextValue::String(name(shown)),
            Some(ContextValue::Strings(shown)) => ContextValue::Strings(shown.iter().map(name).collect()),
            _ => continue,
        };
        error.insert(kind, named);
    }
    error
}

/// `INFA_THREADS (--threads)` for the argument that clap shows as `--threads <N>`, if the variable set it.
fn variable_of(shown: &str, command: &Command, path: &[&str], typed: &[OsString]) -> Option<String> {
    let mut here = command;
    // Flags of infa itself are known to its subcommands, too.
    let mut arguments: Vec<&Arg> = here.get_arguments().collect();
    for name in path {
        here = here.find_subcommand(name)?;
        arguments.extend(here.get_arguments());
    }
    let arg = arguments.into_iter().rev().find(|arg| arg.to_string() == shown)?;
    let variable = arg.get_env().filter(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))?;
    // A positional argument silences its variable.
    let is_typed = arg.is_positional() || typed.iter().any(|argument| names(argument, arg));
    if is_typed { None } else { Some(format!("{} (--{})", variable.to_str()?, arg.get_long()?)) }
}

/// True if this argument of the command line is that flag.
fn names(argument: &OsStr, arg: &Arg) -> bool {
    let argument = argument.to_string_lossy();
    match argument.strip_prefix("--") {
        Some(long) => {
            let long = long.split('=').next().unwrap_or(long);
            arg.get_long() == Some(long) || arg.get_all_aliases().is_some_and(|aliases| aliases.contains(&long))
        }
        None => {
            let short = |short: char| argument.strip_prefix('-').is_some_and(|letters| letters.contains(short));
            arg.get_short().is_some_and(short)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_about_its_flags_and_values() {
        let from = |flag: &str, variable: &str, value: &str| FromVariable {
            flag: flag.into(),
            variable: variable.into(),
            values: vec![value.into()],
        };
        let set = FromVariables(vec![
            from("--top-n", "INFA_TOP_N", "0"),
            from("--model-id", "INFA_MODEL_ID", "./empty"),
            from("--text", "INFA_TEXT", "a"),
            from("--device", "INFA_DEVICE", "cpu"),
        ]);
        let behind = |message: &str| set.behind(None, message).unwrap_or_default();
        assert_eq!(behind("--top-n: 0 is not allowed"), "the variable INFA_TOP_N sets --top-n");
        assert_eq!(behind("./empty: is a directory"), "the variable INFA_MODEL_ID sets --model-id");
        assert_eq!(behind("--top-never, a thing on cpus, mini-cpu"), "");
        assert_eq!(behind("cpu: not found"), "the variable INFA_DEVICE sets --device");
        // An error about a flag is about no other.
        assert_eq!(
            set.behind(Some("--top-n"), "--text on cpu").unwrap_or_default(),
            "the variable INFA_TOP_N sets --top-n"
        );
        assert_eq!(behind("--top-n, --text"), "the variable INFA_TOP_N sets --top-n, and INFA_TEXT sets --text");
    }
}
