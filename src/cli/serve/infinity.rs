//! Flags and variables of Infinity's that infa does not need: accepted, so that its users change nothing but the
//! program's name.

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use crate::model::DEFAULT_MODEL;

/// Switches, each with its opposite `--no-…`, that have no meaning here.
const SWITCHES: &[&str] =
    &["trust_remote_code", "compile", "bettertransformer", "lengths_via_tokenize", "vector_disk_cache", "disk_cache"];
/// Options with a value that have no meaning here.
const OPTIONS: &[&str] = &["proxy_root_path", "redirect_slash"];
/// Variables without a flag that have no meaning here.
const VARIABLES: &[&str] = &[
    "INFINITY_QUEUE_SIZE",
    "INFINITY_HOME",
    "INFINITY_CALIBRATION_DATASET_URL",
    "INFINITY_ONNX_DISABLE_OPTIMIZE",
    "INFINITY_ONNX_DO_NOT_PREFER_QUANTIZED",
];
/// Variables that are obeyed without a word: infa sends no statistics in any case.
const OBEYED: &[&str] = &["INFINITY_ANONYMOUS_USAGE_STATS"];
/// The value of Infinity's redirect that equals infa's behaviour.
const REDIRECT_SLASH: &str = "/docs";

/// Flags of Infinity's that infa has no use for, but one: none is in the help.
#[derive(Debug, Default)]
pub struct InfinityArgs {
    /// Flags and variables that were given and have no effect.
    pub ineffective: Vec<String>,
    /// Pages of any origin may ask.
    pub permissive_cors: bool,
}

/// A warning if Infinity's `v2` was typed and no model was named: Infinity has another default.
pub(crate) fn default_model(serve: &ArgMatches) -> Option<String> {
    let default =
        serve.value_source("model_id") == Some(ValueSource::DefaultValue) && serve.contains_id("infinity_cli");
    default.then(|| format!("the default model is {DEFAULT_MODEL}; infinity_emb's is michaelfeil/bge-small-en-v1.5"))
}

/// The names of Infinity's variables that `serve` accepts.
pub(crate) fn variables(serve: &Command) -> impl Iterator<Item = String> {
    let flags = serve.get_arguments().filter(|arg| arg.get_long().is_some());
    let of_flags = flags.map(|arg| variable(arg.get_id().as_str()));
    of_flags.chain(VARIABLES.iter().chain(OBEYED).map(|&name| name.to_owned()))
}

/// The variable of the flag with that id.
pub(crate) fn variable(id: &str) -> String {
    format!("INFINITY_{}", id.to_ascii_uppercase())
}

/// The subcommand of Infinity's, which is the only word that is no flag here.
fn v2(word: &str) -> Result<String, &'static str> {
    let usage = "infa serve takes flags alone; --model-id names a model";
    (word == "v2").then(|| word.to_owned()).ok_or(usage)
}

/// A flag for Infinity's users alone.
fn hidden(id: &str) -> Arg {
    Arg::new(id.to_owned()).long(id.replace('_', "-")).hide(true)
}

/// A switch: alone, or (in variables) with one word for yes or no a model.
fn switch(id: &str) -> Arg {
    hidden(id).action(ArgAction::Append).num_args(0..=1).require_equals(true).default_missing_value("true")
}

impl Args for InfinityArgs {
    fn augment_args(command: Command) -> Command {
        let pair = |id: &&str| [switch(id), switch(&format!("no_{id}"))];
        let permissive = ["permissive_cors", "no_permissive_cors", "no_preload_only"].map(switch);
        command
            .arg(Arg::new("infinity_cli").value_name("v2").value_parser(v2).hide(true))
            .args(SWITCHES.iter().flat_map(pair))
            .args(OPTIONS.iter().map(|id| hidden(id).action(ArgAction::Append)))
            .args(permissive)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for InfinityArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let last = |id: &str| matches.get_many::<String>(id).and_then(|mut values| values.next_back());
        let mut ineffective = Vec::new();
        for switch in SWITCHES {
            ineffective
                .extend([(*switch).to_owned(), format!("no_{switch}")].into_iter().filter(|id| last(id).is_some()));
        }
        let moot = |id: &str, value: &str| value.is_empty() || (id == "redirect_slash" && value == REDIRECT_SLASH);
        ineffective.extend(
            OPTIONS.iter().filter(|id| last(id).is_some_and(|value| !moot(id, value))).map(|&id| id.to_owned()),
        );
        let mut ineffective: Vec<String> =
            ineffective.into_iter().map(|id| format!("--{}", id.replace('_', "-"))).collect();
        let is_set = |name: &&&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        ineffective.extend(VARIABLES.iter().filter(is_set).map(|&name| name.to_owned()));
        let yes = |value: &String| ["true", "t", "1", "yes", "y"].contains(&value.to_ascii_lowercase().as_str());
        Ok(Self { ineffective, permissive_cors: last("permissive_cors").is_some_and(yes) })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
