//! Flags and environment variables together: the command line wins, and an empty variable counts as unset.
//!
//! `infa serve` understands the variables of Infinity, where infa's own are not set, and those of
//! text-embeddings-inference, where neither is.

use std::ffi::{OsStr, OsString};
use std::sync::LazyLock;

use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, Command, CommandFactory, FromArgMatches, ValueEnum};

use super::origin::{FromVariables, with_variable_names};
use super::tei::TeiVariables;
use super::usage::UsageError;
use super::variables::variable;
use super::{endings, help, numbers, tips, unknown};
use crate::cli::serve::TeiEnv;
use crate::cli::{BenchSettings, Cli, serve};
use crate::ui::log::LogFormat;

/// Flags that exclude each other. Typed, the one must silence the other's variable as it does its own.
const RIVALS: &[&[&str]] = &[
    &["normalize", "no_normalize"],
    &["prompt", "prompt_name", "mode"],
    &["truncate", "auto_truncate"],
    &["log_format", "json_output"],
    &["model_warmup", "no_model_warmup"],
    &["preload_only", "no_preload_only"],
    &["permissive_cors", "no_permissive_cors"],
    &["unix_socket", "tls_cert"],
    &["unix_socket", "tls_key"],
    &["base", "baseline"],
    &["from", "config"],
    &["from", "dry_run"],
    &["model_id", "model_flag"],
    &["text", "files"],
    &["text", "input_format"],
    &["text", "field"],
    &["text", "id_field"],
    &["text", "pair_field"],
];

/// The settings of `infa bench`. `--from` uses none of them, so it silences their variables.
static MEASURED: LazyLock<Vec<String>> = LazyLock::new(|| {
    let command = BenchSettings::augment_args(Command::new("measured"));
    command.get_arguments().map(|arg| arg.get_id().to_string()).collect()
});

/// Flags of `infa serve` that other commands have by another name, and that name.
const NAMESAKES: &[(&str, &str)] = &[("max_batch_tokens", "INFA_BATCH_TOKENS"), ("pooling_method", "INFA_POOLING")];

/// The command line and the environment, parsed.
pub struct Parsed {
    /// The flags.
    pub cli: Cli,
    /// Remarks on variables.
    pub remarks: Remarks,
}

/// Remarks on environment variables.
#[derive(Debug, Default)]
pub struct Remarks {
    /// Variables that were read.
    pub notes: Vec<String>,
    /// Variables that have no effect, or an unexpected one.
    pub warnings: Vec<String>,
    /// Flags that variables set.
    pub variables: FromVariables,
}

impl Cli {
    /// Parses the command line and the environment.
    ///
    /// # Errors
    /// Wrong usage. Help and version end the process as well.
    pub fn from_environment() -> Result<Parsed, UsageError> {
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let plain = help::shortened(Self::command(), &arguments);
        let typed = without_variables(plain.clone(), &|_| true).ignore_errors(true);
        let typed = typed.try_get_matches_from(&arguments).ok();
        let path = typed.as_ref().map(path).unwrap_or_default();
        let subcommand = path.first().map(|&name| name.to_owned());
        // From the arguments themselves, not from `typed`: a key must not depend on a successful parse.
        let tei = TeiVariables::new(tei_mode(typed.as_ref()), &arguments);
        let command = plain.clone().mut_subcommand("serve", |serve| serve.mut_args(|arg| with_aliases(arg, &tei)));
        let ignored = |arg: &Arg| {
            let id = arg.get_id().as_str();
            // Scripts and container files "unset" variables by emptying them.
            arg.get_env().is_some_and(|variable| value(id, variable).is_none() || is_for_others(arg, variable))
                || rivals(id).any(|rival| is_typed(typed.as_ref(), rival))
        };
        let command = without_variables(command, &ignored);
        let matches = command.clone().try_get_matches_from(&arguments);
        let parsed = matches.and_then(|matches| Ok((Self::from_arg_matches(&matches)?, matches)));
        let (mut cli, matches) = parsed.map_err(|e| {
            let serves = arguments.iter().any(|argument| argument == "serve");
            let variables = if serves { tei.taken() } else { Vec::new() };
            UsageError::new(
                numbers::in_words(with_variable_names(tips::with_tip(e, &plain, &path), &command, &path, &arguments)),
                is_json(&arguments, serves && tei.json_output()),
                &variables,
            )
        })?;
        if let Some(engine) = cli.command.engine_mut() {
            engine.python_is_typed = is_typed(Some(&matches), "python");
        }
        let mut remarks = Remarks { variables: FromVariables::of(&command, &matches), ..Remarks::default() };
        let variables: Vec<(OsString, OsString)> = std::env::vars_os().collect();
        let variables = variables.iter().filter_map(|(name, value)| Some((name.to_str()?, value.as_os_str())));
        remarks.warnings = unknown::warnings(&plain, subcommand.as_deref(), variables);
        remarks.warnings.extend(endings::warnings(&matches));
        if let Some(serve) = matches.subcommand_matches("serve") {
            let (notes, warnings) = tei.remarks(serve);
            remarks.notes = notes;
            remarks.warnings.extend(warnings.into_iter().chain(serve::default_model(serve)));
        }
        Ok(Parsed { cli, remarks })
    }
}

/// The names of the subcommands that were typed.
fn path(matches: &ArgMatches) -> Vec<&str> {
    let (mut matches, mut path) = (matches, Vec::new());
    while let Some((name, below)) = matches.subcommand() {
        path.push(name);
        matches = below;
    }
    path
}

/// The flags that exclude the one with that id.
fn rivals(id: &str) -> impl Iterator<Item = &'static str> {
    let groups = RIVALS.iter().filter(move |group| group.contains(&id));
    let from = MEASURED.iter().any(|measured| measured == id).then_some("from");
    groups.copied().flatten().copied().filter(move |rival| *rival != id).chain(from)
}

/// The value of `--tei-env`, before the rest is parsed. An invalid value is reported by the later parse.
fn tei_mode(typed: Option<&ArgMatches>) -> TeiEnv {
    let typed = typed.filter(|_| is_typed(typed, "tei_env"));
    let typed = typed.and_then(|typed| typed.subcommand_matches("serve")?.try_get_one::<TeiEnv>("tei_env").ok()?);
    let variables = ["INFA_TEI_ENV", "INFINITY_TEI_ENV"].iter().filter_map(std::env::var_os);
    let mut set = variables.filter_map(|mode| TeiEnv::from_str(mode.to_str()?, false).ok());
    typed.copied().or_else(|| set.next()).unwrap_or_default()
}

/// True if messages are JSON, for a command line that does not parse: clap keeps nothing of it, so its words are
/// searched. `usually`: the value of a variable of TEI's.
fn is_json(arguments: &[OsString], usually: bool) -> bool {
    const FLAG: &str = "--log-format";
    let mut format = None;
    let mut words = arguments.iter().map(|argument| argument.to_string_lossy()).peekable();
    while let Some(word) = words.next() {
        let value = match word.strip_prefix(FLAG) {
            Some("") => words.peek().map(|value| value.to_string()),
            Some(value) => value.strip_prefix('=').map(str::to_owned),
            None if word == "--json-output" || word == "--json-output=true" => Some("json".into()),
            None => None,
        };
        format = value.or(format);
    }
    let format = format.or_else(|| std::env::var("INFA_LOG_FORMAT").ok());
    format.map_or(usually, |format| LogFormat::from_str(&format, false) == Ok(LogFormat::Json))
}

/// `command`, deaf to the variables of those arguments.
fn without_variables(command: Command, ignored: &dyn Fn(&Arg) -> bool) -> Command {
    command
        .mut_args(|arg| if ignored(&arg) { arg.env(Resettable::Reset) } else { arg })
        .mut_subcommands(|command| without_variables(command, ignored))
}

/// An argument of `infa serve`, which listens to Infinity's variable where infa's is not set, and to TEI's where neither
/// is: not to TEI's either where one is set of a flag that excludes it.
fn with_aliases(arg: Arg, tei: &TeiVariables) -> Arg {
    let id = arg.get_id().as_str().to_owned();
    let own = arg.get_env().map(OsStr::to_owned);
    match own.into_iter().chain(others(&id, arg.get_long().is_some())).find(|name| value(&id, name).is_some()) {
        Some(variable) => arg.env(variable),
        None if rivals(&id).any(is_set) => arg,
        None => tei.listen(arg),
    }
}

/// The variables of the flag with that id besides infa's usual one; TEI's apart.
fn others(id: &str, flag: bool) -> impl Iterator<Item = OsString> {
    let namesake = NAMESAKES.iter().find(|(name, _)| *name == id).map(|(_, variable)| (*variable).into());
    namesake.into_iter().chain(flag.then(|| serve::variable(id).into()))
}

/// True if a variable of infa's or Infinity's sets the flag with that id.
fn is_set(id: &str) -> bool {
    let own = OsString::from(variable(id));
    std::iter::once(own).chain(others(id, true)).any(|name| value(id, &name).is_some())
}

/// True if the variable names a format of vectors, labels or rankings, and this argument takes that of a list or a
/// report: the variable is meant for other commands.
fn is_for_others(arg: &Arg, variable: &OsStr) -> bool {
    let known: Vec<String> = arg.get_possible_values().iter().map(|known| known.get_name().to_owned()).collect();
    let value = std::env::var_os(variable).unwrap_or_default();
    arg.get_id() == "format"
        && known == ["table", "json"]
        && ["jsonl", "csv", "npy"].iter().any(|other| value == *other)
}

/// The value of a variable, if it is set.
fn value(id: &str, variable: &OsStr) -> Option<OsString> {
    // For a service called "infa", Kubernetes sets INFA_PORT to "tcp://10.0.0.1:7997" in every container.
    let of_kubernetes = |value: &OsStr| id == "port" && value.as_encoded_bytes().starts_with(b"tcp://");
    std::env::var_os(variable).filter(|value| !value.is_empty() && !of_kubernetes(value))
}

fn is_typed(matches: Option<&ArgMatches>, id: &str) -> bool {
    matches.and_then(ArgMatches::subcommand).is_some_and(|(_, below)| {
        let here =
            matches!(below.try_contains_id(id), Ok(true)) && below.value_source(id) == Some(ValueSource::CommandLine);
        here || is_typed(Some(below), id)
    })
}
