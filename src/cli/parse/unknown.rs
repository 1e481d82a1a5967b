//! Warnings about misspelt variables, which change nothing.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use clap::Command;

use crate::cli::serve;
use crate::suggest::suggest_by;

/// Variables that have no flag.
const WITHOUT_FLAG: &[&str] = &["INFA_LOG"];

/// The lowest similarity of a suggestion.
const MIN_SIMILARITY: f64 = 0.8;

/// A warning for each variable of `names` whose flag does not exist: `INFA_*`, and for `infa serve` `INFINITY_*`.
pub(super) fn warnings<'n>(
    command: &Command,
    subcommand: Option<&str>,
    names: impl Iterator<Item = (&'n str, &'n OsStr)>,
) -> Vec<String> {
    let (mut known, mut near) = (BTreeSet::new(), BTreeSet::new());
    collect(command, &mut known);
    known.extend(WITHOUT_FLAG.iter().map(|&name| name.to_owned()));
    let here = subcommand.and_then(|name| command.find_subcommand(name));
    if let Some(here) = here {
        collect(here, &mut near);
    }
    let infinity: BTreeSet<String> = match here {
        Some(command) if subcommand == Some("serve") => serve::variables(command).collect(),
        _ => BTreeSet::new(),
    };
    let mut found: Vec<(&str, &OsStr)> = names.filter(|(_, value)| !value.is_empty()).collect();
    found.sort_unstable();
    let warn = |(name, value): (&str, &OsStr)| {
        let (prefix, known, near) = if name.starts_with("INFA_") {
            ("INFA_", &known, &near)
        } else if name.starts_with("INFINITY_") && !infinity.is_empty() {
            ("INFINITY_", &infinity, &infinity)
        } else {
            return None;
        };
        if known.contains(name) || of_kubernetes(name, value) {
            return None;
        }
        let likely = likely(name, prefix, near).or_else(|| likely(name, prefix, known));
        let tip = likely.map(|likely| format!(": did you mean {likely}?")).unwrap_or_default();
        Some(format!("the variable {name} is not known and changes nothing{tip}"))
    };
    found.into_iter().filter_map(warn).collect()
}

/// The variables of all arguments of a command and its subcommands.
fn collect(command: &Command, known: &mut BTreeSet<String>) {
    let variables = command.get_arguments().filter_map(|arg| arg.get_env()).filter_map(OsStr::to_str);
    known.extend(variables.map(str::to_owned));
    command.get_subcommands().for_each(|command| collect(command, known));
}

/// The name in `known` that was probably meant: one that `name` is the beginning of, or the most similar one.
fn likely<'k>(name: &str, prefix: &str, known: &'k BTreeSet<String>) -> Option<&'k str> {
    let end = |name: &str| name.strip_prefix(prefix).unwrap_or(name).to_ascii_uppercase();
    let wanted = end(name);
    let longer = |other: &&String| {
        let other = end(other);
        other.strip_prefix(&*wanted).is_some_and(|rest| rest.starts_with('_'))
    };
    if let Some(longer) = known.iter().filter(longer).min_by_key(|other| other.len()) {
        return Some(longer);
    }
    suggest_by(&wanted, known.iter().map(|other| (end(other), other.as_str())), MIN_SIMILARITY)
}

/// True for variables that Kubernetes sets for a service whose name begins with "infa" or "infinity":
/// `INFA_SERVICE_HOST`, `INFA_SERVICE_PORT_HTTP`, `INFA_PORT`, `INFA_PORT_7997_TCP_ADDR`.
fn of_kubernetes(name: &str, value: &OsStr) -> bool {
    let of_port = |rest: &str| rest.chars().next().is_some_and(|c| c.is_ascii_digit()) && rest.contains("_TCP");
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || name.split_once("_PORT_").is_some_and(|(_, rest)| of_port(rest))
        || (name.ends_with("_PORT") && value.as_encoded_bytes().starts_with(b"tcp://"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::cli::Cli;

    fn of(subcommand: &str, variables: &[(&str, &str)]) -> Vec<String> {
        let variables = variables.iter().map(|&(name, value)| (name, OsStr::new(value)));
        warnings(&Cli::command(), Some(subcommand), variables)
    }

    #[test]
    fn a_misspelt_variable_is_named_with_the_likely_one() {
        for (subcommand, name, likely) in [
            ("embed", "INFA_MODEL", "INFA_MODEL_ID"),
            ("embed", "INFA_POOLNG", "INFA_POOLING"),
            ("serve", "INFA_MODEL", "INFA_MODEL_ID"),
            ("serve", "INFA_APIKEY", "INFA_API_KEY"),
            ("serve", "INFINITY_MODEL", "INFINITY_MODEL_ID"),
            ("serve", "INFINITY_API_KEYS", "INFINITY_API_KEY"),
            ("bench", "INFA_ENGINE_S", "INFA_ENGINES"),
        ] {
            let expected = format!("the variable {name} is not known and changes nothing: did you mean {likely}?");
            assert_eq!(of(subcommand, &[(name, "x")]), [expected], "{subcommand}");
        }
        let far = of("embed", &[("INFA_XYZZY", "1")]);
        assert_eq!(far, ["the variable INFA_XYZZY is not known and changes nothing"]);
    }

    #[test]
    fn known_variables_and_those_of_others_are_passed_over() {
        let fine = [
            ("INFA_MODEL_ID", "a"),
            ("INFA_PORT", "1"),
            ("INFA_LOG", "debug"),
            ("INFA_TYPO", ""),
            ("INFA_SERVICE_HOST", "10.0.0.1"),
            ("INFA_SERVICE_PORT", "80"),
            ("INFA_SERVICE_PORT_HTTP", "80"),
            ("INFA_PORT_7997_TCP", "tcp://10.0.0.1:7997"),
            ("INFA_PORT_7997_TCP_ADDR", "10.0.0.1"),
            ("INFA_EMBED_PORT", "tcp://10.0.0.1:7997"),
            ("INFINITY_MODEL_ID", "a"),
            ("INFINITY_TRUST_REMOTE_CODE", "true"),
            ("INFINITY_QUEUE_SIZE", "1"),
            ("INFINITY_ANONYMOUS_USAGE_STATS", "0"),
            ("MODEL", "x"),
        ];
        assert_eq!(of("serve", &fine), [""; 0]);
        // Infinity's variables do not concern the other commands.
        assert_eq!(of("embed", &[("INFINITY_TYPO", "x")]), [""; 0]);
    }
}
